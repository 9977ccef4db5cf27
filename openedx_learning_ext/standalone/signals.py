"""What the default host announces: the counterparts of two of the platform's plain signals."""

from django.dispatch import Signal

#: A score of a block changed, or was stored again unchanged. Sent by ``scores`` alone, inside the transaction that
#: stores it, with the platform's keywords: ``user_id``, ``course_id`` and ``usage_id`` as text, ``weighted_earned``,
#: ``weighted_possible``, ``only_if_higher``, ``modified``, ``score_db_table``, ``score_deleted`` (then the points are
#: ``None``) and ``grader_response``.
SCORE_CHANGED = Signal()

#: A person is being retired. Sent with ``user``; a receiver that raises stops the retirement.
USER_RETIRED = Signal()
