"""
A grade on its way to a campus: the message, the signed post, and what the answer means (LTI 1.1, section 6).

What an answer means is decided here and nowhere else: delivery gets an ``Outcome`` and knows no LTI.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Protocol

import requests

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.delivery import http, schedule
from openedx_learning_ext.core.delivery.schedule import Outcome
from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.core.lti import outcomes as messages
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer

CONTENT_TYPE = "application/xml"  # with a charset some campuses answer 415
AFTER_429 = 60.0
DESCRIPTION_LENGTH = 500

_RATE_LIMITED = re.compile(rb"rate limit exceeded", re.IGNORECASE)
_TRANSIENT = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.GATEWAY_TIMEOUT}
)


class NoSecret(Exception):
    """The consumer has no key or no secret to sign with."""


class Answer(Protocol):
    """What is asked of an answer: status, header fields by lower-case name, body."""

    @property
    def status(self) -> int:
        """Return the status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the header fields."""

    @property
    def body(self) -> bytes:
        """Return the body as it was sent."""

    @property
    def truncated(self) -> bool:
        """Tell whether there was more than was read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer means, and what staff is shown of it."""

    outcome: Outcome
    status: int | None = None
    code_major: str = ""
    description: str = field(default="", repr=False)
    is_unconfirmed: bool = False


def generate_replace_result_xml(result_sourcedid: str, score: float) -> str:
    """
    Return the message that replaces a result, with a fresh message id; the score is clamped to 0 to 1. No I/O.

    Raises:
        ValueError: the sourcedid has a character that XML cannot carry, or the score is NaN.
    """
    return messages.build_replace_result(
        sourced_id=result_sourcedid, score=score, message_identifier=str(uuid.uuid4())
    )


def open_door() -> http.Door:
    """Return a door for scores, with the platform's own limits for them."""
    timeout = conf.LTI_OUTCOME_SERVICE_TIMEOUT()
    return http.Door(
        allow_http=conf.LTI_OUTCOME_SERVICE_ALLOW_HTTP(),
        allowed_hosts=conf.LTI_OUTCOME_SERVICE_ALLOWED_HOSTS(),
        read_seconds=http.READ_SECONDS if timeout is None else timeout,
    )


def post(assignment: GradedAssignment, xml: str, door: http.Door) -> http.Answer:
    """
    Sign a message anew and post it to where the assignment's campus takes grades; return the answer.

    Raises:
        NoSecret: there is nothing to sign with; no connection is made.
        AddressForbidden, NameNotResolved, CertificateInvalid, NotSent, InDoubt: as ``Door.post`` says.
    """
    service = assignment.outcome_service
    key, secret = _key_and_secret(service.lti_consumer)
    body, url = xml.encode(), service.lis_outcome_service_url
    header = oauth.sign_body(url=url, body=body, key=key, secret=secret)
    return door.post(url, body=body, headers={"Content-Type": CONTENT_TYPE, "Authorization": header})


def _key_and_secret(consumer: LtiConsumer) -> tuple[str, str]:
    if not consumer.consumer_key or not consumer.consumer_secret:
        raise NoSecret
    return consumer.consumer_key, consumer.consumer_secret


# -- what an answer means ----------------------------------------------------------------------------------------------


def read(answer: Answer, *, now: datetime | None = None) -> Reading:
    """Return what an answer means: transient statuses first, then 3xx, then what its envelope says, then the rest."""
    status = answer.status
    if status in _TRANSIENT or status >= 500 or (status == HTTPStatus.FORBIDDEN and _RATE_LIMITED.search(answer.body)):
        retry_after = _retry_after(answer.headers.get("retry-after"), now or datetime.now(UTC))
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            retry_after = max(AFTER_429, retry_after or 0.0)
        in_doubt = status == HTTPStatus.GATEWAY_TIMEOUT
        return Reading(Outcome(schedule.TRANSIENT, str(status), retry_after=retry_after, in_doubt=in_doubt), status)
    if 300 <= status < 400:
        return Reading(Outcome(schedule.REFUSED, "redirect"), status)
    is_good = 200 <= status < 300
    if is_good and not answer.body.strip() and not answer.truncated:
        return Reading(Outcome(schedule.DELIVERED, "empty"), status, is_unconfirmed=True)
    found = _envelope(answer)
    if found is None:
        return Reading(Outcome(schedule.UNCLEAR if is_good else schedule.REFUSED, str(status)), status)
    code, description = found.code_major, found.description[:DESCRIPTION_LENGTH]
    return Reading(
        _outcome_of(code, status, is_good), status, code[:20], description, is_unconfirmed=code == "processing"
    )


def _envelope(answer: Answer) -> messages.OutcomeAnswer | None:
    if answer.truncated:
        return None
    try:
        return messages.read_answer(answer.body)
    except LtiError:
        return None


def _outcome_of(code: str, status: int, is_good: bool) -> Outcome:
    if code in ("success", "processing"):
        return Outcome(schedule.DELIVERED, code) if is_good else Outcome(schedule.REFUSED, str(status))
    if code == "failure":
        return Outcome(schedule.REFUSED, "failure")
    if code == "unsupported":
        return Outcome(schedule.UNSUPPORTED, "unsupported")
    return Outcome(schedule.UNCLEAR if is_good else schedule.REFUSED, str(status))


def read_error(error: Exception) -> Reading | None:
    """Return what it means that no answer came, or ``None`` for an error that is not about the exchange."""
    if isinstance(error, NoSecret):
        return Reading(Outcome(schedule.REFUSED, "no_secret"))
    if isinstance(error, http.AddressForbidden):
        return Reading(Outcome(schedule.REFUSED, f"address:{error.reason}"))
    if isinstance(error, http.CertificateInvalid):
        return Reading(Outcome(schedule.REFUSED, "certificate"))
    if isinstance(error, http.NameNotResolved):
        return Reading(Outcome(schedule.TRANSIENT, "name"))
    if isinstance(error, http.NotSent):
        # A connection that was not to be had in time is a time-out like any other.
        is_time_out = error.reason in ("timeout", "deadline")
        return Reading(Outcome(schedule.TRANSIENT, f"not_sent:{error.reason}", in_doubt=is_time_out))
    if isinstance(error, http.InDoubt):
        return Reading(Outcome(schedule.TRANSIENT, f"in_doubt:{error.reason}", in_doubt=True))
    return None


def _retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds that were asked for, by number or by date (RFC 9110, section 10.2.3)."""
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


# -- the specification's functions -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as users of the specification's functions know one. It is true whatever its status."""

    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    is_whole: bool = True


class NotDelivered(requests.RequestException):
    """The message did not reach the campus, or it is not known whether it did; the text is a code."""


def sign_and_send_replace_result(assignment: GradedAssignment, xml: str) -> Response:
    """
    Sign a message with the key and secret of the assignment's consumer, post it, and return the answer.

    Each call signs anew and sends once more. Redirects are not followed; at most 64 KiB of the answer are read.

    Raises:
        NotDelivered: a ``requests.RequestException``: no answer came, or the address may not be sent to.
    """
    with open_door() as door:
        try:
            answer = post(assignment, xml, door)
        except Exception as error:
            reading = read_error(error)
            if reading is None:
                raise
            raise NotDelivered(str(reading.outcome)) from None
    return Response(
        answer.status, answer.headers, answer.body.decode("utf-8", "replace"), is_whole=not answer.truncated
    )


@dataclass(frozen=True, slots=True)
class _AsAnswer:
    """A response of the specification's functions, as the reader of answers wants it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool


def check_replace_result_response(response: Response | requests.Response | None) -> bool:
    """Tell whether an answer says that the campus has the score (also when it took it without a word)."""
    if response is None:
        return False
    headers = {name.lower(): value for name, value in response.headers.items()}
    whole = getattr(response, "is_whole", True)
    answer = _AsAnswer(response.status_code, headers, response.text.encode("utf-8", "replace"), truncated=not whole)
    return read(answer).outcome.kind == schedule.DELIVERED
