"""Exercises: in a campus's frame and in the course, answered as often as one likes, and the newest answer counts."""

from __future__ import annotations

import pytest
from django.middleware.csrf import CsrfViewMiddleware
from django.test import Client
from django.urls import reverse
from lxml import html

from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.standalone import exercise, models, signals
from openedx_learning_ext.standalone.management.commands.seed_demo import (
    CAMPUS_CHAPTER,
    CAMPUS_EXERCISE,
    CAMPUS_SEQUENCE,
    DEMO,
    OTHER,
)

IN_COURSE = reverse("host:course-exercise", kwargs={"course_key": DEMO, "usage_key": CAMPUS_EXERCISE})
WRONG, RIGHT, ALSO_RIGHT = "0", "1", "3"


def text_of(answer):
    """Return what a person reads on a page, its blanks made single."""
    return " ".join(html.fromstring(answer.content).xpath("//main")[0].text_content().split())


def score_of(user):
    """Return the points a person has on the exercise, or ``None``."""
    found = models.Score.objects.filter(user=user, usage_key=CAMPUS_EXERCISE)
    return found.values_list("earned", "possible").first()


@pytest.fixture
def launched(seeded, rf):
    """Return a function that gives the page that a launch of a block shows a person."""

    def show(name, usage_key=CAMPUS_EXERCISE):
        request = rf.post("/launch")
        request.user = seeded.person(name)
        return get_host().blocks.render_launched(request, usage_key)

    return show


@pytest.fixture
def answer(browse):
    """Return a function that sends a form of a page with some options, as the person of that name."""

    def send(page, name, *options, number=0, **changes):
        form = html.fromstring(page.content).xpath("//form")[number]
        data = {field.name: field.value for field in form.xpath(".//input[@type='hidden']")}
        return browse(name).post(form.action, {**data, "option": options, **changes})

    return send


@pytest.fixture
def second_exercise(seeded):
    """Another exercise beside the first, with one right option."""
    return models.Block.objects.create(
        usage_key=DEMO.make_usage_key("problem", "second"),
        course_key=DEMO,
        parent=models.Block.objects.get(usage_key=CAMPUS_SEQUENCE),
        display_name="The second",
        scores_itself=True,
        weight=2.0,
        content={"question": "Which <one>?", "options": ["this", "that & more"], "right": [1]},
    )


# -- what an answer is worth -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "share"),
    [({1, 3}, 1.0), ({1}, 0.5), ({3}, 0.5), ({1, 3, 0}, 0.5), ({0, 1}, 0.0), ({0, 2}, 0.0), ({0, 1, 2, 3}, 0.0)],
)
def test_a_wrong_option_takes_back_what_a_right_one_gave(seeded, chosen, share):
    demo = exercise.Exercise.of(models.Block.objects.get(usage_key=CAMPUS_EXERCISE))

    assert demo.share_for(frozenset(chosen)) == share


@pytest.mark.parametrize("content", [None, {}, []])
def test_a_block_without_content_is_no_exercise(content):
    assert exercise.Exercise.of(models.Block(content=content)) is None


# -- on a page of its own, in a campus's frame -------------------------------------------------------------------------


def test_a_launched_exercise_is_one_question_without_any_way_to_elsewhere(launched):
    page = launched("ada")

    tree = html.fromstring(page.content)
    assert tree.xpath("count(//form)") == 1
    assert tree.xpath("count(//form//input[@type='checkbox'])") == 4
    assert tree.xpath("//a | //nav | //header | //footer") == []
    assert "gradebook is switched off" in text_of(page)
    assert "Your score: none yet, 10 to be had" in text_of(page)


def test_a_launched_exercise_is_labelled_for_everybody(launched, second_exercise):
    tree = html.fromstring(launched("ada", CAMPUS_SEQUENCE).content)

    assert len(tree.xpath("//h1")) == 1
    assert len(tree.xpath("//fieldset/legend")) == 2
    fields = tree.xpath("//input[not(@type='hidden')]")
    assert [field for field in fields if not tree.xpath("//label[@for=$id]", id=field.get("id"))] == []
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_any_page_may_frame_a_launched_exercise_and_nothing_else_comes_from_elsewhere(launched):
    page = launched("ada")

    assert page.xframe_options_exempt is True
    policy = page["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "default-src 'self'" in policy and "form-action 'self'" in policy


def test_an_answer_says_what_it_was_worth_and_stays_in_the_frame(launched, answer, seeded):
    page = answer(launched("ada"), "ada", RIGHT)

    assert page.status_code == 200
    assert "That is not all right yet." in text_of(page) and "Your score: 5 of 10" in text_of(page)
    assert "X-Frame-Options" not in page
    assert "frame-ancestors *" in page["Content-Security-Policy"]
    assert "no-store" in page["Cache-Control"]
    assert score_of(seeded.person("ada")) == (5.0, 10.0)


def test_the_newest_answer_counts_also_when_it_is_worth_less(launched, answer, seeded):
    page = answer(launched("ada"), "ada", RIGHT, ALSO_RIGHT)
    assert "That is right." in text_of(page) and "Your score: 10 of 10" in text_of(page)

    page = answer(page, "ada", WRONG)

    assert "Your score: 0 of 10" in text_of(page)
    assert score_of(seeded.person("ada")) == (0.0, 10.0)


def test_an_answer_keeps_what_was_chosen_and_a_launch_starts_anew_with_the_score(launched, answer):
    page = answer(launched("ada"), "ada", RIGHT)

    assert html.fromstring(page.content).xpath("//input[@checked]/@value") == [RIGHT]
    again = launched("ada")
    assert html.fromstring(again.content).xpath("//input[@checked]") == []
    assert "Your score: 5 of 10" in text_of(again)
    assert "That is" not in text_of(again)


@pytest.mark.parametrize("options", [[], ["7"], ["-1"], ["one"], [RIGHT, "9"]])
def test_a_form_without_an_answer_that_was_offered_is_shown_again_and_stores_nothing(launched, answer, seeded, options):
    page = answer(launched("ada"), "ada", *options)

    assert page.status_code == 422
    assert html.fromstring(page.content).xpath("//*[@role='alert']")
    assert score_of(seeded.person("ada")) is None


def test_whoever_is_not_enrolled_answers_what_was_launched(launched, answer, django_user_model):
    person = django_user_model.objects.create_user("campus-learner")

    assert answer(launched("campus-learner"), "campus-learner", RIGHT, ALSO_RIGHT).status_code == 200
    assert score_of(person) == (10.0, 10.0)


def test_the_host_announces_an_answer_in_the_transaction_that_stores_it(launched, answer, seeded):
    heard = []

    def receiver(**told):
        heard.append((told, score_of(seeded.person("ada"))))

    signals.SCORE_CHANGED.connect(receiver)
    try:
        answer(launched("ada"), "ada", RIGHT)
    finally:
        signals.SCORE_CHANGED.disconnect(receiver)

    (told, stored), = heard
    assert stored == (5.0, 10.0)
    assert told["modified"] == models.Score.objects.get().modified
    expected = {
        "user_id": seeded.person("ada").pk,
        "course_id": str(DEMO),
        "usage_id": str(CAMPUS_EXERCISE),
        "weighted_earned": 5.0,
        "weighted_possible": 10.0,
    }
    assert {name: told[name] for name in expected} == expected


def test_a_receiver_that_fails_leaves_neither_score_nor_a_page_that_says_so(launched, answer, seeded):
    def receiver(**told):
        raise RuntimeError("the receiver is broken")

    page = launched("ada")
    signals.SCORE_CHANGED.connect(receiver)
    try:
        with pytest.raises(RuntimeError, match="the receiver is broken"):
            answer(page, "ada", RIGHT)
    finally:
        signals.SCORE_CHANGED.disconnect(receiver)

    assert score_of(seeded.person("ada")) is None


@pytest.mark.parametrize("who", ["bob", None])
def test_a_page_of_one_person_stores_nothing_for_another_in_the_same_browser(launched, answer, seeded, who):
    page = answer(launched("ada"), who, RIGHT)

    assert page.status_code == 403
    assert "open the exercise from there" in text_of(page)
    assert "X-Frame-Options" not in page and "frame-ancestors *" in page["Content-Security-Policy"]
    assert not models.Score.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"seal": ""},
        {"seal": "0" * 64},
        {"seal": "\u00e9"},
        {"exercise": ""},
        {"exercise": "nonsense"},
        {"exercise": str(CAMPUS_SEQUENCE)},
        {"exercise": "block-v1:OpenedX+Demo+2026+type@problem+block@second"},
    ],
    ids=str,
)
def test_a_form_that_is_none_of_ours_stores_nothing(launched, answer, second_exercise, changes):
    page = answer(launched("ada"), "ada", RIGHT, **changes)

    assert page.status_code == 403
    assert not models.Score.objects.exists()


def test_a_seal_is_good_for_one_person_and_one_page(seeded):
    ada, bob = seeded.person("ada"), seeded.person("bob")
    seal = exercise.seal(ada.pk, CAMPUS_EXERCISE)

    assert exercise.is_sealed(seal, ada.pk, CAMPUS_EXERCISE)
    assert not exercise.is_sealed(seal, bob.pk, CAMPUS_EXERCISE)
    assert not exercise.is_sealed(seal, ada.pk, CAMPUS_SEQUENCE)


@pytest.mark.parametrize("change", ["the block is gone", "the course is gone", "the account is closed"])
def test_an_answer_to_what_is_not_there_any_more_is_not_taken(launched, answer, seeded, change):
    page = launched("ada")
    if change == "the block is gone":
        models.Block.objects.filter(usage_key=CAMPUS_EXERCISE).delete()
    elif change == "the course is gone":
        models.Course.objects.filter(course_key=DEMO).delete()
    else:
        seeded.person("ada").__class__.objects.filter(username="ada").update(is_active=False)

    assert answer(page, "ada", RIGHT).status_code == 403
    assert not models.Score.objects.exists()


def test_a_launched_page_sets_the_cookie_that_its_form_needs_and_carries_the_token(seeded, rf):
    ada = seeded.person("ada")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)
    request = rf.get("/launch")
    request.user = ada
    page = CsrfViewMiddleware(lambda request: get_host().blocks.render_launched(request, CAMPUS_EXERCISE))(request)
    form = html.fromstring(page.content).forms[0]
    data = {**dict(form.fields), "option": [RIGHT]}
    browser.cookies.update(page.cookies)

    answered = browser.post(form.action, data)
    without = browser.post(form.action, {**data, "csrfmiddlewaretoken": ""})

    assert (answered.status_code, without.status_code) == (200, 403)
    assert score_of(ada) == (5.0, 10.0)


def test_an_answer_is_sent_and_never_fetched(seeded, browse):
    address = reverse("host:answer-exercise", kwargs={"usage_key": CAMPUS_EXERCISE})

    assert browse("ada").get(address).status_code == 405
    assert browse("ada").post("/exercises/nonsense/").status_code == 404


def test_what_is_around_exercises_shows_them_all_and_takes_each_answer_alone(launched, answer, seeded, second_exercise):
    page = launched("ada", CAMPUS_CHAPTER)
    assert html.fromstring(page.content).xpath("count(//form)") == 2
    assert "Which <one>?" in text_of(page) and "that & more" in text_of(page)

    page = answer(page, "ada", "1", number=1)

    assert score_of(seeded.person("ada")) is None
    stored = models.Score.objects.get()
    assert (stored.usage_key, stored.earned, stored.possible) == (second_exercise.usage_key, 2.0, 2.0)
    assert text_of(page).count("That is right.") == 1
    current = get_host().grades.current_score(seeded.person("ada"), CAMPUS_CHAPTER)
    assert (current.earned, current.possible, current.is_composite) == (2.0, 12.0, True)


def test_one_right_option_is_chosen_from_buttons_of_which_one_holds(launched, second_exercise):
    tree = html.fromstring(launched("ada", second_exercise.usage_key).content)

    assert tree.xpath("count(//input[@type='radio'])") == 2
    assert "More than one" not in tree.text_content()


def test_a_block_with_nothing_to_do_says_so(launched):
    assert "There is nothing to do here yet." in text_of(launched("ada", DEMO.make_usage_key("chapter", "tools")))


@pytest.mark.parametrize("exercises", [1, 20])
def test_a_launched_page_asks_the_same_number_of_questions_however_much_is_on_it(
    launched, second_exercise, django_assert_num_queries, exercises, seeded, rf
):
    for number in range(exercises):
        models.Block.objects.create(
            usage_key=DEMO.make_usage_key("problem", f"more{number}"),
            course_key=DEMO,
            parent=second_exercise.parent,
            scores_itself=True,
            weight=1.0,
            content=second_exercise.content,
        )
    request = rf.get("/launch")
    request.user = seeded.person("ada")

    with django_assert_num_queries(4):  # The blocks, the course, the person's roles there, and the scores.
        get_host().blocks.render_launched(request, CAMPUS_CHAPTER)


# -- in the course -----------------------------------------------------------------------------------------------------


def test_a_learner_finds_the_exercise_with_the_score_in_the_outline(seeded, browse):
    page = browse("ada").get(seeded.pages.course)
    assert html.fromstring(page.content).xpath("//a[@href=$address]", address=IN_COURSE)
    assert "Your score: none yet, 10 to be had" in text_of(page)

    browse("ada").post(IN_COURSE, {"option": [RIGHT]})

    assert "A score on its way" in text_of(browse("ada").get(seeded.pages.course))
    assert "Your score: 5 of 10" in text_of(browse("ada").get(seeded.pages.course))
    assert "Your score: 5 of 10" not in text_of(browse("bob").get(seeded.pages.course))
    assert "Your score" not in text_of(browse("grace").get(seeded.pages.course))


def test_an_answer_in_the_course_leads_back_to_the_question_with_what_it_was_worth(seeded, browse):
    client = browse("ada")

    answered = client.post(IN_COURSE, {"option": [RIGHT, ALSO_RIGHT]})

    assert (answered.status_code, answered["Location"]) == (302, IN_COURSE)
    page = client.get(IN_COURSE)
    assert "That is right." in text_of(page) and "Your score: 10 of 10" in text_of(page)
    assert "That is right." not in text_of(client.get(IN_COURSE))
    client.post(IN_COURSE, {"option": [WRONG]})
    assert "That is not all right yet." in text_of(client.get(IN_COURSE))


def test_a_form_without_an_answer_is_shown_again_in_the_course(seeded, browse):
    page = browse("ada").post(IN_COURSE, {})

    assert page.status_code == 422
    assert "Choose an answer first." in text_of(page)


def test_the_page_in_the_course_is_framed_by_nobody(seeded, browse):
    page = browse("ada").get(IN_COURSE)

    assert page["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    tree = html.fromstring(page.content)
    assert len(tree.xpath("//h1")) == 1 and tree.xpath("//p[@class='lead']") and tree.xpath("//header")


@pytest.mark.parametrize("name", ["ada", "bob", "grace", "admin"])
def test_learners_and_teachers_see_the_exercise_in_the_course(seeded, browse, name):
    assert browse(name).get(IN_COURSE).status_code == 200


def test_somebody_anonymous_is_sent_to_sign_in_and_somebody_from_elsewhere_finds_nothing(
    seeded, browse, django_user_model
):
    django_user_model.objects.create_user("stranger")

    assert browse().get(IN_COURSE)["Location"].startswith("/login/?next=")
    assert browse("stranger").get(IN_COURSE).status_code == 404
    assert browse("stranger").post(IN_COURSE, {"option": [RIGHT]}).status_code == 404
    assert not models.Score.objects.exists()


@pytest.mark.parametrize(
    ("course", "block"),
    [
        (OTHER, CAMPUS_EXERCISE),
        (DEMO, CAMPUS_SEQUENCE),
        (DEMO, DEMO.make_usage_key("problem", "JOURNEY")),
        (DEMO, DEMO.make_usage_key("problem", "none")),
        (DEMO, OTHER.make_usage_key("chapter", "welcome")),
    ],
    ids=str,
)
def test_what_is_no_exercise_of_the_course_looks_missing(seeded, browse, course, block):
    address = reverse("host:course-exercise", kwargs={"course_key": course, "usage_key": block})

    assert browse("bob").get(address).status_code == 404


# -- the seed ----------------------------------------------------------------------------------------------------------


def test_the_demo_has_a_graded_exercise_in_a_sequence_in_a_chapter(seeded):
    block = get_host().blocks.find(CAMPUS_EXERCISE)

    assert block.is_graded
    assert get_host().blocks.ancestors(CAMPUS_EXERCISE) == (CAMPUS_SEQUENCE, CAMPUS_CHAPTER)
    models.Block.objects.get(usage_key=CAMPUS_EXERCISE).full_clean()


def test_no_tool_is_offered_the_place_of_an_exercise(seeded, browse):
    offered = html.fromstring(browse("grace").get(seeded.pages.add_placement).content)

    assert str(CAMPUS_EXERCISE) not in offered.xpath("//select[@name='block']/option/@value")
