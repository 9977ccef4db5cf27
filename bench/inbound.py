"""An inbound outcome message: ours against the two functions, and the handler, of the LTI XBlock."""

from __future__ import annotations

import contextlib
import itertools
from types import SimpleNamespace

from bench.measure import Side, compare

URL = "https://lms.example.org/courses/course-v1:OpenedX+Demo+2026/outcomes/{:016x}/"
#: So many places take turns: a busy site, of which nobody may remember but what fits into a cache.
PLACES = 200
KEY, SECRET = "key-1", "a secret of an ordinary length"
SOURCED_ID = "course-v1%3AOpenedX%2BDemo%2B2026:lms.example.org-5f1c09e2a7b34d60:0123456789abcdef0123456789abcdef"
BYTES = 700


def _message() -> bytes:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<imsx_POXEnvelopeRequest xmlns="http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"><imsx_POXHeader>'
        "<imsx_POXRequestHeaderInfo><imsx_version>V1.0</imsx_version><imsx_messageIdentifier>*</imsx_messageIdentifier>"
        "</imsx_POXRequestHeaderInfo></imsx_POXHeader><imsx_POXBody><replaceResultRequest><resultRecord><sourcedGUID>"
        f"<sourcedId>{SOURCED_ID}</sourcedId></sourcedGUID><result><resultScore><language>en</language>"
        "<textString>0.85</textString></resultScore></result></resultRecord></replaceResultRequest></imsx_POXBody>"
        "</imsx_POXEnvelopeRequest>"
    )
    return text.replace("*", "m" * (BYTES - len(text) + 1)).encode()


def _requests() -> list[SimpleNamespace]:
    from oauthlib.oauth1 import Client

    body = _message()
    assert len(body) == BYTES
    content_type = "application/xml"
    made = []
    for place in range(PLACES):
        url = URL.format(place)
        _, headers, _ = Client(KEY, client_secret=SECRET).sign(
            url, http_method="POST", body=body, headers={"Content-Type": content_type}
        )
        made.append(SimpleNamespace(body=body, method="POST", url=url, headers=headers, content_type=content_type))
    return made


class Block:
    """As much of an LTI XBlock as both handlers ask for; keeps its score in memory."""

    accept_grades_past_due = True
    lti_provider_key_secret = (KEY, SECRET)
    user_id = 1
    id = 1

    def __init__(self, url: str) -> None:
        self.outcome_service_url = url
        self.user = SimpleNamespace(is_active=True)
        self.runtime = SimpleNamespace(get_real_user=self.get_lti_1p1_user_from_user_id)
        self.score: float | None = None

    def atomic(self) -> contextlib.AbstractContextManager[None]:
        """There is no database here."""
        return contextlib.nullcontext()

    def is_past_due(self) -> bool:
        return False

    def get_lti_consumer(self) -> SimpleNamespace:
        return SimpleNamespace(oauth_secret=SECRET)

    def get_lti_1p1_user_from_user_id(self, user_id: str) -> SimpleNamespace:
        return self.user

    def max_score(self) -> float:
        return 10.0

    def set_user_module_score(self, user: object, score: float, max_score: float, comment: str = "") -> None:
        self.score = score * max_score


def parse_and_verify() -> list[Side]:
    """Compare reading and verifying one signed message of 700 bytes."""
    from lti_consumer import outcomes as their_outcomes
    from lti_consumer.lti_1p1 import oauth as their_oauth

    from openedx_learning_ext.lti_consumer.oauth import verify_oauth_body_signature
    from openedx_learning_ext.lti_consumer.outcomes import parse_grade_xml_body

    for_us, for_them = (itertools.cycle(_requests()) for _ in range(2))

    def ours() -> None:
        request = next(for_us)
        parse_grade_xml_body(request.body)
        verify_oauth_body_signature(request, SECRET, request.url)

    def theirs() -> None:
        request = next(for_them)
        their_outcomes.parse_grade_xml_body(request.body)
        their_oauth.verify_oauth_body_signature(request, SECRET, request.url)

    return compare(ours=ours, theirs=theirs)


def whole_handler() -> list[Side]:
    """Compare the whole handler on the same message, with the score kept in memory."""
    from lti_consumer import outcomes as their_outcomes

    from openedx_learning_ext.lti_consumer.outcomes import OutcomeService

    requests = _requests()
    blocks = [Block(request.url) for request in requests]
    for service in (OutcomeService, their_outcomes.OutcomeService):
        blocks[0].score = None
        assert "<imsx_codeMajor>success</imsx_codeMajor>" in service(blocks[0]).handle_request(requests[0])
        assert blocks[0].score == 8.5
    for_us, for_them = (itertools.cycle(list(zip(requests, blocks, strict=True))) for _ in range(2))

    def ours() -> None:
        request, block = next(for_us)
        OutcomeService(block).handle_request(request)

    def theirs() -> None:
        request, block = next(for_them)
        their_outcomes.OutcomeService(block).handle_request(request)

    return compare(ours=ours, theirs=theirs)
