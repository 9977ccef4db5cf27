"""``resend_lti_scores`` and ``lti_passback_report``: what they choose, say and change, and how they end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.lti_provider import api, resending
from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer, OutcomeService, ScoreDelivery
from openedx_learning_ext.standalone import scores
from tests.doubles.campus import Campus
from tests.doubles.campusside import SECRET

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
OTHER = CourseKey.from_string("course-v1:OpenedX+Other+2026")


@pytest.fixture
def gradebook():
    """The campus's outcome service, on a port of its own."""
    with Campus() as campus:
        yield campus


@pytest.fixture
def service(consumer, gradebook):
    return OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=gradebook.url)


@pytest.fixture
def launched(exercise, service):
    """Return what stores a graded launch of the exercise."""

    def launch(user, *, to=service, course_key=DEMO, launched_at=None):
        return GradedAssignment.objects.create(
            user=user, course_key=course_key, usage_key=exercise.usage_key, outcome_service=to,
            lis_result_sourcedid=f"hidden-{user.pk}-{to.pk}-{course_key.course}", launched_at=launched_at,
        )  # fmt: skip

    return launch


@pytest.fixture
def elsewhere(db, gradebook):
    """The service of another campus."""
    consumer = LtiConsumer.objects.create(consumer_name="Elsewhere", consumer_key="elsewhere")
    return OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=gradebook.url)


def answered(user, block, earned, possible=4):
    """The learner's score changes, as when an answer is graded."""
    with transaction.atomic():
        scores.store(user_id=user.pk, block=block, earned=earned, possible=possible)


def resend(*args, **options):
    """Run the command; return how many were looked at, and of how many the score is to be sent."""
    out = StringIO()
    call_command("resend_lti_scores", *args, stdout=out, **options)
    looked_at, _graded, _launches, _looked, _at, wanted, *_rest = out.getvalue().split()
    return int(looked_at), int(wanted)


def state_of(assignment):
    return ScoreDelivery.objects.get(assignment=assignment).state


# -- resend_lti_scores -------------------------------------------------------------------------------------------------


def test_3_7_a_score_that_the_mailbox_does_not_know_is_sent_whenever_it_was_launched(
    ada, exercise, launched, gradebook
):
    answered(ada, exercise, 3)
    launched(ada, launched_at=datetime(2020, 1, 1, tzinfo=UTC))

    assert resend() == (1, 1)

    api.deliver_due()
    assert [entry.score for entry in gradebook.applied] == ["0.75"]
    assert resend() == (1, 0)


def test_3_7_with_force_the_campus_gets_what_it_has_once_more(ada, exercise, launched, gradebook):
    launched(ada)
    answered(ada, exercise, 3)
    api.deliver_due()

    assert resend(force=True) == (1, 1)

    api.deliver_due()
    assert [entry.score for entry in gradebook.applied] == ["0.75", "0.75"]


def test_a_learner_without_a_score_is_looked_at_and_left(ada, launched):
    launched(ada)

    assert resend(force=True) == (1, 0)


def test_a_dry_run_says_how_many_and_changes_nothing(ada, exercise, launched):
    answered(ada, exercise, 3)
    launched(ada)

    out = StringIO()
    call_command("resend_lti_scores", dry_run=True, stdout=out)

    assert out.getvalue() == "1 graded launches looked at: 1 scores would be sent, 0 left as they are\n"
    assert not ScoreDelivery.objects.exists()
    assert resend() == (1, 1)


def test_it_is_narrowed_to_courses_a_consumer_a_learner_and_a_time(ada, bob, exercise, launched, elsewhere):
    now = timezone.now()
    launched(ada, launched_at=now)
    launched(bob, launched_at=now - timedelta(days=10))
    launched(bob, to=elsewhere)
    launched(bob, course_key=OTHER)

    assert resend() == (4, 0)
    assert resend(str(DEMO)) == (3, 0)
    assert resend(str(DEMO), str(OTHER)) == (4, 0)
    assert resend(consumer="elsewhere") == (1, 0)
    assert resend(user="bob") == (3, 0)
    assert resend(user=str(ada.pk)) == (1, 0)
    assert resend(since=(now - timedelta(days=1)).isoformat()) == (1, 0)
    assert resend(since=(now - timedelta(days=30)).date().isoformat()) == (2, 0)
    assert resend(str(DEMO), user="bob", consumer="elsewhere", since="2020-01-01") == (0, 0)


def test_it_is_narrowed_to_a_state(ada, bob, exercise, launched):
    answered(ada, exercise, 1)
    answered(bob, exercise, 1)
    delivered, parked = launched(ada), launched(bob)
    resend()
    api.deliver_due()
    answered(bob, exercise, 2)
    ScoreDelivery.objects.filter(assignment=parked).update(state="parked", last_outcome="refused:failure")

    assert resend(state="waiting") == (0, 0)
    assert resend(state="delivered") == (1, 0)
    assert resend(state="parked") == (1, 0)
    assert resend(state="parked", force=True) == (1, 1)
    assert (state_of(delivered), state_of(parked)) == ("delivered", "waiting")


def test_what_staff_gave_up_is_left_alone_unless_forced(ada, exercise, launched):
    assignment = launched(ada)
    answered(ada, exercise, 1)
    api.forget(assignment_id=assignment.pk)

    assert resend() == (0, 0)
    assert resend(state="parked") == (0, 0)
    assert state_of(assignment) == "parked"
    assert resend(force=True) == (1, 1)
    assert state_of(assignment) == "waiting"


def test_more_than_a_page_is_read_by_pages(ada, bob, grace, exercise, launched, monkeypatch):
    monkeypatch.setattr(resending, "PAGE_ROWS", 2)
    for user in (ada, bob, grace):
        launched(user)

    assert resend() == (3, 0)


def test_scores_are_paced(ada, bob, exercise, launched, monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    for user in (ada, bob):
        answered(user, exercise, 1)
        launched(user)

    assert resend(rate=0.5) == (2, 2)

    assert [round(seconds) for seconds in slept] == [2, 4]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no key"], "not the key of a course: no key"),
        (["block-v1:OpenedX+Demo+2026+type@problem+block@exercise"], "not the key of a course"),
        (["--consumer", "nobody"], "--consumer"),
        (["--user", "zerlinda"], "--user"),
        (["--since", "yesterday"], "--since"),
        (["--since", "2026-02-31"], "--since"),
        (["--rate", "0"], "--rate"),
        (["--rate", "nan"], "--rate"),
    ],
)
def test_what_cannot_be_meant_is_an_error_of_usage(db, arguments, words):
    with pytest.raises(CommandError, match=words) as caught:
        call_command("resend_lti_scores", *arguments)

    assert caught.value.returncode == 2
    assert "zerlinda" not in str(caught.value)


def test_an_unknown_state_is_an_error_of_usage(db):
    with pytest.raises(CommandError, match="--state"):
        call_command("resend_lti_scores", "--state", "lost")


# -- lti_passback_report -----------------------------------------------------------------------------------------------


def report(*args):
    """Run the command; return what it printed, and the error it ended with."""
    out = StringIO()
    try:
        call_command("lti_passback_report", *args, stdout=out)
    except CommandError as error:
        return out.getvalue(), error
    return out.getvalue(), None


@pytest.fixture
def parked(ada, exercise, launched, gradebook):
    """A grade that the campus refused an hour ago."""
    assignment = launched(ada)
    answered(ada, exercise, 1)
    ScoreDelivery.objects.update(
        state="parked", last_outcome="refused:failure", last_description="hidden-1 is not enrolled",
        waiting_since=timezone.now() - timedelta(hours=1),
    )  # fmt: skip
    return assignment


def test_8_4_the_report_says_by_campus_and_service_how_it_goes(parked, service):
    service.is_paused = service.takes_no_grades = True
    service.save()

    text, error = report()

    assert error is None
    lines = text.splitlines()
    assert lines[0] == "Campus"
    assert lines[1].startswith(f"  service {service.pk} (127.0.0.1): 0 waiting, 0 sending, 0 delivered, 1 parked; ")
    assert "breaker closed, paused, takes no grades, oldest undelivered 36" in lines[1]
    assert lines[2] == "    The campus said no. The campus's words: “hidden-1 is not enrolled”"
    assert lines[3] == "all: 0 waiting, 0 sending, 0 delivered, 1 parked"


def test_8_4_it_exits_with_1_when_a_grade_is_late(parked):
    _text, error = report("--older-than", "3599")

    assert error.returncode == 1
    assert report("--older-than", "7200")[1] is None


def test_nothing_undelivered_is_never_late(parked):
    api.forget(assignment_id=parked.pk)

    assert report("--older-than", "0")[1] is None


def test_as_json_it_is_what_the_address_answers(parked, client_of, admin):
    text, error = report("--json", "--older-than", "1")

    answer = client_of(admin).get("/api/learning_ext/lti_provider/v1/status/").json()
    found = json.loads(text)
    assert error.returncode == 1
    assert found["consumers"][0]["services"][0]["last_error_code"] == "refused:failure"
    assert set(answer) - set(found) == {"failed_launches"}
    assert found["counts"] == answer["counts"]


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf"])
def test_an_age_that_is_none_is_an_error_of_usage(db, seconds):
    _text, error = report(f"--older-than={seconds}")

    assert error.returncode == 2


def test_no_command_tells_a_secret_or_a_sourcedid(parked, ada, launched, capsys, caplog):
    sourced_id = parked.lis_result_sourcedid
    ScoreDelivery.objects.update(last_description=f"unknown: {sourced_id}")

    texts = [report()[0], report("--json")[0]]
    resend(force=True)

    for text in (*texts, caplog.text, *capsys.readouterr()):
        for mark in (SECRET, sourced_id, "ada"):
            assert mark not in text


