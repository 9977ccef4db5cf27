"""When again? Pure functions over the number of attempts and what the last one came to."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Kinds of an :class:`Outcome`.
DELIVERED, MORE = "delivered", "more"
REFUSED, UNSUPPORTED, TRANSIENT, UNCLEAR, BROKEN = "refused", "unsupported", "transient", "unclear", "broken"
#: What ``Courier.settled`` hears when a lease was lost: whatever was answered may have been overtaken.
LOST = "lost"

REFUSAL_STEP = 6 * 3600
REFUSAL_REPEATS = 2
LONGEST_RETRY_AFTER = 6 * 3600
REST_AFTER_DOUBT = 60
#: Every step is lengthened at random by up to this part of it.
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What one attempt came to.

    ``kind`` is one of the constants of this module; ``code`` a short word for staff and logs; ``retry_after`` the
    seconds that the other side asked for; ``in_doubt`` says that bytes of the request went out and no complete answer
    came back, so the other side may still be applying it.
    """

    kind: str
    code: str = ""
    retry_after: float | None = None
    in_doubt: bool = False

    def __str__(self) -> str:
        """Return kind and code as one word."""
        return f"{self.kind}:{self.code}" if self.code else self.kind


def next_attempt(
    outcome: Outcome,
    *,
    attempts: int,
    refusals: int,
    was_broken: bool,
    steps: Sequence[float],
    chance: Callable[[], float] = random.random,
) -> float | None:
    """
    Return the seconds to the next attempt after a failed one, or ``None`` when there is to be none.

    ``attempts`` and ``refusals`` count this one. The kind of the last answer decides the step: refused twice more, six
    hours apart; transient and unclear by the schedule; broken once more, if the attempt before was not broken, too;
    unsupported never. A step is never shorter than it says.
    """
    if outcome.kind == UNSUPPORTED:
        return None
    if outcome.kind == REFUSED:
        if refusals > REFUSAL_REPEATS:
            return None
        step: float = REFUSAL_STEP
    elif attempts > len(steps) or (outcome.kind == BROKEN and was_broken):
        return None
    else:
        step = steps[attempts - 1]
    wait = step * (1 + JITTER * chance())
    if outcome.kind == TRANSIENT and outcome.retry_after is not None:
        wait = max(wait, min(outcome.retry_after, LONGEST_RETRY_AFTER))
    return wait


def rest(outcome: Outcome) -> float:
    """Return for how many seconds nothing may be sent for the same key, whatever the schedule or a newer want says."""
    seconds = REST_AFTER_DOUBT if outcome.in_doubt else 0.0
    if outcome.kind == TRANSIENT and outcome.retry_after is not None:
        seconds = max(seconds, min(outcome.retry_after, LONGEST_RETRY_AFTER))
    return seconds


def lease_seconds(rows: int) -> float:
    """Return how long a claim of so many rows holds them: 15 s a row and 30 s, never under 60 s."""
    return max(60.0, rows * 15.0 + 30.0)


#: A row of a claim is not begun with less than this left of the lease.
LEAST_LEASE = 45.0
