"""Scores go back to the course, by the ``lti`` library; its answers come back in words."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from django.utils.translation import gettext as _
from lti import OutcomeRequest, OutcomeResponse
from requests_oauthlib import OAuth1
from requests_oauthlib.oauth1_auth import SIGNATURE_TYPE_AUTH_HEADER

from openedx_learning_ext.standalone.tool import credentials
from openedx_learning_ext.standalone.tool.launches import Launch, SentMessage

TIMEOUT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Answer:
    """What the course said, and the message that it answered where one got through."""

    words: str
    is_good: bool
    sent: SentMessage | None = None


class PatientOutcomeRequest(OutcomeRequest):
    """The library's message; its own way of sending waits for ever, follows redirects and hides what was sent."""

    def post_outcome_request(self, **kwargs: object) -> OutcomeResponse:
        """Sign and post the message; raises a ``requests`` exception when there is no answer."""
        signer = OAuth1(
            self.consumer_key,
            self.consumer_secret,
            signature_type=SIGNATURE_TYPE_AUTH_HEADER,
            force_include_body=True,
            **kwargs,
        )
        response = _post(
            self.lis_outcome_service_url,
            data=self.generate_request_xml(),
            auth=signer,
            headers={"Content-Type": "application/xml"},
        )
        self.outcome_response = OutcomeResponse.from_post_response(response, response.content)
        return self.outcome_response


def replace_result(launch: Launch, score: float) -> Answer:
    """Report a score from 0 to 1; a second time it replaces the first."""
    return _send(launch, lambda message: message.post_replace_result(score), _("The course accepted the score."))


def read_result(launch: Launch) -> Answer:
    """Ask the course which score it has."""
    return _send(launch, lambda message: message.post_read_result(), _("The course has no score."))


def delete_result(launch: Launch) -> Answer:
    """Take the score back; with none there, nothing changes."""
    return _send(launch, lambda message: message.post_delete_result(), _("The course has forgotten the score."))


def send_again(message: SentMessage) -> Answer:
    """Send a message once more, byte for byte, as somebody would who had overheard it. A good course refuses it."""
    try:
        response = _post(message.url, data=message.body, headers=message.headers)
    except requests.RequestException:
        return _unreachable()
    accepted = _("The course accepted it a second time: it does not notice replays.")
    return _in_words(OutcomeResponse.from_post_response(response, response.content), accepted)


def _post(url: str, **what: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False  # the course is on this computer; a proxy of the environment would not find it
        return session.post(url, **what, timeout=TIMEOUT_SECONDS, allow_redirects=False)


def _send(launch: Launch, post: Callable[[PatientOutcomeRequest], OutcomeResponse], accepted: str) -> Answer:
    message = PatientOutcomeRequest(
        {
            "consumer_key": credentials.KEY,
            "consumer_secret": credentials.secret(),
            "lis_outcome_service_url": launch.told["lis_outcome_service_url"],
            "lis_result_sourcedid": launch.told["lis_result_sourcedid"],
            "message_identifier": uuid.uuid4().hex,
        }
    )
    try:
        response = post(message)
    except requests.RequestException:
        return _unreachable()
    return _in_words(response, accepted)


def _unreachable() -> Answer:
    return Answer(words=_("The course could not be reached."), is_good=False)


def _in_words(response: OutcomeResponse, accepted: str) -> Answer:
    wire = response.post_response.request
    sent = SentMessage(
        url=wire.url,
        body=wire.body if isinstance(wire.body, bytes) else wire.body.encode(),
        headers={name: _text(wire.headers[name]) for name in ("Authorization", "Content-Type")},
    )
    if response.code_major is None:
        words = _("The course answered with status %(status)s and nothing that can be read.")
        return Answer(words=words % {"status": response.response_code}, is_good=False, sent=sent)
    if response.is_success():
        # Of the three answers only that to a question has a score, and only where there is one.
        words = _("The course has this score: %(score)s.") % {"score": response.score} if response.score else accepted
        return Answer(words=words, is_good=True, sent=sent)
    words = _("The course refused it: %(description)s") % {"description": str(response.description or "")}
    return Answer(words=words, is_good=False, sent=sent)


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value
