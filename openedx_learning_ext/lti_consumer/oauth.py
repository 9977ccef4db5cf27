"""The signature check of inbound outcome messages, under the name the specification gives it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from django.core.signals import setting_changed
from django.dispatch import receiver

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.lti_consumer.nonces import MAX_AHEAD_SECONDS

log = logging.getLogger(__name__)


class SignedRequest(Protocol):
    """What is asked of a request."""

    @property
    def body(self) -> bytes:
        """Return the raw bytes."""

    @property
    def method(self) -> str:
        """Return the HTTP method."""

    @property
    def url(self) -> str:
        """Return the absolute URL, its path as it was on the wire."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers."""


@cache
def rules() -> oauth.OAuthRules:
    """Return what inbound messages may be, by the settings of now (made anew when one of them is overridden)."""
    sha256 = conf.LTI_CONSUMER_ALLOW_HMAC_SHA256()
    return oauth.OAuthRules(
        methods=(oauth.HMAC_SHA1, oauth.HMAC_SHA256) if sha256 else (oauth.HMAC_SHA1,),
        max_age_seconds=conf.LTI_CONSUMER_WINDOW_SECONDS(),
        max_ahead_seconds=MAX_AHEAD_SECONDS,
    )


@receiver(setting_changed, dispatch_uid="learning_ext_lti_consumer.oauth.rules")
def _forget_rules(*, setting: str, **kwargs: Any) -> None:
    if setting in (conf.LTI_CONSUMER_ALLOW_HMAC_SHA256.name, conf.LTI_CONSUMER_WINDOW_SECONDS.name):
        rules.cache_clear()


def read_verified(request: SignedRequest, secret: str, service_url: str | None) -> oauth.SignedMessage:
    """
    Return the message of a request once its parameters, body hash and signature are good.

    The signature may be over the configured service URL, over the request's own, or over one of its ``other_urls``
    (where a trusted proxy may have changed the scheme). Freshness and replay are not looked at.

    Raises:
        LtiError: it does not verify. An empty secret never does.
    """
    message = oauth.read_message(
        method=request.method, body=request.body, authorization=_header(request), rules=rules()
    )
    oauth.check_body_hash(message)
    candidates = [service_url, request.url, *getattr(request, "other_urls", ())]
    urls = list(dict.fromkeys(url for url in candidates if url))
    matched = oauth.find_signed_url(message, secret, urls)
    if matched:
        log.info("outcome message was signed for another of our URLs", extra={"candidate": matched})
    return message


def verify_oauth_body_signature(request: SignedRequest, lti_provider_secret: str, service_url: str | None) -> bool:
    """
    Return ``True`` when a request's body hash and OAuth signature are good (LTI 1.1, section 4.3; OAuth body hash).

    Pure: nothing is stored and no clock is read, so the same request verifies again. The signature is tried over
    ``service_url`` and over the request's own URL; either is enough.

    Raises:
        LtiError: the header is absent, a parameter is missing, repeated or not acceptable, the hash or the signature is
            wrong, or the secret is empty.
    """
    read_verified(request, lti_provider_secret, service_url)
    return True


def _header(request: SignedRequest) -> str | None:
    headers = request.headers
    value = headers.get("Authorization")
    if value is None:
        value = next((text for name, text in headers.items() if name.lower() == "authorization"), None)
    return value
