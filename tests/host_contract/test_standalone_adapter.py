"""What only the default host has to get right: its tables, its reasons, and that nobody asks twice for nothing."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core.host import ports
from openedx_learning_ext.standalone import models
from openedx_learning_ext.standalone.host import StandaloneHost

USAGE_ID = "block-v1:OpenedX+Contract+2026+type@lti_consumer+block@essay"


@pytest.fixture
def host(standalone):
    return StandaloneHost()


@pytest.fixture
def course(standalone):
    return standalone.course()


# -- reasons -----------------------------------------------------------------------------------------------------------


def test_a_refusal_says_why(standalone, host, ada, bob, nobody, settings):
    settings.LOGIN_URL = "/sign-in/"
    open_course = standalone.course()
    later = standalone.course("course-v1:OpenedX+Later+2027", start=timezone.now() + timedelta(days=1))
    standalone.enrolled(ada, later)
    standalone.enrolled(bob, open_course)
    bob.is_active = False

    def refusal(person, course):
        with pytest.raises(ports.CourseAccessDenied) as caught:
            host.courses.check_access(person, course, require_enrollment=True)
        return caught.value.reason, caught.value.redirect_url

    assert refusal(nobody, open_course) == ("not_signed_in", "/sign-in/")
    assert refusal(bob, open_course) == ("not_active", None)
    assert refusal(ada, open_course) == ("not_enrolled", None)
    assert refusal(ada, later) == ("not_started", None)


def test_a_launched_block_is_refused_for_the_reasons_of_its_course(standalone, host, ada, nobody, request_of):
    standalone.course()
    key = standalone.block(USAGE_ID)

    with pytest.raises(ports.CourseAccessDenied, match="not_signed_in"):
        host.blocks.render_launched(request_of(nobody), key)
    ada.is_active = False
    with pytest.raises(ports.CourseAccessDenied, match="not_active"):
        host.blocks.render_launched(request_of(ada), key)


# -- scores ------------------------------------------------------------------------------------------------------------


def test_a_score_is_rolled_back_with_the_callers_transaction(standalone, host, ada, course):
    block = standalone.block(USAGE_ID)

    with pytest.raises(RuntimeError), transaction.atomic():
        host.grades.publish_score(ada, block, earned=0.5, possible=1.0)
        raise RuntimeError

    assert standalone.score(ada, block) is None


def test_a_failing_receiver_leaves_the_old_score(standalone, host, ada, course, listener):
    block = standalone.block(USAGE_ID)
    host.grades.publish_score(ada, block, earned=0.5, possible=1.0)
    listener.failing_with = RuntimeError()
    standalone.listener_to_scores(listener)

    with pytest.raises(RuntimeError):
        host.grades.publish_score(ada, block, earned=0.9, possible=1.0)

    assert standalone.score(ada, block) == (0.5, 1.0)


def test_publishing_the_same_score_again_changes_the_time_alone(standalone, host, ada, course):
    block = standalone.block(USAGE_ID)
    host.grades.publish_score(ada, block, earned=0.5, possible=1.0)
    before = models.Score.objects.get()

    host.grades.publish_score(ada, block, earned=0.5, possible=1.0)

    after = models.Score.objects.get()
    assert (after.pk, after.earned, after.possible) == (before.pk, before.earned, before.possible)
    assert after.modified >= before.modified


# -- ids ---------------------------------------------------------------------------------------------------------------


def test_an_older_id_of_a_person_still_resolves_and_the_newest_is_answered(host, ada, course):
    for anonymous_id in ("1" * 32, "2" * 32):
        models.AnonymousId.objects.create(user=ada, course_key=course, anonymous_id=anonymous_id)

    assert host.identity.anonymous_id(ada, course) == "2" * 32
    assert host.identity.find_by_anonymous_id("1" * 32) == ada


def test_an_id_cannot_be_guessed_from_what_is_known_of_a_person(host, ada, course, settings):
    before = host.identity.anonymous_id(ada, course)
    models.AnonymousId.objects.all().delete()

    settings.SECRET_KEY = "another secret key, for another day, and just as long"

    assert host.identity.anonymous_id(ada, course) != before


def test_events_beyond_the_last_two_hundred_are_forgotten(host):
    for number in range(201):
        host.tracking.emit("counted", {"number": number})

    assert len(host.tracking.recent) == 200
    assert host.tracking.recent[0]["data"] == {"number": 1}


# -- questions cost the same however much there is ---------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 50])
def test_each_question_is_one_query_however_many_rows_there_are(
    standalone, host, ada, django_assert_num_queries, rows
):
    keys = [standalone.course(f"course-v1:OpenedX+C{number}+2026") for number in range(rows)]
    for key in keys:
        standalone.enrolled(ada, key)
        standalone.role(ada, key, "staff")
        standalone.block(f"block-v1:OpenedX+{key.course}+2026+type@problem+block@sum")
        host.identity.anonymous_id(ada, key)
    course = keys[0]
    usage_key = models.Block.objects.first().usage_key
    anonymous_id = host.identity.anonymous_id(ada, course)

    for question in (
        lambda: host.courses.find(course),
        lambda: host.enrollments.is_active(ada, course),
        lambda: host.roles.is_course_team(ada, course),
        lambda: host.roles.has_staff_access(ada, course),
        lambda: host.roles.acting_role(ada, course),
        lambda: host.blocks.find(usage_key),
        lambda: host.accounts.get(ada.id),
        lambda: host.identity.anonymous_id(ada, course),
        lambda: host.identity.find_by_anonymous_id(anonymous_id),
        lambda: host.flags.may_share_pii(course),
    ):
        with django_assert_num_queries(1):
            assert question() is not None


def test_staff_of_the_site_and_somebody_anonymous_cost_no_query(
    host, admin, nobody, course, django_assert_num_queries
):
    with django_assert_num_queries(0):
        assert host.roles.acting_role(admin, course) == "instructor"
        assert host.roles.acting_role(nobody, course) == "student"
        assert host.enrollments.is_active(nobody, course) is False
        assert host.identity.anonymous_id(nobody, course) is None


# -- the tables refuse what cannot be ----------------------------------------------------------------------------------


def refused(create):
    """Assert that the database refuses a row."""
    with pytest.raises(IntegrityError), transaction.atomic():
        create()


def test_a_course_exists_once(standalone, course):
    refused(lambda: standalone.course(str(course)))


def test_a_person_is_enrolled_once_in_a_course(standalone, ada, course):
    standalone.enrolled(ada, course)

    refused(lambda: standalone.enrolled(ada, course, is_active=False))


def test_a_role_is_given_once(standalone, ada, course):
    standalone.role(ada, course, "staff")

    refused(lambda: standalone.role(ada, course, "staff"))


def test_a_role_belongs_to_a_course_or_to_an_organisation(ada):
    refused(lambda: models.CourseRole.objects.create(user=ada, role="staff"))
    with pytest.raises(ValidationError, match="belongs to a course or to an organisation"):
        models.CourseRole(user=ada, role="staff").full_clean()


def test_a_block_exists_once(standalone, course):
    standalone.block(USAGE_ID)

    refused(lambda: standalone.block(USAGE_ID))


def test_a_person_has_one_score_on_a_block_and_no_negative_points(ada, course):
    models.Score.objects.create(user=ada, usage_key=USAGE_ID, earned=1, possible=1)

    refused(lambda: models.Score.objects.create(user=ada, usage_key=USAGE_ID, earned=0, possible=1))
    refused(lambda: models.Score.objects.update(earned=-1))
    refused(lambda: models.Score.objects.update(possible=-1))


def test_an_anonymous_id_stands_for_one_person(ada, bob, course):
    models.AnonymousId.objects.create(user=ada, course_key=course, anonymous_id="1" * 32)

    refused(lambda: models.AnonymousId.objects.create(user=bob, course_key=course, anonymous_id="1" * 32))


def test_a_person_has_one_profile(ada):
    models.Profile.objects.create(user=ada, name="Ada Lovelace")

    refused(lambda: models.Profile.objects.create(user=ada, name="Ada King"))


def test_no_row_shows_a_name_in_its_text(standalone, ada, course):
    standalone.enrolled(ada, course)
    standalone.role(ada, course, "staff")
    standalone.organisation_role(ada, "OpenedX", "staff")
    standalone.block(USAGE_ID)
    rows = [
        *models.Enrollment.objects.all(),
        *models.CourseRole.objects.all(),
        models.Score.objects.create(user=ada, usage_key=USAGE_ID, earned=1, possible=1),
        models.Profile.objects.create(user=ada, name="Ada Lovelace"),
        models.AnonymousId.objects.create(user=ada, course_key=course, anonymous_id="1" * 32),
    ]

    for row in rows:
        assert str(ada.pk) in str(row)
        assert not any(word in str(row) for word in ("Lovelace", ada.username, ada.email, "1" * 32))


def test_courses_and_blocks_show_their_title_or_else_their_key(standalone):
    titled = standalone.course("course-v1:OpenedX+Latin+2026", display_name="Latin")
    untitled = standalone.course()
    standalone.block(USAGE_ID)

    assert str(models.Course.objects.get(course_key=titled)) == "Latin"
    assert str(models.Course.objects.get(course_key=untitled)) == str(CourseKey.from_string(str(untitled)))
    assert str(models.Block.objects.get()) == USAGE_ID


# -- blocks, points and exercises --------------------------------------------------------------------------------------


def test_blocks_in_a_circle_come_to_an_end(standalone, host, ada, course):
    keys = [standalone.block(f"block-v1:OpenedX+Contract+2026+type@vertical+block@{name}") for name in "abc"]
    rows = [models.Block.objects.get(usage_key=key) for key in keys]
    for row, parent in zip(rows, rows[1:] + rows[:1], strict=True):
        models.Block.objects.filter(pk=row.pk).update(parent=parent)

    assert host.blocks.ancestors(keys[0]) == (keys[1], keys[2])
    assert host.grades.current_score(ada, keys[0]) is None


def test_a_tools_score_on_a_block_with_others_below_it_is_its_own(standalone, host, ada, course):
    lesson = standalone.block("block-v1:OpenedX+Contract+2026+type@sequential+block@lesson")
    below = standalone.block(USAGE_ID, parent=lesson)
    standalone.scored(ada, below, 1.0, 4.0)
    standalone.scored(ada, lesson, 9.0, 10.0)

    assert host.grades.current_score(ada, lesson) == ports.BlockScore(earned=9.0, possible=10.0, is_composite=False)


@pytest.mark.parametrize("rows", [1, 50])
def test_what_is_above_and_below_a_block_costs_the_same_however_much_there_is(
    standalone, host, ada, course, django_assert_num_queries, rows
):
    top = standalone.block("block-v1:OpenedX+Contract+2026+type@chapter+block@top")
    parent = top
    for number in range(rows):
        parent = standalone.block(f"block-v1:OpenedX+Contract+2026+type@vertical+block@v{number}", parent=parent)
        standalone.scored(ada, parent, 1.0, 2.0)

    with django_assert_num_queries(1):
        assert len(host.blocks.ancestors(parent)) == rows
    with django_assert_num_queries(2):
        assert host.grades.current_score(ada, top) is not None


@pytest.mark.parametrize("rows", [1, 50])
def test_finding_an_account_costs_one_query_and_making_one_the_same_however_many_there_are(
    host, db, django_assert_num_queries, rows
):
    for number in range(rows):
        host.accounts.create(username=f"learner{number}", email=f"learner{number}@example.com", name="")

    with django_assert_num_queries(1):
        assert host.accounts.find_by_email("LEARNER0@example.com")
    with django_assert_num_queries(1):
        assert host.accounts.find_by_username("learner0")
    with django_assert_num_queries(6):  # Two questions, two rows, and the savepoint around those.
        host.accounts.create(username="new", email="new@example.com", name="")


def test_a_retired_person_is_told_from_nobody_by_letters_of_any_case(standalone, host, db):
    user = host.accounts.create(username="Mixed", email="Mixed@example.com", name="")
    standalone.retired(user)

    with pytest.raises(ports.AccountTaken, match="username"):
        host.accounts.create(username="mIXED", email="new@example.com", name="")
    with pytest.raises(ports.AccountTaken, match="email"):
        host.accounts.create(username="new", email="mIXED@example.com", name="")


def test_an_exercise_scores_itself_and_has_points(standalone, course):
    standalone.block(USAGE_ID, weight=1.0)
    block = models.Block.objects
    content = {"question": "?", "options": ["a", "b"], "right": [0]}

    refused(lambda: block.update(content=content))
    refused(lambda: block.update(content=content, scores_itself=True, weight=None))
    refused(lambda: block.update(weight=-1.0))
    block.update(content=content, scores_itself=True)


@pytest.mark.parametrize(
    "wrong",
    [
        ["?", ["a", "b"], [0]],
        {"question": "?", "options": ["a", "b"]},
        {"question": " ", "options": ["a", "b"], "right": [0]},
        {"question": "?", "options": "ab", "right": [0]},
        {"question": "?", "options": ["a"], "right": [0]},
        {"question": "?", "options": ["a", "a"], "right": [0]},
        {"question": "?", "options": ["a", ""], "right": [0]},
        {"question": "?", "options": ["a", "b"], "right": []},
        {"question": "?", "options": ["a", "b"], "right": [2]},
        {"question": "?", "options": ["a", "b"], "right": [-1]},
        {"question": "?", "options": ["a", "b"], "right": [True]},
        {"question": "?", "options": ["a", "b"], "right": [0, 0]},
        {"question": "?", "options": ["a", "b"], "right": [0], "more": 1},
    ],
    ids=str,
)
def test_the_administration_takes_no_exercise_that_cannot_be_shown(standalone, course, wrong):
    block = models.Block(
        usage_key=USAGE_ID, course_key=course, display_name="Essay", content=wrong, scores_itself=True, weight=1.0
    )

    with pytest.raises(ValidationError) as refusal:
        block.full_clean()

    assert set(refusal.value.message_dict) == {"content"}
