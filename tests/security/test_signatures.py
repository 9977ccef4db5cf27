"""S5: what oauthlib signs we verify, what we sign others verify, and one bit changed anywhere is noticed."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from oauthlib.oauth1.rfc5849 import signature as oauthlib_signature

from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.lti_consumer.oauth import verify_oauth_body_signature
from tests.doubles.toolside import Request
from tests.interop.peers import oauth2
from tests.security.support import hash_of, hold, numbers, sign

AWKWARD = st.sampled_from(list("+%~&=;:/?#@!$'()*,[] \"<>\\^`{|}-._aZ09éżß€漢😀\u00a0\u200b"))
TEXTS = st.text(AWKWARD | st.characters(exclude_categories=("Cs",)), max_size=20)
SECRETS = st.text(AWKWARD | st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30)
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=30)
BODIES = st.binary(max_size=200) | st.text(max_size=100).map(str.encode)


@st.composite
def urls(draw):
    """An absolute URL as it is on the wire: percent-encoded, with or without port and query, in any letter case."""
    scheme = draw(st.sampled_from(["http", "https", "HTTPS"]))
    host = draw(st.sampled_from(["lms.example.org", "LMS.Example.ORG", "127.0.0.1", "[::1]", "xn--lw-fka.example"]))
    port = draw(st.sampled_from(["", "", ":80", ":443", ":8000"]))
    keep = draw(st.sampled_from(["", ":@+;,='"]))
    # oauthlib loses a semicolon at the end of the path.
    path = "".join(f"/{quote(part, safe=keep)}" for part in draw(st.lists(TEXTS, max_size=4))).rstrip(";")
    query = draw(st.lists(st.tuples(TEXTS.filter(bool), TEXTS), max_size=4))
    how = draw(st.sampled_from([quote, None]))
    encoded = urlencode(query, quote_via=how) if how else urlencode(query)
    return f"{scheme}://{host}{port}{path}" + (f"?{encoded}" if query else "")


def _verifies(body, url, secret, header, *, method="POST", service_url=None):
    request = Request(body, url, method, headers={"Authorization": header})
    try:
        return verify_oauth_body_signature(request, secret, service_url)
    except LtiError:
        return False


@numbers(300, 2_000)
def test_S5_whatever_oauthlib_signs_verifies(count, seed):
    def law(body, url, secret, key, nonce):
        header = sign(url, body, key=key, secret=secret, nonce=nonce, timestamp=1_700_000_000)

        assert _verifies(body, url, secret, header)
        assert _verifies(body, "https://elsewhere.example/", secret, header, service_url=url)
        assert not _verifies(body, url, "", header)
        assert not _verifies(body, url, f"{secret}x", header)

    hold(law, BODIES, urls(), SECRETS, PRINTABLE, PRINTABLE, count=count, seed=seed)


@numbers(200, 2_000)
def test_S5_nothing_signed_with_an_empty_secret_verifies(count, seed):
    def law(body, url, secret):
        header = sign(url, body, secret="")

        assert not _verifies(body, url, "", header)
        assert not _verifies(body, url, secret, header)

    hold(law, BODIES, urls(), SECRETS, count=count, seed=seed)


@numbers(300, 2_000)
def test_S5_our_base_string_is_oauthlibs(count, seed):
    def law(url, parameters):
        parameters.pop("oauth_signature", None)
        query = urlsplit(url).query
        collected = oauthlib_signature.collect_parameters(query, list(parameters.items()), None, False)
        theirs = oauthlib_signature.signature_base_string(
            "POST",
            oauthlib_signature.base_string_uri(url),
            oauthlib_signature.normalize_parameters(collected),
        )

        ours = oauth.base_string("POST", url, [(quote(n, safe=""), quote(v, safe="")) for n, v in parameters.items()])

        assert ours == theirs

    hold(law, urls(), st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=5), count=count, seed=seed)


@numbers(300, 2_000)
def test_S5_the_forms_we_sign_verify_elsewhere(count, seed):
    """oauthlib signs our launches, so somebody else's implementation and our own base string verify them."""
    names = st.from_regex(r"(custom|lis|ext)_[a-z]{1,10}", fullmatch=True)
    # A browser sends line ends as CR LF and cannot send what is no character; a form carries neither.
    values = st.text(AWKWARD | st.characters(exclude_categories=("Cs", "Cc")), max_size=30)

    def law(url, fields, key, secret):
        signed = oauth.sign_form(url=url, fields=fields, key=key, secret=secret)

        # The base string does not tell a field of the form from a parameter of the header.
        header = "OAuth " + ", ".join(f'{quote(n, safe="")}="{quote(v, safe="")}"' for n, v in signed.items())
        message = oauth.read_message(method="POST", body=b"", authorization=header)
        assert {name: signed[name] for name in fields} == fields
        assert oauth.find_signed_url(message, secret, [url]) == 0
        # python-oauth2 leaves letter case and an empty path as they are, and reads the query in a way of its own.
        parts = urlsplit(url)
        if parts.path and parts.netloc == parts.netloc.lower() and url.startswith("http") and not parts.query:
            request = oauth2.Request("POST", url, dict(signed))
            method = oauth2.SignatureMethod_HMAC_SHA1()
            assert method.sign(request, oauth2.Consumer(key, secret), None).decode() == signed["oauth_signature"]

    hold(law, urls(), st.dictionaries(names, values, max_size=8), PRINTABLE, SECRETS, count=count, seed=seed)


@pytest.mark.parametrize("key", ["k", "a b", "50%", "a%41", "%00", "k&=+"])
def test_S5_a_launch_verifies_elsewhere_whatever_is_in_the_key(key):
    url = "https://tool.example/launch"

    signed = oauth.sign_form(url=url, fields={"custom_a": "1"}, key=key, secret="s")

    request = oauth2.Request("POST", url, dict(signed))
    computed = oauth2.SignatureMethod_HMAC_SHA1().sign(request, oauth2.Consumer(key, "s"), None)
    assert signed["oauth_signature"] == computed.decode()


@pytest.mark.parametrize(
    ("method", "body_hash", "is_on", "verifies"),
    [
        ("HMAC-SHA1", "sha1", False, True),
        ("HMAC-SHA1", "sha256", True, False),
        ("HMAC-SHA256", "sha1", False, False),
        ("HMAC-SHA256", "sha1", True, True),
        ("HMAC-SHA256", "sha256", True, True),
        ("HMAC-SHA256", "sha512", True, False),
        ("HMAC-SHA512", "sha1", True, False),
        ("PLAINTEXT", "sha1", True, False),
    ],
)
def test_S5_only_the_methods_that_are_on_verify(method, body_hash, is_on, verifies, settings):
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_ALLOW_HMAC_SHA256 = is_on
    url, body = "https://lms.example.org/outcomes/1", b"<x/>"

    header = sign(url, body, body_hash=hash_of(body, body_hash), signature_method=method)

    assert _verifies(body, url, "s3cr&t/+", header) == verifies


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\x85", "\x1c", "\x0b"])
def test_S5_what_only_unicode_calls_a_blank_does_not_separate_parameters(blank):
    url, body = "https://lms.example.org/outcomes/1", b"<x/>"
    header = sign(url, body)

    assert _verifies(body, url, "s3cr&t/+", header)
    assert not _verifies(body, url, "s3cr&t/+", header.replace(", ", f",{blank}", 1))


# -- one bit -----------------------------------------------------------------------------------------------------------


def _flip(data, bit):
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << (bit % 8)
    return bytes(flipped)


def _is_same_header(header, flipped):
    """Tell whether a flipped bit changed a letter's case only where case says nothing: the scheme, and after a %."""
    (at,) = [index for index in range(len(header)) if header[index] != flipped[index]]
    if header[at].lower() != flipped[at].lower():
        return False
    return at < len("OAuth") or "%" in header[max(at - 2, 0) : at]


@numbers(300, 2_000)
def test_S5_a_bit_flipped_anywhere_in_the_body_or_the_header_is_noticed(count, seed):
    def law(body, secret, key, place, data):
        url = "https://lms.example.org/outcomes/1?x=1&y=a%20b"
        header = sign(url, body, key=key, secret=secret, nonce="n-1", timestamp=1_700_000_000)
        if place == "body":
            assume(body)
            flipped = _flip(body, data.draw(st.integers(0, 8 * len(body) - 1)))
            assert not _verifies(flipped, url, secret, header)
            return
        raw = header.encode("latin-1")
        flipped = _flip(raw, data.draw(st.integers(0, 8 * len(raw) - 1))).decode("latin-1")
        assert _verifies(body, url, secret, flipped) == _is_same_header(header, flipped)

    hold(law, BODIES, SECRETS, PRINTABLE, st.sampled_from(["body", "header"]), st.data(), count=count, seed=seed)


@numbers(300, 2_000)
def test_S5_a_bit_flipped_in_the_address_the_method_or_the_secret_is_noticed(count, seed):
    url = "https://lms.example.org:8000/outcomes/Block%2B1;x/a?x=1&y=a%20b&z="

    def law(body, secret, place, data):
        header = sign(url, body, secret=secret)
        original = {"url": url, "method": "POST", "secret": secret}[place]
        raw = original.encode()
        try:
            flipped = _flip(raw, data.draw(st.integers(0, 8 * len(raw) - 1))).decode()
        except UnicodeDecodeError:
            assume(False)
        said = {"url": url, "method": "POST", "secret": secret, place: flipped}
        try:
            valid = _verifies(body, said["url"], said["secret"], header, method=said["method"])
        except ValueError:
            valid = False  # no URL any more; the caller of the function hears that

        is_same = place == "method" and flipped.upper() == "POST"
        if place == "url" and flipped.lower() == url.lower():
            (at,) = [index for index in range(len(url)) if url[index] != flipped[index]]
            # Scheme and host have no case; an escape in the query is decoded, one in the path stands as it is.
            is_same = at < url.index("/outcomes") or "%" in url[url.index("?") :][max(at - url.index("?") - 2, 0) :][:2]
        assert valid == is_same

    places = st.sampled_from(["url", "method", "secret"])
    hold(law, BODIES, SECRETS, places, st.data(), count=count, seed=seed)


@pytest.mark.parametrize("name", ["oauth_nonce", "oauth_timestamp", "oauth_body_hash", "oauth_signature"])
def test_S5_every_single_bit_of_a_parameter_counts(name):
    url, body = "https://lms.example.org/outcomes/1", b"<x/>"
    header = sign(url, body, nonce="nonce1", timestamp=1_700_000_000)
    start = header.index(f'{name}="') + len(name) + 2
    end = header.index('"', start)
    raw = header.encode()

    for bit in range(8 * start, 8 * end):
        flipped = _flip(raw, bit).decode("latin-1")
        assert _verifies(body, url, "s3cr&t/+", flipped) == _is_same_header(header, flipped), flipped
