"""The campus's pages: who comes in launches the exercise, and the gradebook shows what arrived."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from lxml import html

from openedx_learning_ext.lti_provider import api as lti_provider
from openedx_learning_ext.lti_provider.models import ScoreDelivery
from openedx_learning_ext.standalone import demo
from openedx_learning_ext.standalone.campus import credentials, gradebook, visits
from openedx_learning_ext.standalone.campus.service import Behaviour, service
from openedx_learning_ext.standalone.management.commands.seed_demo import CAMPUS_EXERCISE

from .test_pages import text_of


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    """The campus keeps its file in a folder of the test, and its service ends with it."""
    settings.DATA_DIR = tmp_path
    yield
    service.switch_off()
    service.behave(Behaviour.WELL)


def tree_of(answer):
    """Return a page to look into."""
    return html.fromstring(answer.content)


def seal_on(client, path="/campus/"):
    """Open a page of the campus and return the seal of its forms."""
    return tree_of(client.get(path)).xpath("//input[@name='seal']/@value")[0]


def come_in(client, name="ada"):
    """Come in to the campus by its form."""
    return client.post("/campus/enter/", {"seal": seal_on(client), "learner": name})


def turn(client, behaviour):
    """Press a button of the outcome service, and return the page that follows."""
    sent = {"seal": seal_on(client, "/campus/gradebook/"), "behaviour": behaviour}
    return client.post("/campus/service/", sent, follow=True)


def launch_form(client):
    """Return the fields of the page in the frame."""
    form = tree_of(client.get("/campus/launch/")).xpath("//form[@id='lti-launch']")[0]
    return form.action, dict(form.fields.items())


# -- pages -------------------------------------------------------------------------------------------------------------


def test_the_front_page_says_what_it_is_and_what_both_sides_agreed_on(client):
    answer = client.get("/campus/")

    values = tree_of(answer).xpath("//input[@readonly]/@value")
    assert "another learning system" in text_of(answer)
    assert values == [credentials.launch_url(), credentials.KEY, credentials.secret()]


def test_who_comes_in_sees_the_course_with_the_exercise_in_a_frame(client):
    answer = client.post("/campus/enter/", {"seal": seal_on(client), "learner": "bob"}, follow=True)

    assert answer.redirect_chain == [("/campus/course/", 303)]
    assert "You are Bob Okafor" in text_of(answer)
    assert tree_of(answer).xpath("//iframe/@src") == ["/campus/launch/"]


def test_a_second_time_one_comes_in_as_somebody_else(client):
    come_in(client, "bob")
    come_in(client, "ada")

    assert "You are Ada Lindqvist" in text_of(client.get("/campus/course/"))


def test_nobody_has_no_course_and_no_launch(client):
    assert client.get("/campus/course/")["Location"] == "/campus/"
    assert client.get("/campus/launch/").status_code == 403
    assert client.get("/campus/course/grade/").status_code == 204


@pytest.mark.parametrize("path", ["/campus/enter/", "/campus/service/"])
def test_a_form_that_was_shown_to_another_browser_does_nothing(client, path):
    seal = seal_on(Client())

    answer = client.post(path, {"seal": seal, "learner": "ada", "behaviour": "on"})

    assert answer.status_code == 403
    assert "Nothing was done" in text_of(answer)
    assert not service.is_on


@pytest.mark.parametrize(("path", "name"), [("/campus/enter/", "learner"), ("/campus/service/", "behaviour")])
def test_a_form_with_an_unknown_choice_does_nothing(client, path, name):
    assert client.post(path, {"seal": seal_on(client), name: "no such"}).status_code == 403


def test_the_campus_has_a_cookie_of_its_own_and_never_the_hosts(client):
    answer = come_in(client)

    cookie = answer.cookies[visits.COOKIE]
    assert cookie["path"] == "/campus/"
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert set(client.cookies) == {visits.COOKIE}


def test_a_cookie_that_was_tampered_with_is_nobodys(client):
    come_in(client)
    client.cookies[visits.COOKIE] = client.cookies[visits.COOKIE].value[:-2] + "xx"

    assert client.get("/campus/course/").status_code == 302


def test_only_the_campus_itself_may_frame_the_launch(client):
    come_in(client)

    launch, course = client.get("/campus/launch/"), client.get("/campus/course/")

    assert launch["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in launch["Content-Security-Policy"]
    assert course["X-Frame-Options"] == "DENY"


def test_each_launch_is_signed_anew_and_names_the_person_and_the_place_of_the_score(client):
    come_in(client)
    turn(client, "on")

    (action, first), (_, second) = launch_form(client), launch_form(client)

    assert action == credentials.launch_url()
    assert first["oauth_nonce"] != second["oauth_nonce"]
    assert first["lis_person_contact_email_primary"] == "ada@example.org"
    assert first["lis_outcome_service_url"] == service.url
    assert first["lis_result_sourcedid"] == credentials.sourced_id("ada")


def test_without_an_outcome_service_the_launch_wants_no_score(client):
    come_in(client)

    _, fields = launch_form(client)

    assert "lis_outcome_service_url" not in fields and "lis_result_sourcedid" not in fields


def test_the_empty_gradebook_says_what_to_do(client):
    answer = client.get("/campus/gradebook/")

    assert tree_of(answer).xpath("//table[@id='grades']//td[1]/text()") == ["none", "none"]
    assert "Come in as a learner and answer the exercise" in text_of(answer)


def test_the_gradebook_shows_scores_and_everything_that_arrived_in_order(client):
    gradebook.take("ada", 0.5)
    gradebook.note("fails", learner_id="ada", score=1.0)
    gradebook.note("refused: nonce")
    gradebook.note("refused: not understood")
    gradebook.take("ada", 1.0)

    page, part = client.get("/campus/gradebook/"), client.get("/campus/gradebook/rows/")

    for answer in (page, part):
        arrived = [
            [cell.text_content() for cell in row.xpath("td")[1:]]
            for row in tree_of(answer).xpath("//table[@id='arrivals']/tbody/tr")
        ]
        assert arrived == [
            ["Ada Lindqvist", "5 of 10", "taken into the gradebook"],
            ["Ada Lindqvist", "10 of 10", "answered with status 500"],
            ["unknown", "", "refused: it was here before"],
            ["unknown", "", "refused: not understood"],
            ["Ada Lindqvist", "10 of 10", "taken into the gradebook"],
        ]
        grades = tree_of(answer).xpath("//table[@id='grades']//tr[th='Ada Lindqvist']/td[1]")
        assert [cell.text for cell in grades] == ["10 of 10"]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("off", "Off. Nothing reaches it"),
        ("fails", "On. It takes no scores: it fails with status 500."),
        ("hangs", "On. It takes no scores: it hangs and never answers."),
        ("garbage", "On. It takes no scores: it answers garbage."),
        ("well", "On. It takes scores as it should."),
    ],
)
def test_the_page_says_how_the_outcome_service_is(client, behaviour, words):
    turn(client, "on")

    answer = turn(client, behaviour)

    assert words in text_of(answer)
    assert behaviour not in tree_of(answer).xpath("//button/@value")


def test_a_port_that_is_taken_is_said_on_the_page(client):
    turn(client, "on")
    turn(client, "off")
    taken = type(service)()
    taken.switch_on()

    try:
        answer = turn(client, "on")
    finally:
        taken.switch_off()

    assert "another program has its port now" in text_of(answer)
    assert "Off." in text_of(answer)


def test_the_seed_knows_the_campus_and_a_second_one_changes_nothing(seeded):
    lti_provider.list_consumers().update(use_lti_pii=False)

    call_command("seed_demo", verbosity=0)

    consumer = lti_provider.list_consumers().get()
    assert (consumer.consumer_name, consumer.consumer_key) == ("Demo campus", credentials.KEY)
    assert consumer.consumer_secret == credentials.secret()
    assert consumer.use_lti_pii is False


# -- the way there and back --------------------------------------------------------------------------------------------


@pytest.fixture
def ada(story, site):
    """Ada at the campus, whose service is on, with the exercise in front of her."""
    service.switch_on()
    demo.campus_launches_ada(story)
    yield story
    story.close()


def due():
    """Make whatever waits due now."""
    ScoreDelivery.objects.update(next_attempt_at=timezone.now(), rest_until=None)


def test_the_campuss_ada_is_our_ada(ada):
    answer = ada.at_campus.browser.get(f"{ada.base_url}/", timeout=10)

    assert "Ada Lindqvist" in answer.text
    assert get_user_model().objects.filter(email__iexact="ada@example.org").count() == 1


def test_the_line_about_the_grade_stands_under_the_exercise(ada):
    assert ada.exercise.tree.xpath("//h1")[0].text == "A score on its way"
    assert str(CAMPUS_EXERCISE.block_id) in ada.grade_address
    assert ada.at_campus.browser.get(ada.grade_address, timeout=10).json()["state"] == "none"


def test_an_answer_reaches_the_gradebook_of_the_campus(ada):
    demo._answer(ada, ["1"])
    lti_provider.deliver_due()

    assert gradebook.grades()["ada"].score == 0.5
    assert demo._grade_state(ada) == "sent"


@pytest.mark.parametrize(
    ("trouble", "arrived"), [(Behaviour.FAILS, "fails"), (Behaviour.GARBAGE, "garbage")], ids=["500", "garbage"]
)
def test_after_trouble_at_the_campus_the_newest_score_arrives(ada, trouble, arrived):
    service.behave(trouble)
    demo._answer(ada, ["1"])
    lti_provider.deliver_due()
    waiting = demo._grade_state(ada)

    demo._answer(ada, ["1", "3"])
    service.behave(Behaviour.WELL)
    due()
    lti_provider.deliver_due()

    assert waiting == "waiting"
    assert [(each.score, each.answer) for each in gradebook.arrivals()] == [(0.5, arrived), (1.0, "taken")]
    assert demo._grade_state(ada) == "sent"


def test_what_was_earned_while_the_campus_was_switched_off_arrives_once_it_is_back(ada):
    service.switch_off()
    demo._answer(ada, ["1", "3"])
    lti_provider.deliver_due()
    before = gradebook.arrivals()

    service.switch_on()
    due()
    lti_provider.deliver_due()

    assert before == []
    assert [(each.score, each.answer) for each in gradebook.arrivals()] == [(1.0, "taken")]
