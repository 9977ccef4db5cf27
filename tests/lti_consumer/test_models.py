"""What cannot happen, tried: every constraint of the tables, and the one statement that writes a result."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiNonce, LtiPlacement, LtiResult

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
OTHER = CourseKey.from_string("course-v1:OpenedX+Other+2026")


def refused():
    """Expect the database to refuse what is done in the block."""
    return pytest.raises(IntegrityError)


def test_a_resource_link_id_stands_for_one_place_of_a_course(tool, placement):
    again = {"configuration": tool, "title": "again", "resource_link_id": placement.resource_link_id}

    with refused(), transaction.atomic():
        LtiPlacement.objects.create(course_key=DEMO, **again)
    LtiPlacement.objects.create(course_key=OTHER, **again)

    assert LtiPlacement.objects.count() == 2


def test_a_placement_gets_an_id_and_a_link_of_its_own(tool):
    one = LtiPlacement.objects.create(course_key=DEMO, configuration=tool, title="one")
    two = LtiPlacement.objects.create(course_key=DEMO, configuration=tool, title="two")

    assert one.uuid != two.uuid
    assert one.resource_link_id != two.resource_link_id


def test_two_placements_do_not_share_a_uuid(tool, placement):
    with refused(), transaction.atomic():
        LtiPlacement.objects.create(course_key=DEMO, configuration=tool, title="again", uuid=placement.uuid)


def test_a_maximum_below_zero_is_refused(placement):
    with refused(), transaction.atomic():
        LtiPlacement.objects.filter(pk=placement.pk).update(max_score=-0.5)
    LtiPlacement.objects.filter(pk=placement.pk).update(max_score=0)


def test_a_tool_that_is_placed_cannot_be_deleted(tool, placement):
    with pytest.raises(ProtectedError):
        tool.delete()


def test_two_imported_tools_do_not_share_their_origin(db):
    origin = uuid.uuid4()
    LtiConfiguration.objects.create(imported_from=origin)

    with refused(), transaction.atomic():
        LtiConfiguration.objects.create(imported_from=origin)


def test_tools_that_were_not_imported_do_not_meet(db):
    LtiConfiguration.objects.create(course_key=DEMO)
    LtiConfiguration.objects.create(course_key=DEMO)


def test_a_learner_has_one_result_at_a_place(ada, placement):
    LtiResult.objects.create(placement=placement, user=ada, score=0.5)

    with refused(), transaction.atomic():
        LtiResult.objects.create(placement=placement, user=ada, score=0.5)


@pytest.mark.parametrize("score", [-0.01, 1.01, 85])
def test_a_score_outside_0_to_1_is_refused(ada, placement, score):
    with refused(), transaction.atomic():
        LtiResult.objects.create(placement=placement, user=ada, score=score)
    with refused(), transaction.atomic():
        LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=score)

    assert not LtiResult.objects.exists()


@pytest.mark.parametrize("score", [0, 1, 0.5, None])
def test_a_score_from_0_to_1_or_none_is_stored(ada, placement, score):
    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=score)

    assert LtiResult.objects.get().score == score


@pytest.mark.django_db(transaction=True)
def test_a_result_without_its_learner_or_place_is_refused(ada, placement):
    for row in ({"placement_id": placement.pk, "user_id": 10**9}, {"placement_id": 10**9, "user_id": ada.pk}):
        with refused():
            LtiResult.objects.record(score=0.5, **row)


def test_a_nonce_stands_once_for_a_timestamp(db):
    LtiNonce.objects.create(timestamp=1, digest="a")

    with refused(), transaction.atomic():
        LtiNonce.objects.create(timestamp=1, digest="a")
    LtiNonce.objects.create(timestamp=2, digest="a")


@pytest.mark.parametrize("model", [LtiConfiguration, LtiPlacement, LtiResult, LtiNonce])
def test_every_constraint_is_named_after_the_app(model):
    for constraint in model._meta.constraints:
        assert constraint.name.startswith("learning_ext_lti_consumer_")


# -- one statement -----------------------------------------------------------------------------------------------------


def test_a_result_is_written_by_one_statement_the_first_time_and_later(ada, placement):
    for score in (0.5, 0.75, None):
        with CaptureQueriesContext(connection) as queries:
            LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=score)

        assert [query["sql"].split()[0] for query in queries] == ["INSERT"]
        assert LtiResult.objects.get().score == score


def test_recording_again_keeps_the_row_and_when_it_began_and_clears_the_comment(ada, placement):
    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=0.5)
    first = LtiResult.objects.get()
    LtiResult.objects.update(comment="well done")

    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=0.5)

    again = LtiResult.objects.get()
    assert (again.pk, again.created, again.comment) == (first.pk, first.created, "")
    assert again.modified > first.modified


@pytest.mark.django_db(transaction=True)
def test_results_recorded_at_the_same_moment_end_as_one_row(ada, placement):
    def record(score):
        try:
            LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=score)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        for future in [threads.submit(record, number / 40) for number in range(40)]:
            future.result()

    assert LtiResult.objects.get().score in {number / 40 for number in range(40)}


def test_recording_for_one_learner_leaves_the_others_alone(ada, bob, placement, block_placement):
    for place, user, score in [(placement, ada, 0.1), (placement, bob, 0.2), (block_placement, ada, 0.3)]:
        LtiResult.objects.record(placement_id=place.pk, user_id=user.pk, score=score)

    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=0.9)

    assert sorted(LtiResult.objects.values_list("score", flat=True)) == [0.2, 0.3, 0.9]


# -- deleting ----------------------------------------------------------------------------------------------------------


def test_results_go_with_their_place(ada, placement):
    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=0.5)

    placement.delete()

    assert not LtiResult.objects.exists()
    assert LtiConfiguration.objects.exists()


def test_results_go_with_their_learner(ada, bob, placement):
    for user in (ada, bob):
        LtiResult.objects.record(placement_id=placement.pk, user_id=user.pk, score=0.5)

    ada.delete()

    assert list(LtiResult.objects.values_list("user_id", flat=True)) == [bob.pk]


# -- reprs -------------------------------------------------------------------------------------------------------------


def test_no_repr_and_no_text_shows_a_person_a_key_or_a_secret(ada, tool, placement):
    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=0.5)
    nonce = LtiNonce.objects.create(timestamp=7, digest="feed")
    rows = [tool, placement, LtiResult.objects.select_related("user").get(), nonce]

    shown = " ".join(f"{row!r} {row}" for row in rows)

    for hidden in ("ada", "key-1", "s3cr&t/+", "room=1", "feed", "0.5"):
        assert hidden not in shown
    assert str(tool) == "tool.example"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://tool.example:8443/launch?x=1", "tool.example:8443"),
        ("https://user:pass@tool.example/launch", "tool.example"),
        ("https://tool.example?token=hidden", "tool.example"),
        ("https://tool.example#token", "tool.example"),
        ("", None),
    ],
)
def test_a_tool_is_called_by_the_host_of_its_address(db, url, shown):
    row = LtiConfiguration.objects.create(lti_1p1_launch_url=url)

    assert str(row) == (shown or f"LTI tool {row.pk}")


def test_options_read_as_what_they_are_and_absent_ones_as_no(db):
    row = LtiConfiguration()
    assert (row.pii_share_username, row.pii_share_email, row.additional_parameters) == (False, False, {})

    row.pii_share_username, row.pii_share_email = True, 1

    assert row.lti_config == {"pii_share_username": True, "pii_share_email": True}
