"""The admin pages: they open for the admin, and no page shows a secret."""

from __future__ import annotations

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from lxml import html
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiPlacement, LtiResult

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
OTHER = CourseKey.from_string("course-v1:OpenedX+Other+2026")
SECRET = "s3cr&t/+"


def address(model, page, *args):
    return reverse(f"admin:learning_ext_lti_consumer_{model}_{page}", args=args)


@pytest.fixture
def office(client_of, admin):
    """The admin's browser."""
    return client_of(admin)


def shows_secret(response):
    text = html.fromstring(response.content.decode()).xpath("string()")
    values = " ".join(html.fromstring(response.content.decode()).xpath("//@value"))
    return SECRET in text + values or "enc1:" in text + values


def filled_in(office, path):
    """Return what the form of a page would post, as a browser fills it in."""
    page = html.fromstring(office.get(path).content.decode())
    (form,) = page.xpath("//form[substring(@id, string-length(@id) - 4) = '_form']")
    return {name: value or "" for name, value in form.form_values()}


def save(office, path, **changes):
    return office.post(path, {**filled_in(office, path), **changes})


def errors_of(response):
    return html.fromstring(response.content.decode()).xpath("//ul[contains(@class, 'errorlist')]//li/text()")


@pytest.fixture
def everything(ada, placement):
    """One row of each kind, by the name of its model."""
    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=0.5)
    return {
        "lticonfiguration": placement.configuration_id,
        "ltiplacement": placement.pk,
        "ltiresult": LtiResult.objects.get().pk,
    }


@pytest.mark.parametrize("model", ["lticonfiguration", "ltiplacement", "ltiresult"])
def test_every_page_opens_for_the_admin_and_shows_no_secret(office, everything, model):
    pages = [
        address(model, "changelist"),
        address(model, "change", everything[model]),
        address(model, "history", everything[model]),
        address(model, "delete", everything[model]),
        *([address(model, "add")] if model != "ltiresult" else []),
    ]
    for path in pages:
        response = office.get(path)

        assert response.status_code == 200, path
        assert not shows_secret(response)


@pytest.mark.parametrize("model", ["lticonfiguration", "ltiplacement", "ltiresult"])
@pytest.mark.parametrize("query", ["Demo", "course-v1:OpenedX+Demo+2026", "nothing", "%"])
def test_every_list_can_be_searched(office, everything, model, query):
    response = office.get(address(model, "changelist"), {"q": query})

    assert response.status_code == 200
    found = html.fromstring(response.content.decode()).xpath("//table[@id='result_list']/tbody/tr")
    assert len(found) == ("Demo" in query)


@pytest.mark.parametrize("model", ["lticonfiguration", "ltiplacement", "ltiresult"])
def test_learners_and_course_staff_are_kept_out(client_of, ada, grace, everything, model):
    for user in (ada, grace):
        assert client_of(user).get(address(model, "changelist")).status_code == 302


def test_an_empty_secret_keeps_the_stored_one(office, tool):
    path = address("lticonfiguration", "change", tool.pk)

    response = save(office, path, lti_1p1_client_key="another key")

    stored = LtiConfiguration.objects.get()
    assert response.status_code == 302
    assert (stored.lti_1p1_client_key, stored.lti_1p1_client_secret) == ("another key", SECRET)


def test_a_new_secret_replaces_the_stored_one_and_is_written_down_nowhere(office, tool):
    path = address("lticonfiguration", "change", tool.pk)

    response = save(office, path, new_secret=" a marked secret ")

    assert response.status_code == 302
    assert LtiConfiguration.objects.get().lti_1p1_client_secret == " a marked secret "
    assert LogEntry.objects.count() == 1
    assert "marked" not in json.dumps(list(LogEntry.objects.values()), default=str)
    assert b"marked" not in office.get(path).content


def test_a_refused_form_does_not_send_the_new_secret_back(office, tool):
    path = address("lticonfiguration", "change", tool.pk)

    response = save(office, path, new_secret="a marked secret", lti_1p1_launch_url="nonsense")

    assert response.status_code == 200
    assert errors_of(response)
    assert b"a marked secret" not in response.content
    assert LtiConfiguration.objects.get().lti_1p1_client_secret == SECRET


def test_the_state_of_the_secret_is_told(office, tool, settings):
    path = address("lticonfiguration", "change", tool.pk)
    changelist = address("lticonfiguration", "changelist")

    assert "••••" in office.get(changelist).content.decode()
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key, and nothing else"]
    assert "Unreadable" in office.get(path).content.decode()
    assert "Unreadable" in office.get(changelist).content.decode()
    LtiConfiguration.objects.update(lti_1p1_client_secret="")
    assert "Not set" in office.get(path).content.decode()


def test_an_unreadable_secret_is_mended_by_entering_it_again(office, tool, settings):
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key, and nothing else"]
    path = address("lticonfiguration", "change", tool.pk)

    assert save(office, path, lti_1p1_client_key="k").status_code == 302
    assert save(office, path, new_secret="entered again").status_code == 302

    assert LtiConfiguration.objects.get().lti_1p1_client_secret == "entered again"


def test_a_tool_is_added(office, demo_course):
    path = address("lticonfiguration", "add")

    response = save(
        office, path, course_key=str(DEMO), version="lti_1p1", lti_1p1_launch_url=" https://tool.example/ ",
        lti_1p1_client_key="key", new_secret="secret", lti_config="{}",
    )

    made = LtiConfiguration.objects.get()
    assert response.status_code == 302
    assert (made.course_key, made.lti_1p1_launch_url) == (DEMO, "https://tool.example/")
    assert api.configuration_problems(made) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"lti_1p1_launch_url": "javascript:alert(1)"},
        {"lti_1p1_client_key": "clé"},
        {"lti_config": "[1]"},
        {"lti_config": '"text"'},
        {"lti_config": '{"additional_parameters": ["custom_a"]}'},
        {"lti_config": '{"additional_parameters": {"roles": "Instructor"}}'},
        {"lti_config": '{"pii_share_email": "no"}'},
    ],
)
def test_what_the_api_refuses_the_admin_refuses_too(office, tool, changes):
    path = address("lticonfiguration", "change", tool.pk)

    response = save(office, path, **changes)

    assert response.status_code == 200
    assert errors_of(response)
    assert LtiConfiguration.objects.get().lti_1p1_client_key == "key-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"course_key": "no key"},
        {"usage_key": "no key"},
        {"usage_key": "block-v1:OpenedX+Other+2026+type@problem+block@quiz"},
        {"usage_key": "block-v1:OpenedX+Demo+2026+type@problem+block@none"},
        {"course_key": str(OTHER)},
        {"max_score": "-1"},
        {"max_score": "nan"},
        {"resource_link_id": ""},
    ],
)
def test_a_placement_that_makes_no_sense_is_refused(office, placement, other_course, changes):
    path = address("ltiplacement", "change", placement.pk)

    response = save(office, path, **changes)

    assert response.status_code == 200
    assert errors_of(response)
    stored = LtiPlacement.objects.get()
    assert (stored.course_key, stored.usage_key, stored.max_score) == (DEMO, None, 10.0)


def test_a_placement_is_changed(office, placement):
    response = save(office, address("ltiplacement", "change", placement.pk), title="Renamed", max_score="4")

    stored = LtiPlacement.objects.get()
    assert response.status_code == 302
    assert (stored.title, stored.max_score, stored.uuid) == ("Renamed", 4.0, placement.uuid)


def test_a_resource_link_id_that_is_taken_is_refused_without_a_crash(office, tool, placement):
    second = api.create_placement(course_key=DEMO, configuration_id=tool.pk, title="Second")

    response = save(
        office, address("ltiplacement", "change", second.pk), resource_link_id=placement.resource_link_id
    )

    assert response.status_code == 200
    assert errors_of(response)


def test_a_tool_that_is_placed_is_not_deleted(office, placement):
    path = address("lticonfiguration", "delete", placement.configuration_id)

    response = office.post(path, {"post": "yes"})

    assert response.status_code in (200, 302, 403)
    assert LtiConfiguration.objects.exists()
    assert LtiPlacement.objects.exists()


def test_results_are_looked_at_and_not_made(office, everything):
    assert office.get(address("ltiresult", "add")).status_code == 403
    page = office.get(address("ltiresult", "change", everything["ltiresult"]))

    names = html.fromstring(page.content.decode()).xpath("//form[@id='ltiresult_form']//input/@name")
    assert {"score", "comment", "user", "placement"}.isdisjoint(names)


def test_a_list_takes_as_many_queries_for_fifty_as_for_one(office, everything, tool):
    def count(model):
        with CaptureQueriesContext(connection) as queries:
            office.get(address(model, "changelist"))
        return len(queries)

    before = [count(model) for model in ("lticonfiguration", "ltiplacement")]
    LtiConfiguration.objects.bulk_create(LtiConfiguration(course_key=DEMO) for _ in range(49))
    LtiPlacement.objects.bulk_create(
        LtiPlacement(course_key=DEMO, configuration=tool, title=f"Place {number}") for number in range(49)
    )

    assert [count(model) for model in ("lticonfiguration", "ltiplacement")] == before
