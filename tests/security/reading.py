"""
A second reader of outcome messages, on another XML library and with arithmetic of its own.

Written from the rules, not from the code: what it accepts, and only that, the outcomes service may accept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from xml.parsers import expat

NAMESPACES = (
    "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0",
    "http://www.imsglobal.org/lis/oms1p0/pox",
)
MAX_BYTES, MAX_ELEMENTS, MAX_DEPTH, MAX_TEXT = 64 * 1024, 200, 16, 8 * 1024
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)


# What the fifth edition of XML 1.0 lets a name begin with, beyond ASCII. expat stayed with the fourth.
_NAME_START = re.compile(
    "[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff]"
)
_TAG = re.compile("<[^>]*>")
_PLAIN_NAMESPACE = re.compile("[A-Za-z0-9:/._-]*")


class Refused(Exception):
    """Not a message that may be accepted."""


@dataclass
class _Node:
    tag: str
    children: list = field(default_factory=list)
    text: str = ""
    is_plain: bool = True  # nothing but text inside


class _Reader:
    def __init__(self):
        self.parser = parser = expat.ParserCreate("UTF-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text
        parser.CommentHandler = self.other
        parser.ProcessingInstructionHandler = self.other
        parser.StartDoctypeDeclHandler = self.doctype
        parser.XmlDeclHandler = self.declaration
        parser.StartNamespaceDeclHandler = self.namespace
        self.path, self.root, self.elements, self.run = [], None, 0, 0
        self.is_odd = False

    def start(self, tag, attributes):
        self.elements, self.run = self.elements + 1, 0
        node = _Node(tag)
        if self.path:
            self.path[-1].children.append(node)
            self.path[-1].is_plain = False
        else:
            self.root = node
        self.path.append(node)
        if self.elements > MAX_ELEMENTS or len(self.path) > MAX_DEPTH:
            raise Refused
        if any(len(value) > MAX_TEXT for value in attributes.values()):
            raise Refused

    def end(self, tag):
        self.path.pop()
        self.run = 0

    def text(self, data):
        self.run += len(data)
        if self.run > MAX_TEXT:
            raise Refused
        self.path[-1].text += data

    def other(self, *said):
        self.run = 0
        if self.path:
            self.path[-1].is_plain = False

    def doctype(self, *said):
        raise Refused

    def namespace(self, prefix, uri):
        self.is_odd = self.is_odd or not _PLAIN_NAMESPACE.fullmatch(uri or "")

    def declaration(self, version, encoding, standalone):
        if not re.fullmatch("1[.][0-9]+", version):
            raise Refused


def _tree(body):
    if len(body) > MAX_BYTES:
        raise Refused
    try:
        text = body.decode("utf-8").removeprefix("\ufeff").strip(" \t\r\n")
    except UnicodeDecodeError:
        raise Refused from None
    for attempt in (text, _with_older_names(text)):
        reader = _Reader()
        try:
            reader.parser.Parse(attempt.encode(), True)
        except expat.ExpatError:
            continue
        return reader
    raise Refused


def _with_older_names(text):
    """Answer the text with every letter that only newer names know replaced, inside tags, by one that old ones know."""

    def letter(found):
        return chr(0x4E00 + ord(found[0]) % 0x5000)

    return _TAG.sub(lambda tag: _NAME_START.sub(letter, tag[0]), text)


def _one(node, *names):
    namespace = node.tag.rpartition(" ")[0]
    for name in names:
        found = [child for child in node.children if child.tag == f"{namespace} {name}"]
        if len(found) != 1:
            raise Refused
        node = found[0]
    return node


def _value(node):
    if not node.is_plain:
        raise Refused
    return node.text


def read_score(text):
    """Answer the score that a text says; ``Refused`` when it says none from 0 to 1."""
    trimmed = text.strip(" \t\r\n")
    if not NUMBER.fullmatch(trimmed):
        raise Refused
    exact = Fraction(trimmed)
    if not 0 <= exact <= 1:
        raise Refused
    return float(exact)


def read_message(body):
    """Answer (action, sourcedid, score) of a message, the score ``None`` unless replaced; ``None`` for a refusal."""
    try:
        root = _tree(body).root
        namespace, _, name = root.tag.rpartition(" ")
        if namespace not in NAMESPACES or name != "imsx_POXEnvelopeRequest":
            raise Refused
        _value(_one(root, "imsx_POXHeader", "imsx_POXRequestHeaderInfo", "imsx_messageIdentifier"))
        inside = _one(root, "imsx_POXBody").children
        if len(inside) != 1 or inside[0].tag.rpartition(" ")[0] != namespace:
            raise Refused
        action = inside[0]
        record = _one(action, "resultRecord")
        sourced_id = _value(_one(record, "sourcedGUID", "sourcedId"))
        if not sourced_id:
            raise Refused
        operation = action.tag.rpartition(" ")[2]
        score = None
        if operation == "replaceResultRequest":
            score = read_score(_value(_one(record, "result", "resultScore", "textString")))
        return operation, sourced_id, score
    except Refused:
        return None


def has_odd_namespace(body):
    """Tell whether a readable document names a namespace that is hardly a URI. XML lets it be; libxml2 is stricter."""
    try:
        return _tree(body).is_odd
    except Refused:
        return False
