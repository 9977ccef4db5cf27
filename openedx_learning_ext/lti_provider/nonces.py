"""
Which launches were accepted already (RFC 5849, section 3.3): a nonce is good once per consumer key and timestamp.

A row under a unique constraint, not a cache: a cache evicts, and "look, then write" races.
"""

from __future__ import annotations

import hashlib
import time

from django.db import IntegrityError, transaction

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.core.lti.oauth import LAUNCH_RULES, USED_NONCE
from openedx_learning_ext.lti_provider.models import LaunchNonce

PURGE_BATCH = 1000


class NonceUsed(LtiError):
    """The launch was accepted before."""


def use(*, consumer_key: str, timestamp: int, nonce: str) -> None:
    """
    Write down that a nonce is used, in the caller's transaction: whatever rolls that back frees the nonce again.

    Raises:
        NonceUsed: it was used before.
    """
    parts = (consumer_key.encode(), nonce.encode())
    digest = hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).hexdigest()
    try:
        with transaction.atomic():
            LaunchNonce.objects.create(timestamp=timestamp, digest=digest)
    except IntegrityError:
        raise NonceUsed(USED_NONCE, code="replay") from None


def purge() -> int:
    """Delete the nonces of launches that are too old to be sent again, in batches; return how many."""
    # A timestamp may lie ahead, so a row is kept for twice the window.
    window = max(conf.LTI_NONCE_WINDOW_SECONDS(), LAUNCH_RULES.max_ahead_seconds)
    oldest = int(time.time()) - 2 * window
    gone = 0
    while ids := list(LaunchNonce.objects.filter(timestamp__lt=oldest).values_list("pk", flat=True)[:PURGE_BATCH]):
        gone += LaunchNonce.objects.filter(pk__in=ids).delete()[0]
    return gone
