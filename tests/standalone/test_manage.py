"""A course's team sets up tools with forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from lxml import html

from openedx_learning_ext.lti_consumer import api as lti_consumer
from openedx_learning_ext.lti_consumer.models import LtiResult
from openedx_learning_ext.standalone import models
from openedx_learning_ext.standalone.management.commands.seed_demo import DEMO, OTHER

from .test_pages import text_of

NEW_TOOL = {
    "lti_1p1_launch_url": "https://tool.example/launch",
    "lti_1p1_client_key": "our-key",
    "lti_1p1_client_secret": "not to be seen",
    "pii_share_email": "on",
    "custom_parameters": "custom_level=3\nColour = blue = green\n",
}


def errors_at(answer, field):
    """Return what a form says is wrong with a field."""
    return " ".join(html.fromstring(answer.content).xpath(f"string(//*[@id='id_{field}_error'])").split())


def assert_said_to_everyone(answer, field):
    """Assert that a field's mistake is tied to it for those who do not see the page, and that ids are used once."""
    tree = html.fromstring(answer.content)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    widget = tree.xpath("//*[@id=$id]", id=f"id_{field}")[0]
    assert widget.get("aria-invalid") == "true"
    assert f"id_{field}_error" in widget.get("aria-describedby").split()
    assert tree.xpath("//*[@role='alert']")


def test_a_tool_is_added_with_everything_that_was_entered(seeded, browse):
    answer = browse("grace").post(seeded.pages.add_configuration, NEW_TOOL, follow=True)

    assert "The tool is saved." in text_of(answer)
    added = lti_consumer.list_configurations(course_key=DEMO).last()
    assert added.lti_1p1_launch_url == "https://tool.example/launch"
    assert added.lti_1p1_client_key == "our-key"
    assert added.lti_1p1_client_secret == "not to be seen"
    assert added.lti_config == {
        "pii_share_username": False,
        "pii_share_email": True,
        "additional_parameters": {"custom_level": "3", "custom_colour": "blue = green"},
    }


@pytest.mark.parametrize("page", ["manage", "edit_configuration", "edit_placement", "delete_configuration"])
def test_a_secret_is_never_shown_again(seeded, browse, page):
    answer = browse("grace").get(getattr(seeded.pages, page))

    assert seeded.configuration.lti_1p1_client_secret not in answer.content.decode()


def test_the_page_says_whether_a_secret_is_set(seeded, browse):
    lti_consumer.create_configuration(
        course_key=DEMO, lti_1p1_launch_url="https://a.example/", lti_1p1_client_key="", lti_1p1_client_secret=""
    )

    answer = browse("grace").get(seeded.pages.manage)

    shown = text_of(answer)
    secrets = html.fromstring(answer.content).xpath("//dt[.='Shared secret']/following-sibling::dd[1]/text()")
    assert secrets == ["••••", "Not set"]
    assert "The consumer key is missing." in shown and "The shared secret is missing." in shown


@pytest.fixture
def unreadable(seeded, settings):
    """The demo, started with another encryption key than its tool's secret was stored with."""
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["a key that encrypted nothing so far"]
    return seeded


@pytest.mark.parametrize("page", ["manage", "edit_configuration", "tool"])
def test_a_secret_that_cannot_be_read_any_more_is_said_so_where_it_is_entered_again(unreadable, browse, page):
    answer = browse("grace").get(getattr(unreadable.pages, page))

    assert answer.status_code == 200
    assert "cannot be read any more" in text_of(answer)
    assert "enter it again" in text_of(answer).lower()


@pytest.mark.parametrize("page", ["course", "results", "edit_placement", "delete_configuration", "delete_placement"])
def test_every_other_page_of_the_team_works_with_a_secret_that_cannot_be_read(unreadable, browse, page):
    assert browse("grace").get(getattr(unreadable.pages, page)).status_code == 200


def test_entering_a_secret_again_mends_one_that_could_not_be_read(unreadable, browse):
    client = browse("grace")

    without = client.post(
        unreadable.pages.edit_configuration, NEW_TOOL | {"lti_1p1_client_secret": ""}, follow=True
    )
    entered = client.post(unreadable.pages.edit_configuration, NEW_TOOL, follow=True)

    assert "cannot be read any more" in text_of(without)
    assert "cannot be read any more" not in text_of(entered)
    changed = lti_consumer.get_configuration(course_key=DEMO, configuration_id=unreadable.configuration.pk)
    assert changed.lti_1p1_client_secret == "not to be seen"


def test_two_tools_at_one_launch_url_are_told_apart_by_their_consumer_keys(seeded, browse):
    twins = [
        lti_consumer.create_configuration(
            course_key=DEMO,
            lti_1p1_launch_url="https://tool.example/launch",
            lti_1p1_client_key=key,
            lti_1p1_client_secret="s",
        )
        for key in ("monday-group", "friday-group")
    ]
    client = browse("grace")

    listed = text_of(client.get(seeded.pages.manage))
    chooser = html.fromstring(client.get(seeded.pages.add_placement).content)
    chosen = {"course_key": DEMO, "configuration_id": twins[1].pk}
    removal = client.get(reverse("host:delete-configuration", kwargs=chosen))

    names = ["tool.example/launch · monday-group", "tool.example/launch · friday-group"]
    assert all(name in listed for name in names)
    assert chooser.xpath("//select[@name='configuration']/option/text()")[1:] == names
    assert names[1] in text_of(removal)


def test_the_form_says_when_the_site_lets_no_tool_know_who_learners_are(seeded, browse):
    sentence = "this site lets no tool of this course know who learners are"
    client = browse("grace")

    before = text_of(client.get(seeded.pages.edit_configuration))
    models.Course.objects.filter(course_key=DEMO).update(may_share_pii=False)
    after = text_of(client.get(seeded.pages.edit_configuration))

    assert sentence not in before
    assert sentence in after


def test_an_empty_secret_keeps_the_stored_one_and_the_rest_is_changed(seeded, browse):
    secret = seeded.configuration.lti_1p1_client_secret

    browse("grace").post(seeded.pages.edit_configuration, NEW_TOOL | {"lti_1p1_client_secret": ""})

    changed = lti_consumer.get_configuration(course_key=DEMO, configuration_id=seeded.configuration.pk)
    assert changed.lti_1p1_client_secret == secret
    assert changed.lti_1p1_launch_url == "https://tool.example/launch"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lti_1p1_launch_url": ""}, "lti_1p1_launch_url"),
        ({"lti_1p1_launch_url": "javascript:alert(1)"}, "lti_1p1_launch_url"),
        ({"lti_1p1_launch_url": "https://me:pass@tool.example/"}, "lti_1p1_launch_url"),
        ({"lti_1p1_client_key": "clé"}, "lti_1p1_client_key"),
        ({"lti_1p1_client_secret": "x" * 300}, "lti_1p1_client_secret"),
        ({"custom_parameters": "no equals sign"}, "custom_parameters"),
        ({"custom_parameters": "na-me=1"}, "custom_parameters"),
        ({"custom_parameters": "name=" + "x" * 1025}, "custom_parameters"),
    ],
)
def test_a_wrong_value_of_a_tool_is_said_beside_its_field_and_nothing_is_saved(seeded, browse, change, field):
    answer = browse("grace").post(seeded.pages.add_configuration, NEW_TOOL | change)

    assert answer.status_code == 422
    assert errors_at(answer, field)
    assert_said_to_everyone(answer, field)
    assert "not to be seen" not in answer.content.decode()
    assert lti_consumer.list_configurations(course_key=DEMO).count() == 1


def test_a_tool_that_is_placed_stays_and_an_unused_one_goes(seeded, browse):
    client = browse("grace")

    refused = client.post(seeded.pages.delete_configuration, follow=True)
    client.post(seeded.pages.delete_placement)
    removed = client.post(seeded.pages.delete_configuration, follow=True)

    assert "This tool is placed in the course" in text_of(refused)
    assert "The tool is removed." in text_of(removed)
    assert not lti_consumer.list_configurations(course_key=DEMO).exists()


def test_asking_whether_to_remove_removes_nothing(seeded, browse):
    client = browse("grace")

    client.get(seeded.pages.delete_placement)

    assert lti_consumer.list_placements(course_key=DEMO).exists()


def placement_form(seeded, **changes):
    """Return what a browser sends from the form of a new placement."""
    return {
        "title": "Second exercise",
        "configuration": str(seeded.configuration.pk),
        "graded": "on",
        "max_score": "5",
        "block": "",
        "due_at": "2026-12-24T18:30",
        "grace_minutes": "15",
    } | changes


def test_a_tool_is_placed_as_entered(seeded, browse):
    answer = browse("grace").post(seeded.pages.add_placement, placement_form(seeded), follow=True)

    assert "The placement is saved." in text_of(answer)
    placed = lti_consumer.list_placements(course_key=DEMO).last()
    assert (placed.title, placed.graded, placed.max_score, placed.usage_key) == ("Second exercise", True, 5.0, None)
    assert placed.due_at == datetime(2026, 12, 24, 18, 30, tzinfo=UTC)
    assert placed.grace_seconds == 900
    assert placed.accepts_late_grades is False


def test_the_form_of_a_placement_shows_it_and_sending_it_back_changes_nothing(seeded, browse):
    lti_consumer.update_placement(
        course_key=DEMO,
        placement_uuid=seeded.placement.uuid,
        grace_seconds=90,  # no whole minutes: the form must not round them
        due_at=datetime(2026, 12, 24, 18, 30, tzinfo=UTC),
    )
    before = lti_consumer.list_placements(course_key=DEMO).values().get()
    client = browse("grace")
    form = html.fromstring(client.get(seeded.pages.edit_placement).content).xpath("//main//form")[0]

    client.post(seeded.pages.edit_placement, {name: value for name, value in form.fields.items() if value})

    after = lti_consumer.list_placements(course_key=DEMO).values().get()
    assert {**after, "modified": None} == {**before, "modified": None}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"configuration": "999999"}, "configuration"),
        ({"max_score": "-1"}, "max_score"),
        ({"max_score": "nan"}, "max_score"),
        ({"block": "block-v1:OpenedX+Other+2026+type@chapter+block@welcome"}, "block"),
        ({"due_at": "tomorrow"}, "due_at"),
        ({"grace_minutes": "-1"}, "grace_minutes"),
    ],
)
def test_a_wrong_value_of_a_placement_is_said_beside_its_field_and_nothing_is_saved(seeded, browse, change, field):
    answer = browse("grace").post(seeded.pages.add_placement, placement_form(seeded, **change))

    assert answer.status_code == 422
    assert errors_at(answer, field)
    assert lti_consumer.list_placements(course_key=DEMO).count() == 1


def test_a_tool_of_another_course_can_neither_be_chosen_nor_opened(seeded, browse):
    others = lti_consumer.create_configuration(
        course_key=OTHER, lti_1p1_launch_url="https://a.example/", lti_1p1_client_key="k", lti_1p1_client_secret="s"
    )
    client = browse("grace")

    chosen = client.post(seeded.pages.add_placement, placement_form(seeded, configuration=str(others.pk)))
    opened = client.get(seeded.pages.add_configuration.replace("add", str(others.pk)))

    assert errors_at(chosen, "configuration")
    assert opened.status_code == 404


def test_placing_before_any_tool_is_known_leads_to_adding_one(seeded, browse):
    client = browse("grace")
    client.post(seeded.pages.delete_placement)
    client.post(seeded.pages.delete_configuration)

    answer = client.get(seeded.pages.add_placement, follow=True)

    assert answer.redirect_chain[-1][0] == seeded.pages.add_configuration
    assert "Add a tool first" in text_of(answer)


def test_the_page_has_the_addresses_to_copy(seeded, browse, settings):
    values = html.fromstring(browse("grace").get(seeded.pages.manage).content).xpath("//input[@readonly]/@value")

    assert values == [
        settings.LMS_ROOT_URL + lti_consumer.launch_path(seeded.placement),
        settings.LMS_ROOT_URL + lti_consumer.outcome_path(seeded.placement),
    ]


def test_an_ungraded_placement_has_no_outcome_service_url(seeded, browse):
    lti_consumer.update_placement(course_key=DEMO, placement_uuid=seeded.placement.uuid, graded=False)

    answer = browse("grace").get(seeded.pages.manage)

    assert lti_consumer.outcome_path(seeded.placement) not in answer.content.decode()


def test_results_are_shown_by_name(seeded, browse, django_assert_num_queries):
    client = browse("grace")
    LtiResult.objects.record(placement_id=seeded.placement.pk, user_id=seeded.person("ada").pk, score=0.75)
    LtiResult.objects.record(placement_id=seeded.placement.pk, user_id=seeded.person("bob").pk, score=None)

    with django_assert_num_queries(10):
        shown = text_of(client.get(seeded.pages.results))

    assert "Ada Lindqvist 7.5 of 10" in shown
    assert "Bob Okafor none" in shown


@pytest.mark.parametrize("page", ["add_configuration", "delete_configuration", "add_placement", "delete_placement"])
def test_a_learner_changes_nothing_by_post_either(seeded, browse, page):
    answer = browse("ada").post(getattr(seeded.pages, page), NEW_TOOL | placement_form(seeded))

    assert answer.status_code == 403
    assert lti_consumer.list_configurations(course_key=DEMO).count() == 1
    assert lti_consumer.list_placements(course_key=DEMO).count() == 1
