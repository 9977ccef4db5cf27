"""``lti.md`` 4.2 and 5.1: what a message may be, row by row, through the name the specification gives the parser."""

from __future__ import annotations

import pytest
from lxml import etree

from openedx_learning_ext.core.lti import outcomes
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.core.lti.score import OUT_OF_RANGE
from openedx_learning_ext.lti_consumer.outcomes import parse_grade_xml_body
from tests.doubles.toolside import NS, NS_OLD, outcome_body

GOOD = outcome_body("c:rl:u", score="0.5", message_id="m-1").decode()


def without(start, end, text=GOOD):
    """Return the message with what stands from one mark to the other cut out."""
    return text[: text.index(start)] + text[text.index(end) + len(end) :]


def replaced(old, new, text=GOOD):
    assert old in text
    return text.replace(old, new)


def test_a_message_is_read_as_id_sourcedid_score_and_action():
    assert parse_grade_xml_body(GOOD) == ("m-1", "c:rl:u", 0.5, "replaceResultRequest")
    assert parse_grade_xml_body(GOOD.encode()) == ("m-1", "c:rl:u", 0.5, "replaceResultRequest")


def test_a_request_shows_no_person_in_its_repr():
    assert repr(outcomes.parse_request(GOOD)) == "<OutcomeRequest replaceResult>"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("", "Body is not valid XML", id="empty"),
        pytest.param("  \n ", "Body is not valid XML", id="blank"),
        pytest.param("hello", "Start tag expected", id="not XML"),
        pytest.param(GOOD[: GOOD.index("0.5") + 3], "Premature end", id="cut in the score"),
        pytest.param(
            without("<imsx_messageIdentifier>", "</imsx_messageIdentifier>"),
            "Failed to parse imsx_messageIdentifier from XML request body",
            id="no messageIdentifier",
        ),
        pytest.param(
            without("<imsx_POXBody>", "</imsx_POXBody>"),
            "Failed to parse imsx_POXBody from XML request body",
            id="no imsx_POXBody",
        ),
        pytest.param(
            without("<replaceResultRequest>", "</replaceResultRequest>"),
            "Failed to parse action from XML request body",
            id="body has no child",
        ),
        pytest.param(
            replaced(
                "<replaceResultRequest>",
                "<!-- no --><?no thing?>",
                without("<resultRecord>", "</replaceResultRequest>"),
            ),
            "Failed to parse action from XML request body",
            id="body has only a comment",
        ),
        pytest.param(
            without("<sourcedId>", "</sourcedId>"),
            "Failed to parse sourcedId from XML request body",
            id="no sourcedId",
        ),
        pytest.param(replaced("c:rl:u", ""), "Failed to parse sourcedId from XML request body", id="empty sourcedId"),
        pytest.param(
            without("<textString>", "</textString>"),
            "Failed to parse score textString from XML request body",
            id="no textString",
        ),
        *[
            pytest.param(replaced("0.5", text), OUT_OF_RANGE, id=f"outside: {text}")
            for text in ("1.1", "-0.1", "2", "1e3", "NaN", "nan", "inf", "-Infinity", "1.0000000000000002")
        ],
        *[
            pytest.param(replaced("0.5", text), "score value is not a decimal number", id=f"no number: {text!r}")
            for text in ("", "0,5", "0_5", "0x1", "½", "٠.٥", "50%", "1/2", "one", ".", "+", "1e", "0.5 0.5")
        ],
    ],
)
def test_4_2_a_message_that_says_too_little_is_refused_with_its_reason(body, reason):
    with pytest.raises(LtiError) as caught:
        parse_grade_xml_body(body)

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(
            replaced("</sourcedId>", "</sourcedId><sourcedId>other</sourcedId>"),
            "XML request body has more than one sourcedId",
            id="two sourcedIds",
        ),
        pytest.param(
            replaced("</textString>", "</textString><textString>1</textString>"),
            "XML request body has more than one textString",
            id="two textStrings",
        ),
        pytest.param(
            replaced("</replaceResultRequest>", "</replaceResultRequest><deleteResultRequest/>"),
            "XML request body has more than one action",
            id="two actions",
        ),
        pytest.param(
            replaced("c:rl:u", "c:rl<!-- x -->:u"),
            "sourcedId in XML request body has more than text",
            id="comment in sourcedId",
        ),
        pytest.param(
            replaced("0.5", "0.5<?x?>5"), "textString in XML request body has more than text", id="PI in textString"
        ),
        pytest.param(
            replaced("m-1", "m<b/>1"),
            "imsx_messageIdentifier in XML request body has more than text",
            id="element in messageIdentifier",
        ),
        pytest.param(
            replaced("<resultRecord>", "<other><resultRecord>", replaced("</resultRecord>", "</resultRecord></other>")),
            "Failed to parse sourcedId from XML request body",
            id="sourcedId elsewhere in the document",
        ),
        pytest.param(
            replaced(
                "</result>", "</result><x><textString>1</textString></x>", without("<textString>", "</textString>")
            ),
            "Failed to parse score textString from XML request body",
            id="textString elsewhere in the document",
        ),
        pytest.param(
            replaced("<replaceResultRequest>", '<replaceResultRequest xmlns="urn:other">'),
            "Failed to parse action from XML request body",
            id="action in a foreign namespace",
        ),
        pytest.param(
            replaced(f' xmlns="{NS}"', ""),
            "Failed to parse imsx_messageIdentifier from XML request body",
            id="no namespace",
        ),
        pytest.param(
            replaced(NS, "urn:something:else"),
            "Failed to parse imsx_messageIdentifier from XML request body",
            id="another namespace",
        ),
    ],
)
def test_4_2_and_5_1_a_message_that_can_be_read_in_two_ways_is_refused(body, reason):
    with pytest.raises(LtiError) as caught:
        parse_grade_xml_body(body)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(replaced("m-1", ""), ("", "c:rl:u", 0.5, "replaceResultRequest"), id="26 empty messageIdentifier"),
        pytest.param(
            replaced("<imsx_POXBody>", "<imsx_POXBody><!-- first --><?pi?>"),
            ("m-1", "c:rl:u", 0.5, "replaceResultRequest"),
            id="26 comment before the action",
        ),
        pytest.param(
            replaced("<result>", "<result><resultData><text>well done</text></resultData>"),
            ("m-1", "c:rl:u", 0.5, "replaceResultRequest"),
            id="26 resultData before resultScore",
        ),
        pytest.param(
            replaced(
                "<result>",
                "<result><resultTotalScore><textString>9</textString></resultTotalScore>",
                replaced(
                    "</resultRecord>",
                    "</resultRecord><submissionDetails><submittedAt>"
                    "2026-01-01T00:00:00Z</submittedAt></submissionDetails>",
                ),
            ),
            ("m-1", "c:rl:u", 0.5, "replaceResultRequest"),
            id="26 unknown elements beside",
        ),
        pytest.param(
            replaced(
                "<language>en</language><textString>0.5</textString>",
                "<textString>0.5</textString><language>en</language>",
            ),
            ("m-1", "c:rl:u", 0.5, "replaceResultRequest"),
            id="child order inside result is free",
        ),
        pytest.param(
            replaced("m-1", "żółw {} %s {0}"),
            ("żółw {} %s {0}", "c:rl:u", 0.5, "replaceResultRequest"),
            id="30 non-ASCII and braces",
        ),
        pytest.param(replaced("0.5", " 0.5\n\t"), ("m-1", "c:rl:u", 0.5, "replaceResultRequest"), id="blanks trimmed"),
        pytest.param(
            replaced("c:rl:u", "  c:rl:u "),
            ("m-1", "  c:rl:u ", 0.5, "replaceResultRequest"),
            id="blanks of a sourcedId stay",
        ),
        pytest.param(replaced("0.5", "<![CDATA[0.5]]>"), ("m-1", "c:rl:u", 0.5, "replaceResultRequest"), id="CDATA"),
        pytest.param(replaced("0.5", "-0"), ("m-1", "c:rl:u", 0.0, "replaceResultRequest"), id="minus zero"),
        pytest.param(replaced("0.5", "1e-400"), ("m-1", "c:rl:u", 0.0, "replaceResultRequest"), id="33 too small"),
        pytest.param(
            replaced("0.5", "0.9999999999999999"),
            ("m-1", "c:rl:u", 0.9999999999999999, "replaceResultRequest"),
            id="33 just below one",
        ),
        pytest.param(replaced(NS, NS_OLD), ("m-1", "c:rl:u", 0.5, "replaceResultRequest"), id="old namespace"),
        pytest.param("\ufeff" + GOOD, ("m-1", "c:rl:u", 0.5, "replaceResultRequest"), id="BOM"),
        pytest.param("\n \t" + GOOD + "\n\n", ("m-1", "c:rl:u", 0.5, "replaceResultRequest"), id="blanks around"),
        pytest.param(
            replaced('encoding="UTF-8"', 'encoding="ISO-8859-2"'),
            ("m-1", "c:rl:u", 0.5, "replaceResultRequest"),
            id="declared encoding is not consulted",
        ),
        pytest.param(
            outcome_body("s", action="readResult").decode(), ("m-1", "s", None, "readResultRequest"), id="read"
        ),
        pytest.param(
            outcome_body("s", action="deleteResult").decode(), ("m-1", "s", None, "deleteResultRequest"), id="delete"
        ),
        pytest.param(
            outcome_body("s", action="createResult").decode(),
            ("m-1", "s", None, "createResultRequest"),
            id="an action nobody knows",
        ),
    ],
)
def test_4_2_and_26_what_real_tools_send_is_read(body, expected):
    assert parse_grade_xml_body(body) == expected
    assert parse_grade_xml_body(body.encode()) == expected


def test_minus_zero_has_no_sign():
    assert str(parse_grade_xml_body(replaced("0.5", "-0.0"))[2]) == "0.0"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(GOOD.encode("utf-16"), id="UTF-16"),
        pytest.param(replaced("c:rl:u", "café").encode("latin-1"), id="Latin-1 accents"),
        pytest.param(replaced("m-1", "\ud800"), id="lone surrogate in a text"),
        pytest.param(b"\xff" + GOOD.encode(), id="stray byte"),
    ],
)
def test_5_1_bytes_that_are_not_utf8_are_refused(body):
    with pytest.raises(LtiError, match="not UTF-8"):
        parse_grade_xml_body(body)


@pytest.mark.parametrize("code", [outcomes.SUCCESS, outcomes.FAILURE, outcomes.UNSUPPORTED])
def test_4_4_a_reply_has_every_element_in_order_in_the_default_namespace(code):
    reply = outcomes.build_reply(
        outcomes.OutcomeReply(code, "said", "m-1", "m-1", "replaceResult" if code == "success" else "")
    )

    root = etree.fromstring(reply.encode())
    names = [etree.QName(element).localname for element in root.iter()]
    assert names[:10] == [
        "imsx_POXEnvelopeResponse",
        "imsx_POXHeader",
        "imsx_POXResponseHeaderInfo",
        "imsx_version",
        "imsx_messageIdentifier",
        "imsx_statusInfo",
        "imsx_codeMajor",
        "imsx_severity",
        "imsx_description",
        "imsx_messageRefIdentifier",
    ]
    assert names[10:] == ["imsx_operationRefIdentifier", "imsx_POXBody"] + (
        ["replaceResultResponse"] if code == "success" else []
    )
    assert f"<imsx_codeMajor>{code}</imsx_codeMajor>" in reply
    assert f'<imsx_POXEnvelopeResponse xmlns="{NS}">' in reply


def test_4_4_every_value_of_a_reply_is_escaped_once():
    reply = outcomes.build_reply(outcomes.OutcomeReply("failure", 'a&b <c> "d"', "<m>&", "<m>&"))

    root = etree.fromstring(reply.encode())
    (description,) = root.iter(f"{{{NS}}}imsx_description")
    (identifier,) = root.iter(f"{{{NS}}}imsx_messageIdentifier")
    assert (description.text, identifier.text) == ('a&b <c> "d"', "<m>&")


def test_4_4_what_was_sent_comes_back_cut_and_clean():
    assert outcomes.echo("ż" * 300) == "ż" * 256
    assert outcomes.echo(b"\x00a\x0b\xff" + b"b" * 300) == "\ufffda\ufffd\ufffd" + "b" * 252
    assert outcomes.echo("\ud800\ufffe\t\n") == "\ufffd\ufffd\t\n"


@pytest.mark.parametrize(
    ("score", "text"), [(0.5, "0.5"), (0.0, "0.0"), (1.0, "1.0"), (1e-05, "0.00001"), (None, None)]
)
def test_4_5_a_read_score_is_a_plain_decimal_and_no_score_is_an_empty_element(score, text):
    reply = outcomes.build_reply(outcomes.OutcomeReply("success", "Result read", "m", "m", "readResult", score))

    root = etree.fromstring(reply.encode())
    (found,) = root.iter(f"{{{NS}}}textString")
    assert found.text == text
