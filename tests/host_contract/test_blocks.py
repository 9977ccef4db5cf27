"""The contract of ``ports.Blocks``."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from opaque_keys.edx.keys import UsageKey

from openedx_learning_ext.core.host import ports

USAGE_ID = "block-v1:OpenedX+Contract+2026+type@lti_consumer+block@essay"


def test_a_block_is_found_with_title_grading_and_due_date(host, given):
    given.course()
    key = given.block(USAGE_ID, display_name="Essay", is_graded=True, due=datetime(2026, 12, 1, tzinfo=UTC))

    assert host.blocks.find(key) == ports.Block(
        usage_key=key, display_name="Essay", is_graded=True, due=datetime(2026, 12, 1, tzinfo=UTC)
    )


def test_a_block_without_title_and_date_has_an_empty_title_and_no_date(host, given):
    given.course()
    key = given.block(USAGE_ID)

    assert host.blocks.find(key) == ports.Block(usage_key=key, display_name="", is_graded=False, due=None)


def test_an_unknown_block_is_none(host, given):
    given.course()

    assert host.blocks.find(UsageKey.from_string(USAGE_ID)) is None


def test_a_key_in_another_letter_case_is_another_block(host, given):
    given.course()
    given.block(USAGE_ID)

    assert host.blocks.find(UsageKey.from_string(USAGE_ID.replace("essay", "ESSAY"))) is None


# -- what is above -----------------------------------------------------------------------------------------------------


@pytest.fixture
def tower(given):
    """A problem in a unit in a sequence in a chapter; the keys, the problem's first."""
    given.course()
    chapter = given.block("block-v1:OpenedX+Contract+2026+type@chapter+block@week")
    sequence = given.block("block-v1:OpenedX+Contract+2026+type@sequential+block@lesson", parent=chapter)
    unit = given.block("block-v1:OpenedX+Contract+2026+type@vertical+block@unit", parent=sequence)
    given.block("block-v1:OpenedX+Contract+2026+type@problem+block@beside", parent=unit)
    problem = given.block("block-v1:OpenedX+Contract+2026+type@problem+block@sum", parent=unit)
    return problem, unit, sequence, chapter


def test_what_is_above_a_block_is_told_from_the_nearest_up(host, given, tower):
    problem, unit, sequence, chapter = tower

    above = host.blocks.ancestors(problem)

    assert above[:3] == (unit, sequence, chapter)
    assert problem not in above
    assert all(key.course_key == problem.course_key for key in above)


def test_what_is_below_or_beside_is_not_above(host, given, tower):
    problem, unit, sequence, chapter = tower

    assert not {problem, unit, sequence, chapter} & set(host.blocks.ancestors(chapter))
    assert host.blocks.ancestors(sequence)[0] == chapter


def test_nothing_is_above_an_unknown_block(host, given, tower):
    with pytest.raises(ports.BlockNotFound):
        host.blocks.ancestors(UsageKey.from_string(USAGE_ID))
    with pytest.raises(ports.BlockNotFound):
        host.blocks.ancestors(UsageKey.from_string(str(tower[0]).replace("sum", "SUM")))


# -- a block on its own ------------------------------------------------------------------------------------------------


def test_a_launched_block_is_a_page_that_may_be_framed_and_nobody_has_to_be_enrolled(host, given, ada, request_of):
    given.course()
    key = given.block(USAGE_ID, display_name="Essay & more")

    response = host.blocks.render_launched(request_of(ada), key)

    assert response.status_code == 200
    assert b"<h1>Essay &amp; more</h1>" in response.content
    assert response.xframe_options_exempt is True


def test_a_launched_block_answers_the_post_of_a_launch(host, given, ada, request_of):
    given.course()
    key = given.block(USAGE_ID)

    assert host.blocks.render_launched(request_of(ada, "post"), key).status_code == 200


def test_a_launched_block_shows_staff_no_tools_for_staff(host, given, admin, request_of):
    given.course()
    key = given.block(USAGE_ID)

    assert b"Debug" not in host.blocks.render_launched(request_of(admin), key).content


def test_an_unknown_block_cannot_be_launched(host, given, ada, request_of):
    given.course()
    given.block(USAGE_ID)

    for unknown in (USAGE_ID.replace("essay", "poem"), USAGE_ID.replace("essay", "ESSAY")):
        with pytest.raises(ports.BlockNotFound):
            host.blocks.render_launched(request_of(ada), UsageKey.from_string(unknown))


def test_a_block_of_no_course_cannot_be_launched(host, given, ada, request_of):
    key = given.block(USAGE_ID)

    with pytest.raises(ports.BlockNotFound):
        host.blocks.render_launched(request_of(ada), key)


def test_somebody_not_signed_in_is_refused_a_launched_block_with_a_reason(host, given, nobody, request_of):
    given.course()
    key = given.block(USAGE_ID)

    with pytest.raises(ports.CourseAccessDenied) as refusal:
        host.blocks.render_launched(request_of(nobody), key)

    assert refusal.value.reason


def test_a_course_that_has_not_started_refuses_a_launched_block_to_learners_only(host, given, ada, admin, request_of):
    given.course(start=timezone.now() + timedelta(days=1))
    key = given.block(USAGE_ID)

    with pytest.raises(ports.CourseAccessDenied):
        host.blocks.render_launched(request_of(ada), key)
    assert host.blocks.render_launched(request_of(admin), key).status_code == 200
