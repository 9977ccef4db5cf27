"""``lti.md`` 1.7: what the learner sees, row by row, and how many refusals one address may cause."""

from __future__ import annotations

import json
import re
import time

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client
from django.utils import timezone, translation
from lxml import html

from openedx_learning_ext.lti_provider import api, grade_state
from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer, ScoreDelivery
from tests.conftest import DEMO
from tests.doubles.campusside import GRADED, changed, launch_path, post

LIMIT = "OPENEDX_LEARNING_EXT_LTI_PROVIDER_FAILED_LAUNCH_RATE_LIMIT"


def text_of(response):
    return " ".join(html.fromstring(response.content.decode()).text_content().split())


def reference_on(response):
    (found,) = html.fromstring(response.content.decode()).xpath("//code/text()")
    return found


def reference_in(caplog):
    return [record.reference for record in caplog.records if record.msg == "lti_launch_refused"][-1]


def needs_account(campus, client):
    LtiConsumer.objects.update(require_user_account=True)
    return campus.launch(client)


def is_too_old(campus, client):
    return campus.launch(client, signing={"timestamp": int(time.time()) - 3600})


def is_replayed(campus, client):
    pairs = campus.form()
    post(client, pairs, path=launch_path(campus.usage_key))
    return post(client, pairs, path=launch_path(campus.usage_key))


def is_forged(campus, client):
    return campus.launch(client, signing={"secret": "another"})


def is_unknown(campus, client):
    return campus.launch(client, signing={"key": "nobody"})


def is_incomplete(campus, client):
    return post(client, changed(campus.form(), roles=None), path=launch_path(campus.usage_key))


def leads_nowhere(campus, client):
    return campus.launch(client, path=launch_path(DEMO.make_usage_key("problem", "gone")))


ROWS = [
    pytest.param(needs_account, 403, "You need an account", id="row 1 account needed"),
    pytest.param(is_too_old, 403, "This link has expired", id="row 2 timestamp outside the window"),
    pytest.param(is_replayed, 403, "This link has expired", id="row 2 nonce used"),
    pytest.param(is_forged, 403, "This link does not work", id="row 3 wrong signature"),
    pytest.param(is_unknown, 403, "This link does not work", id="row 3 unknown key"),
    pytest.param(is_incomplete, 400, "This link does not work", id="row 3 incomplete"),
    pytest.param(leads_nowhere, 404, "This link does not work", id="row 3 no such block"),
]


@pytest.mark.parametrize(("happens", "status", "title"), ROWS)
def test_a_page_says_what_happened_whom_to_ask_and_the_number_in_the_log(
    campus, client, caplog, happens, status, title
):
    response = happens(campus, client)

    page = html.fromstring(response.content.decode())
    assert response.status_code == status
    assert page.findtext(".//h1") == page.findtext(".//title") == title
    assert "support of your campus" in text_of(response)
    assert reference_on(response) == reference_in(caplog)
    assert page.xpath("//time/@datetime")


@pytest.mark.parametrize(("happens", "status", "title"), ROWS)
def test_a_page_may_be_framed_runs_no_script_and_is_not_stored(campus, client, happens, status, title):
    response = happens(campus, client)

    assert "X-Frame-Options" not in response
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "frame-ancestors *" in response["Content-Security-Policy"]
    assert "no-store" in response["Cache-Control"]
    assert b"<script" not in response.content


def test_row_1_offers_to_sign_in_outside_of_the_frame(campus, client, settings):
    settings.LOGIN_URL = "/sign-in/"

    response = needs_account(campus, client)

    (link,) = html.fromstring(response.content.decode()).xpath("//a")
    assert (link.get("href"), link.get("target")) == ("/sign-in/", "_blank")
    assert "with the e-mail address that your campus has of you" in text_of(response)


def test_row_1_somebody_with_another_account_is_told_so(campus, ada, client_of):
    response = needs_account(campus, client_of(ada))

    assert "another e-mail address" in text_of(response)
    assert "learners.example" not in text_of(response)


def test_row_3_an_unknown_key_and_a_wrong_signature_look_the_same(campus, client):
    def body(response):
        without_number = response.content.decode().replace(reference_on(response), "#")
        return response.status_code, re.sub(r"<time.*?</time>", "", without_number)

    assert body(is_unknown(campus, client)) == body(is_forged(campus, client))


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_pages_say_in_which_language_they_are(campus, client, language, direction):
    with translation.override(language):
        response = is_forged(campus, client)

    page = html.fromstring(response.content.decode())
    assert (page.get("lang"), page.get("dir")) == (language, direction)


def test_nothing_that_was_sent_is_on_a_page(campus, client):
    for happens in (is_forged, is_incomplete, leads_nowhere, is_too_old):
        campus.said["lis_person_name_full"] = "Zerlinda <b>Quixwater</b>"
        campus.said["user_id"] = "<script>alert(1)</script>"

        response = happens(campus, client)

        for mark in ("Zerlinda", "alert", "campus-key", "problem+block"):
            assert mark not in response.content.decode()


# -- too many ----------------------------------------------------------------------------------------------------------


def test_an_address_that_was_refused_too_often_is_429(campus, client, settings):
    setattr(settings, LIMIT, "3/m")

    answers = [is_forged(campus, client).status_code for _ in range(5)]
    blocked = campus.launch(client)

    assert answers == [403, 403, 403, 429, 429]
    assert blocked.status_code == 429
    assert blocked["Retry-After"] == "60"
    assert "Wait a minute" in text_of(blocked)
    assert campus.launch(Client(REMOTE_ADDR="10.1.2.3")).status_code == 200


def test_a_whole_class_behind_one_address_gets_in(campus, settings, browsers):
    setattr(settings, LIMIT, "1/m")

    assert {campus.launch(next(browsers), user_id=f"u{number}").status_code for number in range(12)} == {200}


def test_what_a_campus_signed_does_not_count_as_refused(campus, client, settings):
    setattr(settings, LIMIT, "1/m")

    assert [needs_account(campus, client).status_code for _ in range(3)] == [403] * 3
    LtiConsumer.objects.update(require_user_account=False)
    assert [leads_nowhere(campus, client).status_code for _ in range(3)] == [404] * 3


def test_the_limit_can_be_switched_off(campus, client, settings):
    setattr(settings, LIMIT, None)

    assert {is_forged(campus, client).status_code for _ in range(70)} == {403}


# -- the strip ---------------------------------------------------------------------------------------------------------


def script_on(response):
    found = html.fromstring(response.content.decode()).xpath("//script[@data-state-url]")
    return found[0] if found else None


def state_path(usage_key):
    return f"/api/learning_ext/lti_provider/v1/grade/{DEMO}/{usage_key}/"


def test_row_4_and_5_the_page_gets_one_static_script_that_knows_where_to_ask(campus, client):
    response = campus.launch(client, launch_presentation_return_url="https://campus.example/course?id=7")

    script = script_on(response)
    assert script.get("src") == "/static/openedx_learning_ext/lti_provider/grade_state.js"
    assert script.text is None
    assert script.get("data-state-url") == state_path(campus.usage_key)
    assert script.get("data-return-url") == "https://campus.example/course?id=7"
    assert set(json.loads(script.get("data-texts"))) == {"sent", "waiting", "staff_needed", "no_cookies", "new_window"}
    assert int(response["Content-Length"]) == len(response.content)


def test_row_4_the_script_is_there(client):
    answer = client.get("/static/openedx_learning_ext/lti_provider/grade_state.js")

    assert answer.status_code == 200
    assert b"401" in b"".join(answer)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//campus.example", "campus", "https://[x"])
def test_row_4_only_a_page_of_the_web_is_offered_as_the_course(campus, client, url):
    response = campus.launch(client, launch_presentation_return_url=url)

    assert script_on(response).get("data-return-url") == ""


def test_a_host_that_shows_it_in_its_own_way_switches_the_script_off(campus, client, settings):
    settings.OPENEDX_LEARNING_EXT_LTI_PROVIDER_SHOW_GRADE_STATE = False

    assert script_on(campus.launch(client)) is None


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse("{}", content_type="application/json"),
        HttpResponse("<body></body>", status=302, headers={"Location": "/"}),
        HttpResponse(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["no page", "a redirect", "compressed"],
)
def test_what_is_no_page_is_left_as_it_is(response):
    before = response.content

    grade_state.add_script(response, "<script></script>")

    assert response.content == before


def test_a_page_that_is_streamed_is_left_as_it_is():
    response = StreamingHttpResponse(iter([b"<body></body>"]))

    grade_state.add_script(response, "<script></script>")

    assert b"".join(response) == b"<body></body>"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<body>ü</body></html>", "<body>üX</body></html>"),
        ("<p>no end", "<p>no endX"),
        ("</body> in a text</body>", "</body> in a textX</body>"),
    ],
)
def test_the_script_stands_at_the_end_of_the_body(page, expected):
    response = HttpResponse(page, charset="latin-1", content_type="text/html; charset=latin-1")

    grade_state.add_script(response, "X")

    assert response.content.decode("latin-1") == expected


# -- the question after the grade --------------------------------------------------------------------------------------


def test_row_4_without_the_session_the_answer_is_401(campus, client, exercise):
    assert client.get(state_path(exercise.usage_key)).status_code == 401


def test_row_5_without_a_grade_to_send_the_state_is_none(campus, client, exercise):
    campus.launch(client)
    ungraded = client.get(state_path(exercise.usage_key))
    campus.launch(client, **GRADED)
    graded = client.get(state_path(exercise.usage_key))

    assert ungraded.json() == graded.json() == {"state": "none", "sent_at": None}
    assert graded["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["delivered"], "sent"),
        (["waiting"], "waiting"),
        (["parked"], "staff_needed"),
        (["delivered", "waiting"], "waiting"),
        (["parked", "waiting", "delivered"], "staff_needed"),
    ],
)
def test_row_5_of_all_places_a_grade_goes_to_the_worst_is_told(campus, client, exercise, states, expected):
    sent_at = timezone.now()
    for number, state in enumerate(states):
        link = {"resource_link_id": f"link-{number}", "lis_result_sourcedid": f"s{number}"}
        campus.launch(client, **{**GRADED, **link})
        ScoreDelivery.objects.update_or_create(
            assignment=GradedAssignment.objects.get(lis_result_sourcedid=f"s{number}"),
            defaults={"wanted_version": 1, "state": state, "confirmed_at": sent_at},
        )

    answer = client.get(state_path(exercise.usage_key)).json()

    assert answer == {"state": expected, "sent_at": sent_at.isoformat() if expected == "sent" else None}


def test_row_5_keys_that_are_none_are_404(campus, client):
    campus.launch(client)

    assert client.get(f"/api/learning_ext/lti_provider/v1/grade/{DEMO}/no-key/").status_code == 404


def test_row_5_nobody_is_told_about_somebody_elses_grade(campus, client, exercise, ada, client_of):
    campus.launch(client, **GRADED)

    answer = client_of(ada).get(state_path(exercise.usage_key))

    assert GradedAssignment.objects.exists()
    assert answer.json() == {"state": "none", "sent_at": None}
    assert api.find_grade_state(user_id=ada.pk, course_key=DEMO, usage_key=exercise.usage_key).state == "none"
