"""
Basic Outcomes messages (LTI 1.1, section 6): a request's envelope is read, an answer's envelope is built.

Elements are looked up by their exact path from the root, one of each; unknown ones beside them are let be.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from openedx_learning_ext.core.lti import xml
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.core.lti.score import format_score, parse_score

NS = "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"
#: The namespace of an early draft, which an old library still sends.
NS_OLD = "http://www.imsglobal.org/lis/oms1p0/pox"

REPLACE, READ, DELETE = "replaceResult", "readResult", "deleteResult"
_OPERATION_OF = {f"{operation}Request": operation for operation in (REPLACE, READ, DELETE)}

# The stubs do not know that a prefix may be absent.
_DEFAULT_NAMESPACE: dict[Any, str] = {None: NS}

SUCCESS, FAILURE, UNSUPPORTED = "success", "failure", "unsupported"

#: Of anything that was sent, at most so many characters come back in an answer.
ECHO_LIMIT = 256


@dataclass(frozen=True, slots=True)
class OutcomeRequest:
    """What a tool asks: message id, sourcedid, score (``None`` unless one is replaced), the name of the action."""

    message_identifier: str
    sourced_id: str
    score: float | None
    action: str

    @property
    def operation(self) -> str:
        """Return ``replaceResult``, ``readResult`` or ``deleteResult``, or nothing for an action nobody knows."""
        return _OPERATION_OF.get(self.action, "")

    def __repr__(self) -> str:
        """Leave out the sourcedid and the score: they are about a person."""
        return f"<OutcomeRequest {self.operation or 'unknown'}>"


def parse_request(body: str | bytes) -> OutcomeRequest:
    """
    Return what a request's body says. An action nobody knows is answered as it is, without a score.

    Raises:
        LtiError: the body is no such message; the text says what is missing or wrong.
    """
    root = xml.parse(body)
    tag = root.tag
    for namespace in (NS, NS_OLD):
        if tag == f"{{{namespace}}}imsx_POXEnvelopeRequest":
            prefix = f"{{{namespace}}}"
            break
    else:
        prefix = f"{{{NS}}}"
        root = etree.Element("nothing")  # whatever is asked for is missing

    header_info = _find(_find(root, prefix, "imsx_POXHeader"), prefix, "imsx_POXRequestHeaderInfo")
    identifier = _find(header_info, prefix, "imsx_messageIdentifier")
    if identifier is None:
        raise LtiError("Failed to parse imsx_messageIdentifier from XML request body")
    message_identifier = _text(identifier, "imsx_messageIdentifier")

    pox_body = _find(root, prefix, "imsx_POXBody")
    if pox_body is None:
        raise LtiError("Failed to parse imsx_POXBody from XML request body")
    actions = [child for child in pox_body if isinstance(child.tag, str)]
    if not actions:
        raise LtiError("Failed to parse action from XML request body")
    if len(actions) > 1:
        raise LtiError("XML request body has more than one action")
    action_element = actions[0]
    action = action_element.tag.removeprefix(prefix)
    if action.startswith("{"):
        raise LtiError("Failed to parse action from XML request body")

    record = _find(action_element, prefix, "resultRecord")
    sourced_id_element = _find(_find(record, prefix, "sourcedGUID"), prefix, "sourcedId")
    sourced_id = _text(sourced_id_element, "sourcedId") if sourced_id_element is not None else ""
    if not sourced_id:
        raise LtiError("Failed to parse sourcedId from XML request body")

    score = None
    if action == "replaceResultRequest":
        result_score = _find(_find(record, prefix, "result"), prefix, "resultScore")
        text_string = _find(result_score, prefix, "textString")
        if text_string is None:
            raise LtiError("Failed to parse score textString from XML request body")
        score = parse_score(_text(text_string, "textString"))
    return OutcomeRequest(message_identifier, sourced_id, score, action)


def _find(parent: etree._Element | None, prefix: str, name: str) -> etree._Element | None:
    """Return the one child of this name, or ``None``. Two of them are an error: which one would count?"""
    if parent is None:
        return None
    tag = prefix + name
    found = None
    for child in parent:
        if child.tag == tag:
            if found is not None:
                raise LtiError(f"XML request body has more than one {name}")
            found = child
    return found


def _text(element: etree._Element, name: str) -> str:
    """Return the text of a value element. With any node inside, the text would be cut there: an error."""
    if len(element):
        raise LtiError(f"{name} in XML request body has more than text")
    return element.text or ""


@dataclass(frozen=True, slots=True)
class OutcomeReply:
    """
    What a tool is answered.

    ``message_identifier`` is the request's own id or ``"unknown"``; ``operation`` is empty where none was understood;
    ``score`` is the stored score of a read, or ``None`` when there is none. Its repr leaves out what was sent.
    """

    code_major: str
    description: str = field(repr=False)
    message_identifier: str = field(default="unknown", repr=False)
    message_ref: str = field(default="", repr=False)
    operation: str = ""
    score: float | None = field(default=None, repr=False)


def build_reply(reply: OutcomeReply) -> str:
    """Return the envelope of a reply as XML text. Every value is escaped once; ids that were sent are cut."""
    root = deepcopy(_EMPTY_REPLY)
    header, body = root[0][0], root[1]
    _, identifier, status = header
    code_major, _, description, message_ref, operation_ref = status
    identifier.text = echo(reply.message_identifier)
    code_major.text = reply.code_major
    description.text = reply.description
    message_ref.text = echo(reply.message_ref)
    operation_ref.text = reply.operation
    if reply.code_major == SUCCESS:
        response = _add(body, f"{reply.operation}Response")
        if reply.operation == READ:
            result_score = _add(_add(response, "result"), "resultScore")
            _add(result_score, "language", "en")
            _add(result_score, "textString", "" if reply.score is None else format_score(reply.score))
    xml_text: str = etree.tostring(root, encoding="unicode")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml_text


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NS}}}{name}")
    child.text = text
    return child


def _build_empty_reply() -> etree._Element:
    root = etree.Element(f"{{{NS}}}imsx_POXEnvelopeResponse", nsmap=_DEFAULT_NAMESPACE)
    header = _add(_add(root, "imsx_POXHeader"), "imsx_POXResponseHeaderInfo")
    _add(header, "imsx_version", "V1.0")
    _add(header, "imsx_messageIdentifier")
    status = _add(header, "imsx_statusInfo")
    _add(status, "imsx_codeMajor")
    _add(status, "imsx_severity", "status")
    for name in ("imsx_description", "imsx_messageRefIdentifier", "imsx_operationRefIdentifier"):
        _add(status, name)
    _add(root, "imsx_POXBody")
    return root


# Every reply is a copy of this with its values filled in: copying is faster than building.
_EMPTY_REPLY = _build_empty_reply()


def build_replace_result(*, sourced_id: str, score: float, message_identifier: str) -> str:
    """
    Return a ``replaceResult`` request as XML text; the score is written as a plain decimal, clamped to 0 to 1.

    Raises:
        ValueError: the sourcedid has a character that XML cannot carry, or the score is NaN.
    """
    root = etree.Element(f"{{{NS}}}imsx_POXEnvelopeRequest", nsmap=_DEFAULT_NAMESPACE)
    header = _add(_add(root, "imsx_POXHeader"), "imsx_POXRequestHeaderInfo")
    _add(header, "imsx_version", "V1.0")
    _add(header, "imsx_messageIdentifier", message_identifier)
    record = _add(_add(_add(root, "imsx_POXBody"), "replaceResultRequest"), "resultRecord")
    _add(_add(record, "sourcedGUID"), "sourcedId", sourced_id)
    result_score = _add(_add(record, "result"), "resultScore")
    _add(result_score, "language", "en")
    _add(result_score, "textString", format_score(score))
    xml_text: str = etree.tostring(root, encoding="unicode")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml_text


@dataclass(frozen=True, slots=True)
class OutcomeAnswer:
    """What another side answered: its ``imsx_codeMajor``, trimmed and in lower case, and its description."""

    code_major: str
    description: str = field(default="", repr=False)


def read_answer(body: str | bytes) -> OutcomeAnswer | None:
    """
    Return what an answer says, or ``None`` where it has no ``imsx_codeMajor``, or more than one.

    Elements are found by their local names in any namespace: campuses use old ones, prefixes and none.

    Raises:
        LtiError: the body is no XML that we read.
    """
    root = xml.parse(body)
    codes = [element for element in root.iter("{*}imsx_codeMajor") if not len(element)]
    if len(codes) != 1:
        return None
    descriptions = [element.text or "" for element in root.iter("{*}imsx_description")]
    return OutcomeAnswer((codes[0].text or "").strip().lower(), descriptions[0].strip() if descriptions else "")


_FORBIDDEN_IN_XML = {
    **dict.fromkeys((code for code in range(32) if code not in (9, 10, 13)), "\ufffd"),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
    0xFFFE: "\ufffd",
    0xFFFF: "\ufffd",
}


def echo(sent: str | bytes) -> str:
    """Return the first 256 characters of something that was sent, with what XML cannot carry replaced."""
    text = sent[: ECHO_LIMIT * 4].decode("utf-8", "replace") if isinstance(sent, bytes) else sent
    return text[:ECHO_LIMIT].translate(_FORBIDDEN_IN_XML)
