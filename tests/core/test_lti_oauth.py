"""``lti.md`` 5.2, 5.3, 5.5 and 11: OAuth parameters row by row, base strings, body hashes, launch signatures."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import quote

import pytest

from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.core.lti.errors import LtiError
from tests.doubles.toolside import authorization

URL = "https://lms.example.org/outcomes/block-v1:a+b+c@1"
SECRET = "s3cr&t/+"
BODY = "<a>żółw</a>".encode()


def header(**changes):
    """Return a header with these parameters changed; ``None`` leaves one out."""
    parameters = {
        "oauth_consumer_key": "key-1",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "1700000000",
        "oauth_nonce": "12345678",
        "oauth_version": "1.0",
        "oauth_body_hash": base64.b64encode(hashlib.sha1(BODY).digest()).decode(),
        "oauth_signature": "c2ln",
        **changes,
    }
    return "OAuth " + ", ".join(
        f'{name}="{quote(value, safe="")}"' for name, value in parameters.items() if value is not None
    )


def read(text, **rules):
    return oauth.read_message(method="POST", body=BODY, authorization=text, rules=oauth.OAuthRules(**rules))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(None, "no Authorization header", id="27 absent"),
        pytest.param("", "no Authorization header", id="27 empty"),
        pytest.param("Basic dTpw", "no Authorization header", id="27 Basic"),
        pytest.param("OAuthx a=b", "no Authorization header", id="another scheme"),
        pytest.param("OAuth", "OAuth parameter oauth_consumer_key is missing.", id="27 no parameters"),
        pytest.param("OAuth   ", "OAuth parameter oauth_consumer_key is missing.", id="27 only blanks"),
        pytest.param("OAuth nonsense", "OAuth signature verification has failed.", id="not parameters"),
        pytest.param(header() + ", %", "OAuth signature verification has failed.", id="rubbish behind"),
        pytest.param(header() + ' oauth_x="1"', "OAuth signature verification has failed.", id="no comma"),
        pytest.param(
            header(x="%".join("ab")).replace("%25", "%FF"),
            "OAuth signature verification has failed.",
            id="percent-encoding of no UTF-8",
        ),
        pytest.param("OAuth a=" + "b" * 9000, "OAuth signature verification has failed.", id="too long"),
        pytest.param(header(oauth_consumer_key=None), "OAuth parameter oauth_consumer_key is missing.", id="no key"),
        pytest.param(header(oauth_consumer_key=""), "OAuth parameter oauth_consumer_key is missing.", id="empty key"),
        pytest.param(
            header(oauth_consumer_key="k" * 256), "OAuth parameter oauth_consumer_key is not acceptable.", id="long key"
        ),
        pytest.param(
            header(oauth_consumer_key="ключ"),
            "OAuth parameter oauth_consumer_key is not acceptable.",
            id="non-ASCII key",
        ),
        pytest.param(
            header(oauth_signature_method=None), "OAuth parameter oauth_signature_method is missing.", id="no method"
        ),
        *[
            pytest.param(
                header(oauth_signature_method=method),
                "OAuth parameter oauth_signature_method is not acceptable.",
                id=f"method {method}",
            )
            for method in (
                "PLAINTEXT",
                "RSA-SHA1",
                "RSA-SHA256",
                "RSA-SHA512",
                "HMAC-SHA256",
                "HMAC-SHA512",
                "hmac-sha1",
            )
        ],
        pytest.param(header(oauth_timestamp=None), "OAuth parameter oauth_timestamp is missing.", id="no timestamp"),
        *[
            pytest.param(
                header(oauth_timestamp=text),
                "OAuth parameter oauth_timestamp is not acceptable.",
                id=f"timestamp {text[:8]}",
            )
            for text in ("now", "1e9", "-5", "1.5", "٠١٢", " 1", "1" * 400)
        ],
        pytest.param(header(oauth_nonce=None), "OAuth parameter oauth_nonce is missing.", id="no nonce"),
        pytest.param(header(oauth_nonce=""), "OAuth parameter oauth_nonce is missing.", id="empty nonce"),
        pytest.param(header(oauth_nonce="n" * 256), "OAuth parameter oauth_nonce is not acceptable.", id="long nonce"),
        pytest.param(header(oauth_nonce="a\nb"), "OAuth parameter oauth_nonce is not acceptable.", id="nonce with LF"),
        pytest.param(header(oauth_version="2.0"), "OAuth parameter oauth_version is not acceptable.", id="version 2.0"),
        pytest.param(header(oauth_version=""), "OAuth parameter oauth_version is missing.", id="empty version"),
        pytest.param(header(oauth_signature=None), "OAuth parameter oauth_signature is missing.", id="27 no signature"),
        pytest.param(header(oauth_token="t"), "OAuth parameter oauth_token is not acceptable.", id="10 a token"),
        pytest.param(
            header() + ', oauth_body_hash="x"',
            "OAuth parameter oauth_body_hash is repeated.",
            id="27 duplicated oauth_body_hash",
        ),
        pytest.param(
            header() + ', oauth%5Fnonce="x"',
            "OAuth parameter oauth_nonce is repeated.",
            id="duplicate by another spelling",
        ),
        pytest.param(
            header(oauth_x="1") + ', oauth_x="1"',
            "OAuth parameter oauth_* is repeated.",
            id="duplicate of an unknown one",
        ),
    ],
)
def test_5_2_a_parameter_that_is_not_acceptable_is_named_and_not_quoted(text, reason):
    with pytest.raises(LtiError) as caught:
        read(text)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(header(), id="plain"),
        pytest.param(header().replace("OAuth ", "oauth "), id="scheme in lower case"),
        pytest.param(header().replace(", ", ","), id="comma without blank"),
        pytest.param(header().replace("OAuth ", 'OAuth realm="",'), id="empty realm first"),
        pytest.param(header().replace("OAuth ", 'OAuth realm="https://x/?a=b, c" , '), id="realm with anything"),
        pytest.param(header(oauth_version=None), id="version absent"),
        pytest.param(header(oauth_token=""), id="empty token"),
        pytest.param(header(oauth_callback="about:blank"), id="callback"),
        pytest.param(header(oauth_nonce="5f1c09e2-a7b3-4d60-9f3e-000000000000"), id="a dashed UUID"),
        pytest.param(header(oauth_nonce="1234567"), id="seven digits"),
        pytest.param(header(oauth_nonce="n" * 255), id="255 characters"),
        pytest.param(header(oauth_consumer_key="a:b c"), id="key with colon and blank"),
    ],
)
def test_5_2_what_real_tools_send_is_acceptable(text):
    message = read(text)

    assert message.parameters["oauth_signature"] == "c2ln"
    assert "realm" not in message.parameters


def test_5_2_sha256_is_acceptable_when_enabled_with_either_body_hash():
    methods = ("HMAC-SHA1", "HMAC-SHA256")
    with_sha1 = header(oauth_signature_method="HMAC-SHA256")
    with_sha256 = header(
        oauth_signature_method="HMAC-SHA256",
        oauth_body_hash=base64.b64encode(hashlib.sha256(BODY).digest()).decode(),
    )

    for text in (with_sha1, with_sha256):
        oauth.check_body_hash(read(text, methods=methods))

    signed = authorization(URL, BODY, secret=SECRET, signature_method="HMAC-SHA256")
    assert oauth.find_signed_url(read(signed, methods=methods), SECRET, [URL]) == 0


def test_5_5_the_sha256_hash_is_no_hash_for_sha1():
    text = header(oauth_body_hash=base64.b64encode(hashlib.sha256(BODY).digest()).decode())

    with pytest.raises(LtiError, match="body hash verification has failed"):
        oauth.check_body_hash(read(text))


@pytest.mark.parametrize("sent", [None, "", "x", "fPK7+ivo7BJVE8Zavm3NSHxYgCc=", "żółw"])
def test_5_5_an_absent_or_different_body_hash_is_refused(sent):
    with pytest.raises(LtiError, match="OAuth body hash verification has failed."):
        oauth.check_body_hash(read(header(oauth_body_hash=sent)))


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://lms.example.org",
        "HTTPS://LMS.Example.ORG:443/x",
        "http://lms.example.org:80/x",
        "http://lms.example.org:8080/x/",
        "https://lms.example.org/out%20comes/%2F%c3%bc?x=1&y=a%20b&z=&x=0&=v&+=+",
        "https://lms.example.org/a;b=c/@:+?q=%25+%26%3D%7e~",
    ],
)
@pytest.mark.parametrize("secret", [SECRET, "żółw", "%7E~", "a b"])
def test_5_2_and_5_3_what_oauthlib_signs_verifies_and_nothing_else(url, secret):
    message = read(authorization(url, BODY, secret=secret))

    assert oauth.find_signed_url(message, secret, [url]) == 0
    assert oauth.find_signed_url(message, secret, ["https://lms.example.org/else", url]) == 1
    for wrong in ([url + "x"], []):
        with pytest.raises(LtiError, match="OAuth signature verification has failed."):
            oauth.find_signed_url(message, secret, wrong)
    with pytest.raises(LtiError, match="OAuth signature verification has failed."):
        oauth.find_signed_url(message, secret + "x", [url])


def test_36_a_message_signed_with_an_empty_secret_never_verifies():
    message = read(authorization(URL, BODY, secret=""))

    with pytest.raises(LtiError, match="OAuth signature verification has failed."):
        oauth.find_signed_url(message, "", [URL])


def test_4_1_a_message_signed_with_our_stand_in_for_no_secret_never_verifies():
    message = read(authorization(URL, BODY, secret=oauth._NO_SECRET))

    with pytest.raises(LtiError, match="OAuth signature verification has failed."):
        oauth.find_signed_url(message, "", [URL])


@pytest.mark.parametrize(
    ("sent", "expected", "fits"),
    [
        ("key-1", "key-1", True),
        ("key-1", "key-2", False),
        ("key-1", "", False),
        ("key-1", "KEY-1", False),
    ],
)
def test_5_2_the_consumer_key_is_compared(sent, expected, fits):
    parameters = {"oauth_consumer_key": sent}

    if fits:
        oauth.check_consumer_key(parameters, expected)
    else:
        with pytest.raises(LtiError, match="OAuth signature verification has failed."):
            oauth.check_consumer_key(parameters, expected)


@pytest.mark.parametrize(("offset", "fits"), [(-5401, False), (-5400, True), (0, True), (300, True), (301, False)])
def test_5_4_the_window_has_exact_edges(offset, fits):
    parameters = {"oauth_timestamp": str(1_700_000_000 + offset)}

    if fits:
        assert oauth.check_timestamp(parameters, now=1_700_000_000) == 1_700_000_000 + offset
    else:
        with pytest.raises(LtiError, match="OAuth timestamp is outside the accepted window."):
            oauth.check_timestamp(parameters, now=1_700_000_000)


def test_a_message_shows_neither_body_nor_parameters_in_its_repr():
    assert repr(read(header())) == "SignedMessage(method='POST')"


@pytest.mark.parametrize(
    ("key", "secret", "url"),
    [
        ("", "s", "https://tool.example/"),
        ("k", "", "https://tool.example/"),
        ("k", "s", "tool.example/launch"),
        ("k", "s", "javascript:alert(1)"),
    ],
)
def test_36_a_launch_is_never_signed_without_key_secret_or_absolute_url(key, secret, url):
    with pytest.raises(ValueError, match=r"must be absolute|without a key and a secret"):
        oauth.sign_form(url=url, fields={}, key=key, secret=secret)
