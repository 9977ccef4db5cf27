"""Tools and placements over HTTP: who may, what is answered, and what never is."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiPlacement, LtiResult
from openedx_learning_ext.lti_consumer.urls import api_patterns
from openedx_learning_ext.standalone import models as host_models
from openedx_learning_ext.standalone.tokens import make_token

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
OTHER = CourseKey.from_string("course-v1:OpenedX+Other+2026")
NOWHERE = "course-v1:OpenedX+Nowhere+2026"
SECRET = "s3cr&t/+"
PREFIX = "/api/learning_ext/lti_consumer/v1/"


def path_of(name, *, course=DEMO, tool=None, place=None):
    if name in ("launch", "outcomes"):
        return reverse(f"learning_ext:lti_consumer:{name}", args=[place])
    kwargs = {"course_id": str(course)}
    if name == "configuration":
        kwargs["configuration_id"] = tool
    if name == "placement":
        kwargs["placement_uuid"] = place
    return reverse(f"learning_ext:lti_consumer:{name}", kwargs=kwargs)


def send_json(browser, method, path, body=None):
    if method == "get":
        return browser.get(path)
    return getattr(browser, method)(path, data=json.dumps(body or {}), content_type="application/json")


@pytest.fixture
def tools_path():
    return path_of("configurations")


@pytest.fixture
def places_path():
    return path_of("placements")


@pytest.fixture
def staff(client_of, grace):
    """Grace's browser."""
    return client_of(grace)


@pytest.fixture
def elsewhere(other_course):
    """A tool and a placement of the other course."""
    tool = api.create_configuration(
        course_key=OTHER, lti_1p1_launch_url="https://other.example/launch", lti_1p1_client_key="other",
        lti_1p1_client_secret="other secret",
    )
    return tool, api.create_placement(course_key=OTHER, configuration_id=tool.pk, title="Elsewhere", graded=True)


# -- who may (S16) -----------------------------------------------------------------------------------------------------

WHO = ["anonymous", "learner", "other learner", "staff of another course", "staff", "admin"]


@pytest.fixture
def browsers(client_of, ada, bob, other_course, grace, grace_elsewhere, admin):
    """One browser for each kind of person; the other learner learns elsewhere only."""
    host_models.Enrollment.objects.filter(user=bob, course_key=DEMO).delete()
    return dict(zip(WHO, [Client(), *map(client_of, [ada, bob, grace_elsewhere, grace, admin])], strict=True))


TEAM_ONLY = [401, 403, 403, 403]
#: URL name and method -> what each kind of person is answered, in the order of WHO.
MATRIX = {
    ("configurations", "get"): [*TEAM_ONLY, 200, 200],
    ("configurations", "post"): [*TEAM_ONLY, 400, 400],
    ("configurations", "options"): [*TEAM_ONLY, 200, 200],
    ("configurations", "delete"): [*TEAM_ONLY, 405, 405],
    ("configuration", "get"): [*TEAM_ONLY, 200, 200],
    ("configuration", "put"): [*TEAM_ONLY, 400, 400],
    ("configuration", "patch"): [*TEAM_ONLY, 200, 200],
    ("configuration", "delete"): [*TEAM_ONLY, 409, 409],
    ("placements", "get"): [*TEAM_ONLY, 200, 200],
    ("placements", "post"): [*TEAM_ONLY, 400, 400],
    ("placement", "get"): [*TEAM_ONLY, 200, 200],
    ("placement", "put"): [*TEAM_ONLY, 400, 400],
    ("placement", "patch"): [*TEAM_ONLY, 200, 200],
    ("placement", "delete"): [*TEAM_ONLY, 204, 404],
    ("launch", "get"): [302, 200, 404, 404, 200, 200],
    ("launch", "post"): [405] * 6,
    ("outcomes", "get"): [405] * 6,
    ("outcomes", "post"): [200] * 6,
}


def test_the_matrix_has_every_address_of_the_app():
    assert {name for name, _ in MATRIX} == {pattern.name for pattern in api_patterns}


@pytest.mark.parametrize(("name", "method"), MATRIX, ids=lambda value: value)
def test_everybody_is_answered_as_the_matrix_says(browsers, placement, name, method):
    path = path_of(name, tool=placement.configuration_id, place=placement.uuid)

    answers = {who: send_json(browser, method, path) for who, browser in browsers.items()}

    assert {who: answer.status_code for who, answer in answers.items()} == dict(
        zip(WHO, MATRIX[name, method], strict=True)
    )
    for answer in answers.values():
        if name not in ("launch", "outcomes") and answer.status_code >= 400:
            assert answer["Content-Type"] == "application/json"
            assert isinstance(answer.json(), (dict, list))
        assert SECRET.encode() not in answer.content


def test_nothing_changed_for_those_who_may_not(browsers, placement):
    for who in WHO[:4]:
        for name in ("configuration", "placement"):
            path = path_of(name, tool=placement.configuration_id, place=placement.uuid)
            for method in ("put", "patch", "delete"):
                send_json(browsers[who], method, path, {"title": "stolen", "lti_1p1_client_key": "stolen"})
        for name in ("configurations", "placements"):
            send_json(browsers[who], "post", path_of(name), {"lti_1p1_launch_url": "https://evil.example/"})

    assert list(LtiConfiguration.objects.values_list("lti_1p1_client_key", flat=True)) == ["key-1"]
    assert list(LtiPlacement.objects.values_list("title", flat=True)) == ["The quiz"]


def test_what_exists_and_what_does_not_look_the_same_to_those_who_may_not(browsers, placement):
    there = {"tool": placement.configuration_id, "place": placement.uuid}
    missing = {"tool": 10**9, "place": uuid.uuid4()}
    for who in WHO[:4]:
        for name in ("configuration", "placement"):
            answers = [browsers[who].get(path_of(name, **which)) for which in (there, missing)]

            assert answers[0].status_code == answers[1].status_code
            assert answers[0].content == answers[1].content


@pytest.mark.parametrize("who", ["other learner", "staff of another course"])
def test_a_placement_of_others_and_none_at_all_are_the_same_404(browsers, placement, who):
    # The host is asked about the person only where there is a placement; what keeps placements from being guessed is
    # the randomness of their ids.
    seen = []
    for place in (placement.uuid, uuid.uuid4()):
        answer = browsers[who].get(path_of("launch", place=place))
        # Each page has a token of its own in the form that signs out.
        text = re.sub(r'value="\w{64}"', "", answer.content.decode()).replace(str(place), "")
        seen.append((answer.status_code, text))

    assert seen[0] == seen[1]
    assert seen[0][0] == 404


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_an_object_of_another_course_is_missing_even_to_the_admin(browsers, placement, elsewhere, method):
    tool, place = elsewhere
    body = {"title": "x", "configuration_id": placement.configuration_id, "lti_1p1_launch_url": "https://a.example/"}
    for who in ("staff", "admin"):
        for name, error in [("configuration", "ConfigurationNotFound"), ("placement", "PlacementNotFound")]:
            for which in ({"tool": tool.pk, "place": place.uuid}, {"tool": 10**17, "place": uuid.uuid4()}):
                answer = send_json(browsers[who], method, path_of(name, **which), body)

                assert (answer.status_code, answer.json()) == (404, {"error": error})
    tool.refresh_from_db()
    assert tool.lti_1p1_client_key == "other"


def test_an_unknown_course_is_404_for_the_admin_and_403_for_staff_of_another(browsers, placement):
    for name in ("configurations", "placements"):
        path = path_of(name, course=NOWHERE)

        answer = browsers["admin"].get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": "CourseNotFound"})
        assert browsers["staff"].get(path).status_code == 403


def test_an_instructor_is_of_the_team_and_limited_staff_is_not(client_of, ada, bob, placement, tools_path):
    for user, role in [(ada, "instructor"), (bob, "limited_staff")]:
        host_models.CourseRole.objects.create(user=user, course_key=DEMO, org="OpenedX", role=role)

    assert client_of(ada).get(tools_path).status_code == 200
    assert client_of(bob).get(tools_path).status_code == 403


def test_a_token_signs_in(client, grace, ada, tool, tools_path):
    for user, status in [(grace, 200), (ada, 403)]:
        answer = client.get(tools_path, HTTP_AUTHORIZATION=f"JWT {make_token(user)}")

        assert answer.status_code == status

    answer = client.get(tools_path, HTTP_AUTHORIZATION="JWT not.a.token")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/json"


def test_a_token_may_write_without_a_csrf_token_and_a_session_may_not(grace, tools_path):
    body = {"lti_1p1_launch_url": "https://tool.example/"}
    browser = Client(enforce_csrf_checks=True)

    with_token = browser.post(
        tools_path, json.dumps(body), content_type="application/json", HTTP_AUTHORIZATION=f"JWT {make_token(grace)}"
    )
    browser.force_login(grace)
    with_session = send_json(browser, "post", tools_path, body)

    assert with_token.status_code == 201
    assert with_session.status_code == 403
    assert with_session["Content-Type"] == "application/json"


# -- tools -------------------------------------------------------------------------------------------------------------


def test_a_tool_is_added_read_changed_and_deleted(staff, demo_course, tools_path):
    body = {
        "lti_1p1_launch_url": "https://tool.example/launch",
        "lti_1p1_client_key": "key",
        "lti_1p1_client_secret": " marked secret ",
        "lti_config": {"pii_share_email": True, "additional_parameters": {"custom_a": "b"}},
    }

    added = send_json(staff, "post", tools_path, body)
    made = LtiConfiguration.objects.get()
    path = path_of("configuration", tool=made.pk)
    read = staff.get(path)
    changed = send_json(staff, "patch", path, {"lti_1p1_client_key": "", "lti_config": {}})
    put = send_json(staff, "put", path, {"lti_1p1_launch_url": "https://tool.example/2"})

    assert added.status_code == 201
    assert added.json() == {
        "id": made.pk, "version": "lti_1p1", "lti_1p1_launch_url": "https://tool.example/launch",
        "lti_1p1_client_key": "key", "lti_config": body["lti_config"], "problems": [],
        "created": added.json()["created"], "modified": added.json()["modified"],
    }
    assert (read.status_code, read.json()) == (200, added.json())
    assert (changed.status_code, changed.json()["problems"], changed.json()["lti_config"]) == (200, ["missing_key"], {})
    assert (put.status_code, put.json()["lti_1p1_launch_url"]) == (200, "https://tool.example/2")
    assert made.course_key == DEMO
    assert LtiConfiguration.objects.get().lti_1p1_client_secret == " marked secret "
    for answer in (added, read, changed, put, staff.get(tools_path), staff.options(path)):
        assert b"marked secret" not in answer.content
        assert b"enc1:" not in answer.content

    deleted = staff.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert staff.delete(path).status_code == 404


def test_only_the_address_is_needed(staff, demo_course, tools_path):
    added = send_json(staff, "post", tools_path, {"lti_1p1_launch_url": "https://tool.example/"})

    assert added.status_code == 201
    assert added.json()["problems"] == ["missing_key", "missing_secret"]


def test_version_course_and_id_are_not_the_senders_to_say(staff, demo_course, tools_path):
    body = {
        "lti_1p1_launch_url": "https://tool.example/", "version": "lti_1p3", "course_key": str(OTHER), "id": 77,
    }

    added = send_json(staff, "post", tools_path, body).json()

    assert (added["version"], LtiConfiguration.objects.get().course_key) == ("lti_1p1", DEMO)
    assert added["id"] == LtiConfiguration.objects.get().pk != 77


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"lti_1p1_launch_url": "tool.example"}, "lti_1p1_launch_url"),
        ({"lti_1p1_launch_url": "javascript:alert(1)"}, "lti_1p1_launch_url"),
        ({"lti_1p1_launch_url": ""}, "lti_1p1_launch_url"),
        ({"lti_1p1_launch_url": None}, "lti_1p1_launch_url"),
        ({"lti_1p1_launch_url": ["https://tool.example/"]}, "lti_1p1_launch_url"),
        ({"lti_1p1_launch_url": f"https://tool.example/{'x' * 1023}"}, "lti_1p1_launch_url"),
        ({"lti_1p1_client_key": "k" * 256}, "lti_1p1_client_key"),
        ({"lti_1p1_client_key": "clé"}, "lti_1p1_client_key"),
        ({"lti_1p1_client_key": None}, "lti_1p1_client_key"),
        ({"lti_1p1_client_secret": "s" * 256}, "lti_1p1_client_secret"),
        ({"lti_1p1_client_secret": {"a": 1}}, "lti_1p1_client_secret"),
        ({"lti_1p1_client_secret": "\ud800"}, "lti_1p1_client_secret"),
        ({"lti_config": None}, "lti_config"),
        ({"lti_config": []}, "lti_config"),
        ({"lti_config": [1]}, "lti_config"),
        ({"lti_config": "text"}, "lti_config"),
        ({"lti_config": 0}, "lti_config"),
        ({"lti_config": {"room": 1}}, "lti_config"),
        ({"lti_config": {"pii_share_email": "yes"}}, "lti_config"),
        ({"lti_config": {"additional_parameters": ["custom_a"]}}, "lti_config"),
        ({"lti_config": {"additional_parameters": {"roles": "Instructor"}}}, "lti_config"),
        ({"lti_config": {"additional_parameters": {"custom_a": 5}}}, "lti_config"),
        ({"lti_config": {"additional_parameters": {"custom_a": "x" * 1025}}}, "lti_config"),
        ({"lti_config": {"additional_parameters": {"custom_a": "\ud800"}}}, "lti_config"),
        ({"lti_config": {"additional_parameters": {"custom_a": "\x00"}}}, "lti_config"),
    ],
)
def test_a_tool_that_makes_no_sense_is_400_with_the_field(staff, tool, tools_path, body, wrong):
    staff.raise_request_exception = False

    added = send_json(staff, "post", tools_path, {"lti_1p1_launch_url": "https://tool.example/", **body})
    changed = send_json(staff, "patch", path_of("configuration", tool=tool.pk), body)

    for answer in (added, changed):
        assert answer.status_code == 400
        assert list(answer.json()) == [wrong]
        assert all(isinstance(text, str) and text for text in answer.json()[wrong])
    assert LtiConfiguration.objects.count() == 1


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"null", b"\xff", b'{"lti_1p1_launch_url": NaN}'])
def test_what_is_no_json_object_is_400(staff, tool, placement, body):
    staff.raise_request_exception = False
    for path in (path_of("configurations"), path_of("placements")):
        answer = staff.post(path, body, content_type="application/json")

        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/json"


@pytest.mark.parametrize("secret", [{}, {"lti_1p1_client_secret": ""}])
def test_a_blank_secret_keeps_the_stored_one(staff, tool, secret):
    path = path_of("configuration", tool=tool.pk)

    for method in ("patch", "put"):
        answer = send_json(staff, method, path, {"lti_1p1_launch_url": "https://tool.example/new", **secret})
        assert answer.status_code == 200

    stored = LtiConfiguration.objects.get()
    assert (stored.lti_1p1_launch_url, stored.lti_1p1_client_secret) == ("https://tool.example/new", SECRET)


def test_an_unreadable_secret_is_a_problem_that_staff_sees_and_mends(staff, tool, tools_path, settings):
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key, and nothing else"]
    path = path_of("configuration", tool=tool.pk)

    assert staff.get(path).json()["problems"] == ["unreadable_secret"]
    assert staff.get(tools_path).json()["results"][0]["problems"] == ["unreadable_secret"]
    assert send_json(staff, "patch", path, {"lti_1p1_client_key": "k"}).json()["problems"] == ["unreadable_secret"]

    mended = send_json(staff, "patch", path, {"lti_1p1_client_secret": "new"})

    assert (mended.status_code, mended.json()["problems"]) == (200, [])


def test_deleting_a_tool_in_use_is_409_and_deletes_nothing(staff, placement):
    answer = staff.delete(path_of("configuration", tool=placement.configuration_id))

    assert (answer.status_code, answer.json()) == (409, {"error": "ConfigurationInUse"})
    assert LtiConfiguration.objects.exists()
    assert LtiPlacement.objects.exists()


# -- placements --------------------------------------------------------------------------------------------------------


def test_a_placement_is_added_read_changed_and_deleted(staff, tool, quiz_block, places_path):
    body = {
        "title": "  Week 1  ", "configuration_id": tool.pk, "usage_key": str(quiz_block.usage_key),
        "resource_link_id": "rl-1", "graded": True, "max_score": 5, "due_at": "2027-01-01T00:00:00Z",
        "grace_seconds": 60, "accepts_late_grades": False,
    }

    added = send_json(staff, "post", places_path, body)
    made = LtiPlacement.objects.get()
    path = path_of("placement", place=made.uuid)
    read = staff.get(path)
    root = "http://127.0.0.1:8000"

    assert added.status_code == 201
    assert added.json() == {
        **body,
        "uuid": str(made.uuid),
        "title": "Week 1",
        "max_score": 5.0,
        "launch_url": f"{root}{PREFIX}launch/{made.uuid}/",
        "outcome_url": f"{root}{PREFIX}outcomes/{made.uuid}/",
        "created": added.json()["created"],
        "modified": added.json()["modified"],
    }
    assert (read.status_code, read.json()) == (200, added.json())
    assert made.course_key == DEMO

    changed = send_json(staff, "patch", path, {"graded": False, "usage_key": None, "due_at": None, "max_score": 0})
    put = send_json(staff, "put", path, {"title": "Renamed", "configuration_id": tool.pk})

    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in ("graded", "usage_key", "due_at", "max_score", "outcome_url")} == {
        "graded": False, "usage_key": None, "due_at": None, "max_score": 0.0, "outcome_url": None,
    }
    assert (put.status_code, put.json()["title"], put.json()["resource_link_id"]) == (200, "Renamed", "rl-1")
    assert staff.delete(path).status_code == 204
    assert staff.get(path).status_code == 404


def test_title_and_tool_are_all_that_is_needed(staff, tool, places_path):
    added = send_json(staff, "post", places_path, {"title": "T", "configuration_id": tool.pk})

    assert added.status_code == 201
    assert added.json()["resource_link_id"]
    assert added.json()["outcome_url"] is None


def test_the_uuid_and_the_addresses_are_not_the_senders_to_say(staff, tool, places_path):
    wanted = str(uuid.uuid4())
    body = {"title": "T", "configuration_id": tool.pk, "uuid": wanted, "launch_url": "https://evil.example/"}

    added = send_json(staff, "post", places_path, body).json()

    assert added["uuid"] != wanted
    assert "evil" not in added["launch_url"]


def test_the_addresses_are_those_under_which_tools_reach_the_site(staff, placement, settings):
    path = path_of("placement", place=placement.uuid)
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_BASE_URL = "https://lms.example.org/"
    configured = staff.get(path).json()
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_BASE_URL = None
    settings.LMS_ROOT_URL = None
    own = staff.get(path).json()

    assert configured["outcome_url"] == f"https://lms.example.org{PREFIX}outcomes/{placement.uuid}/"
    assert own["launch_url"] == f"http://testserver{PREFIX}launch/{placement.uuid}/"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"title": ""}, "title"),
        ({"title": "  "}, "title"),
        ({"title": None}, "title"),
        ({"title": "t" * 256}, "title"),
        ({"title": "\x00"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"configuration_id": None}, "configuration_id"),
        ({"configuration_id": "x"}, "configuration_id"),
        ({"configuration_id": 10**9}, "configuration_id"),
        ({"configuration_id": 10**30}, "configuration_id"),
        ({"configuration_id": -1}, "configuration_id"),
        ({"usage_key": "x"}, "usage_key"),
        ({"usage_key": 5}, "usage_key"),
        ({"usage_key": ["x"]}, "usage_key"),
        ({"usage_key": "block-v1:OpenedX+Demo+2026+type@problem+block@none"}, "usage_key"),
        ({"usage_key": "block-v1:OpenedX+Other+2026+type@problem+block@quiz"}, "usage_key"),
        ({"usage_key": "i4x://OpenedX/Demo/problem/quiz"}, "usage_key"),
        ({"usage_key": "lb:OpenedX:lib:problem:quiz"}, "usage_key"),
        ({"resource_link_id": ""}, "resource_link_id"),
        ({"resource_link_id": "r" * 256}, "resource_link_id"),
        ({"graded": "perhaps"}, "graded"),
        ({"max_score": -1}, "max_score"),
        ({"max_score": "inf"}, "max_score"),
        ({"max_score": "nan"}, "max_score"),
        ({"max_score": None}, "max_score"),
        ({"due_at": "tomorrow"}, "due_at"),
        ({"grace_seconds": -1}, "grace_seconds"),
        ({"grace_seconds": 2**40}, "grace_seconds"),
        ({"grace_seconds": 1.5}, "grace_seconds"),
        ({"accepts_late_grades": None}, "accepts_late_grades"),
    ],
)
def test_a_placement_that_makes_no_sense_is_400_with_the_field(staff, placement, places_path, body, wrong):
    staff.raise_request_exception = False

    added = send_json(
        staff, "post", places_path, {"title": "T", "configuration_id": placement.configuration_id, **body}
    )
    changed = send_json(staff, "patch", path_of("placement", place=placement.uuid), body)

    for answer in (added, changed):
        assert answer.status_code == 400
        assert list(answer.json()) == [wrong]
    assert LtiPlacement.objects.count() == 1


def test_a_tool_of_another_course_cannot_be_placed(staff, placement, elsewhere, places_path):
    other_tool, _ = elsewhere

    added = send_json(staff, "post", places_path, {"title": "T", "configuration_id": other_tool.pk})
    changed = send_json(
        staff, "patch", path_of("placement", place=placement.uuid), {"configuration_id": other_tool.pk}
    )

    for answer in (added, changed):
        assert (answer.status_code, list(answer.json())) == (400, ["configuration_id"])
    placement.refresh_from_db()
    assert placement.configuration_id != other_tool.pk


def test_a_resource_link_id_that_is_taken_is_400(staff, placement, places_path):
    body = {
        "title": "T", "configuration_id": placement.configuration_id, "resource_link_id": placement.resource_link_id,
    }

    answer = send_json(staff, "post", places_path, body)

    assert (answer.status_code, list(answer.json())) == (400, ["resource_link_id"])


# -- lists -------------------------------------------------------------------------------------------------------------


def many(number, tool):
    LtiConfiguration.objects.bulk_create(
        LtiConfiguration(course_key=DEMO, lti_1p1_launch_url="https://tool.example/", lti_1p1_client_secret="s")
        for _ in range(number)
    )
    LtiPlacement.objects.bulk_create(
        LtiPlacement(course_key=DEMO, configuration=tool, title=f"Place {index}", graded=True, created=timezone.now())
        for index in range(number)
    )


@pytest.mark.parametrize("name", ["configurations", "placements"])
def test_a_list_is_answered_in_pages(staff, tool, elsewhere, name):
    many(24, tool)
    if name == "placements":
        many(1, tool)

    first = staff.get(path_of(name)).json()
    last = staff.get(path_of(name), {"page": 3}).json()

    assert set(first) == {"next", "previous", "count", "num_pages", "current_page", "start", "results"}
    assert (first["count"], first["num_pages"], first["current_page"], first["start"]) == (25, 3, 1, 0)
    assert (len(first["results"]), first["previous"]) == (10, None)
    assert first["next"].endswith(f"{path_of(name)}?page=2")
    assert (len(last["results"]), last["next"]) == (5, None)
    assert staff.get(path_of(name), {"page": 4}).status_code == 404
    assert len(staff.get(path_of(name), {"page_size": 25}).json()["results"]) == 25


@pytest.mark.parametrize("name", ["configurations", "placements"])
def test_a_list_takes_as_many_queries_for_fifty_as_for_one(staff, placement, name):
    counts = []
    for more in (0, 49):
        many(more, placement.configuration)
        with CaptureQueriesContext(connection) as queries:
            results = staff.get(path_of(name), {"page_size": 100}).json()["results"]
        counts.append((len(results), len(queries)))

    assert [number for number, _ in counts] == [1, 50]
    assert counts[0][1] == counts[1][1]


def test_a_course_without_tools_has_empty_lists(staff, demo_course, tools_path, places_path):
    for path in (tools_path, places_path):
        assert staff.get(path).json()["results"] == []


def test_a_form_is_refused_because_it_cannot_say_what_was_left_out(browsers, placement):
    for method in ("post", "put", "patch"):
        path = path_of("placements") if method == "post" else path_of("placement", place=placement.uuid)
        answer = getattr(browsers["staff"], method)(
            path, "title=form&configuration_id=1", content_type="application/x-www-form-urlencoded"
        )

        assert answer.status_code == 415
    placement.refresh_from_db()
    assert placement.accepts_late_grades


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 50_000], ids=["lists", "objects"])
def test_json_nested_without_end_is_the_senders_error(browsers, demo_course, body):
    for name in ("placements", "configurations"):
        answer = browsers["staff"].post(path_of(name), body, content_type="application/json")

        assert answer.status_code == 400


def test_a_resource_link_id_stays_once_there_are_results(browsers, placement, ada):
    path = path_of("placement", place=placement.uuid)
    change = json.dumps({"resource_link_id": "another"})
    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=0.5)

    answer = browsers["staff"].patch(path, change, content_type="application/json")

    assert (answer.status_code, list(answer.json())) == (400, ["resource_link_id"])
