"""
Which messages were accepted already (RFC 5849, section 3.3): a nonce is good once per consumer key and timestamp.

A row under a unique constraint, not a cache: a cache evicts, and "look, then write" races.
"""

from __future__ import annotations

import hashlib
import time

from django.db import IntegrityError, transaction

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.core.lti.oauth import USED_NONCE
from openedx_learning_ext.lti_consumer.models import LtiNonce

PURGE_BATCH = 1000
#: The rest is left to the next sweep: a piece of upkeep must not keep others waiting.
PURGE_BATCHES = 50

#: How far ahead of our clock a timestamp may be.
MAX_AHEAD_SECONDS = 300


def use(*, consumer: str, timestamp: int, nonce: str) -> None:
    """
    Write down that a nonce is used, in the caller's transaction: whatever rolls that back frees the nonce again.

    ``consumer`` says whose nonce it is: the key together with the tool, since course teams choose keys freely and
    two tools of one key are two consumers.

    Raises:
        LtiError: it was used before.
    """
    parts = (consumer.encode(), nonce.encode())
    digest = hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).hexdigest()
    try:
        with transaction.atomic():
            LtiNonce.objects.create(timestamp=timestamp, digest=digest)
    except IntegrityError:
        raise LtiError(USED_NONCE, code="replayed") from None


def purge() -> int:
    """Delete the nonces of messages that are too old to be sent again, in batches; answer how many."""
    # A timestamp may lie ahead, so a row is kept for twice the window.
    oldest = int(time.time()) - 2 * max(conf.LTI_CONSUMER_WINDOW_SECONDS(), MAX_AHEAD_SECONDS)
    gone = 0
    for _ in range(PURGE_BATCHES):
        ids = list(LtiNonce.objects.filter(timestamp__lt=oldest).values_list("pk", flat=True)[:PURGE_BATCH])
        if not ids:
            break
        gone += LtiNonce.objects.filter(pk__in=ids).delete()[0]
    return gone
