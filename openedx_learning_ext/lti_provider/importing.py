"""
Campuses and learners that the platform's own LTI provider knows, taken over into our tables.

What is ours already stays as it is. Nothing is sent for what comes over: the next score, launch or resend does that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from opaque_keys import InvalidKeyError

from openedx_learning_ext.core import errors
from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.lti_provider.launch import parse_course_and_usage_keys
from openedx_learning_ext.lti_provider.models import (
    GradedAssignment,
    LtiConsumer,
    LtiUser,
    OutcomeService,
    ScoreDelivery,
    digest_of,
    secret_digest_of,
)

PAGE_ROWS = 500

#: When deliveries of the platform were made is not known: not lately, so that reconcile does not send them all anew.
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

Row = Mapping[str, Any]


class NothingToImport(errors.NotFound):
    """The platform's own LTI provider is not installed here."""


@dataclass(slots=True)
class Imported:
    """What became of the rows of one kind: new here, here already, or left out."""

    added: int = 0
    known: int = 0
    left_out: int = 0


def import_existing(*, dry_run: bool) -> Mapping[str, Imported]:
    """
    Take over consumers, learners, services and graded launches, in this order; return what became of them.

    Each page is one transaction, so it can be stopped and run again. A dry run does it in one, and takes it back.

    Raises:
        NothingToImport: the platform's own LTI provider is not installed.
    """
    if not get_host().existing.has("lti_provider.LtiConsumer"):
        raise NothingToImport
    if not dry_run:
        return _Import().run()
    with transaction.atomic():
        counts = _Import().run()
        transaction.set_rollback(True)
    return counts


class _Import:
    """One run: which row of the platform is which of ours."""

    def __init__(self) -> None:
        self._consumers: dict[int, int] = {}
        self._services: dict[int, int] = {}
        self._counts: dict[str, Imported] = {}

    def run(self) -> Mapping[str, Imported]:
        self._each_page("LtiConsumer", self._add_consumers)
        self._each_page("LtiUser", self._add_learners)
        self._each_page("OutcomeService", self._add_services)
        self._each_page("GradedAssignment", self._add_assignments)
        return self._counts

    def _each_page(self, kind: str, add: Callable[[list[Row], Imported], None]) -> None:
        counts = self._counts[kind] = Imported()
        rows = get_host().existing.iter_rows(f"lti_provider.{kind}", page_size=PAGE_ROWS)
        while page := list(islice(rows, PAGE_ROWS)):
            with transaction.atomic():
                add(page, counts)

    # -- consumers and services: few, one by one -----------------------------------------------------------------------

    def _add_consumers(self, page: list[Row], counts: Imported) -> None:
        for row in page:
            found = LtiConsumer.objects.filter(consumer_key=row["consumer_key"]).first()
            if found is not None and found.consumer_key == row["consumer_key"]:
                counts.known += 1
            elif found is not None or (found := _new_consumer(row)) is None:
                counts.left_out += 1
                continue
            else:
                found.save(force_insert=True)
                counts.added += 1
            self._consumers[row["id"]] = found.pk

    def _add_services(self, page: list[Row], counts: Imported) -> None:
        for row in page:
            consumer_id = self._consumers.get(row["lti_consumer_id"])
            url = row["lis_outcome_service_url"]
            if consumer_id is None or not url:
                counts.left_out += 1
                continue
            service, is_new = OutcomeService.objects.get_or_create(
                lti_consumer_id=consumer_id, url_digest=digest_of(url), defaults={"lis_outcome_service_url": url}
            )
            self._services[row["id"]] = service.pk
            counts.added += is_new
            counts.known += not is_new

    # -- learners and graded launches: many, a page at once ------------------------------------------------------------

    def _add_learners(self, page: list[Row], counts: Imported) -> None:
        privileged = _privileged(row["edx_user_id"] for row in page)
        wanted: dict[tuple[int, str], LtiUser] = {}
        for row in page:
            consumer_id = self._consumers.get(row["lti_consumer_id"])
            # A launch never makes such a link, so none comes in by this door: a campus's secret would open the site.
            if consumer_id is None or row["edx_user_id"] in privileged:
                counts.left_out += 1
                continue
            wanted[consumer_id, digest_of(row["lti_user_id"])] = LtiUser(
                lti_consumer_id=consumer_id, lti_user_id=row["lti_user_id"], edx_user_id=row["edx_user_id"]
            )
        there = LtiUser.objects.filter(
            lti_consumer__in={consumer_id for consumer_id, _ in wanted},
            lti_user_digest__in=[digest for _, digest in wanted],
        )
        known = set(there.values_list("lti_consumer_id", "lti_user_digest")) & set(wanted)
        LtiUser.objects.bulk_create(learner for key, learner in wanted.items() if key not in known)
        counts.known += len(known)
        counts.added += len(wanted) - len(known)

    def _add_assignments(self, page: list[Row], counts: Imported) -> None:
        wanted: dict[tuple[int, str], tuple[GradedAssignment, int]] = {}
        for row in page:
            assignment = self._new_assignment(row)
            if assignment is None:
                counts.left_out += 1
                continue
            key = (assignment.outcome_service_id, digest_of(assignment.lis_result_sourcedid))
            wanted[key] = (assignment, int(row.get("version_number") or 0))
        there = GradedAssignment.objects.filter(
            outcome_service__in={service_id for service_id, _ in wanted},
            sourcedid_digest__in=[digest for _, digest in wanted],
        )
        known = set(there.values_list("outcome_service_id", "sourcedid_digest")) & set(wanted)
        new = [(assignment, version) for key, (assignment, version) in wanted.items() if key not in known]
        for assignment, _version in new:
            assignment.save(force_insert=True)  # its id is needed, and not every database tells those of many at once
        ScoreDelivery.objects.bulk_create(_mailbox(*each) for each in new if each[1])
        counts.known += len(known)
        counts.added += len(new)

    def _new_assignment(self, row: Row) -> GradedAssignment | None:
        service_id = self._services.get(row["outcome_service_id"])
        if service_id is None or not row["lis_result_sourcedid"]:
            return None
        try:
            course_key, usage_key = parse_course_and_usage_keys(str(row["course_key"]), str(row["usage_key"]))
        except InvalidKeyError:
            return None
        return GradedAssignment(
            user_id=row["user_id"],
            course_key=course_key,
            usage_key=usage_key,
            outcome_service_id=service_id,
            lis_result_sourcedid=row["lis_result_sourcedid"],
        )


def _new_consumer(row: Row) -> LtiConsumer | None:
    """Return the consumer to be, ``None`` where another one of ours has its name, secret or GUID."""
    secret, guid = row["consumer_secret"] or "", row.get("instance_guid") or None
    taken = Q(consumer_name=row["consumer_name"])
    if secret:
        taken |= Q(secret_digest=secret_digest_of(secret))
    if guid:
        taken |= Q(instance_guid=guid)
    if LtiConsumer.objects.filter(taken).exists():
        return None
    return LtiConsumer(
        consumer_name=row["consumer_name"],
        consumer_key=row["consumer_key"],
        consumer_secret=secret,
        instance_guid=guid,
        require_user_account=bool(row.get("require_user_account")),
        use_lti_pii=bool(row.get("use_lti_pii")),
    )


def _privileged(user_ids: Iterator[int]) -> set[int]:
    """Return whose accounts have powers over the site."""
    users = get_user_model()._default_manager.filter(Q(is_staff=True) | Q(is_superuser=True), pk__in=set(user_ids))
    return set(users.values_list("pk", flat=True))


def _mailbox(assignment: GradedAssignment, version: int) -> ScoreDelivery:
    """Return a mailbox that counts on from the platform's number. What the campus has, the platform did not keep."""
    return ScoreDelivery(
        assignment=assignment,
        destination=str(assignment.outcome_service_id),
        wanted_version=version,
        sent_version=version,
        state=ScoreDelivery.State.DELIVERED,
        is_unconfirmed=True,
        created_at=_LONG_AGO,
        updated_at=_LONG_AGO,
    )
