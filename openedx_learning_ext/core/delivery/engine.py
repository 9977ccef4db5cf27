"""
Durable sending: what must be sent is a row, written in the transaction of the change that caused it.

The bell makes it happen soon, the sweep makes it happen anyway. For one key only the newest counts, two messages for
one key are never under way together, and an older one never starts after a newer one: a claim leases rows, every settle
is fenced by the lease's token, and what went out without a complete answer rests before anything is sent again.

A client brings a concrete model and a :class:`Courier`; this package knows nothing of what is sent.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.db import connections, router, transaction
from django.db.models import Count, F, Min, Q, QuerySet
from django.utils import timezone

from openedx_learning_ext.core import conf, errors, privacy
from openedx_learning_ext.core.delivery import faults, schedule
from openedx_learning_ext.core.delivery.bell import bell
from openedx_learning_ext.core.delivery.models import AbstractDelivery
from openedx_learning_ext.core.delivery.schedule import Outcome

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=AbstractDelivery)
Payload = Mapping[str, Any]

CLAIM_ROWS = 20
#: A row that is due within this time is not left to the next sweep: the bell is rung with a countdown.
SWEEP_SECONDS = 60.0
#: A delivered row keeps its payload so long: by then a lost lease is known.
PAYLOAD_KEPT = timedelta(hours=1)


class DeliveryBusy(errors.Conflict):
    """The delivery is being sent right now; try again in a minute."""


class DeliveryNotFound(errors.NotFound):
    """There is no delivery for this key."""


class Courier(Generic[Row]):
    """What a client of the engine brings. ``model`` is its mailbox, ``task`` the name of the task that sweeps it."""

    model: type[Row]
    task: str

    def send(self, row: Row) -> Outcome:
        """Make one attempt, within 15 seconds, outside of any transaction, without touching the row."""
        raise NotImplementedError

    def may_send(self, destination: str, now: datetime) -> bool:
        """
        Tell whether anything may be sent to a destination now (breaker, pause, hold-back).

        Asked inside a transaction, in which it locks the destination's own row: so claims of one destination follow
        one another, and a half-open breaker gives away one probe.
        """
        return True

    def settled(self, row: Row, outcome: Outcome) -> None:
        """
        Write the client's own columns, inside the transaction that settles the row. No I/O.

        ``lost`` means that somebody else may have sent something of which nobody knows what became: whatever was
        known about the other side is not known any more. It is also heard when such a row is claimed anew.
        """

    def visiting(self, destination: str) -> contextlib.AbstractContextManager[None]:
        """Return what is kept open while the rows of one claim are sent, such as a connection."""
        return contextlib.nullcontext()

    def refill(self, row: Row) -> Payload | None:
        """Return the payload anew for a row whose payload was emptied, or ``None`` when that cannot be told."""
        return None


@dataclass(frozen=True, slots=True)
class Claim:
    """Rows of one destination that are ours until the lease ends; all share the token."""

    destination: str
    ids: tuple[int, ...]
    token: UUID
    begun: float  # monotonic, from before the claim
    seconds: float


class Engine(Generic[Row]):
    """The mailbox of one courier."""

    def __init__(self, courier: Courier[Row], *, clock: Callable[[], float] = time.monotonic) -> None:
        """Serve this courier; ``clock`` measures what is left of a lease."""
        self.courier = courier
        self.model = courier.model
        self._clock = clock

    # -- putting in ----------------------------------------------------------------------------------------------------

    def put(
        self,
        key: Any,
        payload: Payload | Callable[[Row], Payload | None],
        *,
        destination: str = "",
        delay: float = 0.0,
    ) -> Row:
        """
        Want something sent for a key, instead of whatever was wanted before; return the row.

        Inside the caller's transaction: it is sent if and only if that commits. ``payload`` may be a function, called
        with the row once its lock is held; it returns ``None`` to leave the row as it is. A second call counts as a
        newer want and is sent after ``delay`` seconds from now, but no later than four delays after the oldest unsent
        one. It un-parks; a lease and a rest stay.
        """
        if not self._connection().in_atomic_block:
            raise RuntimeError("put() belongs inside the transaction of the change")
        row = self._lock_or_make(key, destination)
        wanted = payload(row) if callable(payload) else payload
        if wanted is None:
            return row
        now = timezone.now()
        since = row.waiting_since if row.state != row.State.DELIVERED and row.waiting_since else now
        due = max(now, min(now + _scaled(delay), since + _scaled(4 * delay)))
        self._write(
            row,
            payload=dict(wanted),
            destination=destination or row.destination,
            wanted_version=F("wanted_version") + 1,
            state=row.State.WAITING,
            attempts=0,
            refusals=0,
            next_attempt_at=due,
            waiting_since=since,
        )
        faults.reach("put")
        transaction.on_commit(lambda: self.ring(due))
        return row

    def _lock_or_make(self, key: Any, destination: str) -> Row:
        mine = self._locked().filter(**{self.model.key_field: key})
        row = mine.first()
        if row is None:
            blank = self.model(**{_attname(self.model): key}, destination=destination)
            self._rows().bulk_create([blank], ignore_conflicts=True)
            row = mine.get()
        return row

    def ring(self, due: datetime | None = None) -> None:
        """Have the sweep run when something is due; what is due after the next sweep is left to that. Never raises."""
        wait = 0.0 if due is None else (due - timezone.now()).total_seconds()
        if wait < SWEEP_SECONDS * conf.DELIVERY_TIME_SCALE():
            bell.ring(self.courier.task, countdown=max(0.0, wait))

    # -- taking out ----------------------------------------------------------------------------------------------------

    def claim(self, *, past: set[str] | None = None, limit: int = CLAIM_ROWS) -> Claim | None:
        """
        Lease due rows of one destination, oldest first, and return them; ``None`` when there are none to be had.

        The destination is that of the oldest due row, but for those in ``past``; it is added to them, whether rows were
        to be had there or not.
        """
        past = set() if past is None else past
        while (destination := self._next_destination(past)) is not None:
            past.add(destination)
            if (claim := self._claim_of(destination, limit)) is not None:
                return claim
        return None

    def _next_destination(self, past: set[str]) -> str | None:
        due = self._due(timezone.now()).exclude(destination__in=past).order_by("next_attempt_at", "pk")
        found: str | None = due.values_list("destination", flat=True).first()
        return found

    def _claim_of(self, destination: str, limit: int) -> Claim | None:
        begun = self._clock()
        with transaction.atomic(using=self._database()):
            now = timezone.now()
            if not self.courier.may_send(destination, now):
                return None
            if destination and self._in_flight(destination, now) >= conf.DELIVERY_IN_FLIGHT_PER_DESTINATION():
                return None
            due = self._due(now).filter(destination=destination).order_by("next_attempt_at", "pk")
            found = list(self._lock(due).values_list("pk", "lease_token")[:limit])
            if not found:
                return None
            ids = tuple(pk for pk, _ in found)
            self._mourn([pk for pk, token in found if token is not None], destination)
            seconds = schedule.lease_seconds(len(ids)) * conf.DELIVERY_TIME_SCALE()
            claim = Claim(destination, ids, uuid4(), begun, seconds)
            until = now + timedelta(seconds=seconds)
            self._rows().filter(pk__in=ids).update(lease_token=claim.token, lease_until=until, updated_at=now)
            faults.reach("claim")
        return claim

    def _mourn(self, ids: list[int], destination: str) -> None:
        """Tell the courier of rows whose holder never came back: it may have sent something."""
        if ids and destination:
            for row in self._rows().filter(pk__in=ids):
                self.courier.settled(row, Outcome(schedule.LOST))

    def _in_flight(self, destination: str, now: datetime) -> int:
        live = self._rows().filter(destination=destination, lease_until__gt=now)
        return live.aggregate(tokens=Count("lease_token", distinct=True))["tokens"] or 0

    def deliver(self, claim: Claim, *, should_stop: Callable[[], bool] = lambda: False) -> int:
        """
        Send the rows of a claim one after another; return how many attempts were made.

        The rest of the claim is let go when the lease runs short, the destination may not be sent to any more, an
        attempt was transient, or ``should_stop`` says so: their leases are cleared and nothing else.
        """
        sent = 0
        with self.courier.visiting(claim.destination):
            for position, row_id in enumerate(claim.ids):
                if should_stop() or not self._may_go_on(claim, first=position == 0):
                    break
                row = self._rows().filter(pk=row_id, lease_token=claim.token).first()
                if row is None:
                    continue  # deleted, or no longer ours
                if row.rest_until is not None and row.rest_until > timezone.now():
                    self._let_go([row_id], claim.token)
                    continue
                faults.reach("send")
                outcome = self._send(row)
                sent += 1
                faults.reach("sent")
                self.settle(row, outcome)
                if outcome.kind == schedule.TRANSIENT:
                    break
        self._let_go(claim.ids, claim.token)
        return sent

    def _may_go_on(self, claim: Claim, *, first: bool) -> bool:
        left = claim.seconds - (self._clock() - claim.begun)
        if left < schedule.LEAST_LEASE * conf.DELIVERY_TIME_SCALE():
            return False
        if first:
            return True
        with transaction.atomic(using=self._database()):
            return self.courier.may_send(claim.destination, timezone.now())

    def _send(self, row: Row) -> Outcome:
        try:
            return self.courier.send(row)
        except Exception as error:  # noqa: BLE001  # a row that cannot be built must not stop the others
            log.error("delivery %s broke\n%s", row.pk, privacy.trace_of(error))
            return Outcome(schedule.BROKEN, type(error).__name__, in_doubt=getattr(error, "in_doubt", False))

    def _let_go(self, ids: tuple[int, ...] | list[int], token: UUID) -> None:
        self._rows().filter(pk__in=ids, lease_token=token).update(
            lease_token=None, lease_until=None, updated_at=timezone.now()
        )

    # -- settling ------------------------------------------------------------------------------------------------------

    def settle(self, row: Row, outcome: Outcome) -> None:
        """
        Write down what an attempt came to, if the row is still ours; ``row`` is as it was read before sending.

        Where the lease was lost meanwhile, nothing of the answer counts: the newest is wanted once more, after a rest.
        A row that is gone is none of our business any more.
        """
        with transaction.atomic(using=self._database()):
            current = self._locked().filter(pk=row.pk).first()
            if current is None:
                return
            now = timezone.now()
            if current.lease_token != row.lease_token:
                self._settle_lost(current, now)
                return
            # A former holder came back while this was under way: nobody knows whose message was applied last.
            is_crossed = current.last_outcome == schedule.LOST and current.wanted_version > row.wanted_version
            changes = self._changes(current, row.wanted_version, outcome, now)
            self._write(current, **changes, last_outcome=str(outcome)[:100], lease_token=None, lease_until=None)
            self.courier.settled(current, outcome)
            if is_crossed:
                self.courier.settled(current, Outcome(schedule.LOST))
            faults.reach("settle")
            due = _later(current.next_attempt_at, current.rest_until)
            if current.state == current.State.WAITING and due is not None:
                transaction.on_commit(lambda: self.ring(due))

    def _changes(self, row: Row, version: int, outcome: Outcome, now: datetime) -> dict[str, Any]:
        is_newest = version == row.wanted_version
        if outcome.kind == schedule.DELIVERED:
            if not is_newest:
                return {"sent_version": version, "waiting_since": now}
            return {
                "sent_version": version,
                "state": row.State.DELIVERED,
                "attempts": 0,
                "refusals": 0,
                "next_attempt_at": None,
                "rest_until": None,
                "waiting_since": None,
            }
        if outcome.kind == schedule.MORE:
            return {"next_attempt_at": now}
        changes: dict[str, Any] = {}
        if (seconds := schedule.rest(outcome)) > 0:
            changes["rest_until"] = _later(row.rest_until, now + _scaled(seconds))
        if not is_newest:
            return changes
        attempts, refusals = row.attempts + 1, row.refusals + (outcome.kind == schedule.REFUSED)
        wait = schedule.next_attempt(
            outcome,
            attempts=attempts,
            refusals=refusals,
            was_broken=row.attempts > 0 and row.last_kind == schedule.BROKEN,
            steps=conf.DELIVERY_RETRY_SCHEDULE(),
        )
        changes |= {"attempts": attempts, "refusals": refusals}
        if wait is None:
            return changes | {"state": row.State.PARKED, "next_attempt_at": None}
        return changes | {"next_attempt_at": now + _scaled(wait)}

    def _settle_lost(self, row: Row, now: datetime) -> None:
        log.warning("delivery %s: the lease was lost while it was sent", row.pk)
        if row.state == row.State.PARKED or not row.destination:
            return
        payload = row.payload or self.courier.refill(row)
        if not payload:
            return
        self._write(
            row,
            payload=dict(payload),
            wanted_version=F("wanted_version") + 1,
            state=row.State.WAITING,
            last_outcome=schedule.LOST,
            next_attempt_at=row.next_attempt_at or now,
            waiting_since=row.waiting_since or now,
            rest_until=_later(row.rest_until, now + _scaled(schedule.REST_AFTER_DOUBT)),
        )
        self.courier.settled(row, Outcome(schedule.LOST))

    # -- what staff does -----------------------------------------------------------------------------------------------

    def park(self, key: Any, code: str) -> None:
        """
        Give a delivery up until somebody wants it sent again; its payload is emptied. A second time changes nothing.

        Raises:
            DeliveryNotFound: there is none for this key.
            DeliveryBusy: it is being sent right now.
        """
        with transaction.atomic(using=self._database()):
            row = self._locked().filter(**{self.model.key_field: key}).first()
            if row is None:
                raise DeliveryNotFound
            if row.is_sending:
                raise DeliveryBusy
            self._write(
                row,
                state=row.State.PARKED,
                last_outcome=code[:100],
                payload={},
                next_attempt_at=None,
                lease_token=None,
                lease_until=None,
            )

    def try_now(self, key: Any) -> None:
        """
        Want the same sent again at once, from the first attempt on; a rest still holds.

        Raises:
            DeliveryNotFound: there is none for this key, or nothing to send in it.
        """
        with transaction.atomic(using=self._database()):
            if not self._rows().filter(**{self.model.key_field: key}).exists():
                raise DeliveryNotFound
            row = self.put(key, lambda row: row.payload or self.courier.refill(row))
            if not row.payload:
                raise DeliveryNotFound

    # -- the sweep -----------------------------------------------------------------------------------------------------

    def sweep(self, *, should_stop: Callable[[], bool] = lambda: False) -> int:
        """
        Send whatever is due until nothing is, and empty the payloads of what was delivered; return the attempts made.

        Destinations take turns: none is visited twice while another one waits.
        """
        sent = sum(self.deliver(claim, should_stop=should_stop) for claim in self._claims(should_stop))
        self._empty_delivered()
        return sent

    def _claims(self, should_stop: Callable[[], bool]) -> Iterator[Claim]:
        past: set[str] = set()
        found_any = False
        while not should_stop():
            claim = self.claim(past=past)
            if claim is not None:
                found_any = True
                yield claim
            elif found_any:
                past, found_any = set(), False  # everybody had a turn: begin again with the oldest
            else:
                return

    def _empty_delivered(self) -> None:
        old = timezone.now() - PAYLOAD_KEPT
        self._rows().filter(state=AbstractDelivery.State.DELIVERED, updated_at__lt=old).exclude(payload={}).update(
            payload={}
        )

    def deliver_to(self, destination: str) -> int:
        """Send what is due to one destination now, by an ordinary claim; return the attempts made."""
        claim = self._claim_of(destination, CLAIM_ROWS)
        return 0 if claim is None else self.deliver(claim)

    def oldest_due_at(self) -> datetime | None:
        """Return since when the oldest due row has been waiting for its attempt, or ``None``."""
        found: datetime | None = self._due(timezone.now()).aggregate(oldest=Min("next_attempt_at"))["oldest"]
        return found

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _rows(self) -> QuerySet[Row]:
        return self.model._default_manager.using(self._database())

    def _due(self, now: datetime) -> QuerySet[Row]:
        return self._rows().filter(
            Q(rest_until__isnull=True) | Q(rest_until__lte=now),
            Q(lease_until__isnull=True) | Q(lease_until__lte=now),
            state=AbstractDelivery.State.WAITING,
            next_attempt_at__lte=now,
            wanted_version__gt=F("sent_version"),
        )

    def _locked(self) -> QuerySet[Row]:
        return self._rows().select_for_update()

    def _lock(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        return rows.select_for_update(skip_locked=self._connection().features.has_select_for_update_skip_locked)

    def _write(self, row: Row, **changes: Any) -> None:
        """Write columns of a row whose lock is held; what the database works out is read back."""
        changes["updated_at"] = timezone.now()
        self._rows().filter(pk=row.pk).update(**changes)
        if any(hasattr(value, "resolve_expression") for value in changes.values()):
            row.refresh_from_db()
            return
        for name, value in changes.items():
            setattr(row, name, value)

    def _database(self) -> str:
        return router.db_for_write(self.model)

    def _connection(self) -> Any:
        return connections[self._database()]


def _attname(model: type[AbstractDelivery]) -> str:
    field = model._meta.get_field(model.key_field)
    return str(getattr(field, "attname", model.key_field))


def _scaled(seconds: float) -> timedelta:
    return timedelta(seconds=seconds * conf.DELIVERY_TIME_SCALE())


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)
