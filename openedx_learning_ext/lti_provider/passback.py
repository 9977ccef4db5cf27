"""
Scores to campuses: a score changed, so the mailbox wants it; the courier brings it, always the newest.

Written in the transaction of the change, sent by workers. The grade that a campus ends with is the newest one, or staff
sees it parked.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core import conf, privacy
from openedx_learning_ext.core.delivery import schedule
from openedx_learning_ext.core.delivery.engine import Courier, DeliveryNotFound, Engine
from openedx_learning_ext.core.delivery.http import Door
from openedx_learning_ext.core.delivery.schedule import Outcome
from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.host.ports import BlockNotFound
from openedx_learning_ext.lti_provider import outcomes
from openedx_learning_ext.lti_provider.launch import parse_course_and_usage_keys
from openedx_learning_ext.lti_provider.models import GradedAssignment, OutcomeService, ScoreDelivery

if TYPE_CHECKING:
    from opaque_keys.edx.keys import UsageKey

log = logging.getLogger("edx.lti_provider")

TASK = "learning_ext_lti_provider.deliver"

FAILURES_THAT_OPEN = 5
OPEN_SECONDS = 60.0
LONGEST_OPEN_SECONDS = 900.0
PROBE_SECONDS = 60.0

#: At most so many assignments are compared with the host in one sweep, and so many sums among them.
RECONCILE_ROWS = 500
RECONCILE_SUMS = 20

#: The code of a delivery that staff has given up; nothing but a new score wakes it.
FORGOTTEN = "forgotten"

#: Outcomes for which no connection was made: they say nothing about the campus.
_NOT_SENT_BY_US = ("unchanged", "no_secret", "takes_no_grades", "no_score")


#: What the breaker remembers; in ordinary times an attempt changes none of it.
_BREAKER = ("probe_until", "takes_no_grades", "held_back_until", "consecutive_failures", "open_until")


def _state_of(service: OutcomeService) -> list[Any]:
    return [getattr(service, name) for name in _BREAKER]


@dataclass(slots=True)
class _Sent:
    """What an attempt was about, kept from ``send`` to ``settled``."""

    score: float | None
    reading: outcomes.Reading


class ScoreCourier(Courier[ScoreDelivery]):
    """Brings scores to outcome services. The breaker is on the service: one row a consumer and address."""

    model = ScoreDelivery
    task = TASK

    def __init__(self) -> None:
        """Nothing is under way."""
        self._mine = threading.local()

    @contextlib.contextmanager
    def visiting(self, destination: str) -> Iterator[None]:
        """Keep one connection open for the rows of one claim."""
        with outcomes.open_door() as door:
            self._mine.door = door
            self._mine.sent = {}
            try:
                yield
            finally:
                del self._mine.door

    def send(self, row: ScoreDelivery) -> Outcome:
        """Build, sign, post and classify one message."""
        assignment = GradedAssignment.objects.select_related("outcome_service__lti_consumer", "user").get(
            pk=row.assignment_id
        )
        sent = self._attempt(row, assignment, self._mine.door)
        self._mine.sent[row.pk] = sent
        self._log(row, assignment, sent)
        return sent.reading.outcome

    def _attempt(self, row: ScoreDelivery, assignment: GradedAssignment, door: Door) -> _Sent:
        if assignment.outcome_service.takes_no_grades:
            return _Sent(None, outcomes.Reading(Outcome(schedule.UNSUPPORTED, "takes_no_grades")))
        score = _score_to_send(row, assignment)
        if score is None:
            return _Sent(None, outcomes.Reading(Outcome(schedule.UNCLEAR, "no_score")))
        if score == row.confirmed_score and not row.payload.get("force"):
            return _Sent(score, outcomes.Reading(Outcome(schedule.DELIVERED, "unchanged")))
        xml = outcomes.generate_replace_result_xml(assignment.lis_result_sourcedid, score)
        try:
            answer = outcomes.post(assignment, xml, door)
        except Exception as error:
            reading = outcomes.read_error(error)
            if reading is None:
                # Of an error of ours the engine makes "broken"; whether bytes went out, only the door knows.
                error.in_doubt = door.has_sent  # type: ignore[attr-defined]
                raise
            return _Sent(score, reading)
        return _Sent(score, outcomes.read(answer))

    def _log(self, row: ScoreDelivery, assignment: GradedAssignment, sent: _Sent) -> None:
        outcome = sent.reading.outcome
        if outcome.kind == schedule.DELIVERED:
            log.info("score delivered: delivery %s (%s)", row.pk, outcome)
            return
        log.error(
            "Outcome Service: Failed to update score on LTI consumer. User %s, course %s, usage %s, score %s, "
            "status %s, code %s, class %s, delivery %s",
            assignment.user_id,
            assignment.course_key,
            assignment.usage_key,
            sent.score,
            sent.reading.status,
            sent.reading.code_major,
            outcome,
            row.pk,
        )

    # -- the breaker ---------------------------------------------------------------------------------------------------

    def may_send(self, destination: str, now: datetime) -> bool:
        """Tell whether the service is neither paused, nor held back, nor behind an open breaker; lock its row."""
        service = OutcomeService.objects.select_for_update().filter(pk=int(destination)).first()
        if service is None or service.is_paused:
            return False
        if service.held_back_until is not None and service.held_back_until > now:
            return False
        if service.open_until is None:
            return True
        if service.open_until > now or (service.probe_until is not None and service.probe_until > now):
            return False
        service.probe_until = now + _scaled(PROBE_SECONDS)
        service.save(update_fields=["probe_until"])
        return True

    def settled(self, row: ScoreDelivery, outcome: Outcome) -> None:
        """Write what the campus said and has, and move the breaker."""
        now = timezone.now()
        if outcome.kind == schedule.LOST:
            row.confirmed_score = row.confirmed_at = None
            row.save(update_fields=["confirmed_score", "confirmed_at"])
            return
        sent: _Sent | None = self._mine.sent.pop(row.pk, None) if hasattr(self._mine, "sent") else None
        reading = sent.reading if sent is not None else outcomes.Reading(outcome)
        if outcome.kind == schedule.DELIVERED and outcome.code != "unchanged" and sent is not None:
            row.confirmed_score = sent.score
            row.confirmed_at = now
            row.is_unconfirmed = reading.is_unconfirmed
        elif _may_have_arrived(outcome):
            row.confirmed_score = None  # else a score that goes back to it would not be sent
        row.last_http_status = reading.status
        row.last_code_major = reading.code_major
        row.last_description = reading.description
        row.save(
            update_fields=[
                "confirmed_score",
                "confirmed_at",
                "is_unconfirmed",
                "last_http_status",
                "last_code_major",
                "last_description",
            ]
        )
        self._move_breaker(row, outcome, now)

    def _move_breaker(self, row: ScoreDelivery, outcome: Outcome, now: datetime) -> None:
        service = OutcomeService.objects.select_for_update().filter(pk=int(row.destination)).first()
        if service is None:
            return
        before = _state_of(service)
        service.probe_until = None
        if outcome.kind == schedule.UNSUPPORTED and outcome.code != "takes_no_grades":
            service.takes_no_grades = True
        if outcome.retry_after:
            wait = _scaled(min(outcome.retry_after, schedule.LONGEST_RETRY_AFTER))
            service.held_back_until = max(service.held_back_until or now, now + wait)
        if _is_failure_of_the_service(outcome):
            service.consecutive_failures += 1
            if (more := service.consecutive_failures - FAILURES_THAT_OPEN) >= 0:
                seconds = min(OPEN_SECONDS * 2 ** min(more, 10), LONGEST_OPEN_SECONDS)
                service.open_until = now + _scaled(seconds)
        elif outcome.code not in _NOT_SENT_BY_US and not outcome.code.startswith("address:"):
            service.consecutive_failures = 0
            service.open_until = None
        if _state_of(service) != before:
            service.save(update_fields=_BREAKER)

    def refill(self, row: ScoreDelivery) -> Mapping[str, Any] | None:
        """Return the payload anew from the host's score, or ``None`` when the host cannot tell."""
        assignment = GradedAssignment.objects.select_related("user").filter(pk=row.assignment_id).first()
        found = None if assignment is None else find_host_score(assignment)
        return None if found is None else found.payload


def _may_have_arrived(outcome: Outcome) -> bool:
    """Tell whether the campus may have taken a score although it did not say so."""
    if outcome.in_doubt:
        return True
    if outcome.code in (*_NOT_SENT_BY_US, "name") or outcome.code.startswith("not_sent:"):
        return False
    return outcome.kind in (schedule.TRANSIENT, schedule.UNCLEAR)


def _is_failure_of_the_service(outcome: Outcome) -> bool:
    """Tell time-outs, refused connections, TLS and name failures and 5xx from a campus that answers or asks to wait."""
    if outcome.code == "certificate":
        return True
    return outcome.kind == schedule.TRANSIENT and outcome.code not in ("403", "408", "425", "429")


def _scaled(seconds: float) -> timedelta:
    return timedelta(seconds=seconds * conf.DELIVERY_TIME_SCALE())


courier = ScoreCourier()
engine: Engine[ScoreDelivery] = Engine(courier)


# -- which score -------------------------------------------------------------------------------------------------------


def ratio(earned: Any, possible: Any) -> float:
    """Return a score from 0 to 1; nothing to be had is 0, more than all is 1, less than nothing is 0."""
    earned, possible = float(earned or 0), float(possible or 0)
    if possible <= 0 or earned != earned or possible != possible:
        return 0.0
    if not 0 <= earned <= possible:
        log.debug("a score of %s of %s is sent as 0 or 1", earned, possible)
    return min(max(earned / possible, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class HostScore:
    """The host's score of now: what the mailbox wants for it, and the number from 0 to 1."""

    payload: Mapping[str, Any]
    score: float


def find_host_score(assignment: GradedAssignment) -> HostScore | None:
    """Return the host's score of an assignment, or ``None`` when the host cannot tell. A sum costs a whole course."""
    try:
        found = get_host().grades.current_score(assignment.user, assignment.usage_key)
    except BlockNotFound:
        return None
    if found is None:
        return None
    payload = {"composite": True} if found.is_composite else {"earned": found.earned, "possible": found.possible}
    return HostScore(payload, ratio(found.earned, found.possible))


def _score_to_send(row: ScoreDelivery, assignment: GradedAssignment) -> float | None:
    if not row.payload.get("composite"):
        return ratio(row.payload.get("earned"), row.payload.get("possible"))
    found = find_host_score(assignment)
    return None if found is None else found.score


# -- a score changed ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """What a signal said: whose score of which block changed to what, and when, if it said so."""

    user_id: int
    course_key: CourseKey
    usage_key: UsageKey
    earned: float
    possible: float
    modified: datetime | None


def read_change(kwargs: Mapping[str, Any]) -> ScoreChange | None:
    """
    Return the change that a signal tells, in either spelling of its names; ``None`` where it is none of ours.

    A signal that lacks one of the five facts is an error in the log, which names all five. A reset, whose points are
    absent, is a score of 0.
    """
    facts = {
        "points_earned": kwargs.get("weighted_earned", kwargs.get("points_earned")),
        "points_possible": kwargs.get("weighted_possible", kwargs.get("points_possible")),
        "user_id": kwargs.get("user_id"),
        "course_id": kwargs.get("course_id"),
        "usage_id": kwargs.get("usage_id"),
    }
    if kwargs.get("score_deleted"):
        facts["points_earned"] = facts["points_earned"] or 0
        facts["points_possible"] = facts["points_possible"] or 0
    if any(fact is None for fact in facts.values()):
        log.error(
            "Outcome Service: Required signal parameter is None. points_possible: %s, points_earned: %s, user_id: %s, "
            "course_id: %s, usage_id: %s",
            facts["points_possible"],
            facts["points_earned"],
            facts["user_id"],
            facts["course_id"],
            facts["usage_id"],
        )
        return None
    try:
        course_key, usage_key = parse_course_and_usage_keys(str(facts["course_id"]), str(facts["usage_id"]))
    except InvalidKeyError:
        return None  # a library, which has no course and no campus
    return ScoreChange(
        int(facts["user_id"]),
        course_key,
        usage_key,
        float(facts["points_earned"]),
        float(facts["points_possible"]),
        kwargs.get("modified"),
    )


def record_change(change: ScoreChange) -> int:
    """
    Have the mailbox of every graded launch that a change concerns want the new score; return how many there are.

    In the caller's transaction, each in a savepoint: an error in one is logged and leaves the others and the caller
    alone. A change older than the one recorded is left out.
    """
    mine = GradedAssignment.objects.filter(user_id=change.user_id, course_key=change.course_key)
    if not mine.exists():
        return 0
    rows = list(mine.filter(usage_key__in=[change.usage_key, *_ancestors(change.usage_key)]).order_by("pk"))
    for assignment in rows:
        try:
            with transaction.atomic():
                _record(assignment, change)
        except Exception as error:  # noqa: BLE001  # the learner's answer must not be lost for it; reconcile mends it
            log.error("score not recorded for assignment %s\n%s", assignment.pk, privacy.trace_of(error))
    return len(rows)


def _ancestors(usage_key: UsageKey) -> tuple[UsageKey, ...]:
    try:
        return get_host().blocks.ancestors(usage_key)
    except BlockNotFound:
        log.warning("Outcome Service: a score changed on a block that is not in its course: %s", usage_key)
        return ()


def _record(assignment: GradedAssignment, change: ScoreChange) -> None:
    is_leaf = assignment.usage_key == change.usage_key
    wanted = {"earned": change.earned, "possible": change.possible} if is_leaf else {"composite": True}
    delay = conf.LTI_PROVIDER_LEAF_DELAY_SECONDS() if is_leaf else conf.LTI_AGGREGATE_SCORE_PASSBACK_DELAY()

    def unless_overtaken(row: ScoreDelivery) -> Mapping[str, Any] | None:
        is_old = change.modified is not None and row.scored_at is not None and change.modified < row.scored_at
        return None if is_old else wanted

    row = engine.put(
        assignment.pk, unless_overtaken, destination=str(assignment.outcome_service_id), delay=float(delay)
    )
    if change.modified is not None and (row.scored_at is None or row.scored_at < change.modified):
        ScoreDelivery.objects.filter(pk=row.pk).update(scored_at=change.modified)


def put_current(assignment: GradedAssignment, *, force: bool = False, only_new: bool = False) -> bool:
    """
    Have the mailbox want the host's score of now, read under the row's lock; return whether that changed it.

    It stays as it is when the host cannot tell, or when the score is wanted or confirmed already, unless ``force`` says
    to send it all the same. With ``only_new`` it also stays where any score was ever recorded.
    """
    changed = False

    def unless_known(row: ScoreDelivery) -> Mapping[str, Any] | None:
        nonlocal changed
        if only_new and row.wanted_version:
            return None
        found = find_host_score(assignment)
        if found is None or (not force and _is_known(row, found)):
            return None
        changed = True
        return {**found.payload, "force": True} if force else found.payload

    with transaction.atomic():
        engine.put(assignment.pk, unless_known, destination=str(assignment.outcome_service_id))
    return changed


def _is_known(row: ScoreDelivery, found: HostScore) -> bool:
    if not row.wanted_version:
        return False
    if row.state == row.State.DELIVERED:
        return row.confirmed_score == found.score
    if row.payload.get("composite"):
        return True  # it is worked out when it is sent
    return ratio(row.payload.get("earned"), row.payload.get("possible")) == found.score


def greet_graded_launch(assignment: GradedAssignment, *, is_superseded: bool) -> None:
    """
    Want the score that a learner has already, after a graded launch; again where the campus gave the result a new id.

    A launch with a place for grades says that the campus takes some: a service that did not is asked again, and what
    was parked for that is wanted anew. Never fails the launch: what goes wrong is logged, and reconcile mends it.
    """
    try:
        _ask_service_again(assignment.outcome_service_id)
        put_current(assignment, force=is_superseded)
    except Exception as error:  # noqa: BLE001  # the learner came to learn
        log.error("score not recorded for assignment %s\n%s", assignment.pk, privacy.trace_of(error))


def _ask_service_again(service_id: int) -> None:
    if not OutcomeService.objects.filter(pk=service_id, takes_no_grades=True).update(takes_no_grades=False):
        return
    parked = ScoreDelivery.objects.filter(
        state=ScoreDelivery.State.PARKED,
        last_outcome__startswith=schedule.UNSUPPORTED,
        assignment__outcome_service_id=service_id,
    )
    # Read whole before the first write: on some databases one connection cannot do both at once.
    for key in list(parked.order_by("assignment_id").values_list("assignment_id", flat=True)):
        with contextlib.suppress(DeliveryNotFound):  # nothing is left to send in it
            engine.try_now(key)


def reconcile(*, now: datetime | None = None) -> int:
    """
    Compare the mailbox with the host for recent launches, longest unchecked first, and want what differs; return how
    many that were.

    This mends what a failing database or a crossing of two signals left behind. Sums are looked at for delivered rows
    only, few at a time: each costs the host a whole course.
    """
    now = now or timezone.now()
    recent = now - timedelta(hours=conf.LTI_PROVIDER_RECONCILE_HOURS())
    rows = (
        GradedAssignment.objects.filter(Q(launched_at__gte=recent) | Q(delivery__updated_at__gte=recent))
        .exclude(delivery__last_outcome=FORGOTTEN)
        .select_related("user", "delivery")
        .order_by(F("checked_at").asc(nulls_first=True), "pk")[:RECONCILE_ROWS]
    )
    mended = sums = 0
    for assignment in rows:
        delivery = getattr(assignment, "delivery", None)
        if delivery is not None and delivery.payload.get("composite"):
            sums += 1
            if sums > RECONCILE_SUMS or delivery.state != delivery.State.DELIVERED:
                continue
        mended += put_current(assignment)
        GradedAssignment.objects.filter(pk=assignment.pk).update(checked_at=now)
    return mended


def send_outcome(change: ScoreChange) -> int:
    """
    Record points where no score was ever recorded, then deliver what is due for these assignments; return how many
    attempts were made. Harmless when late or repeated: a recorded score is never overwritten.
    """
    rows = GradedAssignment.objects.filter(
        user_id=change.user_id, course_key=change.course_key, usage_key=change.usage_key
    ).order_by("pk")
    destinations = set()
    for assignment in rows:
        wanted = {"earned": change.earned, "possible": change.possible}
        destination = str(assignment.outcome_service_id)
        destinations.add(destination)

        def if_none_was_recorded(row: ScoreDelivery, wanted: Mapping[str, Any] = wanted) -> Mapping[str, Any] | None:
            return None if row.wanted_version else wanted

        with transaction.atomic():
            engine.put(assignment.pk, if_none_was_recorded, destination=destination)
    return sum(engine.deliver_to(destination) for destination in sorted(destinations))
