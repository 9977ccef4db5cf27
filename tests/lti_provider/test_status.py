"""How sending grades goes, by campus and service: counts, ages, breaker, and the last problem in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core.privacy import tag
from openedx_learning_ext.lti_provider import api, status
from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer, OutcomeService, ScoreDelivery
from tests.doubles.campusside import SECRET

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
OTHER = CourseKey.from_string("course-v1:OpenedX+Other+2026")
ADDRESS = "/api/learning_ext/lti_provider/v1/status/"


@pytest.fixture
def service(consumer):
    return OutcomeService.objects.create(
        lti_consumer=consumer, lis_outcome_service_url="https://grades.campus.example/service?token=hush"
    )


@pytest.fixture
def delivery_of(ada, exercise, service):
    """Return what makes a delivery in a state."""
    made = iter(range(10_000))

    def make(state="waiting", *, user=ada, course_key=DEMO, to=service, since=None, **columns):
        assignment = GradedAssignment.objects.create(
            user=user, course_key=course_key, usage_key=exercise.usage_key, outcome_service=to,
            lis_result_sourcedid=f"hidden-result-{next(made)}",
        )  # fmt: skip
        if since is not None:
            columns["waiting_since"] = timezone.now() - timedelta(seconds=since)
        columns.setdefault("wanted_version", 1)
        return ScoreDelivery.objects.create(assignment=assignment, destination=str(to.pk), state=state, **columns)

    return make


def only_service():
    ((service,),) = [consumer.services for consumer in api.find_status().consumers]
    return service


# -- counts and ages ---------------------------------------------------------------------------------------------------


def test_8_4_deliveries_are_counted_by_the_states_that_a_person_sees(delivery_of):
    delivery_of("waiting")
    delivery_of("waiting", lease_until=timezone.now() + timedelta(seconds=30))
    delivery_of("waiting", lease_until=timezone.now() - timedelta(seconds=30))
    delivery_of("delivered")
    delivery_of("parked", last_outcome="refused:failure")

    found = api.find_status()

    assert found.counts == {"waiting": 2, "sending": 1, "delivered": 1, "parked": 1}
    assert only_service().counts == found.counts


def test_a_forgotten_delivery_counts_nowhere_and_has_no_age(delivery_of):
    delivery_of("parked", last_outcome="forgotten", since=1000)

    service = only_service()

    assert set(service.counts.values()) == {0}
    assert (service.oldest_undelivered_seconds, service.last_error) == (None, "")


def test_a_mailbox_in_which_nothing_was_ever_put_is_not_counted(delivery_of):
    delivery_of(wanted_version=0)

    assert only_service().counts["waiting"] == 0


def test_the_oldest_of_what_waits_and_of_what_is_undelivered_are_told(delivery_of):
    delivery_of("waiting", since=100)
    delivery_of("waiting", since=50)
    delivery_of("parked", since=500, last_outcome="refused:failure")
    delivery_of("delivered")

    found = api.find_status()

    assert 100 <= found.oldest_waiting_seconds < 160
    assert 500 <= found.oldest_undelivered_seconds < 560


def test_it_is_narrowed_to_a_consumer_a_course_and_a_learner(delivery_of, ada, bob, consumer):
    elsewhere = LtiConsumer.objects.create(consumer_name="Elsewhere", consumer_key="elsewhere")
    other = OutcomeService.objects.create(lti_consumer=elsewhere, lis_outcome_service_url="https://else.example/")
    delivery_of()
    delivery_of(user=bob, course_key=OTHER)
    delivery_of("parked", to=other)

    assert sum(api.find_status().counts.values()) == 3
    assert api.find_status(consumer_id=elsewhere.pk).counts["parked"] == 1
    assert [each.name for each in api.find_status(consumer_id=elsewhere.pk).consumers] == ["Elsewhere"]
    assert api.find_status(course_key=OTHER).counts["waiting"] == 1
    assert api.find_status(user_id=ada.pk).counts == {"waiting": 1, "sending": 0, "delivered": 0, "parked": 1}


def test_a_campus_without_graded_launches_is_listed(consumer):
    (found,) = api.find_status().consumers

    assert (found.name, found.services) == ("Campus", ())


def test_the_breaker_has_three_states(service, delivery_of):
    now = timezone.now()
    for open_until, state in (
        (None, "closed"), (now + timedelta(minutes=1), "open"), (now - timedelta(minutes=1), "half_open"),
    ):  # fmt: skip
        OutcomeService.objects.update(open_until=open_until)

        assert only_service().breaker == state


def test_an_address_that_is_none_has_no_host_and_does_no_harm(service):
    OutcomeService.objects.update(lis_outcome_service_url="https://[nothing")

    assert only_service().host == ""


# -- problems in words -------------------------------------------------------------------------------------------------


def test_the_last_error_of_what_is_undelivered_is_told_in_words(delivery_of, service):
    older, newer = timezone.now() - timedelta(hours=2), timezone.now() - timedelta(hours=1)
    delivery_of(last_outcome="transient:name", updated_at=older)
    delivery_of("parked", last_outcome="refused:certificate", updated_at=newer)
    delivery_of("delivered", last_outcome="delivered:success")

    found = only_service()

    assert (found.last_error_code, found.last_error) == (
        "refused:certificate", "The campus's certificate does not verify.",
    )  # fmt: skip


def test_two_services_in_trouble_at_one_moment_each_have_their_own_error(delivery_of, consumer, service):
    other = OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url="https://other.example/")
    moment = timezone.now()
    delivery_of(last_outcome="transient:name", updated_at=moment)
    delivery_of(to=other, last_outcome="transient:503", updated_at=moment)

    (found,) = api.find_status().consumers

    assert [each.last_error_code for each in found.services] == ["transient:name", "transient:503"]


def test_the_campuss_words_are_told_without_the_id_of_the_result_and_without_addresses(delivery_of):
    row = delivery_of("parked", last_outcome="refused:failure")
    row.last_description = f"{row.assignment.lis_result_sourcedid}: ada@learners.example is no longer in course"

    text = status.problem_of(row)

    assert text.startswith("The campus said no. The campus's words: “[")
    assert text.endswith("is no longer in course”")
    assert "hidden-result" not in text
    assert "ada@" not in text
    assert tag(row.assignment.lis_result_sourcedid) in text


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("", ""),
        ("delivered:success", ""),
        ("delivered:unchanged", ""),
        ("transient:403", "The campus asked us to send more slowly (HTTP 403)."),
        ("refused:403", "The campus forbids it (HTTP 403)."),
        ("refused:418", "The campus refused the message (HTTP 418)."),
        ("transient:507", "The campus could not take the message now (HTTP 507)."),
        ("unclear:200", "The campus answered something that is no answer to a grade (HTTP 200)."),
        ("unclear:no_score", "Not sent: the score could not be computed."),
        ("broken:KeyError", "This site failed while it made or read the message (KeyError). The log has the trace."),
        ("lost", "The sender was overtaken before it could note the answer; the newest grade is sent once more."),
        ("in_doubt:lost", "The connection was lost before the campus answered; it may have the grade or not."),
        ("something:new", "new"),
        ("something", "something"),
    ],
)
def test_an_outcome_has_words(delivery_of, outcome, words):
    assert status.problem_of(delivery_of(last_outcome=outcome)) == words


def test_what_was_forgotten_says_so_until_it_is_wanted_again(delivery_of):
    assert status.problem_of(delivery_of("parked", last_outcome="forgotten")) == "Given up by staff."

    again = delivery_of(last_outcome="forgotten")

    assert status.problem_of(again) == ""
    assert only_service().last_error == ""


@pytest.mark.parametrize(
    "code",
    [
        *(f"address:{reason}" for reason in ("form", "plain_http", "host", "port", "address")),
        *(f"not_sent:{r}" for r in ("refused", "unreachable", "tls", "lost", "closed", "timeout", "deadline")),
        *(f"in_doubt:{reason}" for reason in ("timeout", "deadline", "lost", "closed", "unreadable")),
        "certificate", "name", "redirect", "no_secret", "failure", "unsupported", "takes_no_grades", "no_score",
    ],
)  # fmt: skip
def test_every_code_that_is_no_http_status_has_a_sentence_of_its_own(code):
    assert str(status.WORDS[code]).endswith(".")


def test_words_of_a_hostile_campus_are_read_in_linear_time(delivery_of):
    row = delivery_of("parked", last_outcome="refused:failure", last_description="a@" * 250)

    assert "a@a@" not in status.problem_of(row)


# -- the address -------------------------------------------------------------------------------------------------------


def test_8_4_site_staff_reads_it_as_json(client_of, admin, delivery_of, consumer):
    delivery_of("parked", since=90, last_outcome="refused:failure", last_description="no such user")

    response = client_of(admin).get(ADDRESS, headers={"accept": "text/html,application/xml;q=0.9,*/*;q=0.8"})

    assert reverse("learning_ext:lti_provider:status") == ADDRESS
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    found = response.json()
    assert found["counts"] == {"waiting": 0, "sending": 0, "delivered": 0, "parked": 1}
    (campus,) = found["consumers"]
    (service,) = campus["services"]
    assert (campus["consumer_id"], campus["name"], service["host"]) == (consumer.pk, "Campus", "grades.campus.example")
    assert service["last_error"] == "The campus said no. The campus's words: “no such user”"
    assert found["failed_launches"] == []


def test_it_tells_no_secret_no_sourcedid_no_token_and_no_learner(client_of, admin, delivery_of, ada):
    delivery_of("parked", last_outcome="refused:failure", last_description="hidden-result-0 is unknown")

    text = client_of(admin).get(ADDRESS).content.decode()

    for mark in (SECRET, "enc1:", "hidden-result", "hush", ada.username, "Lovelace", "campus-user"):
        assert mark not in text


def test_8_13_recent_failed_launches_stand_beside_it(client_of, admin, client, campus, consumer):
    campus.launch(client, signing={"key": "unknown"})
    campus.launch(client, signing={"secret": "another"})

    everybody = client_of(admin).get(ADDRESS).json()["failed_launches"]
    ours = client_of(admin).get(ADDRESS, {"consumer": consumer.pk}).json()["failed_launches"]

    assert [launch["consumer_id"] for launch in everybody] == [None]
    assert [(launch["consumer_id"], launch["step"]) for launch in ours] == [(consumer.pk, 5)]


def test_only_site_staff_reads_it(client, client_of, ada, grace, delivery_of):
    assert client.get(ADDRESS).status_code == 401
    for user in (ada, grace):
        assert client_of(user).get(ADDRESS).status_code == 403


def test_it_is_narrowed_by_the_query(client_of, admin, delivery_of, ada, bob, consumer):
    delivery_of()
    delivery_of(user=bob, course_key=OTHER)
    browser = client_of(admin)

    def waiting(**query):
        return browser.get(ADDRESS, query).json()["counts"]["waiting"]

    assert waiting() == 2
    assert waiting(course=str(OTHER)) == 1
    assert waiting(user=ada.pk) == 1
    assert waiting(consumer=consumer.pk) == 2
    assert waiting(consumer=consumer.pk + 1) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("course", "nothing"), ("course", "\x00"), ("user", "ada"), ("user", "9" * 30), ("consumer", "-1")],
)
def test_a_query_that_is_none_is_refused(client_of, admin, delivery_of, name, value):
    response = client_of(admin).get(ADDRESS, {name: value})

    assert response.status_code == 400
    assert list(response.json()) == [name]


def test_it_takes_as_many_queries_for_many_campuses_as_for_one(delivery_of, django_assert_num_queries):
    delivery_of("parked", last_outcome="refused:failure")
    with CaptureQueriesContext(connection) as one:
        api.find_status()
    for number in range(20):
        consumer = LtiConsumer.objects.create(consumer_name=f"C{number}", consumer_key=f"c{number}")
        to = OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url="https://c.example/")
        for _each in range(3):
            delivery_of("parked", to=to, last_outcome="refused:failure")

    with django_assert_num_queries(len(one)):
        found = api.find_status()

    assert found.counts["parked"] == 61
    assert len(one) == 4
