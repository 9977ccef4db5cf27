"""S3: documents made to hurt a parser."""

from __future__ import annotations

import pytest
from lxml import etree

from openedx_learning_ext.core.lti import outcomes, xml
from openedx_learning_ext.core.lti.errors import LtiError
from tests.doubles.toolside import outcome_body
from tests.security.support import Desk
from tests.security.watching import Trap, python_openings


def _message(*, before="", value="0.5", inside=""):
    """Answer a message with something before its root, as its score, or beside its header."""
    text = outcome_body("c:rl:u", score="SCORE").decode()
    declaration, _, root = text.partition("\n")
    root = root.replace("SCORE", value).replace("<imsx_POXHeader>", f"{inside}<imsx_POXHeader>")
    return f"{declaration}\n{before}{root}".encode()


def _laughs():
    entities = "<!ENTITY l0 'lol'>" + "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
    return _message(before=f"<!DOCTYPE x [{entities}]>", value="&l9;")


# name -> (the document, by which branch it is refused)
BOMBS = {
    "billion laughs": (_laughs(), xml.HAS_DOCTYPE),
    "quadratic blow-up": (
        _message(before=f"<!DOCTYPE x [<!ENTITY a '{'a' * 20_000}'>]>", value="&a;" * 5_000), xml.HAS_DOCTYPE,
    ),
    "external entity, a file": (
        _message(before="<!DOCTYPE x [<!ENTITY e SYSTEM '{file}'>]>", value="&e;"), xml.HAS_DOCTYPE,
    ),
    "external entity, a URL": (
        _message(before="<!DOCTYPE x [<!ENTITY e SYSTEM '{url}'>]>", value="&e;"), xml.HAS_DOCTYPE,
    ),
    "parameter entity": (
        _message(before="<!DOCTYPE x [<!ENTITY % p SYSTEM '{url}'> %p; %all;]>"), xml.HAS_DOCTYPE,
    ),
    "external DTD": (_message(before="<!DOCTYPE imsx_POXEnvelopeRequest SYSTEM '{file}'>"), xml.HAS_DOCTYPE),
    "DOCTYPE behind a long comment": (
        _message(before=f"<!--{'-a' * 9_000}--><?pi ?>\n<!DOCTYPE x [<!ENTITY e '0.9'>]>", value="&e;"),
        xml.HAS_DOCTYPE,
    ),
    "XInclude for a score": (
        _message(
            value="<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='{file}' parse='text'/>"
        ),
        "textString in XML request body has more than text",
    ),
    "XInclude and an XSLT instruction in a document too deep": (
        _message(
            before="<?xml-stylesheet type='text/xsl' href='{url}'?>",
            inside=f"<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='{{url}}'/>{'<d>' * 16}{'</d>' * 16}",
        ),
        xml.TOO_DEEP,
    ),
    "nested nine thousand deep": (_message(inside="<d>" * 9_000 + "</d>" * 9_000), xml.TOO_DEEP),
    "more elements than bytes for them": (_message(inside="<d/>" * 15_000), xml.TOO_MANY_ELEMENTS),
    "a megabyte of text": (_message(value="5" * 2**20), xml.TOO_LARGE),
}  # fmt: skip


@pytest.fixture
def trap(tmp_path):
    trap = Trap(tmp_path)
    yield trap
    trap.close()


@pytest.fixture
def elements_built(monkeypatch):
    """How many elements came to be, in trees that were answered and in those that were given up."""
    built = [0]

    def counting(parse):
        def parsing(*args, **kwargs):
            root = parse(*args, **kwargs)
            built[0] += sum(1 for _ in root.iter(etree.Element)) if root is not None else 0
            return root

        return parsing

    class Counting(xml._GuardedBuilder):
        def start(self, tag, attrib, nsmap):
            element = super().start(tag, attrib, nsmap)
            built[0] += 1
            return element

    monkeypatch.setattr(xml, "_parse_plainly", counting(xml._parse_plainly))
    monkeypatch.setattr(xml, "_GuardedBuilder", Counting)
    return built


def _armed(body, trap):
    return body.replace(b"{file}", trap.path.as_uri().encode()).replace(b"{url}", trap.url.encode())


def test_S3_there_are_twelve_bombs():
    assert len(BOMBS) == 12


@pytest.mark.parametrize("name", BOMBS)
def test_S3_a_bomb_is_refused_by_its_branch_before_anything_is_expanded_or_opened(name, trap, elements_built):
    body, branch = BOMBS[name]
    body = _armed(body, trap)

    with python_openings() as opened, pytest.raises(LtiError) as refusal:
        outcomes.parse_request(body)

    assert str(refusal.value) == branch
    assert opened == []
    assert trap.touched() == []
    assert elements_built[0] <= 200


def test_S3_an_instruction_for_a_stylesheet_is_read_and_not_followed(trap):
    body = _armed(_message(before="<?xml-stylesheet type='text/xsl' href='{url}'?>", value="0.25"), trap)

    with python_openings() as opened:
        request = outcomes.parse_request(body)

    assert request.score == 0.25
    assert opened == []
    assert trap.touched() == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", BOMBS)
def test_S3_a_signed_bomb_is_answered_with_a_short_failure(name, placement, ada, monkeypatch, trap):
    desk = Desk(placement, ada, monkeypatch)
    body, branch = BOMBS[name]

    reply = desk.hand_in(_armed(body, trap))

    assert (reply.code, reply.message_id) == ("failure", "unknown")
    assert reply.description.startswith(f"Request body XML parsing error: {branch}")
    assert "top secret content" not in reply.description
    assert len(reply.description) < 700
    assert desk.score is None
    assert trap.touched() == []


@pytest.mark.parametrize(("name", "touched"), [("external entity, a file", "file"), ("external DTD", "file")])
def test_S3_a_careless_parser_falls_into_the_trap(name, touched, trap):
    body = _armed(BOMBS[name][0], trap)
    careless = etree.XMLParser(resolve_entities=True, load_dtd=True, no_network=False, recover=True)

    etree.fromstring(body, careless)

    assert trap.touched() == [touched]
