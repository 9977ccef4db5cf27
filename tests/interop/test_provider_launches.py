"""Launches made by libraries that others use, posted over HTTP to a running host."""

from __future__ import annotations

import pytest
import requests
from lti import ToolConsumer
from oauthlib.oauth1 import SIGNATURE_TYPE_AUTH_HEADER
from opaque_keys.edx.keys import CourseKey
from requests_oauthlib import OAuth1

from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer, LtiUser
from openedx_learning_ext.standalone import models as host_models
from tests.doubles.campusside import GRADED, KEY, SECRET, launch_path, signed_form

pytestmark = pytest.mark.django_db(transaction=True)

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
SAID = {
    "lti_message_type": "basic-lti-launch-request", "lti_version": "LTI-1p0", "resource_link_id": "link-1",
    "user_id": "campus-user-1", "roles": "Learner", "context_id": "campus-course-1", "context_title": "Mathé & more",
    "launch_presentation_return_url": "https://campus.example/back?x=1&y=", **GRADED,
}  # fmt: skip


@pytest.fixture
def address(live_server, demo_course):
    """Where the exercise is launched on the running host."""
    LtiConsumer.objects.create(consumer_name="Campus", consumer_key=KEY, consumer_secret=SECRET)
    block = host_models.Block.objects.create(
        usage_key=DEMO.make_usage_key("problem", "exercise"), course_key=DEMO, display_name="The exercise",
        is_graded=True, scores_itself=True, weight=1.0,
        content={"question": "What is 6 times 7?", "options": ["41", "42"], "right": [1]},
    )  # fmt: skip
    return live_server.url + launch_path(block.usage_key)


def is_in(response):
    """Tell whether a browser landed in the exercise, with a session."""
    if response.status_code != 200:
        return False
    assert "What is 6 times 7?" in response.text
    return "sessionid" in response.cookies and GradedAssignment.objects.count() == 1


@pytest.mark.parametrize("query", ["", "?course=a%20b&empty="])
def test_lti_launches_us(address, query):
    consumer = ToolConsumer(consumer_key=KEY, consumer_secret=SECRET, launch_url=address + query, params=SAID)

    with requests.Session() as browser:
        form = consumer.generate_launch_data()
        first = browser.post(address + query, data=form)
        again = browser.post(address + query, data=form)
        fresh = browser.post(address + query, data=consumer.generate_launch_data())

    assert is_in(first)
    assert again.status_code == 403
    assert fresh.status_code == 200
    assert LtiUser.objects.count() == 1
    assert GradedAssignment.objects.get().lis_result_sourcedid == GRADED["lis_result_sourcedid"]


def test_lti_with_another_secret_is_refused(address):
    consumer = ToolConsumer(consumer_key=KEY, consumer_secret="another", launch_url=address, params=SAID)

    answer = requests.post(address, data=consumer.generate_launch_data(), timeout=10)

    assert answer.status_code == 403
    assert not LtiUser.objects.exists()


def test_oauthlib_launches_us_with_the_parameters_in_the_form(address):
    assert is_in(requests.post(address, data=signed_form(address, SAID), timeout=10))


def test_requests_oauthlib_launches_us_with_the_parameters_in_the_header(address):
    signer = OAuth1(KEY, SECRET, signature_type=SIGNATURE_TYPE_AUTH_HEADER)

    response = requests.post(address, data=SAID, auth=signer, timeout=10)

    assert is_in(response)
