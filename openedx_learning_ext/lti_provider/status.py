"""
How sending grades goes, for those who run the site: by campus and service, in words.

Read by the status page, its JSON and the report command. It names no learner, and of a service only the host: the rest
of an address may carry a token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from openedx_learning_ext.core import privacy
from openedx_learning_ext.core.delivery import schedule
from openedx_learning_ext.lti_provider import passback
from openedx_learning_ext.lti_provider.models import LtiConsumer, OutcomeService, ScoreDelivery

if TYPE_CHECKING:
    from opaque_keys.edx.keys import CourseKey

Breaker = Literal["closed", "open", "half_open"]

#: What a person sees.
STATES: Mapping[str, str | Promise] = {
    "waiting": _("waiting"),
    "sending": _("sending"),
    "delivered": _("delivered"),
    "parked": _("parked"),
    passback.FORGOTTEN: _("forgotten"),
}
#: What is counted. A forgotten one counts nowhere.
COUNTED = ("waiting", "sending", "delivered", "parked")

#: What the code of an outcome means. A code that is not here is an HTTP status, or is said by its kind.
WORDS: Mapping[str, str | Promise] = {
    "failure": _("The campus said no."),
    "unsupported": _("The campus said that it takes no grades here."),
    "takes_no_grades": _("Not sent: the campus said that it takes no grades here."),
    "redirect": _("The campus's address redirects elsewhere. Grades are sent to the address as it was given, only."),
    "certificate": _("The campus's certificate does not verify."),
    "no_secret": _("Not sent: the consumer has no key or no secret to sign with."),
    "no_score": _("Not sent: the score could not be computed."),
    "address:form": _("Not sent: the campus's address cannot be sent to."),
    "address:plain_http": _("Not sent: the campus's address is not https, which is not allowed here."),
    "address:host": _("Not sent: the campus's host is not on this site's list of allowed hosts."),
    "address:port": _("Not sent: the campus's address has a port that is not allowed."),
    "address:address": _("Not sent: the campus's host is in a private network, which is not allowed here."),
    "name": _("The name of the campus's host was not found."),
    "not_sent:refused": _("The campus's host refuses connections."),
    "not_sent:unreachable": _("The campus's host cannot be reached."),
    "not_sent:tls": _("No encrypted connection to the campus came about."),
    "not_sent:lost": _("The connection to the campus was lost before anything was sent."),
    "not_sent:closed": _("The campus closed the connection before anything was sent."),
    "not_sent:timeout": _("The campus's host did not accept a connection in time."),
    "not_sent:deadline": _("The campus's host did not accept a connection in time."),
    "in_doubt:timeout": _("The campus did not answer in time; it may have the grade or not."),
    "in_doubt:deadline": _("The campus did not answer in time; it may have the grade or not."),
    "in_doubt:lost": _("The connection was lost before the campus answered; it may have the grade or not."),
    "in_doubt:closed": _("The campus closed the connection before its answer was whole; it may have the grade or not."),
    "in_doubt:unreadable": _("What the campus answered is not HTTP; it may have the grade or not."),
    "400": _("The campus could not read our message (HTTP 400)."),
    "401": _("The campus did not accept our signature (HTTP 401). Do key and secret agree on both sides?"),
    "403": _("The campus forbids it (HTTP 403)."),
    "404": _("There is nothing at the campus's address (HTTP 404)."),
    "405": _("The campus's address takes no messages (HTTP 405)."),
    "410": _("The campus's address is gone (HTTP 410)."),
    "415": _("The campus does not take XML messages at this address (HTTP 415)."),
    "422": _("The campus understood the message and refused it (HTTP 422)."),
    "transient:403": _("The campus asked us to send more slowly (HTTP 403)."),
    "429": _("The campus asked us to send more slowly (HTTP 429)."),
    "500": _("The campus's system failed (HTTP 500)."),
    "502": _("The campus's system is not reached by its own front server (HTTP 502)."),
    "503": _("The campus's system is not available (HTTP 503)."),
    "504": _("The campus's own front server did not get an answer in time; it may have the grade or not (HTTP 504)."),
    "forgotten": _("Given up by staff."),
    "lost": _("The sender was overtaken before it could note the answer; the newest grade is sent once more."),
}
_KIND_WORDS: Mapping[str, str | Promise] = {
    "refused": _("The campus refused the message (HTTP %(code)s)."),
    "transient": _("The campus could not take the message now (HTTP %(code)s)."),
    "unclear": _("The campus answered something that is no answer to a grade (HTTP %(code)s)."),
    "broken": _("This site failed while it made or read the message (%(code)s). The log has the trace."),
}
_CAMPUS_SAID = _("%(sentence)s The campus's words: “%(words)s”")

_ADDRESS = re.compile(r"[^\s@<>()\"']{1,64}+@[^\s@<>()\"']{1,255}+")


def problem_of(row: ScoreDelivery) -> str:
    """
    Return in a sentence what the last attempt came to, with the campus's own words; empty when all is well.

    The id of the result and e-mail addresses in those words are shown as tags.
    """
    if row.last_kind in ("", schedule.DELIVERED):
        return ""
    sentence = _sentence(row.last_outcome)
    if row.last_outcome == passback.FORGOTTEN:
        return sentence if row.state == row.State.PARKED else ""  # wanted again since
    if not row.last_description:
        return sentence
    words = _without_people(row.last_description, row.assignment.lis_result_sourcedid)
    return str(_CAMPUS_SAID) % {"sentence": sentence, "words": words}


def _sentence(outcome: str) -> str:
    kind, _colon, code = outcome.partition(":")
    known = WORDS.get(outcome) or WORDS.get(code)
    return str(known) if known else str(_KIND_WORDS.get(kind, "%(code)s")) % {"code": code or kind}


def _without_people(words: str, sourced_id: str) -> str:
    if sourced_id:
        words = words.replace(sourced_id, f"[{privacy.tag(sourced_id)}]")
    return _ADDRESS.sub(lambda found: f"[{privacy.tag(found.group())}]", words)


def breaker_of(service: OutcomeService, now: datetime) -> Breaker:
    """Tell whether messages go to a service: ``closed`` is yes, ``open`` no, ``half_open`` one to try."""
    if service.open_until is None:
        return "closed"
    return "open" if service.open_until > now else "half_open"


def host_of(service: OutcomeService) -> str:
    """Return the host of a service, empty when its address has none."""
    try:
        return urlsplit(service.lis_outcome_service_url).hostname or ""
    except ValueError:
        return ""


def state_of(row: ScoreDelivery) -> str:
    """Return one of the states that a person sees, or ``forgotten``."""
    if row.state == row.State.PARKED and row.last_outcome == passback.FORGOTTEN:
        return passback.FORGOTTEN
    return "sending" if row.is_sending else row.state


def in_state(state: str, now: datetime) -> Q:
    """Return the condition on deliveries to be in a state that a person sees, or ``forgotten``."""
    match state:
        case "waiting":
            return Q(state=ScoreDelivery.State.WAITING) & (Q(lease_until__isnull=True) | Q(lease_until__lte=now))
        case "sending":
            return Q(state=ScoreDelivery.State.WAITING, lease_until__gt=now)
        case "parked":
            return Q(state=ScoreDelivery.State.PARKED) & ~Q(last_outcome=passback.FORGOTTEN)
        case passback.FORGOTTEN:
            return Q(state=ScoreDelivery.State.PARKED, last_outcome=passback.FORGOTTEN)
    return Q(state=state)


def list_deliveries() -> QuerySet[ScoreDelivery]:
    """Return every mailbox in which something was ever put, newest first, with where it goes; lazy."""
    return (
        ScoreDelivery.objects.filter(wanted_version__gt=0)
        .select_related("assignment__outcome_service__lti_consumer")
        .order_by("-pk")
    )


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One place that takes grades: how many are where, since when the oldest waits, and what went wrong last."""

    service_id: int
    host: str
    is_paused: bool
    takes_no_grades: bool
    breaker: Breaker
    open_until: datetime | None
    held_back_until: datetime | None
    consecutive_failures: int
    counts: Mapping[str, int]
    #: Of what is still tried; ``None`` for nothing.
    oldest_waiting_seconds: int | None
    #: Of what the campus has not got, given up or not, but for what was forgotten.
    oldest_undelivered_seconds: int | None
    last_success_at: datetime | None
    last_error: str
    last_error_code: str


@dataclass(frozen=True, slots=True)
class ConsumerStatus:
    """One campus and its services."""

    consumer_id: int
    name: str
    services: tuple[ServiceStatus, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """How sending grades goes, at a moment."""

    at: datetime
    counts: Mapping[str, int]
    oldest_waiting_seconds: int | None
    oldest_undelivered_seconds: int | None
    consumers: tuple[ConsumerStatus, ...]


def find_status(
    *, consumer_id: int | None = None, course_key: CourseKey | None = None, user_id: int | None = None
) -> Status:
    """Return how sending goes, for one consumer, course or learner if said; always four queries."""
    now = timezone.now()
    rows = ScoreDelivery.objects.filter(wanted_version__gt=0)
    if course_key is not None:
        rows = rows.filter(assignment__course_key=course_key)
    if user_id is not None:
        rows = rows.filter(assignment__user_id=user_id)
    found = {int(group["destination"]): group for group in _groups(rows, now) if group["destination"]}
    errors = _last_errors(rows, found.values())
    consumers = LtiConsumer.objects.order_by("consumer_name")
    services = OutcomeService.objects.order_by("pk")
    if consumer_id is not None:
        consumers, services = consumers.filter(pk=consumer_id), services.filter(lti_consumer_id=consumer_id)
    of_consumer: dict[int, list[ServiceStatus]] = {}
    for service in services:
        status = _service_status(service, found.get(service.pk, {}), errors.get(service.pk), now)
        of_consumer.setdefault(service.lti_consumer_id, []).append(status)
    listed = tuple(
        ConsumerStatus(consumer.pk, consumer.consumer_name, tuple(of_consumer.get(consumer.pk, ())))
        for consumer in consumers
    )
    everything = [service for consumer in listed for service in consumer.services]
    return Status(
        at=now,
        counts={state: sum(service.counts[state] for service in everything) for state in COUNTED},
        oldest_waiting_seconds=_oldest(service.oldest_waiting_seconds for service in everything),
        oldest_undelivered_seconds=_oldest(service.oldest_undelivered_seconds for service in everything),
        consumers=listed,
    )


def _groups(rows: QuerySet[ScoreDelivery], now: datetime) -> Iterable[Mapping[str, Any]]:
    waiting = Q(state=ScoreDelivery.State.WAITING)
    parked = in_state("parked", now)
    return (
        rows.values("destination")
        .order_by("destination")
        .annotate(
            **{state: Count("pk", filter=in_state(state, now)) for state in COUNTED},
            oldest_waiting=Min("waiting_since", filter=waiting),
            oldest_undelivered=Min("waiting_since", filter=waiting | parked),
            last_success=Max("confirmed_at"),
            last_trouble=Max("updated_at", filter=_has_trouble(now)),
        )
    )


def _has_trouble(now: datetime) -> Q:
    is_undelivered = Q(state=ScoreDelivery.State.WAITING) | in_state("parked", now)
    is_well = Q(last_outcome__in=("", passback.FORGOTTEN)) | Q(last_outcome__startswith=schedule.DELIVERED)
    return is_undelivered & ~is_well


def _last_errors(
    rows: QuerySet[ScoreDelivery], groups: Iterable[Mapping[str, Any]]
) -> Mapping[int, ScoreDelivery]:
    """Return the undelivered row of each service that had an error last."""
    moments = {group["last_trouble"] for group in groups if group["last_trouble"] is not None}
    found = rows.filter(_has_trouble(timezone.now()), updated_at__in=moments).select_related("assignment")
    # A moment of one service may be that of an older error of another: the latest wins.
    return {int(row.destination): row for row in found.order_by("updated_at", "pk") if row.destination}


def _service_status(
    service: OutcomeService, group: Mapping[str, Any], trouble: ScoreDelivery | None, now: datetime
) -> ServiceStatus:
    return ServiceStatus(
        service_id=service.pk,
        host=host_of(service),
        is_paused=service.is_paused,
        takes_no_grades=service.takes_no_grades,
        breaker=breaker_of(service, now),
        open_until=service.open_until,
        held_back_until=service.held_back_until,
        consecutive_failures=service.consecutive_failures,
        counts={state: group.get(state, 0) for state in COUNTED},
        oldest_waiting_seconds=seconds_since(group.get("oldest_waiting"), now),
        oldest_undelivered_seconds=seconds_since(group.get("oldest_undelivered"), now),
        last_success_at=group.get("last_success"),
        last_error="" if trouble is None else problem_of(trouble),
        last_error_code="" if trouble is None else trouble.last_outcome,
    )


def seconds_since(moment: datetime | None, now: datetime) -> int | None:
    """Return whole seconds from a moment until now, never less than none."""
    return None if moment is None else max(0, int((now - moment).total_seconds()))


def _oldest(ages: Iterable[int | None]) -> int | None:
    return max((age for age in ages if age is not None), default=None)
