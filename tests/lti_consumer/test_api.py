"""The door of the app: what each function answers, refuses, and does the second time."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from opaque_keys.edx.keys import CourseKey, UsageKey

from openedx_learning_ext.core import errors
from openedx_learning_ext.core.privacy import SecretUnreadable
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiPlacement, LtiResult

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
OTHER = CourseKey.from_string("course-v1:OpenedX+Other+2026")
URL = "https://tool.example/launch"


def make_tool(course_key=DEMO, **changes):
    values = {"lti_1p1_launch_url": URL, "lti_1p1_client_key": "key", "lti_1p1_client_secret": "secret", **changes}
    return api.create_configuration(course_key=course_key, **values)


def fields_of(error):
    """The names of the wrong fields; each must have a sentence."""
    assert all(texts and all(text.strip() for text in texts) for texts in error.fields.values())
    return set(error.fields)


# -- tools -------------------------------------------------------------------------------------------------------------


def test_a_tool_is_added_and_answered(demo_course):
    options = {"pii_share_email": True, "additional_parameters": {"custom_room": "4"}}

    made = make_tool(lti_1p1_launch_url=f"  {URL}?room=1 ", lti_config=options)

    found = api.get_configuration(course_key=DEMO, configuration_id=made.pk)
    assert found.lti_1p1_launch_url == f"{URL}?room=1"
    assert (found.course_key, found.version) == (DEMO, "lti_1p1")
    assert (found.lti_1p1_client_key, found.lti_1p1_client_secret) == ("key", "secret")
    assert found.lti_config == options


def test_a_second_call_adds_a_second_tool_and_they_are_listed_oldest_first(demo_course):
    first, second = make_tool(), make_tool()
    make_tool(OTHER)

    assert list(api.list_configurations(course_key=DEMO)) == [first, second]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        *[
            ({"lti_1p1_launch_url": url}, "lti_1p1_launch_url")
            for url in (
                "", "tool.example/launch", "//tool.example/launch", "javascript:alert(1)", "data:text/html,x",
                "file:///etc/passwd", "ftp://tool.example", "https://", "https:///launch", "https://u@tool.example/",
                "https://u:p@tool.example/", "https://:p@tool.example/", "https://tool.example/a b",
                "https://tool.example/a\nb", "https://tool.example/\x00", "https://tool.example/\u2028x",
                "https://tool.example:port/", "https://tool.example:99999/", "https://[::1/", "https://tööl.example/",
                "https://tool.example/ü", f"https://tool.example/{'x' * 1023}",
            )
        ],
        ({"lti_1p1_client_key": "k" * 256}, "lti_1p1_client_key"),
        ({"lti_1p1_client_key": "clé"}, "lti_1p1_client_key"),
        ({"lti_1p1_client_key": "a\nb"}, "lti_1p1_client_key"),
        ({"lti_1p1_client_secret": "s" * 256}, "lti_1p1_client_secret"),
        *[
            ({"lti_config": options}, "lti_config")
            for options in (
                {"unknown": 1},
                {"pii_share_email": "yes"},
                {"pii_share_username": 1},
                {"additional_parameters": []},
                {"additional_parameters": None},
                {"additional_parameters": {"room": "4"}},
                {"additional_parameters": {"custom_": "4"}},
                {"additional_parameters": {"custom_Room": "4"}},
                {"additional_parameters": {"custom_room\n": "4"}},
                {"additional_parameters": {"custom_röom": "4"}},
                {"additional_parameters": {"roles": "Instructor"}},
                {"additional_parameters": {"custom_room": 4}},
                {"additional_parameters": {"custom_room": None}},
                {"additional_parameters": {"custom_room": "4" * 1025}},
                {"additional_parameters": {"custom_room": "\ud800"}},
                {"additional_parameters": {"custom_room": "a\x00b"}},
            )
        ],
    ],
)
def test_a_tool_that_makes_no_sense_is_refused_when_added_and_when_changed(tool, changes, wrong):
    with pytest.raises(api.ConfigurationInvalid) as caught:
        make_tool(**changes)
    assert fields_of(caught.value) == {wrong}
    with pytest.raises(api.ConfigurationInvalid) as caught:
        api.update_configuration(
            course_key=DEMO, configuration_id=tool.pk, **{"lti_1p1_client_key": "new", **changes}
        )
    assert fields_of(caught.value) == {wrong}

    (stored,) = LtiConfiguration.objects.all()
    assert (stored.lti_1p1_client_key, stored.lti_1p1_client_secret) == ("key-1", "s3cr&t/+")
    assert stored.lti_1p1_launch_url == "https://tool.example/launch?room=1"


@pytest.mark.parametrize("options", ["text", [1], 5, {1}])
def test_options_that_are_no_object_are_refused(demo_course, options):
    with pytest.raises(api.ConfigurationInvalid) as caught:
        make_tool(lti_config=options)

    assert fields_of(caught.value) == {"lti_config"}


def test_all_wrong_fields_are_told_at_once(demo_course):
    with pytest.raises(errors.Invalid) as caught:
        make_tool(lti_1p1_launch_url="x", lti_1p1_client_key="ü", lti_1p1_client_secret="s" * 256, lti_config={"a": 1})

    assert fields_of(caught.value) == {
        "lti_1p1_launch_url", "lti_1p1_client_key", "lti_1p1_client_secret", "lti_config",
    }
    assert "s" * 256 not in str(caught.value.fields)


@pytest.mark.parametrize("url", [f"https://tool.example/{'x' * 1002}", "http://127.0.0.1:8000/tool/?a=b&c=%20"])
def test_an_address_that_makes_sense_is_kept_as_it_was_written(demo_course, url):
    assert make_tool(lti_1p1_launch_url=url).lti_1p1_launch_url == url


def test_key_and_secret_may_come_later(demo_course):
    made = make_tool(lti_1p1_client_key="", lti_1p1_client_secret="")

    assert api.configuration_problems(made) == ["missing_key", "missing_secret"]


@pytest.mark.parametrize("secret", [{}, {"lti_1p1_client_secret": ""}, {"lti_1p1_client_secret": None}])
def test_a_blank_or_absent_secret_keeps_the_stored_one(tool, secret):
    changed = api.update_configuration(course_key=DEMO, configuration_id=tool.pk, lti_1p1_client_key="new", **secret)

    stored = LtiConfiguration.objects.get()
    assert changed == stored
    assert (stored.lti_1p1_client_key, stored.lti_1p1_client_secret) == ("new", "s3cr&t/+")


def test_a_new_secret_replaces_the_stored_one_even_if_that_is_unreadable(tool, settings):
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key, and nothing else"]
    with pytest.raises(SecretUnreadable):
        _ = LtiConfiguration.objects.get().lti_1p1_client_secret

    api.update_configuration(course_key=DEMO, configuration_id=tool.pk, lti_1p1_client_secret=" new ")

    assert LtiConfiguration.objects.get().lti_1p1_client_secret == " new "


@pytest.mark.parametrize("name", ["version", "id", "imported_from", "room"])
def test_a_field_that_cannot_be_changed_is_refused(tool, name):
    with pytest.raises(api.ConfigurationInvalid) as caught:
        api.update_configuration(course_key=DEMO, configuration_id=tool.pk, **{name: "x"})

    assert fields_of(caught.value) == {name}


@pytest.mark.parametrize(
    "act",
    [
        lambda pk: api.get_configuration(course_key=OTHER, configuration_id=pk),
        lambda pk: api.update_configuration(course_key=OTHER, configuration_id=pk, lti_1p1_client_key="x"),
        lambda pk: api.delete_configuration(course_key=OTHER, configuration_id=pk),
    ],
    ids=["get", "update", "delete"],
)
def test_a_tool_of_another_course_does_not_exist(tool, act):
    for pk in (tool.pk, tool.pk + 1000, 10**18):
        with pytest.raises(api.ConfigurationNotFound) as caught:
            act(pk)
        assert isinstance(caught.value, errors.NotFound)

    assert LtiConfiguration.objects.get().lti_1p1_client_key == "key-1"


def test_a_tool_that_is_placed_cannot_be_deleted_and_afterwards_can(tool, placement):
    with pytest.raises(api.ConfigurationInUse) as caught:
        api.delete_configuration(course_key=DEMO, configuration_id=tool.pk)
    assert isinstance(caught.value, errors.Conflict)

    api.delete_placement(course_key=DEMO, placement_uuid=placement.uuid)
    api.delete_configuration(course_key=DEMO, configuration_id=tool.pk)

    with pytest.raises(api.ConfigurationNotFound):
        api.delete_configuration(course_key=DEMO, configuration_id=tool.pk)


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({}, []),
        ({"lti_1p1_launch_url": "", "lti_1p1_client_key": "", "lti_1p1_client_secret": ""}, ["not_configured"]),
        ({"lti_1p1_launch_url": ""}, ["missing_url"]),
        ({"lti_1p1_launch_url": "  "}, ["missing_url"]),
        ({"lti_1p1_launch_url": "tool.example"}, ["invalid_url"]),
        ({"lti_1p1_client_key": ""}, ["missing_key"]),
        ({"lti_1p1_client_secret": ""}, ["missing_secret"]),
        (
            {"lti_1p1_launch_url": "tool.example", "lti_1p1_client_key": "", "lti_1p1_client_secret": ""},
            ["invalid_url", "missing_key", "missing_secret"],
        ),
        ({"version": "lti_1p3"}, ["unsupported_version"]),
    ],
)
def test_what_keeps_a_tool_from_being_launched_is_said_as_codes(tool, changes, problems):
    for name, value in changes.items():
        setattr(tool, name, value)

    assert api.configuration_problems(tool) == problems
    assert set(problems) <= set(api.PROBLEM_TEXTS)


def test_an_unreadable_secret_is_a_code_of_its_own(tool, settings):
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key, and nothing else"]

    assert api.configuration_problems(LtiConfiguration.objects.get()) == ["unreadable_secret"]


# -- placements --------------------------------------------------------------------------------------------------------


def test_a_placement_is_added_with_what_was_said_and_sensible_defaults(tool, quiz_block):
    due_at = datetime(2027, 1, 1, tzinfo=UTC)

    plain = api.create_placement(course_key=DEMO, configuration_id=tool.pk, title="Plain")
    full = api.create_placement(
        course_key=DEMO, configuration_id=tool.pk, title="Full", usage_key=quiz_block.usage_key,
        resource_link_id="rl-1", graded=True, max_score=5, due_at=due_at, grace_seconds=60, accepts_late_grades=False,
    )

    assert (plain.graded, plain.max_score, plain.due_at, plain.grace_seconds) == (False, 1.0, None, 0)
    assert (plain.usage_key, plain.accepts_late_grades) == (None, True)
    assert plain.resource_link_id
    found = api.get_placement(course_key=DEMO, placement_uuid=full.uuid)
    assert (found.title, found.usage_key, found.resource_link_id) == ("Full", quiz_block.usage_key, "rl-1")
    assert (found.graded, found.max_score, found.due_at) == (True, 5.0, due_at)
    assert (found.grace_seconds, found.accepts_late_grades) == (60, False)
    assert list(api.list_placements(course_key=DEMO)) == [plain, full]
    assert api.find_placement(placement_uuid=full.uuid) == full


def test_listing_placements_brings_their_tools_along(placement, block_placement, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert {row.configuration.lti_1p1_client_key for row in api.list_placements(course_key=DEMO)} == {"key-1"}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"configuration_id": 10**9}, "configuration_id"),
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "t" * 256}, "title"),
        ({"resource_link_id": "r" * 256}, "resource_link_id"),
        ({"usage_key": UsageKey.from_string("block-v1:OpenedX+Demo+2026+type@problem+block@none")}, "usage_key"),
        ({"usage_key": UsageKey.from_string("block-v1:OpenedX+Other+2026+type@problem+block@quiz")}, "usage_key"),
        ({"usage_key": UsageKey.from_string("i4x://OpenedX/Demo/problem/quiz")}, "usage_key"),
        ({"usage_key": UsageKey.from_string("lb:OpenedX:lib:problem:quiz")}, "usage_key"),
        ({"max_score": -1.0}, "max_score"),
        ({"max_score": float("nan")}, "max_score"),
        ({"max_score": float("inf")}, "max_score"),
        ({"grace_seconds": -1}, "grace_seconds"),
        ({"grace_seconds": 2**31}, "grace_seconds"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_placement_that_makes_no_sense_is_refused_when_added_and_when_changed(tool, placement, changes, wrong):
    if "colour" not in changes:
        values = {"configuration_id": tool.pk, "title": "New", **changes}
        with pytest.raises(api.PlacementInvalid) as caught:
            api.create_placement(course_key=DEMO, **values)
        assert fields_of(caught.value) == {wrong}
    with pytest.raises(api.PlacementInvalid) as caught:
        api.update_placement(course_key=DEMO, placement_uuid=placement.uuid, **{"graded": False, **changes})
    assert fields_of(caught.value) == {wrong}

    (stored,) = LtiPlacement.objects.all()
    assert (stored.title, stored.graded) == ("The quiz", True)


def test_a_title_never_outgrows_its_column(tool):
    made = api.create_placement(course_key=DEMO, configuration_id=tool.pk, title=" " * 300 + "x")

    assert len(made.title) <= 255


def test_a_tool_of_another_course_cannot_be_placed(tool, other_course):
    elsewhere = make_tool(OTHER)

    with pytest.raises(api.PlacementInvalid) as caught:
        api.create_placement(course_key=DEMO, configuration_id=elsewhere.pk, title="New")

    assert fields_of(caught.value) == {"configuration_id"}


def test_a_resource_link_id_is_taken_once_a_course(tool, placement, other_course):
    taken = placement.resource_link_id
    second = api.create_placement(course_key=DEMO, configuration_id=tool.pk, title="Second")

    with pytest.raises(api.PlacementInvalid) as caught:
        api.create_placement(course_key=DEMO, configuration_id=tool.pk, title="New", resource_link_id=taken)
    assert fields_of(caught.value) == {"resource_link_id"}
    with pytest.raises(api.PlacementInvalid) as caught:
        api.update_placement(course_key=DEMO, placement_uuid=second.uuid, resource_link_id=taken)
    assert fields_of(caught.value) == {"resource_link_id"}
    api.update_placement(course_key=DEMO, placement_uuid=placement.uuid, resource_link_id=taken)
    elsewhere = api.create_placement(
        course_key=OTHER, configuration_id=make_tool(OTHER).pk, title="New", resource_link_id=taken
    )

    assert elsewhere.resource_link_id == taken
    assert LtiPlacement.objects.filter(course_key=DEMO).count() == 2


def test_a_placement_is_changed_in_what_is_said_and_nothing_else(placement):
    changed = api.update_placement(course_key=DEMO, placement_uuid=placement.uuid, title="Renamed", max_score=0)

    stored = LtiPlacement.objects.get()
    assert (changed.title, stored.title, stored.max_score) == ("Renamed", "Renamed", 0.0)
    assert (stored.graded, stored.resource_link_id) == (True, placement.resource_link_id)


@pytest.mark.parametrize(
    "act",
    [
        lambda one: api.get_placement(course_key=OTHER, placement_uuid=one),
        lambda one: api.update_placement(course_key=OTHER, placement_uuid=one, title="x"),
        lambda one: api.delete_placement(course_key=OTHER, placement_uuid=one),
    ],
    ids=["get", "update", "delete"],
)
def test_a_placement_of_another_course_does_not_exist(placement, act):
    for one in (placement.uuid, uuid.uuid4()):
        with pytest.raises(api.PlacementNotFound) as caught:
            act(one)
        assert isinstance(caught.value, errors.NotFound)

    assert LtiPlacement.objects.get().title == "The quiz"


def test_deleting_a_placement_takes_its_results_and_works_once(ada, placement):
    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=0.5)

    api.delete_placement(course_key=DEMO, placement_uuid=placement.uuid)

    assert not LtiResult.objects.exists()
    assert api.find_placement(placement_uuid=placement.uuid) is None
    with pytest.raises(api.PlacementNotFound):
        api.delete_placement(course_key=DEMO, placement_uuid=placement.uuid)


# -- results -----------------------------------------------------------------------------------------------------------


def test_results_are_listed_for_a_course_and_for_one_learner_with_place_and_learner(
    ada, bob, placement, block_placement, other_course, django_assert_num_queries
):
    elsewhere = api.create_placement(course_key=OTHER, configuration_id=make_tool(OTHER).pk, title="Elsewhere")
    for place, user, score in [
        (placement, ada, 0.1), (placement, bob, 0.2), (block_placement, ada, None), (elsewhere, bob, 0.4),
    ]:
        LtiResult.objects.record(placement_id=place.pk, user_id=user.pk, score=score)

    with django_assert_num_queries(1):
        all_of_them = [(row.placement.title, row.user.username, row.score) for row in api.list_results(course_key=DEMO)]

    assert all_of_them == [
        ("The quiz", "ada", 0.1), ("The quiz", "bob", 0.2), ("The quiz on a block", "ada", None),
    ]
    assert [row.score for row in api.list_results(course_key=DEMO, user_id=bob.pk)] == [0.2]


def test_one_result_is_found_or_none(ada, bob, placement):
    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=0.5)

    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk).score == 0.5
    assert api.find_result(placement_uuid=placement.uuid, user_id=bob.pk) is None
    assert api.find_result(placement_uuid=uuid.uuid4(), user_id=ada.pk) is None


def test_everything_in_all_can_be_imported():
    assert len(api.__all__) == len(set(api.__all__))
    assert all(hasattr(api, name) for name in api.__all__)
