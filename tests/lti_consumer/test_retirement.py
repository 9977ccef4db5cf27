"""A learner who is retired leaves no trace: everything they did, then every column of every table (S15)."""

from __future__ import annotations

import base64
import re

import pytest
from django.core.management import call_command
from django.db import connection
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiResult
from openedx_learning_ext.standalone import models as host_models
from openedx_learning_ext.standalone import signals
from tests.conftest import make_person
from tests.doubles.toolside import send

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
MARKS = ["zerlinda", "quixwater", "zerlinda@learners.example"]


@pytest.fixture
def marked(demo_course):
    """A learner whose names occur nowhere else."""
    user = make_person("zerlinda", full_name="Zerlinda Quixwater")
    user.first_name, user.last_name = "Zerlinda", "Quixwater"
    user.save()
    host_models.Enrollment.objects.create(user=user, course_key=DEMO)
    return user


def texts_of(value):
    """A stored value as text, and what it is as base64 where it is that."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    yield text
    for part in re.split(r"[:.]", text):
        try:
            yield base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "replace")
        except ValueError:
            continue


def places_with(*marks):
    """Every table and column of the database that holds one of the marks, whoever owns it."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    if any(mark in text.lower() for text in texts_of(value) for mark in marks):
                        found.add(f"{table}.{column}")
    return found


def live_a_little(user, client_of, tool, placement, block_placement):
    """Launch, be told to the tool by name, get grades with and without a block, a comment, and one taken back."""
    api.update_configuration(
        course_key=DEMO, configuration_id=tool.pk, lti_config={"pii_share_username": True, "pii_share_email": True}
    )
    browser = client_of(user)
    for place in (placement, block_placement):
        assert b"zerlinda@learners.example" in browser.get(api.launch_path(place)).content
        assert send(browser, place, user, score="0.5").code == "success"
    assert send(browser, block_placement, user, action="deleteResult").code == "success"
    LtiResult.objects.filter(user=user).update(comment="Well done, Zerlinda Quixwater!")


def test_nothing_of_a_retired_learner_is_left_in_any_table(
    marked, ada, client_of, client, tool, placement, block_placement
):
    live_a_little(marked, client_of, tool, placement, block_placement)
    send(client, placement, ada, score="0.75")
    before = places_with(*MARKS)
    assert "learning_ext_lti_consumer_ltiresult.comment" in before
    assert {"auth_user.username", "auth_user.email", "learning_ext_host_profile.name"} <= before

    call_command("retire", "zerlinda", verbosity=0)

    assert places_with(*MARKS) == set()
    assert list(LtiResult.objects.values_list("user_id", "score")) == [(ada.pk, 0.75)]


def test_the_browser_of_a_retired_learner_is_signed_out(marked, client_of, placement):
    browser = client_of(marked)

    call_command("retire", "zerlinda", verbosity=0)

    assert browser.get(api.launch_path(placement)).status_code == 302


def test_a_tool_that_reports_late_finds_nobody(marked, client_of, client, tool, placement, block_placement):
    live_a_little(marked, client_of, tool, placement, block_placement)
    call_command("retire", "zerlinda", verbosity=0)

    late = send(client, placement, marked, score="0.9")

    assert (late.code, late.description) == ("failure", "User not found.")
    assert not LtiResult.objects.exists()


def test_the_signal_alone_takes_everything_of_ours(marked, client_of, tool, placement, block_placement):
    live_a_little(marked, client_of, tool, placement, block_placement)

    signals.USER_RETIRED.send(sender=None, user=marked)

    assert not [place for place in places_with(*MARKS) if place.startswith("learning_ext_lti_consumer_")]


def test_retiring_twice_and_somebody_unknown_is_no_error(marked, placement):
    LtiResult.objects.record(placement_id=placement.pk, user_id=marked.pk, score=0.5)

    for user_id in (marked.pk, marked.pk, 10**9):
        api.retire_user(user_id)

    assert not LtiResult.objects.exists()


def test_an_address_in_a_tools_parameters_is_forgotten_as_the_models_note_promises(marked, tool):
    assert "local_api" in LtiConfiguration.__doc__
    api.update_configuration(
        course_key=DEMO, configuration_id=tool.pk,
        lti_config={"additional_parameters": {"custom_instructor_email": marked.email, "custom_room": "4"}},
    )

    api.retire_user(marked.pk)

    assert not [place for place in places_with(marked.email) if place.startswith("learning_ext_lti_consumer_")]
    assert LtiConfiguration.objects.get().additional_parameters["custom_room"] == "4"
