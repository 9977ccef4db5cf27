"""The contract of ``ports.Grades``."""

import gc

import pytest
from django.db import transaction
from opaque_keys.edx.keys import UsageKey

from openedx_learning_ext.core.host import ports

USAGE_ID = "block-v1:OpenedX+Contract+2026+type@lti_consumer+block@essay"


@pytest.fixture
def block(given):
    given.course()
    return given.block(USAGE_ID, is_graded=True)


def test_a_score_is_stored_on_the_block(host, given, ada, block):
    host.grades.publish_score(ada, block, earned=0.75, possible=1.0)

    assert given.score(ada, block) == (0.75, 1.0)


def test_the_latest_score_counts_also_when_it_is_lower(host, given, ada, block):
    host.grades.publish_score(ada, block, earned=3.0, possible=4.0)
    host.grades.publish_score(ada, block, earned=1.0, possible=4.0)

    assert given.score(ada, block) == (1.0, 4.0)


def test_zero_is_a_score(host, given, ada, block):
    host.grades.publish_score(ada, block, earned=0.0, possible=1.0)

    assert given.score(ada, block) == (0.0, 1.0)


def test_the_same_score_twice_is_one_score(host, given, ada, bob, block):
    host.grades.publish_score(ada, block, earned=0.5, possible=1.0)
    host.grades.publish_score(ada, block, earned=0.5, possible=1.0)

    assert given.score(ada, block) == (0.5, 1.0)
    assert given.score(bob, block) is None


def test_a_score_can_be_withdrawn_and_withdrawn_again(host, given, ada, block):
    host.grades.publish_score(ada, block, earned=0.5, possible=1.0)

    host.grades.publish_score(ada, block, earned=None, possible=1.0)
    host.grades.publish_score(ada, block, earned=None, possible=1.0)

    assert given.score(ada, block) is None


def test_the_host_announces_a_score_at_once(host, given, ada, block, listener):
    given.listener_to_scores(listener)

    with transaction.atomic():
        host.grades.publish_score(ada, block, earned=0.5, possible=1.0)
        heard = list(listener.heard)

    assert len(heard) == 1
    assert heard[0].pop("modified").tzinfo is not None
    assert heard[0] == {
        "user_id": ada.id,
        "course_id": "course-v1:OpenedX+Contract+2026",
        "usage_id": USAGE_ID,
        "weighted_earned": 0.5,
        "weighted_possible": 1.0,
        "only_if_higher": False,
        "score_db_table": "csm",
        "score_deleted": False,
        "grader_response": False,
    }


def test_the_host_announces_a_withdrawal_without_points(host, given, ada, block, listener):
    host.grades.publish_score(ada, block, earned=0.5, possible=1.0)
    given.listener_to_scores(listener)

    host.grades.publish_score(ada, block, earned=None, possible=1.0)

    assert [(told["score_deleted"], told["weighted_earned"], told["weighted_possible"]) for told in listener.heard] == [
        (True, None, None)
    ]


def test_an_error_of_a_receiver_reaches_the_caller(host, given, ada, block, listener):
    listener.failing_with = RuntimeError("the receiver is broken")
    given.listener_to_scores(listener)

    with pytest.raises(RuntimeError, match="the receiver is broken"):
        host.grades.publish_score(ada, block, earned=0.5, possible=1.0)


def test_an_unknown_block_takes_no_score(host, given, ada, listener):
    given.listener_to_scores(listener)

    with pytest.raises(ports.BlockNotFound):
        host.grades.publish_score(ada, UsageKey.from_string(USAGE_ID), earned=0.5, possible=1.0)

    assert listener.heard == []


def test_a_block_in_another_letter_case_takes_no_score(host, given, ada, block):
    with pytest.raises(ports.BlockNotFound):
        host.grades.publish_score(ada, UsageKey.from_string(USAGE_ID.replace("essay", "ESSAY")), earned=1, possible=1)


def test_a_block_that_scores_itself_takes_no_score(host, given, ada, listener):
    given.course()
    block = given.block("block-v1:OpenedX+Contract+2026+type@problem+block@sum", scores_itself=True)
    given.listener_to_scores(listener)

    with pytest.raises(ports.BlockNotFound):
        host.grades.publish_score(ada, block, earned=0.5, possible=1.0)

    assert given.score(ada, block) is None
    assert listener.heard == []


def test_somebody_not_signed_in_can_have_no_score(host, given, nobody, block):
    with pytest.raises(ports.AccountNotFound):
        host.grades.publish_score(nobody, block, earned=0.5, possible=1.0)


# -- being told of scores ----------------------------------------------------------------------------------------------


def test_a_receiver_of_scores_hears_each_score_in_the_transaction_that_stores_it(host, given, ada, block, listener):
    host.grades.connect_score_receiver(listener, dispatch_uid="contract")

    with transaction.atomic():
        host.grades.publish_score(ada, block, earned=0.5, possible=1.0)
        host.grades.publish_score(ada, block, earned=0.5, possible=1.0)
        heard = list(listener.heard)

    names = ("user_id", "usage_id", "weighted_earned", "weighted_possible")
    assert [tuple(told[name] for name in names) for told in heard] == [(ada.id, USAGE_ID, 0.5, 1.0)] * 2


def test_a_receiver_of_scores_connected_twice_is_not_told_more_often(host, given, ada, block, listener):
    host.grades.connect_score_receiver(listener, dispatch_uid="contract")
    host.grades.connect_score_receiver(listener, dispatch_uid="contract")

    host.grades.publish_score(ada, block, earned=0.5, possible=1.0)

    assert len(listener.heard) == 1


def test_a_receiver_of_scores_nobody_else_holds_is_still_told(host, given, ada, block):
    told = []

    def connect() -> None:
        def receiver(**kwargs):
            told.append(kwargs["user_id"])

        host.grades.connect_score_receiver(receiver, dispatch_uid="contract")

    connect()
    gc.collect()

    host.grades.publish_score(ada, block, earned=0.5, possible=1.0)

    assert told == [ada.id]


def test_a_score_is_announced_in_the_points_of_its_block(host, given, ada, listener):
    given.course()
    block = given.block(USAGE_ID, weight=4.0)
    host.grades.connect_score_receiver(listener, dispatch_uid="contract")

    host.grades.publish_score(ada, block, earned=0.5, possible=1.0)

    assert [(told["weighted_earned"], told["weighted_possible"]) for told in listener.heard] == [(2.0, 4.0)]


# -- the score now -----------------------------------------------------------------------------------------------------


def share(score):
    """Return which share of the points was earned, and whether it is a sum."""
    return pytest.approx(score.earned / score.possible), score.is_composite


@pytest.fixture
def lesson(given):
    """A sequence with a unit of two problems, of 4 points and of 2: the keys of all four."""
    given.course()
    sequence = given.block("block-v1:OpenedX+Contract+2026+type@sequential+block@lesson")
    unit = given.block("block-v1:OpenedX+Contract+2026+type@vertical+block@unit", parent=sequence)
    problems = [
        given.block(f"block-v1:OpenedX+Contract+2026+type@problem+block@{name}", parent=unit, weight=weight)
        for name, weight in (("sum", 4.0), ("product", 2.0))
    ]
    return sequence, unit, *problems


def test_the_score_of_a_block_is_told(host, given, ada, bob, lesson):
    *_, problem, _ = lesson
    given.scored(ada, problem, 3.0, 4.0)

    assert share(host.grades.current_score(ada, problem)) == (0.75, False)
    assert host.grades.current_score(bob, problem) is None


def test_what_was_published_is_the_score_now_and_the_newest_counts(host, given, ada, lesson):
    *_, problem, _ = lesson
    host.grades.publish_score(ada, problem, earned=0.9, possible=1.0)
    host.grades.publish_score(ada, problem, earned=0.3, possible=1.0)

    assert share(host.grades.current_score(ada, problem)) == (0.3, False)


def test_zero_is_a_score_and_no_answer_is_none(host, given, ada, lesson):
    _, unit, answered, unanswered = lesson
    given.scored(ada, answered, 0.0, 4.0)

    assert share(host.grades.current_score(ada, answered)) == (0.0, False)
    assert share(host.grades.current_score(ada, unit)) == (0.0, True)
    assert host.grades.current_score(ada, unanswered) is None


def test_the_score_of_what_is_above_is_the_sum_with_the_open_points_of_what_was_not_answered(host, given, ada, lesson):
    sequence, unit, answered, _ = lesson
    given.scored(ada, answered, 3.0, 4.0)

    assert host.grades.current_score(ada, unit) == ports.BlockScore(earned=3.0, possible=6.0, is_composite=True)
    assert host.grades.current_score(ada, sequence) == ports.BlockScore(earned=3.0, possible=6.0, is_composite=True)


def test_the_sum_has_the_score_of_everything_below_and_of_nothing_beside(host, given, ada, bob, lesson):
    sequence, _, first, second = lesson
    beside = given.block("block-v1:OpenedX+Contract+2026+type@problem+block@beside", weight=8.0)
    given.scored(ada, first, 3.0, 4.0)
    given.scored(ada, second, 2.0, 2.0)
    given.scored(ada, beside, 8.0, 8.0)
    given.scored(bob, second, 0.0, 2.0)

    assert host.grades.current_score(ada, sequence) == ports.BlockScore(earned=5.0, possible=6.0, is_composite=True)


def test_before_the_first_answer_nothing_above_has_a_score(host, given, ada, lesson):
    sequence, unit, *_ = lesson

    assert host.grades.current_score(ada, sequence) is None
    assert host.grades.current_score(ada, unit) is None


def test_after_a_withdrawal_there_is_no_score_again(host, given, ada, lesson):
    sequence, _, problem, _ = lesson
    host.grades.publish_score(ada, problem, earned=1.0, possible=1.0)

    host.grades.publish_score(ada, problem, earned=None, possible=1.0)

    assert host.grades.current_score(ada, problem) is None
    assert host.grades.current_score(ada, sequence) is None


def test_a_block_without_any_points_can_have_no_score_but_0_of_0(host, given, ada):
    given.course()
    block = given.block(USAGE_ID, weight=0.0)
    host.grades.publish_score(ada, block, earned=3.0, possible=4.0)

    assert host.grades.current_score(ada, block) == ports.BlockScore(earned=0.0, possible=0.0, is_composite=False)


def test_an_unknown_block_has_no_score_to_tell(host, given, ada, lesson):
    with pytest.raises(ports.BlockNotFound):
        host.grades.current_score(ada, UsageKey.from_string(USAGE_ID))
    with pytest.raises(ports.BlockNotFound):
        host.grades.current_score(ada, UsageKey.from_string(str(lesson[0]).replace("lesson", "LESSON")))


def test_a_block_that_is_gone_has_no_score_to_tell_and_does_not_count_above(host, given, ada, lesson):
    sequence, _, first, second = lesson
    given.scored(ada, first, 4.0, 4.0)
    given.scored(ada, second, 1.0, 2.0)

    given.removed(first)

    with pytest.raises(ports.BlockNotFound):
        host.grades.current_score(ada, first)
    assert host.grades.current_score(ada, sequence) == ports.BlockScore(earned=1.0, possible=2.0, is_composite=True)


def test_somebody_not_signed_in_has_no_score_to_tell(host, given, nobody, lesson):
    assert host.grades.current_score(nobody, lesson[0]) is None
    assert host.grades.current_score(nobody, lesson[-1]) is None
