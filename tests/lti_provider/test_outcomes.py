"""``lti.md`` 3.3, 3.5 and 3.9: the message, and what an answer means, row by row."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from lxml import etree

from openedx_learning_ext.core.delivery import http
from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.lti_provider import outcomes
from tests.doubles.campus import envelope
from tests.doubles.toolside import NS, NS_OLD

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def reply(status=200, body=b"", *, truncated=False, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.Answer(status, fields, body, truncated=truncated)


def meaning(*args, **kwargs):
    reading = outcomes.read(reply(*args, **kwargs), now=NOW)
    return str(reading.outcome), reading


# -- the message -------------------------------------------------------------------------------------------------------


def test_3_3_the_message_has_every_element_in_order_without_a_prefix():
    xml = outcomes.generate_replace_result_xml("s", 0.5)

    names = [etree.QName(element).localname for element in etree.fromstring(xml.encode()).iter()]
    assert names == [
        "imsx_POXEnvelopeRequest", "imsx_POXHeader", "imsx_POXRequestHeaderInfo", "imsx_version",
        "imsx_messageIdentifier", "imsx_POXBody", "replaceResultRequest", "resultRecord", "sourcedGUID", "sourcedId",
        "result", "resultScore", "language", "textString",
    ]  # fmt: skip
    assert xml.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<imsx_POXEnvelopeRequest xmlns="' + NS + '">')


def test_3_3_every_message_has_an_id_of_its_own():
    one, other = (outcomes.generate_replace_result_xml("s", 1) for _ in range(2))

    assert one != other


@pytest.mark.parametrize(
    "sourced_id",
    ['{"data":{"instanceid":"7"},"hash":"aB<&>"}', "  blanks around  ", "żółw", "x" * 4096, "a\tb", "bbgc1-2-3"],
    ids=["6 Moodle", "blanks", "non-ASCII", "5 long", "tab", "Blackboard"],
)
def test_6_a_sourcedid_goes_out_as_it_came(sourced_id):
    xml = outcomes.generate_replace_result_xml(sourced_id, 0.5)

    (found,) = etree.fromstring(xml.encode()).iter(f"{{{NS}}}sourcedId")
    assert found.text == sourced_id


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (0, "0.0"),
        (1, "1.0"),
        (0.1, "0.1"),
        (1e-05, "0.00001"),
        (1 / 3, "0.3333333333333333"),
        (1.5, "1.0"),
        (-1, "0.0"),
    ],
)
def test_3_3_a_score_is_a_plain_decimal_from_0_to_1(score, text):
    xml = outcomes.generate_replace_result_xml("s", score)

    (found,) = etree.fromstring(xml.encode()).iter(f"{{{NS}}}textString")
    assert found.text == text


def test_3_4_the_header_signs_the_body_once_and_anew_each_time():
    url, body = "https://campus.example/service?x=a%20b&y=", b"<a/>"

    headers = [oauth.sign_body(url=url, body=body, key="k", secret="s&/+") for _ in range(2)]

    nonces = set()
    for header in headers:
        message = oauth.read_message(method="POST", body=body, authorization=header)
        oauth.check_body_hash(message)
        assert oauth.find_signed_url(message, "s&/+", [url]) == 0
        assert header.count("oauth_body_hash") == 1
        assert base64.b64encode(hashlib.sha1(body).digest()).decode() == message.parameters["oauth_body_hash"]
        nonces.add(message.parameters["oauth_nonce"])
        assert len(message.parameters["oauth_nonce"]) >= 20
    assert len(nonces) == 2


@pytest.mark.parametrize(("key", "secret"), [("", "s"), ("k", "")])
def test_36_nothing_is_signed_without_key_or_secret(key, secret):
    with pytest.raises(ValueError, match="without a key and a secret"):
        oauth.sign_body(url="https://x/", body=b"", key=key, secret=secret)


# -- what an answer means ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(200, envelope("success"), "delivered:success", id="success"),
        pytest.param(201, envelope(" Success\n"), "delivered:success", id="24 blanks and case"),
        pytest.param(200, envelope("success", namespace=NS_OLD), "delivered:success", id="23 old namespace"),
        pytest.param(200, envelope("success").replace(b"imsx_codeMajor>", b"a2:imsx_codeMajor>").replace(
            b"<imsx_POXHeader>", b'<imsx_POXHeader xmlns:a2="urn:a2">', 1), "delivered:success", id="23 prefixed"),
        pytest.param(200, b"\xef\xbb\xbf" + envelope("success"), "delivered:success", id="23 BOM"),
        pytest.param(200, envelope("processing"), "delivered:processing", id="processing"),
        pytest.param(200, b"", "delivered:empty", id="empty body"),
        pytest.param(204, b"", "delivered:empty", id="25 204"),
        pytest.param(200, envelope("failure", "no"), "refused:failure", id="failure"),
        pytest.param(422, envelope("failure", "no"), "refused:failure", id="25 422 with a reason"),
        *[
            pytest.param(status, b"<html/>", f"refused:{status}", id=str(status))
            for status in (400, 401, 403, 404, 405, 409, 410, 415, 418, 422)
        ],
        *[pytest.param(status, b"", "refused:redirect", id=f"25 {status}") for status in (301, 302, 307, 308)],
        pytest.param(200, envelope("unsupported"), "unsupported:unsupported", id="unsupported"),
        pytest.param(400, envelope("unsupported"), "unsupported:unsupported", id="unsupported with 400"),
        *[
            pytest.param(status, envelope("success"), f"transient:{status}", id=f"{status} whatever the body")
            for status in (408, 425, 429, 500, 502, 503, 504)
        ],
        pytest.param(403, b"403 Forbidden (Rate Limit Exceeded)", "transient:403", id="25 403 with rate wording"),
        pytest.param(403, envelope("success"), "refused:403", id="success counts with 2xx only"),
        pytest.param(200, b"<html><body>success</body></html>", "unclear:200", id="25 HTML log-in page"),
        pytest.param(200, b"OK", "unclear:200", id="text"),
        pytest.param(200, envelope("success")[:-5], "unclear:200", id="cut"),
        pytest.param(200, b"<!DOCTYPE x>" + envelope("success")[38:], "unclear:200", id="23 DOCTYPE"),
        pytest.param(200, envelope("success") * 2, "unclear:200", id="two documents"),
        pytest.param(200, envelope("success</imsx_codeMajor><imsx_codeMajor>x"), "unclear:200", id="24 two codes"),
        pytest.param(200, envelope("success").replace(b"<imsx_codeMajor>success</imsx_codeMajor>",
                     b"<!-- <imsx_codeMajor>success</imsx_codeMajor> -->"), "unclear:200", id="24 in a comment"),
        pytest.param(200, envelope("splendid"), "unclear:200", id="unknown word"),
        pytest.param(200, envelope("failure", "no success"), "refused:failure", id="success in a description"),
    ],
)  # fmt: skip
def test_3_5_what_an_answer_means(status, body, expected):
    assert meaning(status, body)[0] == expected


def test_23_an_answer_that_was_cut_off_by_us_is_unclear():
    assert meaning(200, envelope("success"), truncated=True)[0] == "unclear:200"
    assert meaning(200, b"", truncated=True)[0] == "unclear:200"


@pytest.mark.parametrize(
    ("body", "unconfirmed"), [(envelope("processing"), True), (b"", True), (envelope("success"), False)]
)
def test_3_5_what_was_taken_without_a_word_is_unconfirmed(body, unconfirmed):
    assert meaning(200, body)[1].is_unconfirmed is unconfirmed


def test_3_5_a_time_out_of_a_proxy_is_in_doubt_and_other_errors_are_not():
    assert meaning(504)[1].outcome.in_doubt
    assert not meaning(503)[1].outcome.in_doubt


@pytest.mark.parametrize(
    ("status", "value", "expected"),
    [
        (503, "120", 120),
        (503, None, None),
        (429, None, 60),
        (429, "5", 60),
        (429, "300", 300),
        (429, "Sun, 22 Nov 2026 12:10:00 GMT", 600),
        (503, "Sun, 22 Nov 2026 11:00:00 GMT", 0),
        (503, "soon", None),
        (503, "-5", None),
        (503, "9" * 400, 999_999_999),
    ],
    ids=str,
)
def test_25_retry_after_is_read_as_seconds_or_date(status, value, expected):
    headers = {} if value is None else {"retry_after": value}

    assert meaning(status, **headers)[1].outcome.retry_after == expected


def test_what_the_campus_said_is_kept_for_staff_and_cut():
    _, reading = meaning(200, envelope("failure", "x" * 900))

    assert reading.description == "x" * 500
    assert "x" * 10 not in repr(reading)


# -- the specification's functions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (None, False),
        (outcomes.Response(200, {}, envelope("success").decode()), True),
        (outcomes.Response(200, {}, ""), True),
        (outcomes.Response(200, {}, envelope("failure").decode()), False),
        (outcomes.Response(404, {}, ""), False),
        (outcomes.Response(500, {}, envelope("success").decode()), False),
    ],
    ids=["none", "success", "empty", "failure", "404", "500"],
)
def test_3_9_check_is_true_exactly_for_delivered(response, expected):
    assert outcomes.check_replace_result_response(response) is expected


def test_a_response_is_true_whatever_its_status():
    assert outcomes.Response(500, {}, "")
