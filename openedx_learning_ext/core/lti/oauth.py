"""
OAuth 1.0 signatures as LTI 1.1 uses them: two-legged, HMAC, with a body hash (RFC 5849; OAuth body hash extension).

What comes in is verified here, with a base string of our own; what goes out is signed with oauthlib, which is also the
oracle of the tests. The decision record on signature verification has the reasons.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from oauthlib import common
from oauthlib.oauth1 import Client
from oauthlib.oauth1.rfc5849 import signature

from openedx_learning_ext.core.lti.errors import LtiError

BAD_SIGNATURE = "OAuth signature verification has failed."
BAD_BODY_HASH = "OAuth body hash verification has failed."
BAD_TIMESTAMP = "OAuth timestamp is outside the accepted window."
USED_NONCE = "OAuth nonce was used before."
NO_HEADER = "no Authorization header"

HMAC_SHA1, HMAC_SHA256 = "HMAC-SHA1", "HMAC-SHA256"
_DIGESTS = {HMAC_SHA1: "sha1", HMAC_SHA256: "sha256"}

# Stands in where there is no secret, so that a message for nobody costs what a message for somebody costs.
_NO_SECRET = "no secret is configured: nothing verifies with this"


@dataclass(frozen=True, slots=True)
class OAuthRules:
    """What is accepted: signature methods, the longest nonce and key, the window in seconds back and ahead."""

    methods: tuple[str, ...] = (HMAC_SHA1,)
    max_nonce: int = 255
    max_key: int = 255
    max_age_seconds: int = 5400
    max_ahead_seconds: int = 300


DEFAULT_RULES = OAuthRules()
LAUNCH_RULES = OAuthRules(max_nonce=64, max_age_seconds=300)


class MissingParameter(LtiError):
    """A form lacks a parameter that every launch must have."""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """One request, signed in its ``Authorization: OAuth`` header or its form, with acceptable OAuth parameters."""

    method: str
    body: bytes = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)
    #: The pairs that the signature covers, percent-encoded.
    encoded: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def consumer_key(self) -> str:
        """Return ``oauth_consumer_key``."""
        return self.parameters["oauth_consumer_key"]


# -- what comes in -----------------------------------------------------------------------------------------------------

_SCHEME = re.compile(r"OAuth(?:[ \t]+|\Z)", re.IGNORECASE)
# No quantifier gives back what it took: a header of blanks and commas would otherwise be tried in ever more ways.
_ONE_PARAMETER = r'[ \t]*+([^\s=,"]++)[ \t]*+=[ \t]*+(?:"([^"]*+)"|([^\s",]*+))[ \t]*+(?:,|\Z)'
_PARAMETER = re.compile(_ONE_PARAMETER)
_ALL_PARAMETERS = re.compile(rf"(?:{_ONE_PARAMETER})*+[ \t]*+")
_NEEDS_NO_ENCODING = re.compile(r"[A-Za-z0-9\-._~]*").fullmatch
# Base64 as a percent-encoded value: what a body hash and a signature are.
_ENCODED_BASE64 = re.compile(r"(?:[A-Za-z0-9\-._~]|%2B|%2F|%3D)*").fullmatch

# Nobody's header is so long; it bounds the work a stranger can cause.
_MAX_HEADER = 8 * 1024

_CHECKED = frozenset(
    (
        "oauth_consumer_key",
        "oauth_signature_method",
        "oauth_timestamp",
        "oauth_nonce",
        "oauth_version",
        "oauth_signature",
        "oauth_body_hash",
        "oauth_token",
        "oauth_callback",
    )
)


def read_message(
    *, method: str, body: bytes, authorization: str | None, rules: OAuthRules = DEFAULT_RULES
) -> SignedMessage:
    """
    Return the message with the OAuth parameters of its header, each checked for what it may be (not yet the signature).

    Raises:
        LtiError: no header, or a parameter is missing, repeated or not acceptable. The text names the parameter, never
            what was sent in it.
    """
    if authorization is None or (scheme := _SCHEME.match(authorization)) is None:
        raise LtiError(NO_HEADER, code="no_header")
    parameters, encoded = _read_parameters(authorization, scheme.end())
    _check_parameters(parameters, rules)
    return SignedMessage(method.upper(), body, parameters, encoded)


def read_form(
    *,
    fields: Iterable[tuple[str, str]],
    authorization: str | None = None,
    required: Collection[str] = (),
    rules: OAuthRules = LAUNCH_RULES,
) -> SignedMessage:
    """
    Return the message of a posted form, whose fields are signed themselves: there is no body hash (LTI 1.1, 4.3).

    ``fields`` are all decoded pairs, blank ones included. OAuth parameters may stand in an ``Authorization`` header
    instead; another scheme there is somebody else's business. Of a field that is repeated the last value counts.

    Raises:
        MissingParameter: the form lacks a required name.
        LtiError: an OAuth parameter is missing, repeated or not acceptable; the text never says what was sent in it.
    """
    parameters: dict[str, str] = {}
    encoded: list[tuple[str, str]] = []
    if authorization is not None and (scheme := _SCHEME.match(authorization)) is not None:
        in_header, signed = _read_parameters(authorization, scheme.end())
        parameters = {name: value for name, value in in_header.items() if name.startswith("oauth_")}
        encoded.extend(signed)
    repeated = None
    for name, value in fields:
        if name in parameters and name.startswith("oauth_"):
            repeated = name
        parameters[name] = value
        if name != "oauth_signature":
            encoded.append((quote(name, safe=""), quote(value, safe="")))
    for name in required:
        if name not in parameters:
            raise MissingParameter(f"parameter {name} is missing.", code=f"missing:{name}")
    if repeated is not None:
        shown = repeated if repeated in _CHECKED else "oauth_*"
        raise LtiError(f"OAuth parameter {shown} is repeated.", code=f"repeated:{shown}")
    _check_parameters(parameters, rules)
    return SignedMessage("POST", b"", parameters, tuple(encoded))


def _read_parameters(header: str, start: int) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Return the parameters decoded, and those that are signed percent-encoded."""
    if len(header) > _MAX_HEADER or _ALL_PARAMETERS.fullmatch(header, start) is None:
        raise LtiError(BAD_SIGNATURE, code="bad_header")
    parameters: dict[str, str] = {}
    encoded = []
    for name, quoted, bare in _PARAMETER.findall(header, start):
        value = quoted or bare
        if not _NEEDS_NO_ENCODING(name):
            name = unquote(name)
        if name in parameters:
            shown = name if name in _CHECKED else "oauth_*"
            raise LtiError(f"OAuth parameter {shown} is repeated.", code=f"repeated:{shown}")
        parameters[name], encoded_value = _decode(value)
        if name != "oauth_signature" and name != "realm":
            encoded.append((name if name in _CHECKED else quote(name, safe=""), encoded_value))
    parameters.pop("realm", None)
    return parameters, tuple(encoded)


def _decode(value: str) -> tuple[str, str]:
    """Return a value of the header decoded, and encoded as the base string has it, whatever the sender's habit."""
    if _NEEDS_NO_ENCODING(value):
        return value, value
    if _ENCODED_BASE64(value):  # twice as fast as the general way below, for the two longest values of every header
        return value.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/"), value
    try:
        decoded = unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise LtiError(BAD_SIGNATURE, code="bad_header") from None
    return decoded, quote(decoded, safe="")


def _check_parameters(parameters: Mapping[str, str], rules: OAuthRules) -> None:
    get = parameters.get
    _require(_is_ascii(get("oauth_consumer_key"), rules.max_key), parameters, "oauth_consumer_key")
    _require(get("oauth_signature_method") in rules.methods, parameters, "oauth_signature_method")
    timestamp = get("oauth_timestamp", "")
    # isdigit() takes the digits of every script: only ASCII ones are meant here.
    _require(timestamp.isdigit() and timestamp.isascii() and len(timestamp) <= 20, parameters, "oauth_timestamp")
    _require(_is_ascii(get("oauth_nonce"), rules.max_nonce), parameters, "oauth_nonce")
    _require(get("oauth_version", "1.0") == "1.0", parameters, "oauth_version")
    _require(_is_ascii(get("oauth_signature"), 255), parameters, "oauth_signature")
    _require(not get("oauth_token"), parameters, "oauth_token")


def _is_ascii(value: str | None, longest: int) -> bool:
    return value is not None and 0 < len(value) <= longest and value.isascii() and value.isprintable()


def _require(acceptable: bool, parameters: Mapping[str, str], name: str) -> None:
    if not acceptable:
        problem = "not acceptable" if parameters.get(name) else "missing"
        raise LtiError(f"OAuth parameter {name} is {problem}.", code=f"{problem.replace(' ', '_')}:{name}")


def check_body_hash(message: SignedMessage) -> None:
    """
    Return when ``oauth_body_hash`` is the hash of the raw bytes, compared in constant time.

    With a signature method of SHA-256 its hash is accepted as well as that of SHA-1.

    Raises:
        LtiError: the hash is absent or another.
    """
    sent = message.parameters.get("oauth_body_hash", "").encode("utf-8", "replace")
    good = hmac.compare_digest(sent, base64.b64encode(hashlib.sha1(message.body, usedforsecurity=False).digest()))
    if message.parameters["oauth_signature_method"] == HMAC_SHA256:
        good |= hmac.compare_digest(sent, base64.b64encode(hashlib.sha256(message.body).digest()))
    if not good:
        raise LtiError(BAD_BODY_HASH, code="bad_body_hash")


def find_signed_url(message: SignedMessage, secret: str, urls: Sequence[str]) -> int:
    """
    Return which of the candidate URLs the message was signed for, as its index; the first that fits ends the search.

    An empty secret fails like a wrong one, after the same work.

    Raises:
        LtiError: the signature fits none of them.
    """
    parameters = message.parameters
    key = f"{quote(secret or _NO_SECRET, safe='')}&".encode()
    sent = parameters["oauth_signature"].encode("ascii")
    digest = _DIGESTS[parameters["oauth_signature_method"]]
    for index, url in enumerate(urls):
        base = base_string(message.method, url, message.encoded).encode("ascii")
        if hmac.compare_digest(sent, base64.b64encode(hmac.digest(key, base, digest))) and secret:
            return index
    raise LtiError(BAD_SIGNATURE, code="bad_signature" if secret else "no_secret")


def base_string(method: str, url: str, encoded_parameters: Iterable[tuple[str, str]]) -> str:
    """
    Return the signature base string (RFC 5849, section 3.4.1) over a URL as it was on the wire.

    ``encoded_parameters`` are pairs of percent-encoded name and value, without the signature; the query of the URL
    joins them. The path is taken as it stands, not decoded.
    """
    target, query = _encode_url(url)
    pairs = sorted([*encoded_parameters, *query])
    joined = "&".join([f"{name}={value}" for name, value in pairs])
    # What is encoded once holds no other character that a second encoding would change.
    twice = joined.replace("%", "%25").replace("=", "%3D").replace("&", "%26")
    return f"{method.upper()}&{target}&{twice}"


@lru_cache(maxsize=1024)
def _encode_url(url: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the base string URI (RFC 5849, section 3.4.1.2), encoded, and the pairs of the query, encoded."""
    parts = urlsplit(url)
    query = tuple(
        (quote(name, safe=""), quote(value, safe="")) for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    scheme = parts.scheme.lower()
    authority = parts.netloc.lower().rpartition("@")[2]
    if (scheme == "https" and authority.endswith(":443")) or (scheme == "http" and authority.endswith(":80")):
        authority = authority.rpartition(":")[0]
    return quote(f"{scheme}://{authority}{parts.path or '/'}", safe=""), query


def check_timestamp(parameters: Mapping[str, str], *, now: float, rules: OAuthRules = DEFAULT_RULES) -> int:
    """
    Return the timestamp when it is inside the window; both edges belong to it.

    Raises:
        LtiError: too old, or too far ahead.
    """
    timestamp = int(parameters["oauth_timestamp"])
    if not now - rules.max_age_seconds <= timestamp <= now + rules.max_ahead_seconds:
        raise LtiError(BAD_TIMESTAMP, code=f"stale:{timestamp - int(now):+d}s"[:40])
    return timestamp


def check_consumer_key(parameters: Mapping[str, str], expected: str) -> None:
    """
    Return when the message names the expected consumer key; an empty one never fits.

    Raises:
        LtiError: another key, in the words of a wrong signature.
    """
    sent = parameters["oauth_consumer_key"].encode("utf-8")
    if not hmac.compare_digest(sent, expected.encode("utf-8")) or not expected:
        raise LtiError(BAD_SIGNATURE, code="foreign_key")


# -- what goes out -----------------------------------------------------------------------------------------------------


def sign_body(*, url: str, body: bytes, key: str, secret: str) -> str:
    """
    Return the ``Authorization`` header that signs a POST, body hash included; a new nonce and time in each.

    Raises:
        ValueError: key or secret is empty.
    """
    if not key or not secret:
        raise ValueError("a message cannot be signed without a key and a secret")
    parameters = {
        "oauth_consumer_key": key,
        "oauth_nonce": common.generate_token(32),
        "oauth_signature_method": HMAC_SHA1,
        "oauth_timestamp": common.generate_timestamp(),
        "oauth_version": "1.0",
        "oauth_body_hash": base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode(),
    }
    pairs: Any = [*parse_qsl(urlsplit(url).query, keep_blank_values=True), *parameters.items()]
    normalized = signature.normalize_parameters(pairs)
    base = signature.signature_base_string("POST", signature.base_string_uri(url), normalized)
    parameters["oauth_signature"] = signature.sign_hmac_sha1_with_client(base, Client(key, client_secret=secret))
    return "OAuth " + ", ".join(f'{name}="{quote(value, safe="")}"' for name, value in parameters.items())


def sign_form(
    *,
    url: str,
    fields: Mapping[str, str],
    key: str,
    secret: str,
    nonce: str | None = None,
    timestamp: str | None = None,
) -> dict[str, str]:
    """
    Return the fields of a form POST together with the OAuth fields that sign them (LTI 1.1, section 4.3), HMAC-SHA1.

    The URL's query takes part in the signature and is not repeated in the form. Nonce and timestamp are made anew
    unless given.

    Raises:
        ValueError: key or secret is empty, or the URL is not absolute.
    """
    if not key or not secret:
        raise ValueError("a launch cannot be signed without a key and a secret")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("a launch URL must be absolute")
    signed = {
        **fields,
        "oauth_consumer_key": key,
        "oauth_nonce": nonce or common.generate_nonce(),
        "oauth_signature_method": HMAC_SHA1,
        "oauth_timestamp": timestamp or common.generate_timestamp(),
        "oauth_version": "1.0",
    }
    # Not by the library's client: that one logs whom it signs for, and the signature.
    parameters: Any = [*parse_qsl(parts.query, keep_blank_values=True), *signed.items()]
    normalized = signature.normalize_parameters(parameters)
    base = signature.signature_base_string("POST", signature.base_string_uri(url), normalized)
    return {**signed, "oauth_signature": signature.sign_hmac_sha1_with_client(base, Client(key, client_secret=secret))}
