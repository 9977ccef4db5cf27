"""
The door of this app: tools, their placements in courses, learners' results, launches and outcome messages.

Every object belongs to a course; one of another course is answered as if it did not exist.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, QuerySet

from openedx_learning_ext.core import errors
from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.lti.xml import DEFAULT_LIMITS
from openedx_learning_ext.lti_consumer.launch import (
    CUSTOM_PARAMETER,
    MAX_CUSTOM_VALUE,
    PROBLEM_TEXTS,
    LaunchForm,
    NotLaunchable,
    build_launch,
    configuration_problems,
    launch_path,
    outcome_path,
    outcome_path_of,
    placement_parameters,
    public_url,
    render_launch,
    render_notice,
    secret_state,
    track_launch,
    url_problem,
)
from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiPlacement, LtiResult
from openedx_learning_ext.lti_consumer.outcomes import OutcomeService
from openedx_learning_ext.lti_consumer.placement import NoPlacement, PlacementBlock

if TYPE_CHECKING:
    from opaque_keys.edx.keys import CourseKey, UsageKey

    from openedx_learning_ext.core.host.ports import User

__all__ = [
    "MAX_MESSAGE_BYTES",
    "PROBLEM_TEXTS",
    "ConfigurationInUse",
    "ConfigurationInvalid",
    "ConfigurationNotFound",
    "LaunchForm",
    "LtiConfiguration",
    "LtiPlacement",
    "LtiResult",
    "NotLaunchable",
    "PlacementInvalid",
    "PlacementNotFound",
    "build_launch",
    "configuration_errors",
    "configuration_problems",
    "create_configuration",
    "create_placement",
    "delete_configuration",
    "delete_placement",
    "find_placement",
    "find_result",
    "get_configuration",
    "get_placement",
    "launch_path",
    "launch_placement",
    "list_configurations",
    "list_placements",
    "list_results",
    "may_launch",
    "outcome_path",
    "outcome_service",
    "placement_errors",
    "public_url",
    "render_launch",
    "render_notice",
    "retire_user",
    "secret_state",
    "update_configuration",
    "update_placement",
    "url_problem",
]


#: An outcome message may be so long.
MAX_MESSAGE_BYTES = DEFAULT_LIMITS.max_bytes


class ConfigurationNotFound(errors.NotFound):
    """No such tool in this course."""


class ConfigurationInvalid(errors.Invalid):
    """The tool cannot be saved like this; ``fields`` says why."""


class ConfigurationInUse(errors.Conflict):
    """The tool is used by placements; remove those first."""


class PlacementNotFound(errors.NotFound):
    """No such placement in this course."""


class PlacementInvalid(errors.Invalid):
    """The placement cannot be saved like this; ``fields`` says why."""


# -- tools -------------------------------------------------------------------------------------------------------------

_CONFIGURATION_FIELDS = frozenset({"lti_1p1_launch_url", "lti_1p1_client_key", "lti_1p1_client_secret", "lti_config"})
_OPTIONS = frozenset({"pii_share_username", "pii_share_email", "additional_parameters"})


def list_configurations(*, course_key: CourseKey) -> QuerySet[LtiConfiguration]:
    """Return the tools of a course, oldest first; lazy."""
    return LtiConfiguration.objects.filter(course_key=course_key).order_by("id")


def get_configuration(*, course_key: CourseKey, configuration_id: int) -> LtiConfiguration:
    """
    Return one tool of a course.

    Raises:
        ConfigurationNotFound: the course has no such tool.
    """
    found = list_configurations(course_key=course_key).filter(pk=configuration_id).first()
    if found is None:
        raise ConfigurationNotFound
    return found


def create_configuration(
    *,
    course_key: CourseKey,
    lti_1p1_launch_url: str,
    lti_1p1_client_key: str,
    lti_1p1_client_secret: str,
    lti_config: Mapping[str, Any] | None = None,
) -> LtiConfiguration:
    """
    Add a tool to a course and answer it. A second call adds a second one.

    Key and secret may be empty for now; the tool cannot be launched before they are there.

    Raises:
        ConfigurationInvalid: the launch URL is no absolute http(s) address, a text is too long or not ASCII, or an
            option is unknown.
    """
    return _save_configuration(
        LtiConfiguration(course_key=course_key),
        {
            "lti_1p1_launch_url": lti_1p1_launch_url,
            "lti_1p1_client_key": lti_1p1_client_key,
            "lti_1p1_client_secret": lti_1p1_client_secret,
            "lti_config": {} if lti_config is None else lti_config,
        },
    )


def update_configuration(*, course_key: CourseKey, configuration_id: int, **changes: Any) -> LtiConfiguration:
    """
    Change fields of a tool and answer it; an empty secret keeps the stored one. The same again changes nothing.

    Raises:
        ConfigurationNotFound: the course has no such tool.
        ConfigurationInvalid: as for ``create_configuration``; nothing is changed.
    """
    if not changes.get("lti_1p1_client_secret"):
        changes.pop("lti_1p1_client_secret", None)
    with transaction.atomic():
        locked = LtiConfiguration.objects.select_for_update().filter(course_key=course_key, pk=configuration_id).first()
        if locked is None:
            raise ConfigurationNotFound
        return _save_configuration(locked, changes)


def _save_configuration(configuration: LtiConfiguration, changes: Mapping[str, Any]) -> LtiConfiguration:
    values = dict(changes)
    if "lti_1p1_launch_url" in values:
        values["lti_1p1_launch_url"] = str(values["lti_1p1_launch_url"]).strip()
    if fields := configuration_errors(values):
        raise ConfigurationInvalid(fields=fields)
    for name, value in values.items():
        setattr(configuration, name, value)
    configuration.save()
    return configuration


def configuration_errors(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is wrong with these fields of a tool, as sentences by field; empty when nothing is."""
    if unknown := sorted(set(values) - _CONFIGURATION_FIELDS):
        return {name: ["There is no such field."] for name in unknown}
    fields: dict[str, list[str]] = {}
    if "lti_1p1_launch_url" in values and (problem := url_problem(values["lti_1p1_launch_url"])):
        fields["lti_1p1_launch_url"] = [problem]
    key = values.get("lti_1p1_client_key", "")
    if len(key) > 255 or (key and not (key.isascii() and key.isprintable())):
        fields["lti_1p1_client_key"] = ["The key must be at most 255 printable ASCII characters."]
    if len(values.get("lti_1p1_client_secret", "")) > 255:
        fields["lti_1p1_client_secret"] = ["The secret must be at most 255 characters."]
    if "lti_config" in values and (problem := _options_problem(values["lti_config"])):
        fields["lti_config"] = [problem]
    return fields


def _options_problem(options: Any) -> str | None:
    if not isinstance(options, dict):
        return "This must be an object."
    if set(options) - _OPTIONS:
        return f"The options are {', '.join(sorted(_OPTIONS))}."
    if not all(isinstance(options.get(name, False), bool) for name in ("pii_share_username", "pii_share_email")):
        return "pii_share_username and pii_share_email are true or false."
    parameters = options.get("additional_parameters", {})
    if not isinstance(parameters, dict):
        return "additional_parameters must be an object."
    for name, value in parameters.items():
        if not CUSTOM_PARAMETER.fullmatch(name):
            return "Names of additional parameters are custom_ and small letters, digits and underscores."
        if not isinstance(value, str) or len(value) > MAX_CUSTOM_VALUE or not _is_plain(value):
            return f"Values of additional parameters are texts of at most {MAX_CUSTOM_VALUE} characters."
    return None


def _is_plain(text: str) -> bool:
    """Tell whether every database and every form can carry a text: no control characters, no half of a character."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text if character not in "\t\r\n")


def delete_configuration(*, course_key: CourseKey, configuration_id: int) -> None:
    """
    Remove a tool from a course.

    Raises:
        ConfigurationNotFound: the course has no such tool (any more).
        ConfigurationInUse: placements use it; nothing is removed.
    """
    try:
        with transaction.atomic():
            get_configuration(course_key=course_key, configuration_id=configuration_id).delete()
    except (ProtectedError, IntegrityError):  # the second where a placement came in between
        raise ConfigurationInUse from None


# -- placements --------------------------------------------------------------------------------------------------------

_PLACEMENT_FIELDS = frozenset(
    {
        "configuration_id",
        "title",
        "usage_key",
        "resource_link_id",
        "graded",
        "max_score",
        "due_at",
        "grace_seconds",
        "accepts_late_grades",
    }
)


def list_placements(*, course_key: CourseKey) -> QuerySet[LtiPlacement]:
    """Return the placements of a course with their tools, oldest first; lazy."""
    return LtiPlacement.objects.filter(course_key=course_key).select_related("configuration").order_by("id")


def get_placement(*, course_key: CourseKey, placement_uuid: UUID) -> LtiPlacement:
    """
    Return one placement of a course with its tool.

    Raises:
        PlacementNotFound: the course has no such placement.
    """
    found = list_placements(course_key=course_key).filter(uuid=placement_uuid).first()
    if found is None:
        raise PlacementNotFound
    return found


def find_placement(*, placement_uuid: UUID) -> LtiPlacement | None:
    """Return a placement of any course with its tool, or ``None``."""
    return LtiPlacement.objects.select_related("configuration").filter(uuid=placement_uuid).first()


def create_placement(
    *,
    course_key: CourseKey,
    configuration_id: int,
    title: str,
    usage_key: UsageKey | None = None,
    resource_link_id: str | None = None,
    graded: bool = False,
    max_score: float = 1.0,
    due_at: datetime | None = None,
    grace_seconds: int = 0,
    accepts_late_grades: bool = True,
) -> LtiPlacement:
    """
    Put a tool of the course at a place in it and answer the placement. A second call adds another place.

    With a ``usage_key`` an inbound score is published on that block, as ``score * max_score`` of ``max_score`` points.

    Raises:
        PlacementInvalid: the tool or the block is not of this course, the resource link id is taken, or a value makes
            no sense.
    """
    values: dict[str, Any] = {
        "configuration_id": configuration_id,
        "title": title,
        "usage_key": usage_key,
        "graded": graded,
        "max_score": max_score,
        "due_at": due_at,
        "grace_seconds": grace_seconds,
        "accepts_late_grades": accepts_late_grades,
    }
    if resource_link_id:
        values["resource_link_id"] = resource_link_id
    return _save_placement(LtiPlacement(course_key=course_key), values)


def update_placement(*, course_key: CourseKey, placement_uuid: UUID, **changes: Any) -> LtiPlacement:
    """
    Change fields of a placement and answer it. The same again changes nothing.

    Raises:
        PlacementNotFound: the course has no such placement.
        PlacementInvalid: as for ``create_placement``; nothing is changed.
    """
    with transaction.atomic():
        found = LtiPlacement.objects.select_for_update().filter(course_key=course_key, uuid=placement_uuid).first()
        if found is None:
            raise PlacementNotFound
        return _save_placement(found, changes)


def _save_placement(placement: LtiPlacement, values: Mapping[str, Any]) -> LtiPlacement:
    if "title" in values:
        values = {**values, "title": str(values["title"]).strip()}
    fields = placement_errors(course_key=placement.course_key, values=values)
    if _would_orphan(placement, values):
        fields["resource_link_id"] = ["This cannot be changed any more: tools report results under it."]
    if fields:
        raise PlacementInvalid(fields=fields)
    for name, value in values.items():
        setattr(placement, name, value)
    try:
        with transaction.atomic():
            placement.save()
    except IntegrityError:
        taken = LtiPlacement.objects.filter(
            course_key=placement.course_key, resource_link_id=placement.resource_link_id
        ).exclude(pk=placement.pk)
        if taken.exists():
            raise PlacementInvalid(fields={"resource_link_id": ["This id is taken in this course."]}) from None
        if not LtiConfiguration.objects.filter(pk=placement.configuration_id).exists():
            raise PlacementInvalid(fields={"configuration_id": ["The course has no such tool."]}) from None
        raise
    return placement


def _would_orphan(placement: LtiPlacement, values: Mapping[str, Any]) -> bool:
    """Tell whether the sourcedids that tools hold would become nobody's."""
    changed = values.get("resource_link_id", placement.resource_link_id) != placement.resource_link_id
    return bool(placement.pk) and changed and placement.results.exists()


def placement_errors(*, course_key: CourseKey, values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is wrong with these fields of a placement in a course, as sentences by field; empty for nothing."""
    if unknown := sorted(set(values) - _PLACEMENT_FIELDS):
        return {name: ["There is no such field."] for name in unknown}
    fields: dict[str, list[str]] = {}
    if "configuration_id" in values:
        tools = list_configurations(course_key=course_key)
        if not tools.filter(pk=values["configuration_id"]).exists():
            fields["configuration_id"] = ["The course has no such tool."]
    for name, called in (("title", "The title"), ("resource_link_id", "The resource link id")):
        text = str(values.get(name, "fine"))
        if not 0 < len(text) <= 255:
            fields[name] = [f"{called} must have 1 to 255 characters."]
        elif not _is_plain(text):
            fields[name] = [f"{called} has control characters in it."]
    usage_key = values.get("usage_key")
    if usage_key is not None:
        block = get_host().blocks.find(usage_key) if usage_key.context_key == course_key else None
        if block is None:
            fields["usage_key"] = ["The course has no such block."]
    if "max_score" in values and not (math.isfinite(values["max_score"]) and values["max_score"] >= 0):
        fields["max_score"] = ["The maximum must be a number from 0 on."]
    if "grace_seconds" in values and not 0 <= values["grace_seconds"] <= 2_147_483_647:
        fields["grace_seconds"] = ["The grace period must be a number of seconds from 0 on."]
    return fields


def delete_placement(*, course_key: CourseKey, placement_uuid: UUID) -> None:
    """
    Remove a placement together with its results. Scores already published on a block stay there.

    Raises:
        PlacementNotFound: the course has no such placement (any more).
    """
    get_placement(course_key=course_key, placement_uuid=placement_uuid).delete()


# -- launches ----------------------------------------------------------------------------------------------------------


def may_launch(*, user: User, placement: LtiPlacement) -> bool:
    """Tell whether a signed-in person may launch a placement: enrolled and let in by the host, or course staff."""
    host = get_host()
    if host.roles.is_course_team(user, placement.course_key):
        return True
    try:
        host.courses.check_access(user, placement.course_key, require_enrollment=True)
    except (errors.Forbidden, errors.NotFound):
        return False
    return True


def launch_placement(*, user: User, placement: LtiPlacement, outcome_url: str) -> LaunchForm:
    """
    Return a freshly signed launch of a placement's tool for a person, and record that it was launched.

    Who may launch is asked before, with ``may_launch``.

    Raises:
        NotLaunchable: the tool is not configured well enough.
    """
    configuration = placement.configuration
    if problems := configuration_problems(configuration):
        raise NotLaunchable(problems)
    parameters = placement_parameters(placement=placement, user=user, outcome_url=outcome_url)
    form = build_launch(configuration=configuration, parameters=parameters)
    track_launch(configuration=configuration, roles=parameters["roles"], placement=placement)
    return form


# -- outcomes ----------------------------------------------------------------------------------------------------------


def outcome_service(*, placement_uuid: UUID) -> OutcomeService:
    """Return the outcomes service of a placement; for one that does not exist, one that nothing verifies for."""
    service_url = public_url(outcome_path_of(placement_uuid), None)
    placement = find_placement(placement_uuid=placement_uuid)
    if placement is None:
        return OutcomeService(NoPlacement(service_url))
    return OutcomeService(PlacementBlock(placement, service_url))


def list_results(*, course_key: CourseKey, user_id: int | None = None) -> QuerySet[LtiResult]:
    """Return the results of a course with placement and learner, oldest first, of one person or of all; lazy."""
    results = LtiResult.objects.filter(placement__course_key=course_key)
    if user_id is not None:
        results = results.filter(user_id=user_id)
    return results.select_related("placement", "user").order_by("id")


def find_result(*, placement_uuid: UUID, user_id: int) -> LtiResult | None:
    """Return a learner's result at a placement, or ``None``. Its score may be ``None``, when it was withdrawn."""
    return LtiResult.objects.filter(placement__uuid=placement_uuid, user_id=user_id).first()


# -- people ------------------------------------------------------------------------------------------------------------


def retire_user(user_id: int) -> None:
    """
    Forget a person: their results go, and their e-mail address where it stands among a tool's parameters.

    A second time there is nothing left to do; nor is there for an id that is nobody's.
    """
    LtiResult.objects.filter(user_id=user_id).delete()
    try:
        address = get_host().accounts.get(user_id).email.casefold()
    except errors.NotFound:
        return
    if address:
        _forget_address(address)


def _forget_address(address: str) -> None:
    for found in LtiConfiguration.objects.exclude(lti_config={}).iterator(chunk_size=500):
        if not any(str(value).casefold() == address for value in found.additional_parameters.values()):
            continue
        with transaction.atomic():
            row = LtiConfiguration.objects.select_for_update().filter(pk=found.pk).first()
            if row is None:
                continue
            kept = {k: "" if str(v).casefold() == address else v for k, v in row.additional_parameters.items()}
            row.lti_config = {**row.lti_config, "additional_parameters": kept}
            row.save(update_fields=["lti_config", "modified"])
