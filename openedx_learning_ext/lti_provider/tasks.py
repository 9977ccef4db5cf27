"""The Celery tasks of this app, and the receiver of score changes."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from openedx_learning_ext.core import privacy
from openedx_learning_ext.lti_provider import api

log = logging.getLogger("edx.lti_provider")

#: Twenty rows of fifteen seconds each, and what stands around them. Only the last line: the deadlines are the door's.
_LIMITS = {
    "acks_late": True,
    "reject_on_worker_lost": True,
    "ignore_result": True,
    "soft_time_limit": 345,
    "time_limit": 360,
}


def score_changed_handler(sender: Any, **kwargs: Any) -> None:
    """
    Write down that a learner's score changed, for every campus that wants it; in the caller's transaction.

    Connected to the host's signal. Never raises into the sender: what fails is logged, and reconcile mends it.
    """
    try:
        api.record_score_change(kwargs)
    except Exception as error:  # noqa: BLE001  # a receiver of a plain signal must not break the host's code
        log.error("score change not recorded\n%s", privacy.trace_of(error))


@shared_task(name="learning_ext_lti_provider.deliver", **_LIMITS)
def deliver() -> int:
    """Send whatever is due; return the attempts made. Running it twice at once does no harm."""
    return api.deliver_due()


@shared_task(name="learning_ext_lti_provider.send_outcome", **_LIMITS)
def send_outcome(points_possible: float, points_earned: float, user_id: int, course_id: str, usage_id: str) -> int:
    """
    Deliver what the mailboxes of a learner's graded launches of a block hold; return the attempts made.

    The points are recorded only where no score was ever recorded, so a late or repeated task overwrites nothing.
    """
    return api.send_outcome(
        points_possible=points_possible,
        points_earned=points_earned,
        user_id=user_id,
        course_id=course_id,
        usage_id=usage_id,
    )
