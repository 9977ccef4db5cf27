"""The one way a score gets onto a block of the default host: stored and announced in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from openedx_learning_ext.standalone import models, signals

if TYPE_CHECKING:
    from opaque_keys.edx.keys import UsageKey

#: The word by which the platform says that a score is on the learner's row of a block.
LEARNER_ROW = "csm"


def store(*, user_id: int, block: models.Block, earned: float, possible: float) -> models.Score:
    """
    Store the score a person has on a block from now on, and return it.

    Storing the same score again changes nothing but the time, and is announced again. Where the block says how many
    points there are, the score is weighed, as the platform does. Receivers of ``SCORE_CHANGED`` run at once; when one
    raises, there is neither score nor signal, and the error reaches the caller.
    """
    if block.weight is not None and possible:
        earned, possible = earned * block.weight / possible, block.weight
    with transaction.atomic():
        score, _ = models.Score.objects.update_or_create(
            user_id=user_id, usage_key=block.usage_key, defaults={"earned": earned, "possible": possible}
        )
        _announce(user_id, block, earned=earned, possible=possible, modified=score.modified)
    return score


def withdraw(*, user_id: int, block: models.Block) -> None:
    """
    Take a person's score off a block; the second time nothing is left to take, and it is announced again.

    Errors of receivers reach the caller, who still has the score then.
    """
    with transaction.atomic():
        models.Score.objects.filter(user_id=user_id, usage_key=block.usage_key).delete()
        _announce(user_id, block, earned=None, possible=None, modified=timezone.now())


def of_blocks(*, user_id: int, usage_keys: list[UsageKey]) -> dict[UsageKey, models.Score]:
    """Return the scores a person has on some blocks, in one query; a block without one is left out."""
    found = models.Score.objects.filter(user_id=user_id, usage_key__in=usage_keys)
    return {row.usage_key: row for row in found}


def _announce(
    user_id: int, block: models.Block, *, earned: float | None, possible: float | None, modified: datetime
) -> None:
    signals.SCORE_CHANGED.send(
        sender=None,
        user_id=user_id,
        course_id=str(block.course_key),
        usage_id=str(block.usage_key),
        weighted_earned=earned,
        weighted_possible=possible,
        only_if_higher=False,
        modified=modified,
        score_db_table=LEARNER_ROW,
        score_deleted=earned is None,
        grader_response=False,
    )
