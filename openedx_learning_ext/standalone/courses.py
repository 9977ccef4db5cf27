"""What the course pages show: whose courses, what is in one, and how far a learner got."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404
from django.utils.translation import gettext as _
from opaque_keys.edx.django.models import CourseKeyField

from openedx_learning_ext.core.host import get_host, ports
from openedx_learning_ext.lti_consumer import api as lti_consumer
from openedx_learning_ext.standalone import models, scores

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from opaque_keys.edx.keys import CourseKey

STAFF_ROLES = (
    models.CourseRole.Role.STAFF,
    models.CourseRole.Role.INSTRUCTOR,
    models.CourseRole.Role.LIMITED_STAFF,
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A person in a course: the course, and what the person may do there."""

    course: models.Course
    is_team: bool
    is_staff: bool


@dataclass(frozen=True, slots=True)
class ToolEntry:
    """A tool in a course as one person sees it; ``result`` is what the tool reported, ``score`` what the block has."""

    placement: Any
    result: Any | None
    score: models.Score | None

    @property
    def reported_points(self) -> float | None:
        """Return what the tool reported, in points of the placement; ``None`` for nothing."""
        if self.result is None or self.result.score is None:
            return None
        return float(self.result.score * self.placement.max_score)


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A block with what is below it, and the tools that stand on it; ``score`` is the person's, on an exercise."""

    block: models.Block
    tools: list[ToolEntry]
    score: models.Score | None = None
    children: list[OutlineEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CourseContent:
    """A course's outline, and the tools that stand on no block of it."""

    outline: list[OutlineEntry]
    other_tools: list[ToolEntry]


def enter(user: User, course_key: CourseKey) -> Visit:
    """
    Return the course for somebody who may enter it.

    Raises:
        Http404: there is no such course, or the person neither learns nor teaches there: both look the same.
        PermissionDenied: it has not started yet.
    """
    host = get_host()
    try:
        host.courses.check_access(user, course_key, require_enrollment=True)
    except ports.CourseNotFound as error:
        raise Http404(_("There is no such course.")) from error
    except ports.CourseAccessDenied as denied:
        if denied.reason == "not_started":
            raise PermissionDenied(_("This course has not started yet.")) from denied
        raise Http404(_("There is no such course.")) from denied
    return Visit(
        course=models.Course.objects.get(course_key=course_key),
        is_team=host.roles.is_course_team(user, course_key),
        is_staff=host.roles.has_staff_access(user, course_key),
    )


def enter_as_team(user: User, course_key: CourseKey) -> Visit:
    """
    Return the course for a member of its team.

    Raises:
        Http404: as :func:`enter` says.
        PermissionDenied: the person learns here, but does not belong to the team.
    """
    visit = enter(user, course_key)
    if not visit.is_team:
        raise PermissionDenied(_("Only the team of this course may set up its tools."))
    return visit


def learning(user: User) -> list[models.Course]:
    """Return the courses a person is enrolled in, by name."""
    keys = models.Enrollment.objects.filter(user=user, is_active=True).values_list("course_key", flat=True)
    return list(models.Course.objects.filter(course_key__in=list(keys)).order_by("display_name", "course_key"))


def teaching(user: User) -> list[models.Course]:
    """Return the courses that treat a person as staff, by name; for the site's own staff that is every course."""
    found = models.Course.objects.order_by("display_name", "course_key")
    if get_host().roles.is_global_staff(user):
        return list(found)
    roles = models.CourseRole.objects.filter(user=user, role__in=STAFF_ROLES)
    keys = list(roles.exclude(course_key=CourseKeyField.Empty).values_list("course_key", flat=True))
    orgs = list(roles.filter(course_key=CourseKeyField.Empty).values_list("org", flat=True))
    return list(found.filter(Q(course_key__in=keys) | Q(org__in=orgs)))


def content(course_key: CourseKey, user: User) -> CourseContent:
    """Return a course's outline with its tools and the person's results; the number of queries does not grow."""
    blocks = list(models.Block.objects.filter(course_key=course_key).order_by("id"))
    tools = _tools(course_key, user)
    by_usage_key: dict[str, list[ToolEntry]] = {}
    known = {str(block.usage_key) for block in blocks}
    other = []
    for tool in tools:
        usage_id = str(tool.placement.usage_key)
        if usage_id in known:
            by_usage_key.setdefault(usage_id, []).append(tool)
        else:
            other.append(tool)
    exercises = [block.usage_key for block in blocks if block.content]
    points = scores.of_blocks(user_id=user.pk, usage_keys=exercises) if exercises else {}
    entries = {
        block.pk: OutlineEntry(
            block=block,
            tools=by_usage_key.get(str(block.usage_key), []),
            score=points.get(block.usage_key),
        )
        for block in blocks
    }
    outline: list[OutlineEntry] = []
    for block in blocks:
        siblings = entries[block.parent_id].children if block.parent_id in entries else outline
        siblings.append(entries[block.pk])
    return CourseContent(outline=outline, other_tools=other)


def tool(course_key: CourseKey, placement: Any, user: User) -> ToolEntry:
    """Return one tool as a person sees it now."""
    score = None
    if placement.usage_key is not None:
        score = models.Score.objects.filter(user=user, usage_key=placement.usage_key).first()
    result = lti_consumer.find_result(placement_uuid=placement.uuid, user_id=user.pk)
    return ToolEntry(placement=placement, result=result, score=score)


def _tools(course_key: CourseKey, user: User) -> list[ToolEntry]:
    placements = list(lti_consumer.list_placements(course_key=course_key))
    results = {row.placement_id: row for row in lti_consumer.list_results(course_key=course_key, user_id=user.pk)}
    usage_keys = [placement.usage_key for placement in placements if placement.usage_key is not None]
    scores = {
        str(row.usage_key): row for row in models.Score.objects.filter(user=user, usage_key__in=usage_keys)
    }
    return [
        ToolEntry(
            placement=placement,
            result=results.get(placement.pk),
            score=scores.get(str(placement.usage_key)),
        )
        for placement in placements
    ]
