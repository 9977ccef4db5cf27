"""Pages for everyone who is signed in: the dashboard, a course, a tool in it."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core import errors
from openedx_learning_ext.lti_consumer import api as lti_consumer
from openedx_learning_ext.standalone import courses, wording
from openedx_learning_ext.standalone.middleware import content_security_policy
from openedx_learning_ext.standalone.people import PersonalRequest

TEMPLATES = "openedx_learning_ext/standalone/"

#: What a framed tool may ask the browser for: exercises play sound, record speech and fill the screen.
FRAME_PERMISSIONS = ("autoplay", "camera", "clipboard-write", "fullscreen", "microphone")


@require_safe
@never_cache
@login_required
def dashboard(request: PersonalRequest) -> HttpResponse:
    """My courses: those I learn in and those I teach."""
    context = {"learning": courses.learning(request.user), "teaching": courses.teaching(request.user)}
    return render(request, TEMPLATES + "dashboard.html", context)


@require_safe
@never_cache
@login_required
def course(request: PersonalRequest, course_key: CourseKey) -> HttpResponse:
    """What is in a course, and my latest results."""
    visit = courses.enter(request.user, course_key)
    context = {"visit": visit, "course": visit.course, "content": courses.content(course_key, request.user)}
    return render(request, TEMPLATES + "course.html", context)


@require_safe
@never_cache
@login_required
def tool(request: PersonalRequest, course_key: CourseKey, placement_uuid: UUID) -> HttpResponse:
    """One tool, in a frame that launches it, with my score."""
    visit = courses.enter(request.user, course_key)
    placement = _placement(course_key, placement_uuid)
    problems = wording.configuration_problems(placement.configuration)
    context = {
        "visit": visit,
        "course": visit.course,
        "entry": courses.tool(course_key, placement, request.user),
        "problems": problems,
    }
    if problems:
        return render(request, TEMPLATES + "course_tool.html", context)
    origin = _origin(placement.configuration)
    context["permissions"] = "; ".join(f"{name} {origin}" for name in FRAME_PERMISSIONS)
    response = render(request, TEMPLATES + "course_tool.html", context)
    # The frame starts at our own launch page, which sends the browser on to the tool, and that perhaps to another site.
    response.headers["Content-Security-Policy"] = content_security_policy(frames="'self' https: http:")
    return response


@require_safe
@never_cache
@login_required
def tool_score(request: PersonalRequest, course_key: CourseKey, placement_uuid: UUID) -> HttpResponse:
    """The part of a tool's page that says my score, for the page to bring itself up to date."""
    courses.enter(request.user, course_key)
    entry = courses.tool(course_key, _placement(course_key, placement_uuid), request.user)
    return render(request, TEMPLATES + "_score.html", {"entry": entry})


def _origin(configuration: lti_consumer.LtiConfiguration) -> str:
    """Return scheme, host and port of the launch URL of a tool that can be launched: its URL is known to be good."""
    parts = urlsplit(configuration.lti_1p1_launch_url.strip())
    return f"{parts.scheme}://{parts.netloc}"


def _placement(course_key: CourseKey, placement_uuid: UUID) -> lti_consumer.LtiPlacement:
    try:
        return lti_consumer.get_placement(course_key=course_key, placement_uuid=placement_uuid)
    except errors.NotFound as error:
        raise Http404(_("There is no such tool in this course.")) from error
