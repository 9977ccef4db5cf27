"""The contract of ``ports.Blocks``."""

from datetime import UTC, datetime

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
