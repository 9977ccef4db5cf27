"""Scores travel from the tool to the course over real HTTP, and the course shows them."""

from __future__ import annotations

import pytest

from openedx_learning_ext.lti_consumer import api as lti_consumer
from openedx_learning_ext.standalone import demo, models, sweeper
from openedx_learning_ext.standalone.campus import service as campus
from openedx_learning_ext.standalone.management.commands.seed_demo import DEMO


def launched(story):
    """Have ada sign in and start the tool; the story stands in the tool's room then."""
    demo.ada_signs_in(story)
    demo.tool_is_launched(story)
    return story


def press(story, button, **values):
    """Press a button of the tool and return what the tool says the course said, and whether it was good."""
    story.room = story.send(story.room, story.room.form(f"/{button}/", button), **values)
    answer = story.room.one("//*[@id='answer']", "answer")
    return story.room.text_of("//*[@id='answer']", "answer"), "good" in answer.get("class").split()


@pytest.fixture
def at_work(site):
    """The campus takes grades and the sweep brings them, as beside a running site."""
    with campus.serving(), sweeper.swept(0.3):
        yield


@pytest.mark.usefixtures("at_work")
def test_the_story_passes_against_a_running_site(site):
    lines = []

    passed = demo.play(site.url, lines.append)

    assert passed, "\n".join(lines)
    assert sum(line.endswith("... not yet") for line in lines) == 3
    assert lines[-1].strip() == "10 ok, 0 failed, 3 not built yet."


def test_a_score_reaches_the_block_and_the_course_page(site, story):
    launched(story)

    said, is_good = press(story, "score", score="72.5")

    assert is_good and said == "The course accepted the score."
    score = models.Score.objects.get(user=site.person("ada"), usage_key=site.placement.usage_key)
    assert (score.earned, score.possible) == (7.25, 10.0)
    assert story.score_on(story.course_page) == "Your score: 7.25 of 10"


def test_a_score_is_read_back_and_taken_back(site, story):
    launched(story)

    before = press(story, "read")
    press(story, "score", score="0")
    zero = press(story, "read")
    taken_back = press(story, "delete")
    after = press(story, "read")

    assert before == after == ("The course has no score.", True)
    assert zero == ("The course has this score: 0.0.", True)
    assert taken_back == ("The course has forgotten the score.", True)
    assert not models.Score.objects.exists()


def test_a_message_that_is_sent_again_is_refused_and_changes_nothing(site, story):
    launched(story)
    press(story, "score", score="30")

    said, is_good = press(story, "again")

    assert not is_good
    assert "nonce was used before" in said
    result = lti_consumer.find_result(placement_uuid=site.placement.uuid, user_id=site.person("ada").pk)
    assert result.score == pytest.approx(0.3)


def test_a_score_that_is_none_is_said_in_the_room_and_sent_nowhere(site, story):
    launched(story)
    form = story.room.form("/score/", "form")

    fields = {**form.fields, "score": "101"}
    answer = story.browser.post(site.url + form.action, data=fields, timeout=30)

    assert answer.status_code == 422
    assert "less than or equal to 100" in answer.text
    assert not models.Score.objects.exists()


def test_a_late_score_is_refused_in_the_courses_words(site, story):
    from datetime import UTC, datetime

    lti_consumer.update_placement(
        course_key=DEMO,
        placement_uuid=site.placement.uuid,
        due_at=datetime(2020, 1, 1, tzinfo=UTC),
        accepts_late_grades=False,
    )
    launched(story)

    said, is_good = press(story, "score", score="50")

    assert (said, is_good) == ("The course refused it: Grade is past due", False)


def test_a_course_that_cannot_be_reached_is_said_so(site, story, settings):
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_BASE_URL = "http://127.0.0.1:9"  # nobody listens on "discard"
    launched(story)

    said, is_good = press(story, "score", score="50")

    assert (said, is_good) == ("The course could not be reached.", False)


def test_staff_are_greeted_as_such_and_get_no_score(site, story):
    page = story.get("/login/")
    story.send(page, page.one("//form[.//input[@name='password']]", "form"), username="grace", password="grace")
    launch = story.get(lti_consumer.launch_path(site.placement))

    room = story.send(launch, launch.one("//form[@id='lti-launch']", "form"))

    assert "you teach here" in room.text_of("//h1", "heading")
    assert not room.tree.xpath("//form")


@pytest.mark.usefixtures("at_work")
def test_a_step_that_fails_says_why_and_the_story_goes_on(site):
    lti_consumer.delete_placement(course_key=DEMO, placement_uuid=site.placement.uuid)
    lines = []

    passed = demo.play(site.url, lines.append)

    assert not passed
    assert any("has no tool" in line and "FAILED" in line for line in lines)
    assert sum(" ... " in line for line in lines) == len(demo.STEPS)
