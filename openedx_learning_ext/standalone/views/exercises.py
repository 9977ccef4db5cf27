"""Exercises: answered on a page of their own, which a campus frames, and in the course."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from opaque_keys.edx.keys import CourseKey, UsageKey

from openedx_learning_ext.core.host import get_host, ports
from openedx_learning_ext.standalone import blocks, courses, exercise
from openedx_learning_ext.standalone.people import PersonalRequest

TEMPLATES = "openedx_learning_ext/standalone/"


@require_POST
@never_cache
def answer(request: HttpRequest, usage_key: UsageKey) -> HttpResponse:
    """Take an answer from the page of a block on its own, and show that page again with what the answer was worth."""
    user = request.user
    if not user.is_authenticated or not exercise.is_sealed(request.POST.get("seal", ""), user.pk, usage_key):
        return _not_taken(request)
    try:
        block, below = blocks.subtree(usage_key)
        get_host().courses.check_access(user, block.course_key, require_enrollment=False)
    except (ports.BlockNotFound, ports.CourseNotFound, ports.CourseAccessDenied):
        return _not_taken(request)
    tasks = exercise.tasks(user.pk, block, [block, *below])
    places = [place for place, task in enumerate(tasks) if task.usage_id == request.POST.get("exercise")]
    if not places:
        return _not_taken(request)
    tasks[places[0]] = exercise.answer(user.pk, tasks[places[0]], request.POST)
    return exercise.page(request, block, tasks)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def in_course(request: PersonalRequest, course_key: CourseKey, usage_key: UsageKey) -> HttpResponse:
    """Show one exercise within its course; after an answer, the page is shown anew and says what it was worth."""
    visit = courses.enter(request.user, course_key)
    try:
        block, _below = blocks.subtree(usage_key)
    except ports.BlockNotFound as error:
        raise Http404(_("There is no such exercise in this course.")) from error
    tasks = exercise.tasks(request.user.pk, block, [block])
    if block.course_key != course_key or not tasks:
        raise Http404(_("There is no such exercise in this course."))
    task = tasks[0]
    if request.method == "POST":
        task = exercise.answer(request.user.pk, task, request.POST)
        if task.share is not None:
            say = messages.success if task.is_right else messages.info
            say(request, task.verdict)
            return redirect("host:course-exercise", course_key=course_key, usage_key=usage_key)
    context = {"visit": visit, "course": visit.course, "shown": block, "task": task}
    status = 422 if task.form.errors else 200
    return render(request, TEMPLATES + "course_exercise.html", context, status=status)


def _not_taken(request: HttpRequest) -> HttpResponse:
    """Return 403 in the frame: signed out meanwhile, signed in as somebody else, or a form that is none of ours."""
    return exercise.frameable(render(request, TEMPLATES + "exercise_closed.html", status=403))
