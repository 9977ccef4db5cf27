"""The library ``lti``: its tool provider is launched by us and posts to a running server."""

from __future__ import annotations

import pytest
from lti import ToolProvider

from openedx_learning_ext.lti_consumer import api
from tests.interop.peers import Validator

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "s3cr&t/+"


@pytest.fixture
def provider(launch):
    """The tool's side of the launch."""
    return ToolProvider.from_unpacked_request(SECRET, dict(launch.fields), launch.url, {})


def test_its_tool_provider_verifies_our_launch(provider):
    assert provider.is_valid_request(Validator("key-1", SECRET))
    assert provider.is_launch_request()
    assert provider.is_student()
    assert provider.is_outcome_service()


def test_its_tool_provider_refuses_our_launch_with_another_secret_or_a_changed_field(launch):
    wrong = ToolProvider.from_unpacked_request("other", dict(launch.fields), launch.url, {})
    assert not wrong.is_valid_request(Validator("key-1", "other"))

    changed = ToolProvider.from_unpacked_request(SECRET, {**launch.fields, "roles": "Instructor"}, launch.url, {})
    assert not changed.is_valid_request(Validator("key-1", SECRET))


def test_what_it_posts_is_stored_read_back_and_deleted(provider, ada, placement):
    replaced = provider.post_replace_result(0.85)

    assert (replaced.response_code, replaced.code_major, replaced.severity) == (200, "success", "status")
    assert replaced.description == f"Score for {provider.lis_result_sourcedid} is now 0.85"
    assert replaced.operation == "replaceResult"
    assert provider.last_outcome_success()
    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk).score == 0.85

    read = provider.post_read_result()
    assert (read.code_major, read.description, read.score) == ("success", "Result read", "0.85")

    deleted = provider.post_delete_result()
    assert (deleted.code_major, deleted.description) == ("success", "Result deleted")
    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk).score is None

    read = provider.post_read_result()
    assert (read.code_major, read.score) == ("success", "")


def test_a_zero_is_read_back_as_a_score(provider):
    provider.post_replace_result(0)

    assert provider.post_read_result().score == "0.0"


def test_its_empty_message_id_is_answered_with_an_empty_one(provider):
    answer = provider.post_replace_result(1.0)

    assert answer.code_major == "success"
    assert answer.message_identifier == ""
    assert answer.message_ref_identifier == ""


def test_its_result_data_is_let_be(provider, ada, placement):
    answer = provider.post_replace_result(0.5, result_data={"text": "well done"})

    assert answer.code_major == "success"
    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk).score == 0.5


def test_a_score_outside_is_refused_and_the_stored_one_stays(provider, ada, placement):
    provider.post_replace_result(0.5)

    refused = provider.post_replace_result(1.5)

    assert refused.is_failure()
    assert str(refused.description).startswith(
        "Request body XML parsing error: score value outside the permitted range of 0.0-1.0"
    )
    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk).score == 0.5


def test_with_another_secret_it_is_refused(launch, ada, placement):
    stranger = ToolProvider.from_unpacked_request("other", dict(launch.fields), launch.url, {})

    answer = stranger.post_replace_result(0.5)

    assert answer.is_failure()
    assert answer.description == "OAuth verification error: OAuth signature verification has failed."
    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk) is None
