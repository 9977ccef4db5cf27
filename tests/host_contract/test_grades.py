"""The contract of ``ports.Grades``."""

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
