"""Deliveries in the admin: what staff sees of them and can do about them, and the status page."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from lxml import html
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core.privacy import tag
from openedx_learning_ext.lti_provider import api
from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer, OutcomeService, ScoreDelivery
from openedx_learning_ext.standalone import scores
from tests.doubles.campus import Campus
from tests.doubles.campusside import SECRET

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
OTHER = CourseKey.from_string("course-v1:OpenedX+Other+2026")
LIST = "/admin/learning_ext_lti_provider/scoredelivery/"
STATUS = LIST + "status/"
SERVICES = "/admin/learning_ext_lti_provider/outcomeservice/"


@pytest.fixture
def office(client_of, admin):
    """The admin's browser."""
    return client_of(admin)


@pytest.fixture
def service(consumer):
    return OutcomeService.objects.create(
        lti_consumer=consumer, lis_outcome_service_url="https://grades.campus.example/service?token=hush"
    )


@pytest.fixture
def gradebook():
    """The campus's outcome service, on a port of its own."""
    with Campus() as campus:
        yield campus


@pytest.fixture
def delivery(ada, exercise, service):
    """Return what makes a delivery in a state."""
    made = iter(range(10_000))

    def make(state="waiting", *, user=ada, course_key=DEMO, to=service, **columns):
        assignment = GradedAssignment.objects.create(
            user=user, course_key=course_key, usage_key=exercise.usage_key, outcome_service=to,
            lis_result_sourcedid=f"hidden-result-{next(made)}",
        )  # fmt: skip
        columns = {"wanted_version": 1, "payload": {"earned": 1, "possible": 2}, **columns}
        return ScoreDelivery.objects.create(assignment=assignment, destination=str(to.pk), state=state, **columns)

    return make


def text_of(response):
    page = html.fromstring(response.content.decode())
    return " ".join(page.xpath("string()").split())


def ids_in(response):
    page = html.fromstring(response.content.decode())
    return sorted(int(each) for each in page.xpath("//input[@name='_selected_action']/@value"))


def act(office, action, *rows, path=LIST, **fields):
    return office.post(path, {"action": action, "_selected_action": [row.pk for row in rows], **fields}, follow=True)


# -- the list ----------------------------------------------------------------------------------------------------------


def test_3_6_the_list_says_how_far_each_got_and_why_no_further(office, delivery, ada, service):
    delivery("parked", last_outcome="refused:failure", last_description="hidden-result-0 is not enrolled", attempts=3)

    text = text_of(office.get(LIST))

    for words in ("Campus", f"{service.pk} (grades.campus.example)", str(DEMO), "parked", tag(ada.pk), "not enrolled"):
        assert words in text


def test_4_4_no_page_shows_a_sourcedid_a_secret_a_token_or_a_learner(office, delivery):
    row = delivery("parked", last_outcome="refused:failure", last_description="hidden-result-0 is not enrolled")

    for path in (LIST, STATUS, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/history/"):
        response = office.get(path)

        assert response.status_code == 200, path
        for mark in (SECRET, "enc1:", "hidden-result", "hush", ">ada<", "Lovelace", "earned"):
            assert mark not in response.content.decode(), (path, mark)


def test_the_list_is_filtered_by_state_and_without_one_shows_nothing_forgotten(office, delivery):
    waiting, delivered = delivery(), delivery("delivered")
    sending = delivery(lease_until=timezone.now() + timedelta(seconds=30))
    parked, forgotten = delivery("parked"), delivery("parked", last_outcome="forgotten")
    delivery(wanted_version=0)

    assert ids_in(office.get(LIST)) == [waiting.pk, delivered.pk, sending.pk, parked.pk]
    for row, state in (
        (waiting, "waiting"), (delivered, "delivered"), (sending, "sending"), (parked, "parked"),
        (forgotten, "forgotten"),
    ):  # fmt: skip
        assert ids_in(office.get(LIST, {"state": state})) == [row.pk]
    assert len(ids_in(office.get(LIST, {"state": "no such"}))) == 4


def test_the_list_is_filtered_by_campus_service_and_course(office, delivery, consumer):
    elsewhere = LtiConsumer.objects.create(consumer_name="Elsewhere", consumer_key="elsewhere")
    to = OutcomeService.objects.create(lti_consumer=elsewhere, lis_outcome_service_url="https://else.example/")
    here, there, other = delivery(), delivery(to=to), delivery(course_key=OTHER)

    assert ids_in(office.get(LIST, {"assignment__outcome_service__lti_consumer__id__exact": consumer.pk})) == [
        here.pk, other.pk,
    ]  # fmt: skip
    assert ids_in(office.get(LIST, {"assignment__outcome_service__id__exact": to.pk})) == [there.pk]
    assert ids_in(office.get(LIST, {"assignment__course_key": str(OTHER)})) == [other.pk]
    page = html.fromstring(office.get(LIST).content.decode())
    links = page.xpath("//*[@id='changelist-filter']//a/@href")
    assert all(office.get(LIST + link).status_code == 200 for link in links if link.startswith("?"))


@pytest.mark.parametrize("query", ["1", "ada", "%", "hidden"])
def test_the_list_can_be_searched(office, delivery, query):
    delivery()

    assert office.get(LIST, {"q": query}).status_code == 200


def test_the_list_takes_as_many_queries_for_forty_as_for_one(office, delivery, consumer):
    delivery("parked", last_outcome="refused:failure", last_description="no")
    with CaptureQueriesContext(connection) as one:
        office.get(LIST)
    for number in range(39):
        to = OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=f"https://c.example/{number}")
        delivery("parked", to=to, last_outcome="refused:failure", last_description="no")

    with CaptureQueriesContext(connection) as many:
        assert len(ids_in(office.get(LIST))) == 40

    assert len(many) == len(one)


def test_nobody_adds_or_deletes_one_by_hand(office, delivery):
    row = delivery()

    assert office.get(f"{LIST}add/").status_code == 403
    assert office.get(f"{LIST}{row.pk}/delete/").status_code == 403
    assert b"delete_selected" not in office.get(LIST).content


def test_a_campus_can_be_deleted_with_its_deliveries(office, delivery, consumer):
    delivery()

    office.post(f"/admin/learning_ext_lti_provider/lticonsumer/{consumer.pk}/delete/", {"post": "yes"})

    assert not LtiConsumer.objects.exists()
    assert not ScoreDelivery.objects.exists()


def test_learners_and_course_staff_are_kept_out(client_of, ada, grace, delivery):
    for user in (ada, grace):
        for path in (LIST, STATUS):
            assert client_of(user).get(path).status_code == 302


# -- actions -----------------------------------------------------------------------------------------------------------


def test_3_6_try_now_puts_the_same_again(office, delivery):
    row = delivery("parked", attempts=7, refusals=3, last_outcome="refused:failure")

    response = act(office, "try_now", row)

    row.refresh_from_db()
    assert "1 will be tried now; 0 have nothing to send." in text_of(response)
    assert (row.state, row.attempts, row.refusals, row.payload) == ("waiting", 0, 0, {"earned": 1, "possible": 2})
    assert row.next_attempt_at <= timezone.now()
    assert LogEntry.objects.get().object_id == str(row.pk)


def test_try_now_says_where_there_is_nothing_to_send(office, delivery):
    row = delivery("parked", payload={})

    response = act(office, "try_now", row)

    row.refresh_from_db()
    assert "0 will be tried now; 1 have nothing to send." in text_of(response)
    assert row.state == "parked"
    assert not LogEntry.objects.exists()


def test_3_6_forgetting_asks_for_a_reason_and_writes_it_to_the_log_of_the_admin(office, admin, delivery):
    row, other = delivery("parked"), delivery("parked")

    asked = act(office, "forget", row)
    assert "1 deliveries will be forgotten" in text_of(asked)
    without = act(office, "forget", row, reason=" ")
    assert "This field is required" in text_of(without)
    row.refresh_from_db()
    assert row.last_outcome == ""

    page = html.fromstring(asked.content.decode())
    (form,) = page.xpath("//form[.//input[@name='reason']]")
    form.fields["reason"] = "the course is over"
    response = office.post(LIST, dict(form.form_values()), follow=True)

    row.refresh_from_db()
    assert (row.state, row.last_outcome, row.payload) == ("parked", "forgotten", {})
    assert ids_in(response) == [other.pk]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (admin, str(row.pk), "forgotten: the course is over")


def test_what_is_being_sent_is_not_forgotten(office, delivery):
    row = delivery(lease_until=timezone.now() + timedelta(seconds=30))

    response = act(office, "forget", row, reason="why not")

    row.refresh_from_db()
    assert "0 are forgotten; 1 are being sent" in text_of(response)
    assert row.last_outcome == ""


def test_8_4_resending_wants_the_score_of_now_even_if_the_campus_has_it(office, delivery, ada, bob, exercise):
    with transaction.atomic():
        scores.store(user_id=ada.pk, block=exercise, earned=3, possible=4)
    row = delivery("delivered", confirmed_score=0.75)
    without_score = delivery("delivered", user=bob)

    response = act(office, "resend", row, without_score)

    row.refresh_from_db()
    without_score.refresh_from_db()
    assert "1 will be sent again; of 1 there is no score to be had." in text_of(response)
    assert (row.state, without_score.state) == ("waiting", "delivered")
    assert row.payload == {"earned": 0.75, "possible": 1.0, "force": True}


def test_whoever_may_only_look_can_do_nothing(client_of, ada, delivery):
    ada.is_staff = True
    ada.save()
    ada.user_permissions.add(Permission.objects.get(codename="view_scoredelivery"))
    row = delivery("parked")
    browser = client_of(ada)

    assert browser.get(STATUS).status_code == 200
    assert browser.get(LIST).status_code == 200
    act(browser, "try_now", row)
    act(browser, "forget", row, reason="because")

    row.refresh_from_db()
    assert (row.state, row.last_outcome) == ("parked", "")


def test_whoever_may_not_look_gets_no_status(client_of, ada, delivery):
    ada.is_staff = True
    ada.save()

    assert client_of(ada).get(STATUS).status_code == 403


def test_8_4_services_are_paused_and_resumed_and_the_log_says_by_whom(office, admin, service, consumer):
    already = OutcomeService.objects.create(
        lti_consumer=consumer, lis_outcome_service_url="https://paused.example/", is_paused=True
    )

    response = act(office, "pause", service, already, path=SERVICES)

    assert "1 services changed." in text_of(response)
    assert list(OutcomeService.objects.values_list("is_paused", flat=True)) == [True, True]
    assert (LogEntry.objects.get().user, LogEntry.objects.get().object_id) == (admin, str(service.pk))

    act(office, "resume", service, already, path=SERVICES)

    assert list(OutcomeService.objects.values_list("is_paused", flat=True)) == [False, False]


def test_3_6_what_was_parked_while_the_campus_was_wrong_arrives_after_try_now(
    office, ada, exercise, consumer, gradebook
):
    service = OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=gradebook.url)
    GradedAssignment.objects.create(
        user=ada, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=service, lis_result_sourcedid="r"
    )
    with transaction.atomic():
        scores.store(user_id=ada.pk, block=exercise, earned=3, possible=4)
    gradebook.misbehave("unsupported")
    api.deliver_due()
    OutcomeService.objects.update(takes_no_grades=False)
    assert "takes no grades" in text_of(office.get(LIST, {"state": "parked"}))

    act(office, "try_now", ScoreDelivery.objects.get())
    api.deliver_due()

    assert gradebook.score_of("r") == "0.75"
    assert "parked" not in text_of(office.get(f"{LIST}{ScoreDelivery.objects.get().pk}/change/"))


def test_8_4_to_a_paused_service_nothing_is_sent_until_it_is_resumed(office, ada, exercise, consumer, gradebook):
    service = OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=gradebook.url)
    GradedAssignment.objects.create(
        user=ada, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=service, lis_result_sourcedid="r"
    )
    act(office, "pause", service, path=SERVICES)
    with transaction.atomic():
        scores.store(user_id=ada.pk, block=exercise, earned=3, possible=4)

    assert api.deliver_due() == 0

    act(office, "resume", service, path=SERVICES)
    assert api.deliver_due() == 1
    assert gradebook.score_of("r") == "0.75"


# -- the status page ---------------------------------------------------------------------------------------------------


def test_8_4_the_status_page_shows_each_service_and_leads_to_its_deliveries(office, delivery, service):
    delivery("parked", last_outcome="transient:503", waiting_since=timezone.now() - timedelta(seconds=70))
    OutcomeService.objects.update(open_until=timezone.now() + timedelta(minutes=5), is_paused=True)

    response = office.get(STATUS)

    assert reverse("admin:learning_ext_lti_provider_scoredelivery_status") == STATUS
    assert f'href="{STATUS}"' in office.get(LIST).content.decode()
    text = text_of(response)
    for words in ("Campus", "grades.campus.example", "paused", "open, ", "is not available (HTTP 503)", "70 s"):
        assert words in text
    page = html.fromstring(response.content.decode())
    (link,) = [each for each in page.xpath("//td/a") if each.text == "1" and "parked" in each.get("href")]
    assert len(ids_in(office.get(link.get("href")))) == 1


@pytest.mark.parametrize(
    ("breaker", "words"), [({"open_until": None}, "closed"), ({"open_until": "2020-01-01T00:00Z"}, "half-open")]
)
def test_the_status_page_names_the_state_of_the_breaker(office, service, breaker, words):
    OutcomeService.objects.update(**breaker, held_back_until=timezone.now() + timedelta(hours=1))

    text = text_of(office.get(STATUS))

    assert words in text
    assert "held back by the campus until" in text


def test_8_13_recent_failed_launches_of_known_and_unknown_keys_stand_on_the_status_page(office, client, campus):
    campus.launch(client, signing={"key": "unknown"})
    campus.launch(client, signing={"secret": "another"})

    text = text_of(office.get(STATUS))

    assert "unknown key" in text
    assert "signature" in text
    assert "http://testserver/api/learning_ext/lti_provider/v1/courses/" in text


def test_without_anything_the_status_page_says_so(office, db):
    text = text_of(office.get(STATUS))

    assert "There is no LTI consumer." in text
    assert "None in the last seven days." in text


def test_a_campuss_words_cannot_become_a_page_of_ours(office, delivery):
    delivery("parked", last_outcome="refused:failure", last_description="<script>alert(1)</script>")

    for path in (LIST, STATUS):
        assert b"<script>alert" not in office.get(path).content


def test_the_log_of_the_admin_names_nobody(office, delivery):
    act(office, "try_now", delivery("parked"))

    kept = json.dumps(list(LogEntry.objects.values()), default=str)
    assert not any(mark in kept for mark in ("hidden-result", "ada", "Lovelace"))
