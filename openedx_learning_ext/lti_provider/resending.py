"""Have scores sent again for many graded launches at once, after a campus or this site lost something."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from openedx_learning_ext.lti_provider import passback, status
from openedx_learning_ext.lti_provider.models import GradedAssignment, ScoreDelivery

if TYPE_CHECKING:
    from opaque_keys.edx.keys import CourseKey

PAGE_ROWS = 500

#: What may be chosen; ``waiting`` includes what is being sent.
RESEND_STATES = ("parked", "waiting", "delivered", "all")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which graded launches: of all of them, those that fit everything said."""

    course_keys: Collection[CourseKey] = ()
    state: str = "all"
    consumer_id: int | None = None
    user_id: int | None = None
    #: Launched, or their delivery changed, since then.
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resent:
    """How many graded launches were looked at, and of how many the score is to be sent now."""

    looked_at: int
    wanted: int


def resend(selection: Selection, *, force: bool, dry_run: bool, after_each: Callable[[], None]) -> Resent:
    """
    Want the host's score of now for each graded launch where it differs from what is wanted or confirmed.

    With ``force`` also where it does not, and where staff gave it up. A dry run does the same and takes each back.
    ``after_each`` is called after each that is to be sent. Can be stopped and run again.
    """
    looked_at = wanted = 0
    for assignment in _iter_assignments(selection, with_forgotten=force):
        with transaction.atomic():
            is_wanted = passback.put_current(assignment, force=force)
            transaction.set_rollback(dry_run)
        looked_at += 1
        if is_wanted:
            wanted += 1
            after_each()
    return Resent(looked_at, wanted)


def _iter_assignments(selection: Selection, *, with_forgotten: bool) -> Iterator[GradedAssignment]:
    # By pages and not by a cursor: one that stays open while rows are written holds up writers on some databases and
    # reads everything into memory on others.
    rows = _chosen(selection, with_forgotten=with_forgotten).select_related("user").order_by("pk")
    last = 0
    while page := list(rows.filter(pk__gt=last)[:PAGE_ROWS]):
        yield from page
        last = page[-1].pk


def _chosen(selection: Selection, *, with_forgotten: bool) -> QuerySet[GradedAssignment]:
    rows = GradedAssignment.objects.all()
    if selection.course_keys:
        rows = rows.filter(course_key__in=selection.course_keys)
    if selection.consumer_id is not None:
        rows = rows.filter(outcome_service__lti_consumer_id=selection.consumer_id)
    if selection.user_id is not None:
        rows = rows.filter(user_id=selection.user_id)
    if selection.since is not None:
        was_put = Q(delivery__wanted_version__gt=0, delivery__updated_at__gte=selection.since)
        rows = rows.filter(Q(launched_at__gte=selection.since) | was_put)
    if selection.state != "all":
        rows = rows.filter(delivery__state=selection.state, delivery__wanted_version__gt=0)
    if with_forgotten:
        return rows
    forgotten = ScoreDelivery.objects.filter(status.in_state(passback.FORGOTTEN, timezone.now()))
    return rows.exclude(pk__in=forgotten.values("assignment_id"))
