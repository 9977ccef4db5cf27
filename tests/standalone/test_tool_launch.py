"""The demonstration tool believes signed, fresh, first launches only, and knows nothing of the host's people."""

from __future__ import annotations

import time
from urllib.parse import parse_qsl

import pytest
from django.test import Client
from lti import ToolConsumer
from lxml import html
from oauthlib import oauth1
from oauthlib.oauth1 import SIGNATURE_TYPE_BODY

from openedx_learning_ext.standalone.tool import credentials, launches

from .test_pages import text_of

pytestmark = pytest.mark.django_db

ADDRESS = "http://testserver/tool/launch/"
SAID = {
    "lti_message_type": "basic-lti-launch-request",
    "lti_version": "LTI-1p0",
    "resource_link_id": "link-1",
    "user_id": "u-1",
    "roles": "Student,Learner",
    "context_title": "Física & “Química”",
    "lis_person_sourcedid": "ada",
}


def launch(key=credentials.KEY, secret=None, address=ADDRESS, **changes):
    """Return a launch as another LTI library signs it."""
    consumer = ToolConsumer(
        consumer_key=key, consumer_secret=secret or credentials.secret(), launch_url=address, params=SAID | changes
    )
    return consumer.generate_launch_data()


def signed_at(timestamp):
    """Return a launch that says it was signed at this time."""
    signer = oauth1.Client(
        credentials.KEY,
        client_secret=credentials.secret(),
        signature_type=SIGNATURE_TYPE_BODY,
        timestamp=str(int(timestamp)),
    )
    _, _, body = signer.sign(
        ADDRESS, "POST", SAID, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    return dict(parse_qsl(body, keep_blank_values=True))


def post(fields, client=None):
    """Bring a launch to the tool as a browser does."""
    return (client or Client()).post("/tool/launch/", fields)


def test_the_page_of_the_tool_says_what_to_enter_in_a_course(client):
    values = html.fromstring(client.get("/tool/").content).xpath("//input/@value")

    assert values == [credentials.launch_url(), credentials.KEY, credentials.secret()]


def test_a_signed_launch_is_greeted_by_role_and_told_what_was_said(client):
    answer = client.post("/tool/launch/", launch(), follow=True)

    shown = text_of(answer)
    assert answer.redirect_chain[0][1] == 303
    assert "Hello ada, you learn here" in shown
    assert "Física & “Química”" in shown
    assert "oauth_signature" not in shown


@pytest.mark.parametrize("roles", ["Instructor", "Administrator", "Instructor,Staff"])
def test_who_teaches_is_greeted_so(client, roles):
    shown = text_of(client.post("/tool/launch/", launch(roles=roles), follow=True))

    assert "you teach here" in shown


def test_without_an_outcome_service_no_score_is_offered(client):
    answer = client.post("/tool/launch/", launch(), follow=True)

    assert not html.fromstring(answer.content).xpath("//form")
    assert "The course takes no score here" in text_of(answer)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(lambda: launch(secret="another secret"), id="another secret"),
        pytest.param(lambda: launch(key="another key"), id="another key"),
        pytest.param(lambda: launch(address="http://elsewhere.example/tool/launch/"), id="another address"),
        pytest.param(lambda: launch() | {"roles": "Instructor"}, id="a changed role"),
        pytest.param(lambda: launch() | {"custom_more": "1"}, id="something added"),
        pytest.param(lambda: launch() | {"oauth_signature": ""}, id="no signature"),
    ],
)
def test_a_launch_that_is_not_signed_by_the_course_is_refused(fields):
    answer = post(fields())

    assert answer.status_code == 403
    assert "The tool was not launched" in text_of(answer)
    assert launches.COOKIE not in answer.cookies


def test_the_same_launch_is_taken_once(client):
    fields = launch()

    first = post(fields)
    second = post(fields)

    assert first.status_code == 303
    assert second.status_code == 403
    assert "used before" in text_of(second)


def test_a_forged_launch_uses_up_nobody_elses_nonce():
    fields = launch()
    forged = fields | {"oauth_signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}

    refused = post(forged)
    accepted = post(fields)

    assert refused.status_code == 403
    assert accepted.status_code == 303


@pytest.mark.parametrize("seconds", [-301, 302, -86_400])
def test_a_launch_from_another_time_is_refused(seconds):
    answer = post(signed_at(time.time() + seconds))

    assert answer.status_code == 403
    assert "too old" in text_of(answer)


@pytest.mark.parametrize("seconds", [-290, 0, 290])
def test_a_launch_within_the_window_is_taken(seconds):
    assert post(signed_at(time.time() + seconds)).status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        {"lti_message_type": "ContentItemSelectionRequest"},
        {"lti_version": "LTI-2p0"},
        {"oauth_timestamp": "soon"},
        {"oauth_timestamp": "１７００００００００"},
        {"oauth_nonce": ""},
        {"oauth_consumer_key": ["a", "b"]},
        {"oauth_consumer_key": "é"},
        {"oauth_signature_method": "PLAINTEXT"},
        {"no_such_parameter": "1"},
    ],
)
def test_what_is_no_proper_launch_is_refused_and_nothing_breaks(change):
    assert post(launch() | change).status_code == 403


def test_an_empty_post_is_refused():
    assert post({}).status_code == 403


def test_a_launch_is_a_post(client):
    assert client.get("/tool/launch/").status_code == 405


def test_the_room_belongs_to_the_browser_that_was_launched(client):
    room = client.post("/tool/launch/", launch())["Location"]

    mine = client.get(room)
    stranger = Client().get(room)

    assert mine.status_code == 200
    assert stranger.status_code == 404
    assert "This visit is over" in text_of(stranger)


def test_two_launches_in_one_browser_do_not_disturb_each_other(client):
    first = client.post("/tool/launch/", launch(lis_person_sourcedid="ada"))["Location"]
    second = client.post("/tool/launch/", launch(lis_person_sourcedid="bob"))["Location"]

    assert "Hello ada" in text_of(client.get(first))
    assert "Hello bob" in text_of(client.get(second))


def test_the_tool_has_a_cookie_of_its_own_and_never_the_hosts_session(client):
    answer = client.post("/tool/launch/", launch())

    cookie = answer.cookies[launches.COOKIE]
    assert cookie["path"] == "/tool/"
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert "sessionid" not in answer.cookies


def test_a_cookie_that_was_tampered_with_opens_nothing(client):
    room = client.post("/tool/launch/", launch())["Location"]
    client.cookies[launches.COOKIE] = client.cookies[launches.COOKIE].value[:-2] + "xx"

    assert client.get(room).status_code == 404


def test_courses_of_this_site_may_frame_the_room_and_nobody_else(client):
    answer = client.post("/tool/launch/", launch(), follow=True)

    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]


def test_only_the_launch_comes_without_a_token():
    client = Client(enforce_csrf_checks=True)
    graded = {"lis_outcome_service_url": "http://127.0.0.1:9/", "lis_result_sourcedid": "x"}

    room = client.post("/tool/launch/", launch(**graded))["Location"]

    assert client.post(f"{room}score/", {"score": "50"}).status_code == 403


def test_what_the_course_said_is_shown_as_text(client):
    shown = client.post("/tool/launch/", launch(lis_person_sourcedid="<script>alert(1)</script>"), follow=True)

    assert b"<script>alert" not in shown.content
