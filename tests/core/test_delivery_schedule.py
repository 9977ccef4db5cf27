"""``reliability.md`` 3.1 and 3.2: when an attempt is made again, by table."""

import pytest

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.delivery import schedule
from openedx_learning_ext.core.delivery.schedule import (
    BROKEN,
    DELIVERED,
    REFUSED,
    TRANSIENT,
    UNCLEAR,
    UNSUPPORTED,
    Outcome,
)

HOUR = 3600


def wait(kind, attempts, *, refusals=0, was_broken=False, retry_after=None, chance=0.0):
    return schedule.next_attempt(
        Outcome(kind, retry_after=retry_after),
        attempts=attempts,
        refusals=refusals,
        was_broken=was_broken,
        steps=conf.DELIVERY_RETRY_SCHEDULE.default,
        chance=lambda: chance,
    )


@pytest.mark.parametrize("kind", [TRANSIENT, UNCLEAR])
def test_3_1_ten_attempts_in_65_hours_and_35_minutes_then_parked(kind):
    steps = [wait(kind, attempts) for attempts in range(1, 11)]

    assert steps[:9] == [5, 30, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 24 * HOUR, 24 * HOUR]
    assert steps[9] is None
    assert sum(steps[:9]) == 65 * HOUR + 35 * 60 + 35


def test_3_1_a_step_is_lengthened_by_at_most_a_fifth_and_never_shortened():
    assert wait(TRANSIENT, 3, chance=0.0) == 300
    assert wait(TRANSIENT, 3, chance=1.0) == 360


@pytest.mark.parametrize(("refusals", "expected"), [(1, 6 * HOUR), (2, 6 * HOUR), (3, None)])
def test_3_2_refused_is_tried_twice_more_six_hours_apart(refusals, expected):
    assert wait(REFUSED, refusals, refusals=refusals) == expected


def test_3_1_a_refusal_after_transient_failures_starts_its_two_steps_then():
    assert wait(REFUSED, 9, refusals=1) == 6 * HOUR
    assert wait(REFUSED, 12, refusals=2) == 6 * HOUR
    assert wait(REFUSED, 12, refusals=3) is None


def test_3_1_after_a_refusal_a_transient_failure_goes_on_by_the_count_of_attempts():
    assert wait(TRANSIENT, 2, refusals=1) == 30


def test_3_2_unsupported_is_parked_at_once():
    assert wait(UNSUPPORTED, 1) is None


def test_3_2_broken_is_tried_once_more():
    assert wait(BROKEN, 1) == 5
    assert wait(BROKEN, 2, was_broken=True) is None
    assert wait(BROKEN, 4, was_broken=False) == 1800


@pytest.mark.parametrize(
    ("retry_after", "expected"), [(None, 30), (10, 30), (120, 120), (6 * HOUR, 6 * HOUR), (48 * HOUR, 6 * HOUR)]
)
def test_3_2_retry_after_lengthens_the_wait_up_to_six_hours(retry_after, expected):
    assert wait(TRANSIENT, 2, retry_after=retry_after) == expected


def test_3_2_retry_after_does_not_add_an_attempt_and_counts_on_transient_only():
    assert wait(TRANSIENT, 10, retry_after=60) is None
    assert wait(UNCLEAR, 2, retry_after=600) == 30


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(DELIVERED), 0),
        (Outcome(TRANSIENT), 0),
        (Outcome(TRANSIENT, in_doubt=True), 60),
        (Outcome(BROKEN, in_doubt=True), 60),
        (Outcome(TRANSIENT, retry_after=10, in_doubt=True), 60),
        (Outcome(TRANSIENT, retry_after=300), 300),
        (Outcome(TRANSIENT, retry_after=48 * HOUR), 6 * HOUR),
        (Outcome(UNCLEAR, retry_after=300), 0),
    ],
)
def test_3_4_what_is_in_doubt_or_was_asked_to_wait_rests(outcome, expected):
    assert schedule.rest(outcome) == expected


@pytest.mark.parametrize(("rows", "seconds"), [(1, 60), (2, 60), (3, 75), (20, 330)])
def test_2_1_a_lease_outlasts_everything_it_covers(rows, seconds):
    assert schedule.lease_seconds(rows) == seconds
    assert schedule.lease_seconds(rows) >= rows * 15 + 30


def test_an_outcome_is_written_as_kind_and_code():
    assert (str(Outcome(REFUSED, "certificate")), str(Outcome(DELIVERED))) == ("refused:certificate", "delivered")
