"""
The one hardened XML parser (no other module of the package parses XML).

It runs before the sender is known, so its limits hold for strangers: 64 KiB, UTF-8 whatever the declaration says, no
DOCTYPE and so no entities, no network, no repairs, at most 200 elements, 16 levels and 8 KiB a text.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any

from lxml import etree

from openedx_learning_ext.core.lti.errors import LtiError

NOT_XML = "Body is not valid XML"
TOO_LARGE = "the message is too large"
HAS_DOCTYPE = "a document type declaration is not allowed"
TOO_MANY_ELEMENTS = "the message has too many elements"
TOO_DEEP = "the message is nested too deeply"
TEXT_TOO_LONG = "a text of the message is too long"


@dataclass(frozen=True, slots=True)
class XmlLimits:
    """How much a document may be: bytes, elements, levels, characters of one text."""

    max_bytes: int = 64 * 1024
    max_elements: int = 200
    max_depth: int = 16
    max_text: int = 8 * 1024


DEFAULT_LIMITS = XmlLimits()

# What may stand before a DOCTYPE: the declaration and other instructions, comments, blanks.
_BLANKS = re.compile(r"[ \t\r\n]*")

_DECLARATION_BEGINS = re.compile(rb"<\?xml[ \t\r\n]")
_DECLARATION = re.compile(rb"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.[0-9]+"|'1\.[0-9]+')""")

_SAFE = {
    "encoding": "utf-8",
    "recover": False,
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "huge_tree": False,
}


class _PerThread(threading.local):
    """A parser is not safe to share between threads, and costs more to make than to use."""

    def __init__(self) -> None:
        self.parser = etree.XMLParser(**_SAFE)  # type: ignore[arg-type]


_per_thread = _PerThread()


def parse(body: str | bytes, limits: XmlLimits = DEFAULT_LIMITS) -> etree._Element:
    """
    Return the root element of a document; blanks around it are stripped.

    The document is parsed once. Nothing but the bytes given is read, and no element beyond the limits is built.

    Raises:
        LtiError: not well-formed, not UTF-8, with a DOCTYPE, or beyond a limit.
    """
    data = _as_utf8(body, limits)
    # A document of so few angle brackets cannot have too many elements; nearly all real messages are among them.
    if data.count(b"<") <= limits.max_elements:
        root = _parse_plainly(data)
        # Nor is one of so few end tags too deep (the innermost element may do without).
        if data.count(b"</") >= limits.max_depth:
            _check_depth(root, limits)
        if len(data) > limits.max_text:
            _check_texts(root, limits)
        return root
    return _parse_guarded(data, limits)


def _as_utf8(body: str | bytes, limits: XmlLimits) -> bytes:
    if len(body) > limits.max_bytes:
        raise LtiError(TOO_LARGE)
    try:
        if isinstance(body, str):
            data = body.removeprefix("\ufeff").strip(" \t\r\n").encode("utf-8")
            if len(data) > limits.max_bytes:
                raise LtiError(TOO_LARGE)
        else:
            body.decode("utf-8")
            data = body.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    except UnicodeError:
        raise LtiError(f"{NOT_XML}: it is not UTF-8") from None
    if not data:
        raise LtiError(NOT_XML)
    if _DECLARATION_BEGINS.match(data) and not _DECLARATION.match(data):
        raise LtiError(NOT_XML)  # the parser would let any version pass
    if b"<!DOCTYPE" in data and _has_doctype(data.decode("utf-8")):
        raise LtiError(HAS_DOCTYPE)
    return data


def _has_doctype(text: str) -> bool:
    """Tell a DOCTYPE before the root element from the same letters in a comment or a text."""
    at = 0
    while True:
        at = _blanks_end(text, at)
        if text.startswith("<?", at):
            end, width = text.find("?>", at + 2), 2
        elif text.startswith("<!--", at):
            end, width = text.find("-->", at + 4), 3
        else:
            return text.startswith("<!DOCTYPE", at)
        if end < 0:
            return False
        at = end + width


def _blanks_end(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _reason(error: etree.XMLSyntaxError | ValueError | LookupError) -> str:
    return " ".join(str(getattr(error, "msg", None) or error).split()) or NOT_XML


def _parse_plainly(data: bytes) -> etree._Element:
    try:
        root = etree.fromstring(data, _per_thread.parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise LtiError(_reason(error)) from None
    if root is None:
        raise LtiError(NOT_XML)
    return root


def _check_depth(root: etree._Element, limits: XmlLimits) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > limits.max_depth:
            raise LtiError(TOO_DEEP)
        level = [child for node in level for child in node if isinstance(child.tag, str)]


def _check_texts(root: etree._Element, limits: XmlLimits) -> None:
    for node in root.iter():
        texts = (node.text, node.tail, *(node.attrib.values() if isinstance(node.tag, str) else ()))
        if any(text is not None and len(text) > limits.max_text for text in texts):
            raise LtiError(TEXT_TOO_LONG)


class _GuardedBuilder:
    """Builds the tree, and stops before the element that would be one too many."""

    def __init__(self, limits: XmlLimits) -> None:
        self._limits = limits
        self._builder = etree.TreeBuilder(insert_comments=True, insert_pis=True)
        self._elements = 0
        self._depth = 0
        self._text = 0
        self.refusal: LtiError | None = None

    def _refuse(self, reason: str) -> None:
        # lxml calls close() after an error of ours and answers with what that one raises: remember the first.
        self.refusal = self.refusal or LtiError(reason)
        raise self.refusal

    def start(self, tag: str, attrib: Any, nsmap: Any) -> Any:
        self._text = 0
        self._elements += 1
        self._depth += 1
        if self._elements > self._limits.max_elements:
            self._refuse(TOO_MANY_ELEMENTS)
        if self._depth > self._limits.max_depth:
            self._refuse(TOO_DEEP)
        if any(len(value) > self._limits.max_text for value in attrib.values()):
            self._refuse(TEXT_TOO_LONG)
        prefixes = {prefix or None: uri for prefix, uri in nsmap.items()}
        return self._builder.start(tag, attrib, prefixes)  # type: ignore[call-arg]  # the stubs know two of three

    def end(self, tag: str) -> Any:
        self._text = 0
        self._depth -= 1
        return self._builder.end(tag)

    def data(self, data: str) -> None:
        self._text += len(data)
        if self._text > self._limits.max_text:
            self._refuse(TEXT_TOO_LONG)
        self._builder.data(data)

    def comment(self, text: str) -> Any:
        self._text = 0
        return self._builder.comment(text)

    def pi(self, target: str, data: str | None = None) -> Any:
        self._text = 0
        return self._builder.pi(target, data)

    def close(self) -> Any:
        # Of an unfinished tree the parser has the better words.
        return self._builder.close() if self._elements and not self._depth else None


def _parse_guarded(data: bytes, limits: XmlLimits) -> etree._Element:
    builder = _GuardedBuilder(limits)
    parser = etree.XMLParser(target=builder, **_SAFE)  # type: ignore[arg-type]
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise builder.refusal or LtiError(_reason(error)) from None
    if root is None:
        raise LtiError(NOT_XML)
    return root
