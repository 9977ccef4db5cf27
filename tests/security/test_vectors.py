"""S4: signatures that others computed. Nothing here is signed by what is tested, nor at the time of the test."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import parse_qsl, quote, unquote

import pytest

from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.lti_consumer.launch import make_sourced_id
from openedx_learning_ext.lti_consumer.oauth import verify_oauth_body_signature
from openedx_learning_ext.lti_consumer.outcomes import parse_grade_xml_body
from tests.doubles.toolside import Request
from tests.interop.peers import oauth2
from tests.security.support import hash_of

KEY, SECRET = "key-1", "s3cr&t/+"
SOURCED_ID = "course-v1%3AOpenedX%2BDemo%2B2026:lms.example.org-week%201%3A%20quiz%2F%C3%BC:5f1c09e2a7b34d60"


def _pairs(parameters):
    return [(quote(name, safe=""), quote(value, safe="")) for name, value in parameters]


# -- RFC 5849 ----------------------------------------------------------------------------------------------------------


def test_S4_the_base_string_of_RFC_5849_section_3_4_1_1():
    header = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
    ]
    form = parse_qsl("c2&a3=2+q", keep_blank_values=True)

    base = oauth.base_string(
        "post", "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", _pairs(header + form)
    )

    assert base == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2"
        "%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26"
        "oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )


@pytest.mark.parametrize(
    ("url", "base_uri"),
    [
        ("http://EXAMPLE.COM:80/r%20v/X?id=123", "http://example.com/r%20v/X"),
        ("https://www.example.net:8080/?q=1", "https://www.example.net:8080/"),
        ("HTTPS://www.example.net:443", "https://www.example.net/"),
        ("http://www.example.net:443/", "http://www.example.net:443/"),
    ],
)
def test_S4_the_base_uris_of_RFC_5849_section_3_4_1_2(url, base_uri):
    _, target, _ = oauth.base_string("GET", url, []).split("&")

    assert unquote(target) == base_uri


INITIATE = (
    'OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_signature_method="HMAC-SHA1",'
    ' oauth_timestamp="137131200", oauth_nonce="wIjqoS",'
    ' oauth_callback="http%3A%2F%2Fprinter.example.com%2Fready", oauth_signature="74KNZJeDHnMBp0EMJ9ZHt%2FXKycU%3D"'
)


def test_S4_the_first_request_of_RFC_5849_section_1_2_verifies():
    message = oauth.read_message(method="POST", body=b"", authorization=INITIATE)

    index = oauth.find_signed_url(message, "kd94hf93k423kf44", ["https://photos.example.net/initiate"])

    assert index == 0
    assert message.parameters["oauth_callback"] == "http://printer.example.com/ready"
    for secret, url in (("kd94hf93k423kf45", "https://photos.example.net/initiate"),
                        ("kd94hf93k423kf44", "http://photos.example.net/initiate")):  # fmt: skip
        with pytest.raises(LtiError, match=oauth.BAD_SIGNATURE):
            oauth.find_signed_url(message, secret, [url])


def test_S4_the_last_request_of_RFC_5849_section_1_2_has_its_base_string_and_its_token_is_refused():
    parameters = [
        ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
        ("oauth_token", "nnch734d00sl2jdk"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131202"),
        ("oauth_nonce", "chapoH"),
    ]
    url = "http://photos.example.net/photos?file=vacation.jpg&size=original"

    base = oauth.base_string("GET", url, _pairs(parameters))

    signature = base64.b64encode(hmac.digest(b"kd94hf93k423kf44&pfkkdhi9sl3r4s00", base.encode(), "sha1")).decode()
    assert signature == "MdpQcU8iPSUjWoN/UDMsK2sui9I="
    header = "OAuth " + ", ".join(f'{name}="{value}"' for name, value in [*parameters, ("oauth_signature", signature)])
    with pytest.raises(LtiError, match="oauth_token is not acceptable"):
        oauth.read_message(method="GET", body=b"", authorization=header)


# -- ours, computed apart from any of the code here --------------------------------------------------------------------

BODY = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<imsx_POXEnvelopeRequest xmlns="http://www.imsglobal.org/services/ltiv1p1/xsd/'
    'imsoms_v1p0"><imsx_POXHeader><imsx_POXRequestHeaderInfo><imsx_version>V1.0</imsx_version><imsx_messageIdentifier>m-1'
    "</imsx_messageIdentifier></imsx_POXRequestHeaderInfo></imsx_POXHeader><imsx_POXBody><replaceResultRequest>"
    "<resultRecord><sourcedGUID><sourcedId>c:rl:żółw</sourcedId></sourcedGUID><result><resultScore><language>en</language>"
    "<textString>0.5</textString></resultScore></result></resultRecord></replaceResultRequest></imsx_POXBody>"
    "</imsx_POXEnvelopeRequest>"
).encode()
BODY_HASH = "fPK7+ivo7BJVE8Zavm3NSHxYgCc="
SECOND_URL = "https://LMS.example.org:443/out%20comes?x=1&y=a%20b&z="


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        ("https://lms.example.org/outcomes/block-v1:a+b+c@1", "OQcbm1VXHoLNja+omdtrCyle15Q="),
        (SECOND_URL, "hD7JX8+EyfOHAmBH3izKVDn2DxQ="),
    ],
)
def test_S4_the_outcome_vectors_verify(url, signature):
    parameters = {
        "oauth_consumer_key": KEY, "oauth_nonce": "12345678901234567890", "oauth_timestamp": "1700000000",
        "oauth_version": "1.0", "oauth_signature_method": "HMAC-SHA1", "oauth_body_hash": BODY_HASH,
        "oauth_signature": signature,
    }  # fmt: skip
    header = "OAuth " + ",".join(f'{name}="{quote(value, safe="")}"' for name, value in parameters.items())

    assert len(BODY) == 589
    assert hash_of(BODY) == BODY_HASH
    assert verify_oauth_body_signature(Request(BODY, url, headers={"Authorization": header}), SECRET, None)
    assert parse_grade_xml_body(BODY) == ("m-1", "c:rl:żółw", 0.5, "replaceResultRequest")


def test_S4_the_base_string_of_the_second_outcome_vector():
    base = oauth.base_string(
        "POST",
        SECOND_URL,
        _pairs([
            ("oauth_consumer_key", KEY), ("oauth_nonce", "12345678901234567890"), ("oauth_timestamp", "1700000000"),
            ("oauth_version", "1.0"), ("oauth_signature_method", "HMAC-SHA1"), ("oauth_body_hash", BODY_HASH),
        ]),
    )  # fmt: skip

    assert base == (
        "POST&https%3A%2F%2Flms.example.org%2Fout%2520comes&oauth_body_hash%3DfPK7%252Bivo7BJVE8Zavm3NSHxYgCc%253D%26"
        "oauth_consumer_key%3Dkey-1%26oauth_nonce%3D12345678901234567890%26oauth_signature_method%3DHMAC-SHA1%26"
        "oauth_timestamp%3D1700000000%26oauth_version%3D1.0%26x%3D1%26y%3Da%2520b%26z%3D"
    )


def test_S4_the_launch_vector_is_signed_to_the_byte():
    fields = {
        "lti_message_type": "basic-lti-launch-request",
        "lti_version": "LTI-1p0",
        "resource_link_id": "rl-1",
        "user_id": "u1",
        "roles": "Student",
        "oauth_callback": "about:blank",
        "context_title": 'Física & "Química" – O\'Neil',
    }

    signed = oauth.sign_form(
        url="https://tool.example/lti?room=1",
        fields=fields,
        key="demo-key",
        secret="demo-secret",
        nonce="abc123",
        timestamp="1700000000",
    )

    assert signed["oauth_signature"] == "NO7i5AuBgp4/LxaeR+LvEpIGYTM="
    assert {name: signed[name] for name in fields} == fields
    assert "room" not in signed
    # The same from the other implementation, so that the vector itself is checked.
    request = oauth2.Request("POST", "https://tool.example/lti?room=1", dict(signed))
    computed = oauth2.SignatureMethod_HMAC_SHA1().sign(request, oauth2.Consumer("demo-key", "demo-secret"), None)
    assert computed.decode() == signed["oauth_signature"]


def test_S4_the_sourcedid_vector():
    parts = "course-v1:OpenedX+Demo+2026", "lms.example.org-week 1: quiz/ü", "5f1c09e2a7b34d60"

    assert make_sourced_id(*parts) == SOURCED_ID


# -- recorded exchanges ------------------------------------------------------------------------------------------------

URL = "https://lms.example.org/api/outcomes/7?x=1&y=a%20b&z="


def _recorded(declaration, message_id, score):
    return (
        f'{declaration}\n<imsx_POXEnvelopeRequest xmlns="http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0">'
        "<imsx_POXHeader><imsx_POXRequestHeaderInfo><imsx_version>V1.0</imsx_version>"
        f"<imsx_messageIdentifier>{message_id}</imsx_messageIdentifier></imsx_POXRequestHeaderInfo></imsx_POXHeader>"
        f"<imsx_POXBody><replaceResultRequest><resultRecord><sourcedGUID><sourcedId>{SOURCED_ID}</sourcedId></sourcedGUID>"
        f"<result><resultScore><language>en</language><textString>{score}</textString></resultScore></result>"
        "</resultRecord></replaceResultRequest></imsx_POXBody></imsx_POXEnvelopeRequest>"
    ).encode()


def _laid_out(message_id, result):
    """A message as ims-lti lays it out: every element on a line of its own."""
    head = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<imsx_POXEnvelopeRequest xmlns="http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0">',
        "  <imsx_POXHeader>", "    <imsx_POXRequestHeaderInfo>", "      <imsx_version>V1.0</imsx_version>",
        f"      <imsx_messageIdentifier>{message_id}</imsx_messageIdentifier>", "    </imsx_POXRequestHeaderInfo>",
        "  </imsx_POXHeader>", "  <imsx_POXBody>", "    <replaceResultRequest>", "      <resultRecord>",
        "        <sourcedGUID>", f"          <sourcedId>{SOURCED_ID}</sourcedId>", "        </sourcedGUID>",
        "        <result>",
    ]  # fmt: skip
    foot = [
        "        </result>", "      </resultRecord>", "    </replaceResultRequest>", "  </imsx_POXBody>",
        "</imsx_POXEnvelopeRequest>",
    ]  # fmt: skip
    return "\n".join([*head, *(f"          {line}" for line in result), *foot]).encode()


def _score_lines(score):
    return ["<resultScore>", "  <language>en</language>", f"  <textString>{score}</textString>", "</resultScore>"]


# ims-lti does not percent-encode the secret for the HMAC key: with it, only a secret without reserved characters works.
PLAIN_SECRET = "plainsecret42"

# What these sent on the wire: name -> (Authorization, body, message id, score, secret)
RECORDED = {
    "lti 0.9.5 on requests-oauthlib": (
        'OAuth oauth_nonce="153190364618311425861700000001", oauth_timestamp="1700000001", oauth_version="1.0", '
        'oauth_signature_method="HMAC-SHA1", oauth_consumer_key="key-1", '
        'oauth_body_hash="ep2R3935ycNULANxYCbNwdX4VM0%3D", oauth_signature="fEsKdmny2zdF67OIzbfD3kB0wAg%3D"',
        _recorded("<?xml version='1.0' encoding='utf-8'?>", "lti-1", "0.85"), "lti-1", 0.85, SECRET,
    ),
    "PyLTI 0.7.0 on oauth2 1.9.0": (
        'OAuth realm="https://lms.example.org", oauth_consumer_key="key-1", oauth_timestamp="1700000002", '
        'oauth_nonce="1234567", oauth_version="1.0", oauth_body_hash="YP6CpkfrlYVLiGfTH9jf233dIXE%3D", '
        'oauth_signature_method="HMAC-SHA1", oauth_signature="x6cosDy2hT1KkJjPFLgwJfYkT74%3D"',
        _recorded("<?xml version='1.0' encoding='utf-8'?>", "edX_fix", "0.92"), "edX_fix", 0.92, SECRET,
    ),
    "ims-lti 3.0.2, the smallest score": (
        'OAuth realm="",oauth_version="1.0",oauth_nonce="2f21a98c-f54b-4c59-91c9-8c892fe923a0",'
        'oauth_timestamp="1700000003",oauth_consumer_key="key-1",oauth_body_hash="ClczXolAUFOucL1XoQPKqeNe75c%3D",'
        'oauth_signature_method="HMAC-SHA1",oauth_signature="yYnfISDjm0l6iEFmDVhVeKsXMRk%3D"',
        _laid_out("8964fc00-e668-11f1-a969-39cdea757b71", _score_lines("1e-7")),
        "8964fc00-e668-11f1-a969-39cdea757b71", 1e-7, PLAIN_SECRET,
    ),
    "ims-lti 3.0.2, result data before the score": (
        'OAuth realm="",oauth_version="1.0",oauth_nonce="f0d0f636-4ee3-4027-92f3-902ad2260718",'
        'oauth_timestamp="1700000003",oauth_consumer_key="key-1",oauth_body_hash="xFt0sbXI%2FXk%2Fitk1ZWHC%2B3axjp0%3D",'
        'oauth_signature_method="HMAC-SHA1",oauth_signature="6k7pEzDU8%2BZ%2BjRMJPYS4uZMI9Q8%3D"',
        _laid_out(
            "89663480-e668-11f1-a969-39cdea757b71",
            ["<resultData>", "  <text>zażółć &amp; &lt;b&gt;</text>", "</resultData>", *_score_lines("0.5")],
        ),
        "89663480-e668-11f1-a969-39cdea757b71", 0.5, PLAIN_SECRET,
    ),
    "oauth-1.0a 2.2.6": (
        'OAuth oauth_body_hash="2WZR%2FtLI1Hm4OgjrvgTvtSQE7mo%3D", oauth_consumer_key="key-1", '
        'oauth_nonce="AbCdEfGhIjKlMnOpQrStUvWxYz012345", oauth_signature="vAFXE4Ic87NFfeWVnV%2BcK34hPzs%3D", '
        'oauth_signature_method="HMAC-SHA1", oauth_timestamp="1700000004", oauth_version="1.0"',
        _recorded('<?xml version="1.0" encoding="UTF-8"?>', "{js}", "0.25"), "{js}", 0.25, SECRET,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_S4_a_recorded_exchange_verifies_and_says_what_was_said(name):
    header, body, message_id, score, secret = RECORDED[name]

    assert verify_oauth_body_signature(Request(body, URL, headers={"Authorization": header}), secret, None)
    assert parse_grade_xml_body(body) == (message_id, SOURCED_ID, score, "replaceResultRequest")


@pytest.mark.parametrize("name", RECORDED)
def test_S4_a_recorded_exchange_fails_with_another_secret_url_body_or_character(name):
    header, body, _, _, secret = RECORDED[name]
    at = header.index('oauth_signature="') + len('oauth_signature="')
    other = header[:at] + ("A" if header[at] != "A" else "B") + header[at + 1 :]

    for request, used in (
        (Request(body, URL, headers={"Authorization": header}), "other"),
        (Request(body, URL + "1", headers={"Authorization": header}), secret),
        (Request(body + b" ", URL, headers={"Authorization": header}), secret),
        (Request(body, URL, headers={"Authorization": other}), secret),
        (Request(body, URL, method="PUT", headers={"Authorization": header}), secret),
    ):
        with pytest.raises(LtiError):
            verify_oauth_body_signature(request, used, None)
