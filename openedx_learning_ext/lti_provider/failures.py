"""
Launches that were not let in lately, for those who have to find out why.

In the cache and not in a table: strangers cause them. Nothing of the form is kept, and nothing about a person.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.utils import timezone

KEPT = 50
KEPT_SECONDS = 7 * 86_400

#: Stands for all keys that no consumer has.
UNKNOWN = 0

_PREFIX = "openedx_learning_ext.lti_provider.failed_launch"


@dataclass(frozen=True, slots=True)
class FailedLaunch:
    """A launch that was not let in: at which step, why, and the number that the learner was shown."""

    reference: str
    at: datetime
    consumer_id: int | None
    step: int
    code: str
    path: str
    #: For which addresses the signature was tried, without their queries.
    urls: tuple[str, ...] = ()
    #: By how much the campus's clock is behind ours (negative: ahead), where the timestamp was the reason.
    skew_seconds: int | None = None


def new_reference() -> str:
    """Return a number by which a learner, the log and the operator can speak of the same launch."""
    return uuid.uuid4().hex[:10]


def note(failure: FailedLaunch) -> None:
    """Keep a failed launch for seven days; of each consumer, and of all unknown keys together, the last fifty."""
    place = failure.consumer_id or UNKNOWN
    counter = f"{_PREFIX}.{place}.count"
    cache.add(counter, 0, None)
    try:
        number = cache.incr(counter)
    except ValueError:  # a full cache threw it out: any place will do
        number = int(time.time())
    cache.set(f"{_PREFIX}.{place}.{number % KEPT}", failure, KEPT_SECONDS)


def recent(consumer_id: int | None) -> list[FailedLaunch]:
    """Return the recent failed launches of a consumer, of unknown keys with ``None``, newest first."""
    place = consumer_id or UNKNOWN
    found = cache.get_many([f"{_PREFIX}.{place}.{number}" for number in range(KEPT)])
    oldest = timezone.now().timestamp() - KEPT_SECONDS
    kept = [failure for failure in found.values() if failure.at.timestamp() >= oldest]
    return sorted(kept, key=lambda failure: failure.at, reverse=True)
