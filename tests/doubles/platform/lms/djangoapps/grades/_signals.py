"""The signals, and what the platform's own receivers do with a published score."""

from django.dispatch import Signal as _Signal
from django.dispatch import receiver as _receiver
from django.utils import timezone as _timezone
from xblock.scorable import ScorableXBlockMixin as _ScorableXBlockMixin

from tests.doubles.platform import scene as _scene

SCORE_PUBLISHED = _Signal()
PROBLEM_WEIGHTED_SCORE_CHANGED = _Signal()


@_receiver(SCORE_PUBLISHED)
def _store_and_announce(sender, block, user, raw_earned, raw_possible, only_if_higher, **kwargs):
    if isinstance(block, _ScorableXBlockMixin):
        raise AttributeError("the block is not bound to the learner")
    _scene.learner_rows[user.id, block.location] = (raw_earned, raw_possible)
    earned, possible = raw_earned, raw_possible
    if raw_possible and block.weight is not None:
        earned, possible = float(raw_earned) * block.weight / raw_possible, float(block.weight)
    PROBLEM_WEIGHTED_SCORE_CHANGED.send(
        sender=None,
        weighted_earned=earned,
        weighted_possible=possible,
        user_id=user.id,
        course_id=str(block.location.course_key),
        usage_id=str(block.location),
        only_if_higher=only_if_higher,
        score_deleted=kwargs.get("score_deleted", False),
        modified=_timezone.now(),
        score_db_table="csm",
        grader_response=kwargs.get("grader_response", False),
    )
