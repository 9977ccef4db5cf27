"""Whose grade of what goes where: what a graded launch tells us about that, and what we keep of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.db import IntegrityError, transaction
from django.utils import timezone

from openedx_learning_ext.core import conf, privacy
from openedx_learning_ext.core.delivery import http
from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer, OutcomeService, digest_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser
    from opaque_keys.edx.keys import CourseKey, UsageKey

log = logging.getLogger("edx.lti_provider")

# What XML 1.0 cannot carry, not even escaped, and so no message to the campus could.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Stored:
    """A graded assignment after a launch: it was there already, is new, or has a new sourcedid."""

    assignment: GradedAssignment
    change: Literal["none", "new", "superseded"]


def store(
    *,
    consumer: LtiConsumer,
    user: AbstractUser,
    course_key: CourseKey,
    usage_key: UsageKey,
    parameters: Mapping[str, str],
) -> Stored | None:
    """
    Return where the grade of this launch goes, written down in the caller's transaction; ``None`` for no grade.

    A relaunch adds no row. The latest sourcedid of a learner at a resource link replaces an earlier one. What cannot be
    stored is logged, with our own ids and tags, and the launch goes on.
    """
    sourced_id = parameters.get("lis_result_sourcedid", "")
    if not sourced_id:
        return None
    link = parameters.get("resource_link_id", "")
    facts = {"consumer_id": consumer.pk, "resource_link": privacy.tag(link)}
    url = parameters.get("lis_outcome_service_url", "")
    if not url:
        log.warning("lti_launch_graded_without_outcome_service", extra=facts)
        return None
    if problem := url_problem(url):
        log.warning("lti_launch_outcome_service_refused", extra={**facts, "reason": problem})
        return None
    context = parameters.get("context_id", "")
    if _NOT_XML.search(sourced_id) or "\x00" in link + context:
        log.error("lti_launch_sourcedid_refused", extra=facts)
        return None
    service, _ = OutcomeService.objects.get_or_create(
        lti_consumer=consumer, url_digest=digest_of(url), defaults={"lis_outcome_service_url": url}
    )
    wanted = GradedAssignment(
        user_id=user.pk,
        course_key=course_key,
        usage_key=usage_key,
        outcome_service=service,
        lis_result_sourcedid=sourced_id,
        resource_link_id=link,
        context_id=context,
        launched_at=timezone.now(),
    )
    return _renew(wanted) or _supersede(wanted) or _add(wanted)


def url_problem(url: str) -> str | None:
    """Return why nothing could ever be sent to an address, as a code, or ``None``. Its host is not looked up."""
    try:
        http.read_address(
            url,
            allow_http=conf.LTI_OUTCOME_SERVICE_ALLOW_HTTP(),
            allowed_hosts=conf.LTI_OUTCOME_SERVICE_ALLOWED_HOSTS(),
        )
    except http.AddressForbidden as error:
        return error.reason
    return None


def _renew(wanted: GradedAssignment) -> Stored | None:
    """Note the launch on the row with this sourcedid, if there is one and it is about the same learner and block."""
    # A locking read also sees what was committed after this transaction began.
    found = (
        GradedAssignment.objects.select_for_update()
        .filter(outcome_service=wanted.outcome_service, sourcedid_digest=digest_of(wanted.lis_result_sourcedid))
        .first()
    )
    if found is None:
        return None
    # A stored key of the old form has lost its run.
    usage_key = found.usage_key.map_into_course(found.course_key)
    if (found.user_id, found.course_key, usage_key) != (wanted.user_id, wanted.course_key, wanted.usage_key):
        log.error(
            "lti_launch_sourcedid_of_another",
            extra={"assignment_id": found.pk, "owner_id": found.user_id, "user_id": wanted.user_id},
        )
        return Stored(found, "none")
    found.launched_at, found.context_id = wanted.launched_at, wanted.context_id
    found.resource_link_id = wanted.resource_link_id or found.resource_link_id
    found.save(update_fields=["launched_at", "context_id", "resource_link_id"])
    return Stored(found, "none")


def _supersede(wanted: GradedAssignment) -> Stored | None:
    """Give the learner's row at this resource link the new sourcedid. Without a link id nothing says that it is one."""
    if not wanted.resource_link_id:
        return None
    found = (
        GradedAssignment.objects.select_for_update()
        .filter(
            user_id=wanted.user_id,
            course_key=wanted.course_key,
            usage_key=wanted.usage_key,
            outcome_service=wanted.outcome_service,
            resource_link_id=wanted.resource_link_id,
        )
        .order_by("-id")
        .first()
    )
    if found is None:
        return None
    log.info(
        "lti_launch_sourcedid_superseded",
        extra={
            "assignment_id": found.pk,
            "was": privacy.tag(found.lis_result_sourcedid),
            "now": privacy.tag(wanted.lis_result_sourcedid),
        },
    )
    found.lis_result_sourcedid = wanted.lis_result_sourcedid
    found.launched_at, found.context_id = wanted.launched_at, wanted.context_id
    try:
        with transaction.atomic():
            found.save(update_fields=["lis_result_sourcedid", "sourcedid_digest", "launched_at", "context_id"])
    except IntegrityError:  # a launch beside this one was first
        return _renew(wanted)
    return Stored(found, "superseded")


def _add(wanted: GradedAssignment) -> Stored | None:
    try:
        with transaction.atomic():
            wanted.save(force_insert=True)
    except IntegrityError:  # a launch beside this one was first
        return _renew(wanted)
    return Stored(wanted, "new")
