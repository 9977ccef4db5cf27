"""Pages for a course's team: the tools of the course, their placements, and learners' results."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core import errors
from openedx_learning_ext.lti_consumer import api as lti_consumer
from openedx_learning_ext.standalone import courses, forms, models, wording
from openedx_learning_ext.standalone.people import PersonalRequest

TEMPLATES = "openedx_learning_ext/standalone/manage/"
get_and_post = require_http_methods(["GET", "HEAD", "POST"])


def _outcome_address(placement: lti_consumer.LtiPlacement, request: PersonalRequest) -> str:
    if not placement.graded:
        return ""
    return lti_consumer.public_url(lti_consumer.outcome_path(placement), request)


def _configuration(course_key: CourseKey, configuration_id: int) -> lti_consumer.LtiConfiguration:
    try:
        return lti_consumer.get_configuration(course_key=course_key, configuration_id=configuration_id)
    except errors.NotFound as error:
        raise Http404(_("There is no such tool in this course.")) from error


def _placement(course_key: CourseKey, placement_uuid: UUID) -> lti_consumer.LtiPlacement:
    try:
        return lti_consumer.get_placement(course_key=course_key, placement_uuid=placement_uuid)
    except errors.NotFound as error:
        raise Http404(_("There is no such tool in this course.")) from error


@require_safe
@never_cache
@login_required
def tools(request: PersonalRequest, course_key: CourseKey) -> HttpResponse:
    """Everything about a course's tools on one page."""
    visit = courses.enter_as_team(request.user, course_key)
    placements = list(lti_consumer.list_placements(course_key=course_key))
    blocks = {
        str(block.usage_key): block
        for block in models.Block.objects.filter(usage_key__in=[row.usage_key for row in placements if row.usage_key])
    }
    shown_placements = [
        {
            "row": row,
            "tool_name": wording.tool_name(row.configuration),
            "block": blocks.get(str(row.usage_key)),
            "problems": wording.configuration_problems(row.configuration),
            "launch_address": lti_consumer.public_url(lti_consumer.launch_path(row), request),
            "outcome_address": _outcome_address(row, request),
        }
        for row in placements
    ]
    uses: dict[int, int] = {}
    for row in placements:
        uses[row.configuration_id] = uses.get(row.configuration_id, 0) + 1
    shown_configurations = [
        {
            "row": row,
            "name": wording.tool_name(row),
            "secret": wording.shared_secret(row),
            "problems": wording.configuration_problems(row),
            "uses": uses.get(row.pk, 0),
        }
        for row in lti_consumer.list_configurations(course_key=course_key)
    ]
    context = {
        "visit": visit,
        "course": visit.course,
        "placements": shown_placements,
        "configurations": shown_configurations,
    }
    return render(request, TEMPLATES + "tools.html", context)


@require_safe
@never_cache
@login_required
def results(request: PersonalRequest, course_key: CourseKey, placement_uuid: UUID) -> HttpResponse:
    """Learners' results in one placement, by name."""
    visit = courses.enter_as_team(request.user, course_key)
    placement = _placement(course_key, placement_uuid)
    rows = (
        lti_consumer.list_results(course_key=course_key)
        .filter(placement=placement)
        .select_related("placement", "user__learning_ext_host_profile")
    )
    entries = [
        {"row": row, "points": None if row.score is None else row.score * placement.max_score} for row in rows
    ]
    context = {"visit": visit, "course": visit.course, "placement": placement, "entries": entries}
    return render(request, TEMPLATES + "results.html", context)


@get_and_post
@never_cache
@login_required
def edit_configuration(
    request: PersonalRequest, course_key: CourseKey, configuration_id: int | None = None
) -> HttpResponse:
    """Add a tool, or change one."""
    visit = courses.enter_as_team(request.user, course_key)
    configuration = None if configuration_id is None else _configuration(course_key, configuration_id)
    form = forms.ConfigurationForm(
        request.POST if request.method == "POST" else None, course_key=course_key, configuration=configuration
    )
    title = _("Add a tool") if configuration is None else _("Change the tool")
    return _edit(request, visit, form, title=title, saved=_("The tool is saved."))


@get_and_post
@never_cache
@login_required
def edit_placement(request: PersonalRequest, course_key: CourseKey, placement_uuid: UUID | None = None) -> HttpResponse:
    """Place a tool in the course, or change a placement."""
    visit = courses.enter_as_team(request.user, course_key)
    placement = None if placement_uuid is None else _placement(course_key, placement_uuid)
    if placement is None and not lti_consumer.list_configurations(course_key=course_key).exists():
        messages.info(request, _("Add a tool first, then place it in the course."))
        return redirect("host:add-configuration", course_key=course_key)
    form = forms.PlacementForm(
        request.POST if request.method == "POST" else None, course_key=course_key, placement=placement
    )
    title = _("Place a tool in the course") if placement is None else _("Change the placement")
    return _edit(request, visit, form, title=title, saved=_("The placement is saved."))


def _edit(
    request: PersonalRequest,
    visit: courses.Visit,
    form: forms.ConfigurationForm | forms.PlacementForm,
    *,
    title: str,
    saved: str,
) -> HttpResponse:
    """Show the form, or store what it says; a refused one is shown again with the reasons, with status 422."""
    if request.method == "POST" and form.is_valid() and form.save() is not None:
        messages.success(request, saved)
        return redirect("host:manage-tools", course_key=visit.course.course_key)
    context = {"visit": visit, "course": visit.course, "form": form, "title": title}
    return render(request, TEMPLATES + "edit.html", context, status=422 if form.errors else 200)


@get_and_post
@never_cache
@login_required
def delete_configuration(request: PersonalRequest, course_key: CourseKey, configuration_id: int) -> HttpResponse:
    """Ask whether a tool shall go, and remove it; one that is placed in the course stays."""
    visit = courses.enter_as_team(request.user, course_key)
    configuration = _configuration(course_key, configuration_id)
    if request.method == "POST":
        try:
            lti_consumer.delete_configuration(course_key=course_key, configuration_id=configuration_id)
        except errors.Conflict:
            messages.error(request, _("This tool is placed in the course. Remove those placements first."))
        else:
            messages.success(request, _("The tool is removed."))
        return redirect("host:manage-tools", course_key=course_key)
    return _ask(
        request,
        visit,
        title=_("Remove the tool?"),
        thing=wording.tool_name(configuration),
        consequence=_("Its launch URL, consumer key and shared secret are forgotten."),
    )


@get_and_post
@never_cache
@login_required
def delete_placement(request: PersonalRequest, course_key: CourseKey, placement_uuid: UUID) -> HttpResponse:
    """Ask whether a placement shall go, and remove it with its results."""
    visit = courses.enter_as_team(request.user, course_key)
    placement = _placement(course_key, placement_uuid)
    if request.method == "POST":
        lti_consumer.delete_placement(course_key=course_key, placement_uuid=placement_uuid)
        messages.success(request, _("The placement is removed."))
        return redirect("host:manage-tools", course_key=course_key)
    return _ask(
        request,
        visit,
        title=_("Remove the placement?"),
        thing=placement.title,
        consequence=_("What the tool reported for this placement is forgotten too."),
    )


def _ask(request: PersonalRequest, visit: courses.Visit, **words: Any) -> HttpResponse:
    return render(request, TEMPLATES + "delete.html", {"visit": visit, "course": visit.course, **words})
