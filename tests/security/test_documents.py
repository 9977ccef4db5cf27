"""S1 and S2: rightly signed bodies that are not quite messages, and what a second reader says of them."""

from __future__ import annotations

import contextlib
from urllib.parse import unquote

import pytest
from hypothesis import strategies

from tests.doubles.toolside import NS, NS_OLD, outcome_body
from tests.security.reading import NAMESPACES, has_odd_namespace, read_message
from tests.security.support import hold, numbers
from tests.security.watching import Trap, python_openings

pytestmark = pytest.mark.django_db

TOKENS = [
    b"<!DOCTYPE x>", b"<!DOCTYPE x [<!ENTITY e 'y'>]>", b"&e;", b"&amp;", b"&#0;", b"&#65;", b"&#xD800;", b"&lt;",
    b"]]>",
    b"<![CDATA[", b"<![CDATA[0.9]]>", b"<!--", b"-->", b"<!-- c -->", b"<?pi data?>", b"<?xml version='1.0'?>", b"\x00",
    b"\x0b", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\xe2\x80\x8b", b"0", b"1", b"9", b".", b"-",
    b"e5",
    b"NaN", b"<textString>1</textString>", b"<sourcedId>x</sourcedId>", b"</textString>", b"<a/>", b"<a>", b"</a>",
    b' xmlns=""', b' xmlns:p="urn:p"', b"<p:a/>", b' a="b"', b" ", b"\n", b"\t", b"%", b":", b"\xd9\xa0",
    b"encoding='utf-7'",
    b'encoding="no-such"', b"UTF-16", b"readResult", b"deleteResult", b"replaceResult",
]  # fmt: skip


HARMLESS = [
    b"<!-- c -->",
    b"<?pi data?>",
    b" ",
    b"\n\t",
    b"&#32;",
    b"text",
    b"<a/>",
    b'<a xmlns="urn:o">&lt;</a>',
    b"\xc3\xbc",
]


def _mutate(dice, body):
    """Answer the body after a few small accidents, some of which XML allows."""
    data = bytearray(body)
    for _ in range(dice.choice((0, 1, 1, 2, 4))):
        # Between two tags, where a document may well stay one.
        gap = data.find(b"><", dice.randrange(50, len(data))) + 1
        data[gap:gap] = dice.choice(HARMLESS)
    for _ in range(dice.choice((0, 1, 1, 1, 2, 4))):
        at = dice.randrange(len(data) + 1)
        end = min(len(data), at + dice.choice((1, 1, 2, 4, 8, 32, 128)))
        accident = dice.randrange(8)
        if accident == 0 and at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        elif accident == 1:
            del data[at:end]
        elif accident == 2:
            data[at:at] = data[at:end]
        elif accident == 3:
            data[at:at] = dice.randbytes(dice.choice((1, 2, 5)))
        elif accident == 4:
            data[at:end] = dice.choice(TOKENS)
        elif accident in (5, 6):
            data[at:at] = dice.choice(TOKENS)
        elif dice.random() < 0.3:
            del data[at:]
        else:
            other = dice.randrange(len(data) + 1)
            piece = data[at:end]
            del data[at:end]
            data[other:other] = piece
    return bytes(data)


def _check(desk, body):
    """Hand in a body and hold the service to what the second reader makes of it. Answer what happened."""
    before = desk.score

    reply = desk.hand_in(body)

    said = read_message(body)
    if said is None or (reply.message_id == "unknown" and has_odd_namespace(body)):
        assert reply.code == "failure"
        assert reply.description.startswith("Request body XML parsing error: ")
        assert desk.score == before
        return "refused"
    action, sourced_id, score = said
    if action not in ("replaceResultRequest", "readResultRequest", "deleteResultRequest"):
        expected = ("unsupported", before)
    elif _is_hers(sourced_id, desk.sourced_id):
        expected = ("success", {"replaceResultRequest": score, "readResultRequest": before}.get(action))
    else:
        expected = ("failure", before)
    if action in ("replaceResultRequest", "readResultRequest", "deleteResultRequest"):
        assert (reply.code, desk.score) == expected
    else:
        # Whom it is about may be asked before what is wanted.
        assert reply.code in ("unsupported", "failure")
        assert desk.score == before
    return reply.code


def _is_hers(sourced_id, hers):
    """Tell whether a sourcedid says the same three parts, however they are encoded."""
    try:
        return [unquote(part, errors="strict") for part in sourced_id.split(":")] == [
            unquote(part) for part in hers.split(":")
        ]
    except UnicodeDecodeError:
        return False


@numbers(300, 10_000)
def test_S1_a_mutated_body_is_refused_unless_a_second_reader_finds_it_valid(desk, dice, count, seed):
    happened = {}
    for number in range(count):
        action = dice.choice(("replaceResult", "replaceResult", "replaceResult", "readResult", "deleteResult"))
        body = _mutate(
            dice,
            outcome_body(
                desk.sourced_id,
                action=action,
                score=f"0.{dice.randrange(10**6):06}",
                namespace=dice.choice((NS, NS, NS_OLD)),
            ),
        )

        try:
            code = _check(desk, body)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, body number {number}: {body!r}") from error
        happened[code] = happened.get(code, 0) + 1

    # The accidents are neither all fatal nor all harmless: both branches were really tried.
    assert happened["refused"] > count / 4
    assert happened["success"] > count / 20


# -- S2 ----------------------------------------------------------------------------------------------------------------

PROLOGUES = [
    "", "<?xml version='1.0'?>", "<?xml version='1.0' encoding='UTF-8'?>\n", "<?xml version='1.0' encoding='utf-7'?>",
    "<?xml version='1.0' encoding='no-such'?>", "<?xml version='1.0' encoding='UTF-16'?>",
    "<?xml version='1.0' encoding='latin-1' standalone='yes'?>", "<!-- before --><?pi?>", "\n\t ",
]  # fmt: skip
DOCTYPES = [
    "<!DOCTYPE imsx_POXEnvelopeRequest>",
    "<!DOCTYPE x SYSTEM '{file}'>",
    "<!DOCTYPE x SYSTEM '{url}'>",
    "<!DOCTYPE x [<!ENTITY e '0.9'>]>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM '{file}'>]>",
    "<!DOCTYPE x [<!ENTITY % p SYSTEM '{url}'> %p;]>",
    "<!DOCTYPE x [<!ATTLIST textString a CDATA 'b'>]>",
    "<!-- <!DOCTYPE x> -->",
    "<?pi <!DOCTYPE x> ?>",
]
INSIDES = [
    "", "<!-- c -->", "<?pi data?>", "<extra/>", "<extra xmlns='urn:other'>&amp;</extra>", "text between", "&#32;",
    "<![CDATA[ ]]>", "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='{file}' parse='text'/>",
    "<?xml-stylesheet type='text/xsl' href='{url}'?>", "<unbound:x/>", "<x a='1' a='2'/>",
    "<x xsi:schemaLocation='u {url}' "
    "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'/>", "&e;", "&nbsp;", "]]>", "\x00", "\x1f", "\ufffe",
    "\u2028",
]  # fmt: skip
VALUES = [
    "0.5", " 0.25\n", "1", "0", "1e-3", "1.5", "-0", "NaN", "", "0,5", "٠.٥", "<![CDATA[0.75]]>", "0.<!-- -->5",
    "0<![CDATA[.]]>5", "&#48;.5", "&e;", "0.5<x/>", "0.5<?pi?>", "0&#46;5", "\ufeff0.5", "0.5\u00a0", "0x1", "1_0",
]  # fmt: skip


def _grow(dice, sourced_id, trap):
    """Answer a document of the grammar of messages, with what the grammar of XML allows and forbids put into it."""

    def rarely():
        return dice.random() < 0.02

    def inside():
        return dice.choice(INSIDES) if dice.random() < 0.04 else ""

    def element(name, *content):
        if rarely():
            return ""  # missing
        prefixed = f"{prefix}{name}"
        attributes = dice.choice((" a='b'", " xmlns:q='urn:q' q:a='b'", f" a='{'x' * 9000}'")) if rarely() else ""
        text = "".join(f"{inside()}{part}" for part in content) + inside()
        made = f"<{prefixed}{attributes}>{text}</{prefixed}>"
        return made * 2 if rarely() else made

    prefix = "a:" if dice.random() < 0.15 else ""
    declared = "xmlns:a='{ns}'" if prefix else "xmlns='{ns}'"
    namespace = dice.choice((*NAMESPACES, *NAMESPACES, NAMESPACES[0], "", "urn:x") if rarely() else NAMESPACES[:1])
    action = dice.choice(
        ("replaceResult", "replaceResult", "replaceResult", "readResult", "deleteResult", "membership")
    )
    value = dice.choice(VALUES) if dice.random() < 0.3 else f"0.{dice.randrange(1000)}"
    guid = element("sourcedGUID", element("sourcedId", dice.choice((sourced_id, sourced_id, sourced_id, "c:r:u", ""))))
    score = element("resultScore", element("language", "en"), element("textString", value))
    result = element("result", *dice.sample([score, element("resultData", "<x/>")], 2) if rarely() else [score])
    action_element = element(f"{action}Request", element("resultRecord", guid, result))
    info = element("imsx_POXRequestHeaderInfo", element("imsx_version", "V1.0"), element("imsx_messageIdentifier", "m"))
    deep = dice.choice((5, 13, 14, 15, 16, 17, 20, 300)) if rarely() else 0
    many = dice.choice((150, 185, 190, 250, 4000)) if rarely() else 0
    extra = "<d>" * deep + "</d>" * deep + "<m/>" * many + ("y" * dice.choice((8192, 8193, 70_000)) if rarely() else "")
    body = element("imsx_POXBody", action_element)
    text = (
        dice.choice(PROLOGUES)
        + (dice.choice(DOCTYPES) if dice.random() < 0.12 else "")
        + f"<{prefix}imsx_POXEnvelopeRequest {declared.format(ns=namespace)}>"
        + element("imsx_POXHeader", info) + extra + body
        + f"</{prefix}imsx_POXEnvelopeRequest>"
        + (dice.choice(("<!-- after -->", "<?pi?>", "junk", "<second/>", "\n", "\x00")) if rarely() else "")
    )  # fmt: skip
    text = text.replace("{file}", trap.path.as_uri()).replace("{url}", trap.url)
    coding = dice.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7")) if rarely() else "utf-8"
    return text.encode(coding, "replace")


@pytest.fixture
def trap(tmp_path):
    trap = Trap(tmp_path)
    yield trap
    trap.close()


def _grown_and_watched(desk, dice, trap):
    body = _grow(dice, desk.sourced_id, trap)

    code = _check(desk, body)

    assert trap.touched() == []
    return code


def test_S2_five_hundred_fixed_documents_of_the_grammar_are_read_as_the_second_reader_reads_them(desk, trap, dice):
    codes = [_grown_and_watched(desk, dice, trap) for _ in range(500)]

    assert codes.count("refused") > 50
    assert codes.count("success") > 50


@numbers(200, 2_000)
def test_S2_a_generated_document_is_read_as_the_second_reader_reads_it(desk, trap, seed, count):
    def law(dice):
        _grown_and_watched(desk, dice, trap)

    hold(law, strategies.randoms(use_true_random=False), count=count, seed=seed)


def test_S2_reading_opens_no_file_and_no_connection_from_python_either(trap, dice):
    from openedx_learning_ext.core.lti import outcomes
    from openedx_learning_ext.core.lti.errors import LtiError

    bodies = [_grow(dice, "c:r:u", trap) for _ in range(200)]

    with python_openings() as opened:
        for body in bodies:
            with contextlib.suppress(LtiError):
                outcomes.parse_request(body)

    assert opened == []
    assert trap.touched() == []


def test_S2_the_second_reader_knows_its_trade():
    assert read_message(outcome_body("a:b:c", score="0.5")) == ("replaceResultRequest", "a:b:c", 0.5)
    assert read_message(outcome_body("a:b:c", action="readResult")) == ("readResultRequest", "a:b:c", None)
    assert read_message(outcome_body("a:b:c", score="1.0000000000000000001")) is None
    assert read_message(outcome_body("a:b:c").replace(b"<language>", b"<!DOCTYPE x><language>")) is None
    assert read_message(outcome_body("a:b:c").replace(b"<language>", "<?l\u055d?><language>".encode())) is not None
