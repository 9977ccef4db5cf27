"""Scores to a campus over real HTTP on loopback: recorded with the change, sent by the sweep, always the newest."""

from __future__ import annotations

import logging
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.lti_provider import api, models, outcomes, passback, tasks
from openedx_learning_ext.standalone import models as host_models
from openedx_learning_ext.standalone import scores
from tests.doubles.campus import Campus, answer, envelope
from tests.doubles.campusside import KEY, SECRET

pytestmark = pytest.mark.django_db

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
SOURCED_ID = "campus-result-1"


@pytest.fixture
def service_of_campus():
    """The campus's outcome service, on a port of its own."""
    with Campus() as campus:
        yield campus


@pytest.fixture
def service(consumer, service_of_campus):
    return models.OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=service_of_campus.url)


@pytest.fixture
def chapter(demo_course):
    return host_models.Block.objects.create(
        usage_key=DEMO.make_usage_key("chapter", "chapter"), course_key=DEMO, display_name="Chapter"
    )


@pytest.fixture
def exercise_in_chapter(exercise, chapter):
    exercise.parent = chapter
    exercise.save()
    return exercise


@pytest.fixture
def assignment(ada, exercise, service):
    return models.GradedAssignment.objects.create(
        user=ada, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=service,
        lis_result_sourcedid=SOURCED_ID, launched_at=timezone.now(),
    )  # fmt: skip


def answer_with(user, block, earned, possible=4):
    """The learner's score of a block changes, as when an answer is graded."""
    with transaction.atomic():
        scores.store(user_id=user.pk, block=block, earned=earned, possible=possible)


def signal(user, block, earned=1, possible=2, **changes):
    return {
        "user_id": user.pk, "course_id": str(DEMO), "usage_id": str(block.usage_key), "weighted_earned": earned,
        "weighted_possible": possible, **changes,
    }  # fmt: skip


def delivery_of(assignment):
    return models.ScoreDelivery.objects.get(assignment=assignment)


def due_now():
    past = timezone.now() - timedelta(seconds=1)
    models.ScoreDelivery.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past, rest_until=None)
    models.OutcomeService.objects.update(held_back_until=None)


def applied(campus):
    return [entry.score for entry in campus.applied]


# -- from the answer to the gradebook ----------------------------------------------------------------------------------


def test_a_learners_score_reaches_the_gradebook(ada, exercise, assignment, service_of_campus):
    answer_with(ada, exercise, 3)

    assert api.deliver_due() == 1

    (entry,) = service_of_campus.applied
    assert (entry.sourced_id, entry.score) == (SOURCED_ID, "0.75")
    found = delivery_of(assignment)
    assert (found.state, found.confirmed_score, found.last_http_status, found.last_code_major) == (
        "delivered", 0.75, 200, "success",
    )  # fmt: skip
    assert found.confirmed_at is not None
    assert assignment.version_number == 1


def test_17_ten_changes_while_nobody_was_awake_are_one_message_with_the_last(
    ada, exercise, assignment, service_of_campus
):
    for earned in (0, 1, 2, 3, 4, 3, 2, 1, 2, 3):
        answer_with(ada, exercise, earned)

    api.deliver_due()

    assert applied(service_of_campus) == ["0.75"]


def test_20_a_score_that_changes_while_a_message_is_under_way_is_sent_next(
    ada, exercise, assignment, service_of_campus, monkeypatch
):
    really_post = outcomes.post

    def post_and_change(*args):
        monkeypatch.setattr(outcomes, "post", really_post)
        answer = really_post(*args)
        answer_with(ada, exercise, 4)
        return answer

    monkeypatch.setattr(outcomes, "post", post_and_change)
    answer_with(ada, exercise, 1)

    api.deliver_due()

    assert applied(service_of_campus) == ["0.25", "1.0"]
    assert delivery_of(assignment).state == "delivered"


def test_3_6_an_unchanged_score_is_not_sent_again(ada, exercise, assignment, service_of_campus):
    answer_with(ada, exercise, 3)
    api.deliver_due()

    answer_with(ada, exercise, 3)
    api.deliver_due()

    assert applied(service_of_campus) == ["0.75"]
    assert (delivery_of(assignment).state, delivery_of(assignment).last_outcome) == ("delivered", "delivered:unchanged")


def test_the_campus_is_switched_off_and_comes_back_to_the_newest(ada, exercise, assignment, service_of_campus):
    answer_with(ada, exercise, 1)
    api.deliver_due()
    service_of_campus.stop()

    answer_with(ada, exercise, 2)
    api.deliver_due()
    answer_with(ada, exercise, 4)
    api.deliver_due()
    assert delivery_of(assignment).state == "waiting"
    service_of_campus.start()
    due_now()
    api.deliver_due()

    assert applied(service_of_campus) == ["0.25", "1.0"]


@pytest.mark.django_db(transaction=True)
def test_R7_nothing_is_sent_for_what_was_rolled_back(ada, exercise, assignment, service_of_campus):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        scores.store(user_id=ada.pk, block=exercise, earned=1, possible=4)
        raise ZeroDivisionError

    assert api.deliver_due() == 0
    assert service_of_campus.messages == []
    assert not models.ScoreDelivery.objects.exists()


def test_3_campuses_that_share_an_address_get_messages_signed_with_their_own_key(
    ada, exercise, assignment, service_of_campus
):
    other = models.LtiConsumer.objects.create(consumer_name="Other", consumer_key="other", consumer_secret="other s")
    service = models.OutcomeService.objects.create(lti_consumer=other, lis_outcome_service_url=service_of_campus.url)
    models.GradedAssignment.objects.create(
        user=ada, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=service, lis_result_sourcedid="r2"
    )

    answer_with(ada, exercise, 4)
    api.deliver_due()

    keys = {
        message.sourced_id: message.headers["authorization"].partition('oauth_consumer_key="')[2].partition('"')[0]
        for message in service_of_campus.messages
    }
    assert keys == {SOURCED_ID: KEY, "r2": "other"}


def test_22_a_secret_that_was_replaced_signs_the_next_attempt(ada, exercise, assignment, service_of_campus, consumer):
    service_of_campus.kind = "500"
    answer_with(ada, exercise, 4)
    api.deliver_due()
    api.replace_secret(consumer_id=consumer.pk, secret="brand new")
    service_of_campus.kind = "success"
    due_now()

    api.deliver_due()

    last = service_of_campus.messages[-1]
    message = oauth.read_message(method="POST", body=last.body, authorization=last.headers["authorization"])
    assert oauth.find_signed_url(message, "brand new", [service_of_campus.url]) == 0
    assert SECRET != "brand new"


def test_21_rows_of_a_consumer_that_is_deleted_go_with_it(ada, exercise, assignment, consumer):
    answer_with(ada, exercise, 4)

    consumer.delete()

    assert api.deliver_due() == 0
    assert not models.ScoreDelivery.objects.exists()


# -- what answers do ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "state", "outcome"),
    [
        ("processing", "delivered", "delivered:processing"),
        ("204", "delivered", "delivered:empty"),
        ("failure", "waiting", "refused:failure"),
        ("failure_422", "waiting", "refused:failure"),
        ("unsupported", "parked", "unsupported:unsupported"),
        ("500", "waiting", "transient:500"),
        ("503_retry_after", "waiting", "transient:503"),
        ("429", "waiting", "transient:429"),
        ("401", "waiting", "refused:401"),
        ("403_rate_limit", "waiting", "transient:403"),
        ("404", "waiting", "refused:404"),
        ("302", "waiting", "refused:redirect"),
        ("html", "waiting", "unclear:200"),
        ("garbage_xml", "waiting", "unclear:200"),
        ("truncated_xml", "waiting", "unclear:200"),
        ("ten_mib", "waiting", "unclear:200"),
        ("gzip_bomb", "waiting", "unclear:200"),
        ("reset_before_headers", "waiting", "transient:in_doubt:lost"),
        ("hang_up", "waiting", "transient:in_doubt:closed"),
        ("cut_short", "waiting", "transient:in_doubt:closed"),
        ("lost_answer", "waiting", "transient:in_doubt:closed"),
    ],
)
def test_R8_what_the_campus_does_is_classified(ada, exercise, assignment, service_of_campus, kind, state, outcome):
    service_of_campus.kind = kind
    answer_with(ada, exercise, 4)

    api.deliver_due()

    found = delivery_of(assignment)
    assert (found.state, found.last_outcome.split(":")[0]) == (state, outcome.split(":")[0])
    assert found.last_outcome == outcome
    assert (found.rest_until is not None) == (":in_doubt:" in outcome or kind in ("503_retry_after", "429"))


def test_10_lost_answer_is_repeated_with_the_same_score(ada, exercise, assignment, service_of_campus):
    service_of_campus.kind = "lost_answer"
    answer_with(ada, exercise, 2)
    api.deliver_due()
    service_of_campus.kind = "success"
    due_now()

    api.deliver_due()

    assert applied(service_of_campus) == ["0.5", "0.5"]
    assert len({message.headers["authorization"] for message in service_of_campus.messages}) == 2


def test_nobody_listens_is_transient(ada, exercise, assignment, service_of_campus):
    service_of_campus.stop()
    answer_with(ada, exercise, 4)

    api.deliver_due()

    assert delivery_of(assignment).last_outcome == "transient:not_sent:refused"
    assert delivery_of(assignment).rest_until is None


def test_36_a_consumer_without_a_secret_is_a_configuration_to_mend(
    ada, exercise, assignment, service_of_campus, consumer
):
    consumer.consumer_secret = ""
    consumer.save()
    answer_with(ada, exercise, 4)

    api.deliver_due()

    assert delivery_of(assignment).last_outcome == "refused:no_secret"
    assert service_of_campus.messages == []


def test_37_an_address_that_is_not_allowed_is_refused_without_a_connection(
    ada, exercise, assignment, service_of_campus, settings
):
    settings.OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS = []
    answer_with(ada, exercise, 4)

    api.deliver_due()

    assert delivery_of(assignment).last_outcome.startswith("refused:address:")
    assert service_of_campus.connections == 0


def test_what_the_campus_said_is_for_staff_and_not_in_the_log(ada, exercise, assignment, service_of_campus, caplog):
    service_of_campus.kind = answer(200, envelope("failure", "Ada Lovelace is not in course"))
    answer_with(ada, exercise, 4)

    with caplog.at_level(logging.DEBUG):
        api.deliver_due()

    assert delivery_of(assignment).last_description == "Ada Lovelace is not in course"
    text = caplog.text
    assert "Outcome Service: Failed to update score on LTI consumer." in text
    assert not [secret for secret in ("Lovelace", SOURCED_ID, SECRET, "oauth_signature", "ada@") if secret in text]


def test_a_campus_that_takes_no_grades_is_not_asked_again(ada, exercise, assignment, service_of_campus, service):
    service_of_campus.kind = "unsupported"
    answer_with(ada, exercise, 1)
    api.deliver_due()
    answer_with(ada, exercise, 2)

    api.deliver_due()

    service.refresh_from_db()
    assert service.takes_no_grades
    assert len(service_of_campus.messages) == 1
    assert (delivery_of(assignment).state, delivery_of(assignment).last_outcome) == (
        "parked", "unsupported:takes_no_grades",
    )  # fmt: skip


# -- the breaker -------------------------------------------------------------------------------------------------------


def fail(times, ada, exercise):
    for _ in range(times):
        answer_with(ada, exercise, 4)
        due_now()
        api.deliver_due()


def test_3_5_five_failures_in_a_row_open_the_breaker(ada, exercise, assignment, service_of_campus, service):
    service_of_campus.kind = "500"
    fail(6, ada, exercise)

    service.refresh_from_db()
    assert (len(service_of_campus.messages), service.consecutive_failures) == (5, 5)
    assert 50 < (service.open_until - timezone.now()).total_seconds() <= 60
    assert delivery_of(assignment).attempts == 0  # the newest want waits behind the breaker, and none was counted


def test_3_5_a_half_open_breaker_gives_away_one_probe_which_closes_it(
    ada, bob, exercise, assignment, service_of_campus, service
):
    models.OutcomeService.objects.update(consecutive_failures=7, open_until=timezone.now() - timedelta(seconds=1))
    models.GradedAssignment.objects.create(
        user=bob, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=service, lis_result_sourcedid="bob"
    )
    answer_with(ada, exercise, 4)
    answer_with(bob, exercise, 4)
    now = timezone.now()
    with transaction.atomic():
        assert passback.courier.may_send(str(service.pk), now)
        assert not passback.courier.may_send(str(service.pk), now)
    models.OutcomeService.objects.update(probe_until=None)

    api.deliver_due()

    service.refresh_from_db()
    assert (service.consecutive_failures, service.open_until, service.probe_until) == (0, None, None)
    assert len(service_of_campus.applied) == 2


def test_3_5_a_probe_that_fails_opens_it_for_twice_as_long(ada, exercise, assignment, service_of_campus, service):
    service_of_campus.kind = "500"
    models.OutcomeService.objects.update(consecutive_failures=5, open_until=timezone.now() - timedelta(seconds=1))

    fail(1, ada, exercise)

    service.refresh_from_db()
    assert 110 < (service.open_until - timezone.now()).total_seconds() <= 120


def test_3_5_it_opens_for_no_longer_than_a_quarter_of_an_hour(ada, exercise, assignment, service_of_campus, service):
    service_of_campus.kind = "500"
    models.OutcomeService.objects.update(consecutive_failures=50, open_until=timezone.now() - timedelta(seconds=1))

    fail(1, ada, exercise)

    service.refresh_from_db()
    assert 890 < (service.open_until - timezone.now()).total_seconds() <= 900


@pytest.mark.parametrize("kind", ["failure", "401", "html", "429"])
def test_3_5_a_campus_that_answers_is_not_dead(ada, exercise, assignment, service_of_campus, service, kind):
    models.OutcomeService.objects.update(consecutive_failures=4)
    service_of_campus.kind = kind

    fail(1, ada, exercise)

    service.refresh_from_db()
    assert (service.consecutive_failures, service.open_until) == (0, None)


def test_3_5_a_429_holds_the_whole_consumer_back(ada, bob, exercise, assignment, service_of_campus, service):
    models.GradedAssignment.objects.create(
        user=bob, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=service, lis_result_sourcedid="bob"
    )
    service_of_campus.kind = "429"
    answer_with(ada, exercise, 4)
    api.deliver_due()
    answer_with(bob, exercise, 4)

    api.deliver_due()

    assert len(service_of_campus.messages) == 1


def test_a_service_that_is_paused_gets_nothing(ada, exercise, assignment, service_of_campus, service):
    models.OutcomeService.objects.update(is_paused=True)
    answer_with(ada, exercise, 4)

    assert api.deliver_due() == 0
    assert delivery_of(assignment).attempts == 0


def test_R16_a_dead_campus_holds_nobody_else_back(ada, exercise, assignment, service_of_campus, consumer):
    with Campus() as healthy:
        service = models.OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=healthy.url)
        for number in range(3):
            models.GradedAssignment.objects.create(
                user=ada, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=service,
                lis_result_sourcedid=f"h{number}",
            )  # fmt: skip
        service_of_campus.stop()
        answer_with(ada, exercise, 4)

        api.deliver_due()

        assert len(healthy.applied) == 3
        assert healthy.connections == 1  # one kept connection for the claim


# -- the receiver ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["user_id", "course_id", "usage_id", "weighted_earned", "weighted_possible"])
@pytest.mark.parametrize("how", ["absent", "none"])
def test_3_1_a_signal_without_one_of_the_five_is_one_error_that_names_all(
    ada, exercise, assignment, caplog, missing, how
):
    facts = signal(ada, exercise)
    if how == "absent":
        del facts[missing]
    else:
        facts[missing] = None

    tasks.score_changed_handler(None, **facts)

    (record,) = [record for record in caplog.records if record.name == "edx.lti_provider"]
    assert all(
        name in record.getMessage() for name in ("points_possible", "points_earned", "user_id", "course_id", "usage_id")
    )
    assert not models.ScoreDelivery.objects.exists()


def test_3_1_both_spellings_of_the_points_are_understood(ada, exercise, assignment):
    facts = signal(ada, exercise)
    old = {**facts, "points_earned": facts.pop("weighted_earned"), "points_possible": facts.pop("weighted_possible")}
    del old["weighted_earned"], old["weighted_possible"]

    tasks.score_changed_handler(None, **old)

    assert delivery_of(assignment).payload == {"earned": 1.0, "possible": 2.0}


@pytest.mark.parametrize(
    ("earned", "possible", "score"),
    [(1, 0, "0.0"), (0, 0, "0.0"), (1, -2, "0.0"), (5, 4, "1.0"), (-1, 4, "0.0"), (Decimal("1.5"), Decimal(3), "0.5"),
     (1, 3, "0.3333333333333333")],
)  # fmt: skip
def test_16_odd_points_are_a_score_from_0_to_1(ada, exercise, assignment, service_of_campus, earned, possible, score):
    tasks.score_changed_handler(None, **signal(ada, exercise, earned, possible))

    api.deliver_due()

    assert applied(service_of_campus) == [score]


def test_a_reset_sends_zero(ada, exercise, assignment, service_of_campus):
    answer_with(ada, exercise, 4)
    api.deliver_due()
    with transaction.atomic():
        scores.withdraw(user_id=ada.pk, block=exercise)

    api.deliver_due()

    assert applied(service_of_campus) == ["1.0", "0.0"]


def test_3_1_a_library_key_is_none_of_ours(ada, exercise, assignment, caplog):
    tasks.score_changed_handler(None, **signal(ada, exercise, course_id="library-v1:OpenedX+Lib"))

    assert not models.ScoreDelivery.objects.exists()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_3_1_without_a_graded_launch_nothing_happens(ada, exercise, django_assert_num_queries):
    with django_assert_num_queries(1):
        tasks.score_changed_handler(None, **signal(ada, exercise))


def test_3_2_a_change_older_than_the_recorded_one_is_left_out(ada, exercise, assignment):
    now = timezone.now()
    tasks.score_changed_handler(None, **signal(ada, exercise, 3, 4, modified=now))
    tasks.score_changed_handler(None, **signal(ada, exercise, 1, 4, modified=now - timedelta(seconds=1)))

    assert delivery_of(assignment).payload == {"earned": 3.0, "possible": 4.0}
    assert delivery_of(assignment).scored_at == now


def test_3_1_a_launched_part_of_a_course_wants_the_sum_later(
    ada, exercise_in_chapter, chapter, assignment, service, service_of_campus, settings
):
    whole = models.GradedAssignment.objects.create(
        user=ada, course_key=DEMO, usage_key=chapter.usage_key, outcome_service=service, lis_result_sourcedid="sum"
    )
    answer_with(ada, exercise_in_chapter, 3)

    found = delivery_of(whole)
    assert found.payload == {"composite": True}
    assert 850 < (found.next_attempt_at - timezone.now()).total_seconds() <= 900
    api.deliver_due()
    assert applied(service_of_campus) == ["0.75"]

    due_now()
    api.deliver_due()
    assert {entry.sourced_id: entry.score for entry in service_of_campus.applied} == {SOURCED_ID: "0.75", "sum": "0.75"}


def test_15_a_block_that_is_gone_is_logged_and_does_not_crash(ada, exercise, assignment, caplog):
    host_models.Block.objects.all().delete()

    tasks.score_changed_handler(None, **signal(ada, exercise))

    assert delivery_of(assignment).wanted_version == 1
    assert "not in its course" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_R7_a_database_error_inside_put_leaves_the_callers_transaction_alone(
    ada, exercise, assignment, monkeypatch, caplog
):
    def broken(*args, **kwargs):
        raise DatabaseError("ada@learners.example")

    monkeypatch.setattr(passback.engine, "put", broken)

    answer_with(ada, exercise, 3)

    assert host_models.Score.objects.get(user=ada).earned == 0.75  # of a block that is worth one point
    assert "ada@learners.example" not in caplog.text

    monkeypatch.undo()
    assert api.reconcile() == 1
    assert delivery_of(assignment).payload == {"earned": 0.75, "possible": 1.0}


# -- send_outcome, reconcile -------------------------------------------------------------------------------------------


def test_3_9_send_outcome_records_where_nothing_was_and_delivers(ada, exercise, assignment, service_of_campus):
    tasks.send_outcome(4, 1, ada.pk, str(DEMO), str(exercise.usage_key))

    assert applied(service_of_campus) == ["0.25"]


def test_3_9_a_late_send_outcome_overwrites_nothing(ada, exercise, assignment, service_of_campus):
    answer_with(ada, exercise, 4)

    for _ in range(2):
        tasks.send_outcome(4, 1, ada.pk, str(DEMO), str(exercise.usage_key))

    assert applied(service_of_campus) == ["1.0"]


def test_3_9_send_outcome_without_a_launch_is_normal(ada, exercise):
    assert tasks.send_outcome(4, 1, ada.pk, str(DEMO), str(exercise.usage_key)) == 0


def test_3_6_reconcile_leaves_what_is_the_same_alone(ada, exercise, assignment, service_of_campus):
    answer_with(ada, exercise, 3)
    assert api.reconcile() == 0
    api.deliver_due()

    assert api.reconcile() == 0
    assert delivery_of(assignment).wanted_version == 1
    assignment.refresh_from_db()
    assert assignment.checked_at is not None


def test_3_6_reconcile_wants_what_differs_from_what_the_campus_has(ada, exercise, assignment, service_of_campus):
    answer_with(ada, exercise, 3)
    api.deliver_due()
    host_models.Score.objects.update(earned=4)

    assert api.reconcile() == 1
    api.deliver_due()

    assert applied(service_of_campus) == ["0.75", "1.0"]


def test_3_6_reconcile_lets_forgotten_old_and_unknown_ones_be(ada, bob, exercise, assignment, service):
    answer_with(ada, exercise, 3)
    passback.engine.park(assignment.pk, passback.FORGOTTEN)
    old = models.GradedAssignment.objects.create(
        user=bob, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=service, lis_result_sourcedid="old",
        launched_at=timezone.now() - timedelta(hours=49),
    )  # fmt: skip
    host_models.Score.objects.create(user=bob, usage_key=exercise.usage_key, earned=1, possible=4)

    assert api.reconcile() == 0
    assert not models.ScoreDelivery.objects.filter(assignment=old).exists()


def test_3_6_a_host_that_cannot_tell_changes_nothing(ada, exercise, assignment):
    assert api.reconcile() == 0
    assert delivery_of(assignment).wanted_version == 0


def test_a_lost_lease_forgets_what_the_campus_has_so_that_the_newest_goes_out_again(
    ada, exercise, assignment, service_of_campus
):
    answer_with(ada, exercise, 3)
    api.deliver_due()
    stale = delivery_of(assignment)
    stale.lease_token = "00000000-0000-0000-0000-000000000001"

    passback.engine.settle(stale, outcomes.Outcome("delivered", "success"))

    assert delivery_of(assignment).confirmed_score is None
    due_now()
    api.deliver_due()
    assert applied(service_of_campus) == ["0.75", "0.75"]


# -- after a graded launch ---------------------------------------------------------------------------------------------


def test_3_6_a_score_from_before_the_first_graded_launch_is_sent(ada, exercise, assignment, service_of_campus):
    models.GradedAssignment.objects.all().delete()
    answer_with(ada, exercise, 4)
    assignment.pk = None
    assignment.save(force_insert=True)

    passback.greet_graded_launch(assignment, is_superseded=False)
    api.deliver_due()

    assert applied(service_of_campus) == ["1.0"]


def test_8_8_a_new_sourcedid_gets_the_score_that_the_old_one_had(ada, exercise, assignment, service_of_campus):
    answer_with(ada, exercise, 4)
    api.deliver_due()
    assignment.lis_result_sourcedid = "campus-result-2"
    assignment.save()

    passback.greet_graded_launch(assignment, is_superseded=True)
    api.deliver_due()

    assert [(entry.sourced_id, entry.score) for entry in service_of_campus.applied] == [
        (SOURCED_ID, "1.0"),
        ("campus-result-2", "1.0"),
    ]


def test_a_relaunch_with_nothing_new_sends_nothing(ada, exercise, assignment, service_of_campus):
    answer_with(ada, exercise, 4)
    api.deliver_due()

    passback.greet_graded_launch(assignment, is_superseded=False)
    api.deliver_due()

    assert len(service_of_campus.messages) == 1


def test_3_5_a_graded_launch_has_a_service_that_took_no_grades_asked_again(
    ada, bob, exercise, assignment, service_of_campus, service
):
    service_of_campus.kind = "unsupported"
    answer_with(ada, exercise, 4)
    api.deliver_due()
    assert delivery_of(assignment).state == "parked"
    service_of_campus.kind = "success"
    of_bob = models.GradedAssignment.objects.create(
        user=bob, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=service, lis_result_sourcedid="bob"
    )

    passback.greet_graded_launch(of_bob, is_superseded=False)
    api.deliver_due()

    assert applied(service_of_campus) == ["1.0"]
    assert delivery_of(assignment).state == "delivered"


def test_a_database_error_does_not_fail_the_launch(assignment, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise DatabaseError("ada@learners.example")

    monkeypatch.setattr(passback.engine, "put", broken)

    passback.greet_graded_launch(assignment, is_superseded=False)

    assert "not recorded" in caplog.text
    assert "ada@learners.example" not in caplog.text
