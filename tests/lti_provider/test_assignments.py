"""``lti.md`` 1.6, 2.2, 2.3 and edge cases 3-7: where a grade goes, as a launch tells."""

from __future__ import annotations

import json
import socket

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from openedx_learning_ext.core import privacy
from openedx_learning_ext.lti_provider import assignments
from openedx_learning_ext.lti_provider.api import parse_course_and_usage_keys
from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer, LtiUser, OutcomeService
from openedx_learning_ext.standalone import models as host_models
from tests.doubles.campusside import GRADED, SERVICE_URL, SOURCED_ID, Campus, launch_path


def stored():
    """What is stored, as (user, usage key, URL, sourcedid, link)."""
    return list(
        GradedAssignment.objects.order_by("pk").values_list(
            "user_id", "outcome_service__lis_outcome_service_url", "lis_result_sourcedid", "resource_link_id"
        )
    )


def test_a_graded_launch_says_whose_grade_goes_where(campus, client, consumer):
    assert campus.launch(client, **GRADED).status_code == 200

    row = GradedAssignment.objects.get()
    assert row.user == LtiUser.objects.get().edx_user
    assert (row.course_key, row.usage_key) == (campus.usage_key.course_key, campus.usage_key)
    assert (row.lis_result_sourcedid, row.resource_link_id) == (SOURCED_ID, "link-1")
    assert row.context_id == "campus-course-1"
    assert (row.outcome_service.lis_outcome_service_url, row.outcome_service.lti_consumer) == (SERVICE_URL, consumer)
    assert row.launched_at is not None
    assert row.version_number == 0


def test_a_relaunch_adds_no_row_and_is_remembered(campus, client):
    campus.launch(client, **GRADED)
    first = GradedAssignment.objects.get()

    campus.launch(client, **{**GRADED, "context_id": "moved"})

    again = GradedAssignment.objects.get()
    assert again.pk == first.pk
    assert again.launched_at > first.launched_at
    assert again.context_id == "moved"
    assert OutcomeService.objects.count() == 1


@pytest.mark.parametrize("fields", [{}, {"lis_result_sourcedid": "", "lis_outcome_service_url": SERVICE_URL}])
def test_1_6_without_a_sourcedid_nothing_is_stored_and_nothing_asked(campus, client, fields):
    with CaptureQueriesContext(connection) as queries:
        campus.launch(client, **fields)

    asked = [query["sql"] for query in queries if "assignment" in query["sql"] or "outcomeservice" in query["sql"]]
    assert asked == []
    assert not GradedAssignment.objects.exists()


@pytest.mark.parametrize("url", [None, ""])
def test_1_6_a_sourcedid_without_an_address_is_warned_about_by_tag(campus, client, consumer, caplog, url):
    fields = {"lis_result_sourcedid": SOURCED_ID} | ({} if url is None else {"lis_outcome_service_url": url})

    assert campus.launch(client, **fields).status_code == 200

    (record,) = [record for record in caplog.records if record.msg == "lti_launch_graded_without_outcome_service"]
    assert (record.consumer_id, record.resource_link) == (consumer.pk, privacy.tag("link-1"))
    assert not OutcomeService.objects.exists()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://campus.example/service", "plain_http"),
        ("ftp://campus.example/service", "form"),
        ("/service", "form"),
        ("https://user:pass@campus.example/service", "form"),
        ("https://campus.example/service#x", "form"),
        ("https://campus.example:x/", "form"),
        ("https://campus.example/a b", "form"),
        ("javascript:alert(1)", "form"),
    ],
)
def test_1_6_an_address_of_a_forbidden_form_is_warned_about_with_the_reason(
    campus, client, caplog, settings, url, reason
):
    settings.LTI_OUTCOME_SERVICE_ALLOW_HTTP = False

    assert campus.launch(client, **{**GRADED, "lis_outcome_service_url": url}).status_code == 200

    (record,) = [record for record in caplog.records if record.msg == "lti_launch_outcome_service_refused"]
    assert record.reason == reason
    assert not OutcomeService.objects.exists()
    assert "pass" not in caplog.text


def test_1_6_an_address_that_is_not_on_the_operators_list_is_refused(campus, client, settings, caplog):
    settings.LTI_OUTCOME_SERVICE_ALLOWED_HOSTS = ["other.example"]

    campus.launch(client, **GRADED)

    assert not OutcomeService.objects.exists()
    settings.LTI_OUTCOME_SERVICE_ALLOWED_HOSTS = ["example"]
    campus.launch(client, **GRADED)
    assert OutcomeService.objects.count() == 1


def test_1_6_the_name_of_a_service_is_not_looked_up_during_a_launch(campus, client, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: pytest.fail("looked up"))

    campus.launch(client, **{**GRADED, "lis_outcome_service_url": "https://no-such-name.invalid/service"})

    assert OutcomeService.objects.count() == 1


def test_3_two_keys_of_one_moodle_share_a_service_address(campus, browsers, exercise):
    LtiConsumer.objects.create(consumer_name="Other", consumer_key="other", consumer_secret="other secret")
    other = Campus(exercise.usage_key, key="other", secret="other secret")

    assert campus.launch(next(browsers), **GRADED).status_code == 200
    assert other.launch(next(browsers), **GRADED).status_code == 200

    rows = GradedAssignment.objects.select_related("outcome_service__lti_consumer")
    assert {row.outcome_service.lis_outcome_service_url for row in rows} == {SERVICE_URL}
    assert {row.outcome_service.lti_consumer.consumer_key for row in rows} == {"campus-key", "other"}


def test_4_sourcedids_that_differ_in_letter_case_are_two_rows(campus, browsers):
    for number, sourced_id in enumerate(("abcaB", "abcAb")):
        campus.launch(
            next(browsers), user_id=f"u{number}", **{**GRADED, "lis_result_sourcedid": sourced_id}
        )

    assert [row[2] for row in stored()] == ["abcaB", "abcAb"]
    assert len(set(GradedAssignment.objects.values_list("sourcedid_digest", flat=True))) == 2


def test_5_long_values_survive_unchanged(campus, client):
    sourced_id, url = "s" * 899 + "!", "https://campus.example/" + "p" * 977
    assert (len(sourced_id), len(url)) == (900, 1000)

    campus.launch(client, lis_result_sourcedid=sourced_id, lis_outcome_service_url=url)

    assert stored()[0][1:3] == (url, sourced_id)


@pytest.mark.parametrize(
    "sourced_id",
    [
        json.dumps({"data": {"instanceid": "7", "userid": "42", "typeid": None}, "hash": 'a"&<>\'é漢'}),
        "  blanks around  ",
        "tab\tand line\r\nends",
        "%41+%20&amp;",
    ],
)
def test_6_a_sourcedid_round_trips_byte_for_byte(campus, client, sourced_id):
    campus.launch(client, **{**GRADED, "lis_result_sourcedid": sourced_id})

    assert stored()[0][2] == sourced_id


@pytest.mark.parametrize("bad", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_7_a_sourcedid_that_xml_cannot_carry_is_refused_and_the_page_still_renders(campus, client, caplog, bad):
    response = campus.launch(client, **{**GRADED, "lis_result_sourcedid": f"a{bad}b"})

    assert response.status_code == 200
    assert "What is 6 times 7?" in response.content.decode()
    assert "lti_launch_sourcedid_refused" in caplog.messages
    assert not GradedAssignment.objects.exists()


# -- 2.3 and 8.8 -------------------------------------------------------------------------------------------------------


def test_2_3_a_new_sourcedid_at_the_same_link_replaces_the_old_one(campus, client, caplog):
    caplog.set_level("INFO")
    campus.launch(client, **GRADED)
    first = GradedAssignment.objects.get()

    campus.launch(client, **{**GRADED, "lis_result_sourcedid": "new-one"})

    row = GradedAssignment.objects.get()
    assert (row.pk, row.lis_result_sourcedid) == (first.pk, "new-one")
    (record,) = [record for record in caplog.records if record.msg == "lti_launch_sourcedid_superseded"]
    assert (record.was, record.now) == (privacy.tag(SOURCED_ID), privacy.tag("new-one"))
    # And it is found by its new digest.
    campus.launch(client, **{**GRADED, "lis_result_sourcedid": "new-one"})
    assert GradedAssignment.objects.count() == 1


@pytest.mark.parametrize(("first", "second"), [("link-1", "link-2"), ("", "")], ids=["another link", "no link"])
def test_2_3_another_link_or_none_is_a_second_row(campus, client, first, second):
    campus.launch(client, **{**GRADED, "resource_link_id": first})
    campus.launch(client, **{**GRADED, "resource_link_id": second, "lis_result_sourcedid": "second"})

    assert [row[2:] for row in stored()] == [(SOURCED_ID, first), ("second", second)]


def test_2_3_a_sourcedid_of_another_learner_stays_the_owners(campus, browsers, caplog):
    campus.launch(next(browsers), **GRADED)
    owner = GradedAssignment.objects.get()

    assert campus.launch(next(browsers), user_id="somebody-else", **GRADED).status_code == 200

    row = GradedAssignment.objects.get()
    assert (row.user_id, row.launched_at) == (owner.user_id, owner.launched_at)
    (record,) = [record for record in caplog.records if record.msg == "lti_launch_sourcedid_of_another"]
    assert record.levelname == "ERROR"
    assert (record.assignment_id, record.owner_id) == (row.pk, owner.user_id)
    assert record.user_id == LtiUser.objects.get(lti_user_id="somebody-else").edx_user_id


def test_2_3_a_sourcedid_of_another_block_stays_where_it_is(campus, client, exercise, demo_course, caplog):
    campus.launch(client, **GRADED)
    second = host_models.Block.objects.get(pk=exercise.pk)
    second.pk, second.usage_key = None, exercise.usage_key.course_key.make_usage_key("problem", "second")
    second.save()

    assert campus.launch(client, path=launch_path(second.usage_key), **GRADED).status_code == 200

    assert GradedAssignment.objects.get().usage_key == exercise.usage_key
    assert "lti_launch_sourcedid_of_another" in caplog.messages


def test_nothing_of_the_form_is_logged(campus, browsers, caplog):
    caplog.set_level("DEBUG")
    secret_things = {
        "lis_person_name_full": "Zerlinda Quixwater", "lis_person_contact_email_primary": "zerlinda@learners.example",
    }
    campus.launch(next(browsers), **GRADED, **secret_things)
    campus.launch(next(browsers), user_id="zerlinda-2", **GRADED, **secret_things)
    campus.launch(next(browsers), **{**GRADED, "lis_result_sourcedid": "quix-sourcedid"}, **secret_things)

    ours = [record for record in caplog.records if record.name.startswith(("edx", "openedx_learning"))]
    said = " ".join(str(vars(record)) for record in ours)
    for mark in ("Quixwater", "zerlinda", "quix-sourcedid", "instanceid", "campus.example"):
        assert mark not in said


# -- constraints -------------------------------------------------------------------------------------------------------


def test_what_cannot_happen_is_a_constraint(consumer, ada, bob, exercise):
    service = OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=SERVICE_URL)
    place = {"course_key": exercise.course_key, "usage_key": exercise.usage_key, "outcome_service": service}
    GradedAssignment.objects.create(user=ada, lis_result_sourcedid="x", **place)

    for again in (
        lambda: OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=SERVICE_URL),
        lambda: GradedAssignment.objects.create(user=bob, lis_result_sourcedid="x", **place),
        lambda: GradedAssignment.objects.bulk_create([GradedAssignment(user=bob, lis_result_sourcedid="x", **place)]),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            again()


def test_neither_address_nor_sourcedid_is_in_a_repr(consumer, ada, exercise):
    service = OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=SERVICE_URL)
    row = GradedAssignment.objects.create(
        user=ada, course_key=exercise.course_key, usage_key=exercise.usage_key, outcome_service=service,
        lis_result_sourcedid="a-sourcedid",
    )  # fmt: skip

    for shown in (repr(service), str(service), repr(row), str(row)):
        assert "campus.example" not in shown
        assert "a-sourcedid" not in shown


# -- two at once, staged: the other launch has ended between our look and our write ------------------------------------


@pytest.fixture
def wanted(consumer, ada, exercise):
    """What a launch is about to write."""
    service = OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=SERVICE_URL)
    return GradedAssignment(
        user=ada, course_key=exercise.course_key, usage_key=exercise.usage_key, outcome_service=service,
        lis_result_sourcedid="sourcedid", resource_link_id="link-1", launched_at=timezone.now(),
    )  # fmt: skip


def beside(wanted, **changes):
    """Write what another launch has written meanwhile."""
    names = ("user", "course_key", "usage_key", "outcome_service", "lis_result_sourcedid", "resource_link_id")
    return GradedAssignment.objects.create(**{**{name: getattr(wanted, name) for name in names}, **changes})


def test_of_two_new_rows_the_later_launch_takes_the_earlier_one(wanted):
    other = beside(wanted)

    found = assignments._add(wanted)

    assert (found.assignment.pk, found.change) == (other.pk, "none")
    assert GradedAssignment.objects.get().launched_at == wanted.launched_at


def test_a_sourcedid_that_another_launch_has_stored_meanwhile_stays_there(wanted):
    old = beside(wanted, lis_result_sourcedid="old")
    other = beside(wanted, resource_link_id="link-2")

    found = assignments._supersede(wanted)

    old.refresh_from_db()
    assert (found.assignment.pk, found.change) == (other.pk, "none")
    assert old.lis_result_sourcedid == "old"


def test_a_key_of_the_old_form_is_the_same_block_the_second_time(consumer, ada):
    course_key, usage_key = parse_course_and_usage_keys("OpenedX/Demo/2026", "i4x://OpenedX/Demo/problem/x")

    first, second = (
        assignments.store(consumer=consumer, user=ada, course_key=course_key, usage_key=usage_key, parameters=GRADED)
        for _ in range(2)
    )

    assert (first.change, second.change) == ("new", "none")
    assert second.assignment.launched_at > first.assignment.launched_at
