"""The admin pages: they open for the admin, and no page shows a secret or whose grade it is."""

from __future__ import annotations

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from lxml import html

from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer, LtiUser, OutcomeService
from tests.doubles.campusside import GRADED, SECRET

MODELS = ["lticonsumer", "outcomeservice", "gradedassignment", "ltiuser"]


def address(model, page, *args):
    return reverse(f"admin:learning_ext_lti_provider_{model}_{page}", args=args)


@pytest.fixture
def office(client_of, admin):
    """The admin's browser."""
    return client_of(admin)


@pytest.fixture
def everything(campus, client, consumer):
    """One row of each kind, by the name of its model."""
    campus.launch(client, lis_person_name_full="Zerlinda", **GRADED)
    campus.launch(client, signing={"secret": "another"})
    kinds = {"lticonsumer": LtiConsumer, "outcomeservice": OutcomeService, "gradedassignment": GradedAssignment}
    return {name: model.objects.get().pk for name, model in {**kinds, "ltiuser": LtiUser}.items()}


def filled_in(office, path):
    """Return what the form of a page would post, as a browser fills it in."""
    page = html.fromstring(office.get(path).content.decode())
    (form,) = page.xpath("//form[substring(@id, string-length(@id) - 4) = '_form']")
    return {name: value or "" for name, value in form.form_values()}


def save(office, path, **changes):
    return office.post(path, {**filled_in(office, path), **changes})


def errors_of(response):
    return html.fromstring(response.content.decode()).xpath("//ul[contains(@class, 'errorlist')]//li/text()")


@pytest.mark.parametrize("model", MODELS)
def test_every_page_opens_and_shows_neither_secret_nor_person_nor_sourcedid(office, everything, model):
    pages = [
        address(model, "changelist"),
        address(model, "change", everything[model]),
        address(model, "history", everything[model]),
        address(model, "delete", everything[model]),
        *([address(model, "add")] if model == "lticonsumer" else []),
    ]
    for path in pages:
        response = office.get(path)

        assert response.status_code == 200, path
        text = html.fromstring(response.content.decode()).xpath("string()")
        text += " ".join(html.fromstring(response.content.decode()).xpath("//@value"))
        for mark in (SECRET, "enc1:", "instanceid", "service.php", "Zerlinda", "campus-user-1"):
            assert mark not in text, (path, mark)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("query", ["Campus", "Demo", "nothing", "%", "1"])
def test_every_list_can_be_searched(office, everything, model, query):
    assert office.get(address(model, "changelist"), {"q": query}).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_learners_and_course_staff_are_kept_out(client_of, ada, grace, everything, model):
    for user in (ada, grace):
        assert client_of(user).get(address(model, "changelist")).status_code == 302


@pytest.mark.parametrize("model", MODELS[1:])
def test_what_launches_write_nobody_adds_by_hand(office, everything, model):
    assert office.get(address(model, "add")).status_code == 403


def test_a_campus_is_added_with_a_random_or_a_given_secret(office, db):
    path = address("lticonsumer", "add")

    save(office, path, consumer_name="One")
    save(office, path, consumer_name="Two", new_secret=" given ", consumer_key="two")

    one, two = LtiConsumer.objects.order_by("consumer_name")
    assert len(one.consumer_secret) == 32
    assert (two.consumer_secret, two.consumer_key, two.instance_guid) == (" given ", "two", None)
    assert (two.previous_secret, two.previous_secret_until) == ("", None)


def test_an_empty_secret_keeps_the_stored_one(office, consumer):
    response = save(office, address("lticonsumer", "change", consumer.pk), consumer_name="Renamed")

    row = LtiConsumer.objects.get()
    assert response.status_code == 302
    assert (row.consumer_name, row.consumer_secret) == ("Renamed", SECRET)


@pytest.mark.parametrize("keeps", ["on", None])
def test_a_new_secret_replaces_the_stored_one_and_is_written_down_nowhere(office, consumer, keeps):
    path = address("lticonsumer", "change", consumer.pk)
    form = {**filled_in(office, path), "new_secret": " a marked secret ", "keeps_previous": keeps}

    response = office.post(path, {name: value for name, value in form.items() if value is not None})

    row = LtiConsumer.objects.get()
    assert response.status_code == 302
    assert row.consumer_secret == " a marked secret "
    assert row.previous_secret == (SECRET if keeps else "")
    assert "marked" not in json.dumps(list(LogEntry.objects.values()), default=str)
    assert b"marked" not in office.get(path).content


@pytest.mark.parametrize(
    "changes", [{"new_secret": "the other's secret"}, {"consumer_key": "clé"}, {"consumer_key": "other"}]
)
def test_what_cannot_be_is_refused(office, consumer, changes):
    LtiConsumer.objects.create(consumer_name="Other", consumer_key="other", consumer_secret="the other's secret")

    response = save(office, address("lticonsumer", "change", consumer.pk), **changes)

    assert response.status_code == 200
    assert errors_of(response)
    assert b"the other&#x27;s secret" not in response.content


def test_how_learners_are_linked_is_chosen_once(office, consumer):
    path = address("lticonsumer", "change", consumer.pk)

    assert not {"use_lti_pii", "require_user_account"} & set(filled_in(office, path))
    save(office, path, use_lti_pii="on", require_user_account="on")

    row = LtiConsumer.objects.get()
    assert (row.use_lti_pii, row.require_user_account) == (False, False)


def test_the_state_of_the_secret_is_told_and_an_unreadable_one_mended(office, consumer, settings):
    path = address("lticonsumer", "change", consumer.pk)
    assert "••••" in office.get(path).content.decode()
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key, and nothing else"]
    assert "Unreadable" in office.get(path).content.decode()
    assert "Unreadable" in office.get(address("lticonsumer", "changelist")).content.decode()

    assert save(office, path, new_secret="entered again").status_code == 302

    assert LtiConsumer.objects.get().consumer_secret == "entered again"
    LtiConsumer.objects.update(consumer_secret="")
    assert "Not set" in office.get(path).content.decode()


def test_recent_failed_launches_stand_on_the_campuss_page(office, everything, consumer):
    text = office.get(address("lticonsumer", "change", consumer.pk)).content.decode()

    assert "step 5: signature" in text


def test_a_service_can_be_paused_by_hand_and_nothing_else(office, everything):
    path = address("outcomeservice", "change", everything["outcomeservice"])

    save(office, path, is_paused="on", takes_no_grades="on", consecutive_failures="9")

    row = OutcomeService.objects.get()
    assert (row.is_paused, row.takes_no_grades, row.consecutive_failures) == (True, False, 0)


def test_a_list_takes_as_many_queries_for_fifty_as_for_one(office, everything, consumer, ada, exercise):
    def count(model):
        with CaptureQueriesContext(connection) as queries:
            office.get(address(model, "changelist"))
        return len(queries)

    before = [count(model) for model in MODELS]
    service = OutcomeService.objects.get()
    for number in range(49):
        LtiConsumer.objects.create(consumer_name=f"C{number}", consumer_key=f"c{number}")
        OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=f"https://campus.example/{number}")
        LtiUser.objects.create(lti_consumer=consumer, lti_user_id=f"u{number}", edx_user=ada)
        GradedAssignment.objects.create(
            user=ada, course_key=exercise.course_key, usage_key=exercise.usage_key, outcome_service=service,
            lis_result_sourcedid=f"s{number}",
        )  # fmt: skip

    assert [count(model) for model in MODELS] == before
