"""A tool's side of the outcomes service: its messages, signed by oauthlib, so that no error of ours cancels out."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4
from xml.sax.saxutils import escape

from lxml import etree
from oauthlib.oauth1 import Client

from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.launch import make_sourced_id

NS = "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"
NS_OLD = "http://www.imsglobal.org/lis/oms1p0/pox"


def outcome_body(
    sourced_id="c:rl:u",
    *,
    action="replaceResult",
    score="0.5",
    message_id="m-1",
    namespace=NS,
) -> bytes:
    """Return an outcome message; ``score=None`` leaves the result out."""
    result = ""
    if score is not None and action == "replaceResult":
        text = f"<language>en</language><textString>{escape(score)}</textString>"
        result = f"<result><resultScore>{text}</resultScore></result>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<imsx_POXEnvelopeRequest xmlns="{namespace}"><imsx_POXHeader><imsx_POXRequestHeaderInfo>'
        f"<imsx_version>V1.0</imsx_version><imsx_messageIdentifier>{escape(message_id)}</imsx_messageIdentifier>"
        "</imsx_POXRequestHeaderInfo></imsx_POXHeader><imsx_POXBody>"
        f"<{action}Request><resultRecord><sourcedGUID><sourcedId>{escape(sourced_id)}</sourcedId></sourcedGUID>"
        f"{result}</resultRecord></{action}Request></imsx_POXBody></imsx_POXEnvelopeRequest>"
    ).encode()


def authorization(
    url,
    body,
    *,
    key="key-1",
    secret="s3cr&t/+",
    method="POST",
    nonce=None,
    timestamp=None,
    signature_method="HMAC-SHA1",
) -> str:
    """Return the ``Authorization`` header with which oauthlib signs a message, body hash included."""
    client = Client(
        key,
        client_secret=secret,
        signature_method=signature_method,
        nonce=nonce or uuid4().hex,
        timestamp=None if timestamp is None else str(timestamp),
    )
    _, headers, _ = client.sign(url, http_method=method, body=body, headers={"Content-Type": "application/xml"})
    return headers["Authorization"]


@dataclass
class Request:
    """What ``OutcomeService.handle_request`` asks of a request."""

    body: bytes
    url: str
    method: str = "POST"
    headers: dict = field(default_factory=dict)


def signed_request(body, *, url="https://lms.example.org/outcomes/1", **signing) -> Request:
    """Return a request whose header signs this body for this URL."""
    return Request(body, url, headers={"Authorization": authorization(url, body, **signing)})


@dataclass(frozen=True)
class Reply:
    """The parts of a reply that a tool reads."""

    code: str
    description: str
    message_id: str
    ref: str
    operation: str
    severity: str
    body_tags: tuple
    score: str | None


def read_reply(text) -> Reply:
    """Read a reply strictly, as a tool with a good XML parser would."""
    root = etree.fromstring(text.encode() if isinstance(text, str) else text)
    assert root.tag == f"{{{NS}}}imsx_POXEnvelopeResponse"
    assert root.nsmap == {None: NS}

    def value(name):
        (found,) = root.iter(f"{{{NS}}}{name}")
        return found.text or ""

    (body,) = root.iter(f"{{{NS}}}imsx_POXBody")
    scores = list(body.iter(f"{{{NS}}}textString"))
    return Reply(
        code=value("imsx_codeMajor"),
        description=value("imsx_description"),
        message_id=value("imsx_messageIdentifier"),
        ref=value("imsx_messageRefIdentifier"),
        operation=value("imsx_operationRefIdentifier"),
        severity=value("imsx_severity"),
        body_tags=tuple(etree.QName(child).localname for child in body),
        score=(scores[0].text or "") if scores else None,
    )


def sourced_id_of(user, placement) -> str:
    """Return the sourcedid that a launch of this person would carry."""
    anonymous_id = get_host().identity.anonymous_id(user, placement.course_key)
    return make_sourced_id(str(placement.course_key), placement.resource_link_id, anonymous_id)


def outcome_url_of(placement, *, base="http://testserver") -> str:
    """Return the outcome service URL of a placement under the test client's host."""
    return base + api.outcome_path(placement)


def post_outcome(client, placement, body, *, header=None, **signing):
    """Post a message, signed unless a header is given; answer Django's response."""
    url = outcome_url_of(placement)
    if header is None:
        header = authorization(url, body, **signing)
    extra = {"HTTP_AUTHORIZATION": header} if header else {}
    return client.post(api.outcome_path(placement), data=body, content_type="application/xml", **extra)


def send(client, placement, user, *, action="replaceResult", score="0.5", message_id="m-1", **signing) -> Reply:
    """Post a rightly signed message about a person and answer the reply."""
    body = outcome_body(sourced_id_of(user, placement), action=action, score=score, message_id=message_id)
    response = post_outcome(client, placement, body, **signing)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/xml"
    return read_reply(response.content)
