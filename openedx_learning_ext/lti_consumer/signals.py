"""What this app tells others inside the process."""

from django.dispatch import Signal

#: A learner's result changed. Sent after the commit with ``placement_id`` (int), ``user_id`` (int), ``score`` (0 to 1,
#: or ``None`` when it was withdrawn) and ``maximum`` (points of the placement). A receiver's error is logged and goes
#: no further.
result_changed = Signal()
