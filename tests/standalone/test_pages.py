"""Every page: who may see it, what it is called, and that nothing on it is raw."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone, translation
from lxml import html

from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.lti_consumer import api as lti_consumer
from openedx_learning_ext.standalone import models
from openedx_learning_ext.standalone.management.commands.seed_demo import DEMO, OTHER

LEARNER_PAGES = ["dashboard", "course", "tool", "score"]
TEAM_PAGES = [
    "manage",
    "results",
    "add_configuration",
    "edit_configuration",
    "delete_configuration",
    "add_placement",
    "edit_placement",
    "delete_placement",
]


def text_of(answer):
    """Return what a person reads on a page, its blanks made single."""
    return " ".join(html.fromstring(answer.content).text_content().split())


@pytest.mark.parametrize("page", LEARNER_PAGES + TEAM_PAGES)
def test_somebody_anonymous_is_sent_to_sign_in_and_back(seeded, browse, page):
    address = getattr(seeded.pages, page)

    answer = browse().get(address)

    assert answer.status_code == 302
    assert answer["Location"] == f"/login/?next={quote(address)}"


@pytest.mark.parametrize("name", ["ada", "bob", "grace", "admin"])
@pytest.mark.parametrize("page", LEARNER_PAGES)
def test_learners_and_teachers_see_the_pages_of_a_course(seeded, browse, page, name):
    assert browse(name).get(getattr(seeded.pages, page)).status_code == 200


@pytest.mark.parametrize(("name", "status"), [("ada", 403), ("bob", 403), ("grace", 200), ("admin", 200)])
@pytest.mark.parametrize("page", TEAM_PAGES)
def test_only_the_team_sets_up_tools(seeded, browse, page, name, status):
    assert browse(name).get(getattr(seeded.pages, page)).status_code == status


@pytest.mark.parametrize("page", ["course", "tool", "score", *TEAM_PAGES])
def test_a_course_one_is_not_in_looks_missing(seeded, browse, page, django_user_model):
    django_user_model.objects.create_user("nobody", password="nobody")

    assert browse("nobody").get(getattr(seeded.pages, page)).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/courses/nonsense/",
        "/courses/course-v1:No+Such+Course/",
        "/courses/course-v1:openedx+demo+2026/",
        f"/courses/course-v1:{'x' * 3000}+Demo+2026/",
        "/courses/course-v1:Open%00edX+Demo+2026/",
        "/courses/course-v1:Öpen+Demo+2026/",
        "/nothing/",
    ],
)
def test_what_is_not_there_is_a_page_in_our_style(seeded, browse, address):
    answer = browse("ada").get(address)

    assert answer.status_code == 404
    assert "Go to my courses" in text_of(answer)


def test_a_tool_of_another_course_looks_missing(seeded, browse):
    address = seeded.pages.tool.replace("Demo", "Other")

    assert browse("bob").get(address).status_code == 404


def test_a_course_that_has_not_started_says_so_to_learners(seeded, browse):
    models.Course.objects.filter(course_key=DEMO).update(start=timezone.now() + timedelta(days=1))

    answer = browse("ada").get(seeded.pages.course)

    assert answer.status_code == 403
    assert "has not started yet" in text_of(answer)
    assert browse("grace").get(seeded.pages.course).status_code == 200


@pytest.mark.parametrize("page", [*(page for page in LEARNER_PAGES if page != "score"), *TEAM_PAGES])
def test_every_page_has_a_title_one_heading_a_sentence_landmarks_and_labels(seeded, browse, page):
    answer = browse("grace").get(getattr(seeded.pages, page))

    tree = html.fromstring(answer.content)
    assert tree.findtext(".//title").strip(" ·")
    assert len(tree.xpath("//h1")) == 1
    assert tree.xpath("//p[contains(@class, 'lead')]")[0].text_content().strip()
    assert tree.xpath("//main[@id='main']") and tree.xpath("//a[@href='#main']")
    assert tree.xpath("//html/@lang") == ["en"]
    unlabelled = [
        field.get("name")
        for field in tree.xpath("//input[not(@type='hidden')] | //select | //textarea")
        if not tree.xpath("//label[@for=$id]", id=field.get("id"))
    ]
    assert unlabelled == []
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", ["ada", "grace"])
@pytest.mark.parametrize("page", [*LEARNER_PAGES, "manage", "results"])
def test_no_page_shows_a_key_or_an_id_where_a_name_exists(seeded, browse, page, name):
    shown = text_of(browse(name).get(getattr(seeded.pages, page)))

    assert "course-v1" not in shown
    assert "block-v1" not in shown
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", shown)


def test_every_page_carries_the_strict_policy_and_nobody_frames_it(seeded, browse):
    answer = browse("ada").get(seeded.pages.course)

    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_page_of_a_tool_may_frame_that_tool_and_where_it_sends_people_on_to(seeded, browse):
    lti_consumer.update_configuration(
        course_key=DEMO,
        configuration_id=seeded.configuration.pk,
        lti_1p1_launch_url="https://tool.example:8443/launch?room=1",
    )

    answer = browse("ada").get(seeded.pages.tool)

    assert answer["Content-Security-Policy"].endswith("; frame-src 'self' https: http:")
    frame = html.fromstring(answer.content).xpath("//iframe")[0]
    assert frame.get("src") == lti_consumer.launch_path(seeded.placement)
    assert frame.get("title") == "Quiz corner"


def test_what_a_tool_may_use_of_the_browser_is_lent_to_its_own_origin_only(seeded, browse):
    lti_consumer.update_configuration(
        course_key=DEMO, configuration_id=seeded.configuration.pk, lti_1p1_launch_url="https://tool.example/launch"
    )

    answer = browse("ada").get(seeded.pages.tool)

    allowed = html.fromstring(answer.content).xpath("//iframe/@allow")[0].split("; ")
    assert "fullscreen https://tool.example" in allowed
    assert {permission.split(" ", 1)[1] for permission in allowed} == {"https://tool.example"}


def test_the_page_of_a_tool_that_cannot_be_launched_frames_nothing(seeded, browse):
    seeded.configuration.lti_1p1_launch_url = "https://tool.example; script-src *"
    seeded.configuration.save()

    answer = browse("ada").get(seeded.pages.tool)

    assert answer["Content-Security-Policy"].endswith("; frame-src 'self'")
    assert not html.fromstring(answer.content).xpath("//iframe")


def test_the_page_of_a_tool_says_what_to_do_when_its_frame_stays_empty(seeded, browse):
    shown = text_of(browse("ada").get(seeded.pages.tool))

    assert "If the tool does not appear, reload this page or open it in a new window." in shown


@pytest.mark.parametrize("page", ["/login/", "/tool/"])
@pytest.mark.parametrize(("language", "direction"), [("es", "ltr"), ("ar", "rtl")])
def test_a_page_says_in_which_language_it_is(db, page, language, direction):
    with translation.override(language):
        answer = Client().get(page)

    root = html.fromstring(answer.content).getroottree().getroot()
    assert (root.get("lang"), root.get("dir")) == (language, direction)


@pytest.mark.parametrize("address", ["/", "/login/", "/courses/nonsense/?next=%2F&a=1"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_who_comes_by_another_name_of_this_computer_is_sent_to_the_one_that_tools_know(
    db, settings, address, method
):
    settings.LMS_ROOT_URL = "http://127.0.0.1:8000"

    answer = getattr(Client(headers={"host": "localhost:8000"}), method)(address)

    assert (answer.status_code, answer["Location"]) == (302, f"http://127.0.0.1:8000{address}")


@pytest.mark.parametrize(
    ("host", "method", "address"),
    [
        pytest.param("localhost:8000", "post", "/login/", id="a form"),
        pytest.param("localhost:8000", "get", "/api/learning_ext/health/", id="the API"),
        pytest.param("127.0.0.1:8000", "get", "/login/", id="the right name"),
        # A proxy stands between: it would send the browser round and round.
        pytest.param("localhost:9000", "get", "/login/", id="another port"),
    ],
)
def test_what_need_not_or_must_not_go_elsewhere_is_answered_where_it_came_in(db, settings, host, method, address):
    settings.LMS_ROOT_URL = "http://127.0.0.1:8000"

    answer = getattr(Client(headers={"host": host}), method)(address)

    assert answer.status_code in (200, 503)


def test_behind_a_proxy_that_ends_tls_nobody_is_sent_round_in_circles(db, settings):
    settings.LMS_ROOT_URL = "https://demo.example"

    answer = Client(headers={"host": "localhost"}).get("/login/")

    assert answer.status_code == 200


def test_a_host_name_that_is_not_ours_is_refused_in_our_style_and_no_news_for_the_log(db, caplog):
    answer = Client(headers={"host": "stranger.example"}).get("/")

    assert answer.status_code == 400
    assert "That did not work" in text_of(answer)
    assert caplog.records == []


def test_the_course_shows_the_score_of_the_block_to_its_learner_only(seeded, browse):
    get_host().grades.publish_score(
        seeded.person("ada"), seeded.placement.usage_key, earned=7.5, possible=10
    )

    assert "Your score: 7.5 of 10" in text_of(browse("ada").get(seeded.pages.course))
    assert "Your score: none yet, 10 to be had" in text_of(browse("bob").get(seeded.pages.course))
    assert "Your score" not in text_of(browse("grace").get(seeded.pages.course))


def test_a_tool_on_no_block_stands_below_the_outline(seeded, browse):
    lti_consumer.update_placement(course_key=DEMO, placement_uuid=seeded.placement.uuid, usage_key=None)

    shown = text_of(browse("ada").get(seeded.pages.course))

    assert shown.index("More tools") < shown.index("Quiz corner")


def test_a_course_page_asks_the_same_number_of_questions_however_much_is_in_it(
    seeded, browse, django_assert_num_queries
):
    client = browse("ada")
    client.get(seeded.pages.course)
    with django_assert_num_queries(14, exact=False) as before:
        client.get(seeded.pages.course)
    for number in range(20):
        block = models.Block.objects.create(
            usage_key=DEMO.make_usage_key("problem", f"p{number}"), course_key=DEMO, display_name=f"Part {number}"
        )
        lti_consumer.create_placement(
            course_key=DEMO,
            configuration_id=seeded.configuration.pk,
            title=f"Tool {number}",
            usage_key=block.usage_key,
            graded=True,
        )

    with django_assert_num_queries(len(before.captured_queries)):
        client.get(seeded.pages.course)


def test_an_unfinished_tool_tells_learners_to_wait_and_the_team_why(seeded, browse):
    seeded.configuration.lti_1p1_client_secret = ""
    seeded.configuration.save()

    for_learners = text_of(browse("ada").get(seeded.pages.tool))
    for_the_team = text_of(browse("grace").get(seeded.pages.tool))

    assert "cannot be launched yet" in for_learners and "secret" not in for_learners.lower()
    assert "The shared secret is missing." in for_the_team and "Complete its configuration" in for_the_team


def test_the_dashboard_sorts_what_one_learns_from_what_one_teaches(seeded, browse):
    assert "I teach" not in text_of(browse("ada").get("/"))
    assert "I learn in" not in text_of(browse("grace").get("/"))
    assert "Another course" not in text_of(browse("grace").get("/"))
    assert "All courses of this site" in text_of(browse("admin").get("/"))


def test_whoever_is_in_no_course_is_told_what_to_do(seeded, browse, django_user_model):
    django_user_model.objects.create_user("nobody")

    assert "You are in no course yet" in text_of(browse("nobody").get("/"))


def test_organisation_staff_teach_every_course_of_the_organisation(seeded, browse, django_user_model):
    person = django_user_model.objects.create_user("olga")
    models.CourseRole.objects.create(user=person, org="OpenedX", role="staff")

    shown = text_of(browse("olga").get("/"))

    assert "A tour of the learning extensions" in shown and "Another course" in shown


def test_signing_in_goes_where_one_wanted_to_go_and_out_again_by_post_only(seeded):
    client = Client()

    answer = client.post("/login/", {"username": "ada", "password": "ada", "next": seeded.pages.course})

    assert (answer.status_code, answer["Location"]) == (302, seeded.pages.course)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/")["Location"].startswith("/login/")


def test_signing_in_goes_nowhere_else(seeded):
    answer = Client().post("/login/", {"username": "ada", "password": "ada", "next": "https://elsewhere.example/"})

    assert answer["Location"] == "/"


def test_a_wrong_password_is_said_beside_the_form(seeded):
    answer = Client().post("/login/", {"username": "ada", "password": "wrong"})

    assert answer.status_code == 200
    assert html.fromstring(answer.content).xpath("//*[@role='alert']")


def test_a_form_without_its_token_is_refused_in_our_style(seeded):
    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "ada", "password": "ada"})

    assert answer.status_code == 403
    assert "This form was out of date" in text_of(answer)


def test_a_mistake_of_ours_is_a_page_in_our_style_without_any_detail(seeded, browse, monkeypatch):
    from openedx_learning_ext.standalone import courses

    def broken(*args):
        raise RuntimeError("of nobody's business")

    client = browse("ada")
    client.raise_request_exception = False
    monkeypatch.setattr(courses, "learning", broken)

    answer = client.get("/")

    assert answer.status_code == 500
    assert "It has been written down" in text_of(answer)
    assert "business" not in answer.content.decode()


def test_the_administration_lists_and_opens_every_table_of_the_host(seeded, browse):
    get_host().grades.publish_score(seeded.person("ada"), seeded.placement.usage_key, earned=1, possible=10)
    client = browse("admin")

    for table in ("course", "enrollment", "courserole", "block", "score", "profile"):
        answer = client.get(f"/admin/learning_ext_host/{table}/?q=a")
        assert answer.status_code == 200
        row = getattr(models, answer.context["cl"].model.__name__).objects.first()
        assert client.get(f"/admin/learning_ext_host/{table}/{row.pk}/change/").status_code == 200
    assert client.get("/admin/learning_ext_host/score/add/").status_code == 403


def test_the_administration_enrols_somebody_in_a_course_chosen_by_name(seeded, browse):
    client = browse("admin")
    address = "/admin/learning_ext_host/enrollment/add/"
    offered = html.fromstring(client.get(address).content).xpath("//select[@name='course_key']/option/text()")

    answer = client.post(
        address,
        {"user": seeded.person("ada").pk, "course_key": str(OTHER), "mode": "honor", "is_active": "on"},
    )

    assert "Another course" in offered
    assert answer.status_code == 302
    assert models.Enrollment.objects.filter(user=seeded.person("ada"), course_key=OTHER).exists()


def test_organisation_staff_are_entered_without_a_course(seeded, browse):
    answer = browse("admin").post(
        "/admin/learning_ext_host/courserole/add/",
        {"user": seeded.person("bob").pk, "course_key": "", "org": "OpenedX", "role": "staff"},
    )

    assert answer.status_code == 302
    assert "I teach" in text_of(browse("bob").get("/"))
