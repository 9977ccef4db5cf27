"""``lti.md`` 1.1-1.4 and edge cases 8-14, 36, 38: what a launch must be, step by step, and what a refusal leaves."""

from __future__ import annotations

import json
import logging
import time
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.lti_provider import api, launch
from openedx_learning_ext.lti_provider.models import GradedAssignment, LaunchNonce, LtiConsumer, LtiUser
from openedx_learning_ext.lti_provider.views import lti_launch, parse_course_and_usage_keys
from openedx_learning_ext.standalone import models as host_models
from openedx_learning_ext.standalone.host import StandaloneBlocks, StandaloneHost
from tests.doubles.campusside import FORM, GRADED, KEY, SECRET, Campus, changed, launch_path, post, signed_form

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
REQUIRED = [
    "roles", "context_id", "oauth_version", "oauth_consumer_key", "oauth_signature", "oauth_signature_method",
    "oauth_timestamp", "oauth_nonce", "user_id",
]  # fmt: skip


def who(browser):
    """The id of the account that is signed in in a browser, or nothing."""
    return browser.session.get("_auth_user_id")


def reasons(caplog):
    """The steps and codes of the refused launches in the log."""
    return [(record.step, record.code) for record in caplog.records if record.msg == "lti_launch_refused"]


def test_a_learner_lands_in_the_exercise_signed_in_and_not_enrolled(campus, client):
    response = campus.launch(client)

    mapping = LtiUser.objects.get()
    assert response.status_code == 200
    assert "What is 6 times 7?" in response.content.decode()
    assert who(client) == str(mapping.edx_user_id)
    assert mapping.lti_user_id == "campus-user-1"
    assert not host_models.Enrollment.objects.exists()
    assert not mapping.edx_user.is_staff


def test_the_session_is_good_for_the_next_request(campus, client, exercise):
    campus.launch(client)

    answer = client.get(f"/api/learning_ext/lti_provider/v1/grade/{DEMO}/{exercise.usage_key}/")

    assert answer.status_code == 200


def test_the_page_may_be_framed_by_a_campus(campus, client):
    response = campus.launch(client)

    assert "X-Frame-Options" not in response
    assert "frame-ancestors *" in response["Content-Security-Policy"]
    assert "no-store" in response["Cache-Control"]
    assert response["P3P"]


def test_a_launch_is_outside_of_the_hosts_transaction_for_each_request():
    """Its own ends before the page is made, and is over when the campus's browser hears of it."""
    assert "default" in lti_launch._non_atomic_requests


def test_a_launch_needs_no_csrf_token(campus):
    assert campus.launch(Client(enforce_csrf_checks=True)).status_code == 200


@pytest.mark.parametrize("prefix", ["/api/learning_ext/lti_provider/v1/courses", "/lti_provider/courses"])
def test_1_1_both_addresses_take_launches(campus, client, exercise, prefix):
    assert campus.launch(client, path=launch_path(exercise.usage_key, prefix=prefix)).status_code == 200


# -- 1.3, row by row ---------------------------------------------------------------------------------------------------


def test_step_1_switched_off_is_403_before_anything_is_read(campus, client, settings, django_assert_num_queries):
    settings.ENABLE_LTI_PROVIDER = False

    with django_assert_num_queries(0):
        response = campus.launch(client)

    assert response.status_code == 403
    assert api.list_failed_launches(consumer_id=None) == []


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch", "options"])
def test_step_2_another_method_is_405(campus, client, exercise, method):
    response = getattr(client, method)(launch_path(exercise.usage_key))

    assert response.status_code == 405
    assert response["Allow"] == "POST"


@pytest.mark.parametrize("name", REQUIRED)
def test_step_3_a_missing_parameter_is_400(campus, client, exercise, caplog, rows, name):
    pairs = changed(campus.form(), **{name: None})
    before = rows()

    response = post(client, pairs, path=launch_path(exercise.usage_key))

    assert response.status_code == 400
    assert reasons(caplog) == [(3, f"missing:{name}")]
    assert rows() == before


@pytest.mark.parametrize("name", ["lti_message_type", "lti_version", "resource_link_id"])
def test_1_2_what_the_host_never_required_may_be_absent(campus, client, name):
    assert campus.launch(client, without=[name]).status_code == 200


@pytest.mark.parametrize("kind", ["ContentItemSelectionRequest", "", "basic-lti-launch-request "])
def test_1_2_another_message_type_is_400(campus, client, caplog, kind):
    assert campus.launch(client, lti_message_type=kind).status_code == 400
    assert reasons(caplog) == [(3, "message_type")]


@pytest.mark.parametrize("user_id", ["", "u" * 256, "a\x00b"])
def test_1_2_a_user_id_that_names_nobody_is_400(campus, client, caplog, user_id):
    assert campus.launch(client, user_id=user_id).status_code == 400
    assert reasons(caplog) == [(3, "user_id")]


@pytest.mark.parametrize("roles", ["", "Instructor,Administrator", "urn:lti:sysrole:ims/lis/SysAdmin"])
def test_1_5_roles_grant_nothing_whatever_they_say(campus, client, roles):
    assert campus.launch(client, roles=roles).status_code == 200

    account = get_user_model().objects.get(pk=who(client))
    assert (account.is_staff, account.is_superuser) == (False, False)
    assert not host_models.CourseRole.objects.exists()


def test_step_4_an_unknown_key_is_403(campus, client, caplog, rows):
    before = rows()

    assert campus.launch(client, signing={"key": "nobody"}).status_code == 403

    assert reasons(caplog) == [(4, "unknown_key")]
    assert rows() == before


def test_step_4_a_key_in_another_letter_case_is_another_key(campus, client, caplog):
    assert campus.launch(client, signing={"key": KEY.upper()}).status_code == 403
    assert reasons(caplog) == [(4, "unknown_key")]


def test_step_5_a_wrong_signature_is_403(campus, client, caplog, rows):
    before = rows()

    assert campus.launch(client, signing={"secret": "another"}).status_code == 403

    assert reasons(caplog) == [(5, "signature")]
    assert rows() == before


@pytest.mark.parametrize(
    "name", ["user_id", "roles", "context_id", "resource_link_id", "oauth_nonce", "oauth_timestamp"]
)
def test_step_5_a_form_changed_after_signing_is_403(campus, client, exercise, name):
    pairs = [(key, f"{value}1" if key == name else value) for key, value in campus.form()]

    assert post(client, pairs, path=launch_path(exercise.usage_key)).status_code == 403


def test_step_5_a_form_signed_for_another_block_is_403(campus, client, exercise):
    pairs = campus.form(path=launch_path(DEMO.make_usage_key("problem", "another")))

    assert post(client, pairs, path=launch_path(exercise.usage_key)).status_code == 403


@pytest.mark.parametrize(
    ("signing", "code"),
    [
        ({"nonce": "n" * 65}, "not_acceptable:oauth_nonce"),
        ({"nonce": "żółw"}, "not_acceptable:oauth_nonce"),
        ({"timestamp": "now"}, "not_acceptable:oauth_timestamp"),
        ({"method": "HMAC-SHA256"}, "not_acceptable:oauth_signature_method"),
    ],
    ids=["nonce of 65", "nonce not ASCII", "timestamp no number", "SHA256 not enabled"],
)
def test_5_2_an_oauth_parameter_that_is_not_acceptable_is_403(campus, client, caplog, signing, code):
    assert campus.launch(client, signing=signing).status_code == 403
    assert reasons(caplog) == [(5, code)]


@pytest.mark.parametrize("nonce", ["1234567", "5f1c09e2-a7b3-4d60-9f3e-000000000000", "n" * 64, "x"])
def test_5_2_nonces_of_real_peers_are_acceptable(campus, client, nonce):
    assert campus.launch(client, signing={"nonce": nonce}).status_code == 200


def test_5_2_sha256_is_acceptable_when_enabled(campus, client, settings):
    settings.OPENEDX_LEARNING_EXT_LTI_PROVIDER_ALLOW_HMAC_SHA256 = True

    assert campus.launch(client, signing={"method": "HMAC-SHA256"}).status_code == 200


@pytest.mark.parametrize("version", ["2.0", "1.0a", ""])
def test_5_2_another_oauth_version_is_403(campus, client, exercise, version):
    pairs = changed(campus.form(), oauth_version=version)

    assert post(client, pairs, path=launch_path(exercise.usage_key)).status_code == 403


def test_5_2_the_oauth_parameters_may_stand_in_the_header(campus, client, exercise):
    pairs = campus.form()
    header = "OAuth " + ", ".join(
        f'{name}="{urlencode({"": value})[1:].replace("+", "%20")}"'
        for name, value in pairs
        if name.startswith("oauth_")
    )
    body = [(name, value) for name, value in pairs if not name.startswith("oauth_")]
    path = launch_path(exercise.usage_key)

    assert post(client, body, path=path, HTTP_AUTHORIZATION="Basic dTpw").status_code == 400
    assert post(client, body, path=path, HTTP_AUTHORIZATION=header).status_code == 200
    assert post(client, pairs, path=path, HTTP_AUTHORIZATION=header).status_code == 403  # each of them twice


def test_5_2_oauth_parameters_in_the_query_are_403(campus, client, exercise, caplog):
    path = f"{launch_path(exercise.usage_key)}?oauth_nonce=x"

    assert campus.launch(client, path=path).status_code == 403
    assert reasons(caplog) == [(5, "repeated:oauth_*")]


@pytest.mark.parametrize(
    ("course_id", "usage_id"),
    [
        ("no+course+key", "block-v1:OpenedX+Demo+2026+type@problem+block@exercise"),
        (str(DEMO), "no-key"),
        (str(DEMO), "lb:OpenedX:Lib:problem:x"),
        (str(DEMO), "block-v1:OpenedX+Demo+2026+type@problem+block@" + "x" * 255),
    ],
    ids=["no course key", "no usage key", "of a library", "too long"],
)
def test_step_6_keys_that_are_none_are_404_after_the_signature(campus, client, caplog, course_id, usage_id):
    path = f"/lti_provider/courses/{course_id}/{usage_id}"

    assert campus.launch(client, path=path, signing={"secret": "another"}).status_code == 403
    assert campus.launch(client, path=path).status_code == 404

    assert reasons(caplog) == [(5, "signature"), (6, "not_a_key")]
    assert LaunchNonce.objects.count() == 1  # a planned refusal keeps it
    assert not LtiUser.objects.exists()
    assert who(client) is None


def test_step_7_somebody_without_the_needed_account_is_403(campus, client, consumer, caplog, rows):
    LtiConsumer.objects.update(require_user_account=True)
    before = rows()

    response = campus.launch(client, **GRADED)

    after = rows()
    assert response.status_code == 403
    assert reasons(caplog) == [(7, "not_signed_in")]
    assert len(after.pop("LaunchNonce")) == 1  # it came, and may not come again
    before.pop("LaunchNonce")
    assert after == before


def test_step_9_a_grade_that_cannot_be_stored_does_not_stop_the_launch(campus, client):
    assert campus.launch(client, lis_result_sourcedid="x").status_code == 200
    assert not GradedAssignment.objects.exists()


def test_step_10_the_host_is_told_of_the_launch_without_oauth_parameters(campus, client, consumer, settings):
    from openedx_events.learning.signals import LTI_PROVIDER_LAUNCH_SUCCESS

    settings.LTI_CUSTOM_PARAMS = ["custom_room", "oauth_nonce"]
    heard = []

    def hear(sender, launch_data, **kwargs):
        heard.append(launch_data)

    LTI_PROVIDER_LAUNCH_SUCCESS.connect(hear)
    try:
        campus.launch(client, custom_room="4", custom_other="5", context_title="Maths", **GRADED)
    finally:
        LTI_PROVIDER_LAUNCH_SUCCESS.disconnect(hear)

    (said,) = heard
    assert str(said.user.id) == who(client)
    assert (said.course_key, said.usage_key) == (DEMO, campus.usage_key)
    params = said.launch_params
    assert (params.roles, params.context_id, params.user_id) == ("Learner", "campus-course-1", "campus-user-1")
    assert params.extra_params == {
        "context_title": "Maths", "resource_link_id": "link-1", "custom_room": "4", **GRADED,
    }


def test_step_10_a_block_that_is_not_there_is_404(campus, client, exercise, caplog):
    path = launch_path(DEMO.make_usage_key("problem", "gone"))

    assert campus.launch(client, path=path).status_code == 404
    assert reasons(caplog) == [(10, "no_such_block")]


def test_step_10_a_course_that_is_closed_is_403_with_a_page_of_ours(campus, client, demo_course, caplog):
    demo_course.start = timezone.now() + timedelta(days=1)
    demo_course.save()

    response = campus.launch(client)

    assert response.status_code == 403
    assert "This course is not open to you" in response.content.decode()
    assert reasons(caplog) == [(10, "not_started")]


class Crashing(StandaloneHost):
    """A host that fails when somebody is to be signed in."""

    def __init__(self):
        super().__init__()

        def crash(request, user, *, backend):
            raise RuntimeError

        self.accounts.log_in = crash


def test_an_error_of_ours_takes_everything_back_so_that_the_form_may_come_again(campus, settings, rows):
    browser = Client(raise_request_exception=False)
    settings.OPENEDX_LEARNING_EXT_HOST = f"{__name__}.Crashing"
    get_host.cache_clear()
    pairs, path, before = campus.form(**GRADED), launch_path(campus.usage_key), rows()
    assert post(browser, pairs, path=path).status_code == 500
    assert rows() == before

    settings.OPENEDX_LEARNING_EXT_HOST = None
    get_host.cache_clear()

    assert post(browser, pairs, path=path).status_code == 200


# -- 1.4 and edge cases 8, 9 -------------------------------------------------------------------------------------------


def guids():
    return dict(LtiConsumer.objects.values_list("consumer_name", "instance_guid"))


def test_1_4_the_first_launch_teaches_us_what_a_campus_calls_itself(campus, client):
    campus.launch(client, tool_consumer_instance_guid="campus.example")

    assert guids() == {"Campus": "campus.example"}


@pytest.mark.parametrize("guid", ["another.example", "x" * 256, "a\x00b"])
def test_1_4_another_guid_changes_nothing_and_is_warned_about(campus, client, caplog, guid):
    LtiConsumer.objects.update(instance_guid="campus.example")

    assert campus.launch(client, tool_consumer_instance_guid=guid).status_code == 200

    assert guids() == {"Campus": "campus.example"}
    assert "lti_launch_other_guid" in caplog.messages
    assert guid not in caplog.text


@pytest.mark.parametrize("guid", ["", None])
def test_1_4_no_guid_is_stored_as_null(campus, client, guid):
    fields = {} if guid is None else {"tool_consumer_instance_guid": guid}

    assert campus.launch(client, **fields).status_code == 200
    assert guids() == {"Campus": None}


def test_8_the_guid_of_a_known_campus_with_another_valid_key_moves_nothing(campus, client, caplog):
    LtiConsumer.objects.create(consumer_name="Known", consumer_key="known", instance_guid="known.example")

    assert campus.launch(client, tool_consumer_instance_guid="known.example").status_code == 200

    assert guids() == {"Known": "known.example", "Campus": None}
    assert LtiUser.objects.get().lti_consumer.consumer_name == "Campus"
    assert "lti_launch_guid_of_another" in caplog.messages


def test_9_an_unsigned_launch_with_a_fresh_guid_changes_not_one_row(campus, client, exercise, rows):
    before = rows()
    pairs = changed(campus.form(tool_consumer_instance_guid="planted.example", **GRADED), oauth_signature="AAAA")

    response = post(client, pairs, path=launch_path(exercise.usage_key))

    assert response.status_code == 403
    assert rows() == before


# -- edge cases 10 to 14 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"oauth_signature_method": "RSA-SHA1"},
        {"oauth_signature_method": "PLAINTEXT", "oauth_signature": "c4mpus%26%2F%2B%20secret&"},
        {"oauth_signature_method": ""},
    ],
    ids=["RSA-SHA1", "PLAINTEXT", "empty"],
)
def test_10_another_signature_method_is_403(campus, client, exercise, change):
    response = post(client, changed(campus.form(), **change), path=launch_path(exercise.usage_key))

    assert response.status_code == 403


def test_10_a_token_is_403_also_when_it_was_signed(campus, client):
    assert campus.launch(client, oauth_token="x").status_code == 403
    assert campus.launch(client, oauth_token="").status_code == 200


@pytest.mark.parametrize("name", ["oauth_nonce", "oauth_consumer_key", "oauth_signature", "oauth_made_up"])
def test_11_a_repeated_oauth_parameter_is_403(campus, client, exercise, caplog, name):
    pairs = campus.form(oauth_made_up="1")
    pairs += [pair for pair in pairs if pair[0] == name]

    assert post(client, pairs, path=launch_path(exercise.usage_key)).status_code == 403
    assert reasons(caplog) == [(5, f"repeated:{'oauth_*' if name == 'oauth_made_up' else name}")]


def test_12_blank_values_take_part_in_the_signature(campus, client, exercise):
    pairs = campus.form(launch_presentation_return_url="", custom_blank="")
    without = [pair for pair in pairs if pair[0] != "custom_blank"]

    assert post(client, without, path=launch_path(exercise.usage_key)).status_code == 403
    assert post(client, pairs, path=launch_path(exercise.usage_key)).status_code == 200


def test_13_the_query_of_the_address_takes_part_in_the_signature(campus, client, exercise):
    path = launch_path(exercise.usage_key)
    query = "?course=a%20b&empty=&x=%C3%BC"

    assert post(client, campus.form(path=path), path=path + query).status_code == 403
    assert post(client, campus.form(path=path + query), path=path + query).status_code == 200


def test_13_the_host_does_not_see_the_campuss_query(campus, client, exercise, monkeypatch):
    seen = []
    really = StandaloneBlocks.render_launched

    def render(blocks, request, usage_key):
        seen.append((dict(request.GET), request.META["QUERY_STRING"]))
        return really(blocks, request, usage_key)

    monkeypatch.setattr(StandaloneBlocks, "render_launched", render)

    campus.launch(client, path=f"{launch_path(exercise.usage_key)}?view=author")

    assert seen == [({}, "")]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps({"user_id": "x"}), "application/json"),
        (
            "--b\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\nx\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
        ),
        ("not multipart at all", "multipart/form-data; boundary=b"),
        ("not multipart at all", "multipart/form-data"),
        ("a=b", "text/plain"),
        ("a=b", ""),
        ("", "application/x-www-form-urlencoded"),
        ("%FF%FE=%00&&&==", "application/x-www-form-urlencoded"),
        ("a=b", "application/x-www-form-urlencoded; charset=utf-16"),
        ("&".join(f"a{number}=1" for number in range(2000)), "application/x-www-form-urlencoded"),
        ("a=" + "b" * 70_000, "application/x-www-form-urlencoded"),
    ],
)
def test_14_a_body_that_is_no_form_is_400(campus, client, exercise, body, content_type):
    response = client.post(launch_path(exercise.usage_key), data=body, content_type=content_type)

    assert response.status_code == 400
    assert "This link does not work" in response.content.decode()


def test_14_a_length_that_is_no_number_is_400(rf, campus, exercise):
    request = rf.post(launch_path(exercise.usage_key), urlencode(campus.form()), content_type=FORM)
    request.META["CONTENT_LENGTH"] = "many"

    assert lti_launch(request, str(DEMO), str(exercise.usage_key)).status_code == 400


def test_14_a_whole_launch_sent_as_multipart_is_400(campus, client, exercise):
    assert client.post(launch_path(exercise.usage_key), dict(campus.form())).status_code == 400


# -- edge cases 36 and 38, freshness -----------------------------------------------------------------------------------


def test_36_a_consumer_with_an_empty_secret_lets_nobody_in(campus, client, exercise):
    consumer = LtiConsumer.objects.get()
    consumer.consumer_secret = ""
    consumer.save()

    for secret in ("", SECRET):
        assert campus.launch(client, signing={"secret": secret}).status_code == 403


def test_36_a_secret_that_cannot_be_read_lets_nobody_in(campus, client, settings, caplog):
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key, and nothing else"]

    assert campus.launch(client).status_code == 403
    assert "lti_launch_secret_unreadable" in caplog.messages


@pytest.mark.parametrize(
    ("offset", "status"), [(-240, 200), (-300, 200), (300, 200), (-360, 403), (360, 403)], ids=lambda value: str(value)
)
def test_38_a_clock_4_minutes_off_is_let_in_and_6_minutes_is_not(campus, client, monkeypatch, offset, status):
    now = 1_790_000_000
    monkeypatch.setattr(time, "time", lambda: float(now))

    response = campus.launch(client, signing={"timestamp": now + offset})

    assert response.status_code == status


def test_38_the_log_line_names_the_skew(campus, client, caplog):
    campus.launch(client, signing={"timestamp": int(time.time()) - 360})

    (record,) = [record for record in caplog.records if record.msg == "lti_launch_refused"]
    assert (record.step, record.code) == (5, "timestamp")
    assert 359 <= record.skew_seconds <= 362
    assert record.consumer_key == KEY
    assert record.path == launch_path(campus.usage_key)


def test_5_4_the_window_is_the_hosts_setting(campus, client, settings):
    settings.LTI_NONCE_WINDOW_SECONDS = 10

    assert campus.launch(client, signing={"timestamp": int(time.time()) - 20}).status_code == 403
    assert campus.launch(client).status_code == 200


def test_5_4_the_same_form_is_good_once_and_logged_as_a_replay(campus, client, exercise, caplog):
    pairs, path = campus.form(), launch_path(exercise.usage_key)

    assert [post(client, pairs, path=path).status_code for _ in range(3)] == [200, 403, 403]
    assert reasons(caplog) == [(5, "replay"), (5, "replay")]
    assert LaunchNonce.objects.count() == 1


def test_5_4_the_replay_check_can_be_switched_off(campus, client, exercise, settings):
    settings.OPENEDX_LEARNING_EXT_LTI_PROVIDER_CHECK_REPLAY = False
    pairs, path = campus.form(), launch_path(exercise.usage_key)

    assert [post(client, pairs, path=path).status_code for _ in range(2)] == [200, 200]
    assert not LaunchNonce.objects.exists()


def test_5_4_a_stranger_cannot_use_a_nonce_up(campus, client, exercise):
    pairs, path = campus.form(), launch_path(exercise.usage_key)

    assert post(client, changed(pairs, oauth_signature="AAAA"), path=path).status_code == 403
    assert post(client, pairs, path=path).status_code == 200


# -- 5.3: the address that was signed ----------------------------------------------------------------------------------


def test_5_3_a_launch_may_be_signed_for_the_configured_address(campus, client, settings, caplog):
    assert campus.launch(client, base="https://public.example").status_code == 403

    settings.OPENEDX_LEARNING_EXT_LTI_PROVIDER_LAUNCH_BASE_URL = "https://public.example/"
    with caplog.at_level(logging.INFO):
        assert campus.launch(client, base="https://public.example").status_code == 200
        assert "lti_launch_signed_for_another_url" not in caplog.messages
        assert campus.launch(client, base="http://testserver").status_code == 200

    assert "lti_launch_signed_for_another_url" in caplog.messages


def test_5_3_the_other_scheme_is_tried_behind_a_declared_proxy_only(campus, client, settings):
    assert campus.launch(client, base="https://testserver").status_code == 403

    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert campus.launch(client, base="https://testserver").status_code == 200


def test_5_3_the_path_is_taken_as_it_was_on_the_wire(campus, client, exercise):
    path = launch_path(exercise.usage_key)
    wire = path.replace("@", "%40").replace("+", "%2B")

    assert post(client, campus.form(path=wire), path=path, REQUEST_URI=wire).status_code == 200
    assert post(client, campus.form(path=wire), path=path).status_code == 403
    assert post(client, campus.form(), path=path, REQUEST_URI="http://elsewhere.example/x").status_code == 200


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("course_id", "usage_id", "usage_key"),
    [
        (str(DEMO), f"{DEMO.make_usage_key('problem', 'x')}", "block-v1:OpenedX+Demo+2026+type@problem+block@x"),
        ("OpenedX/Demo/2026", "i4x://OpenedX/Demo/problem/x", "i4x://OpenedX/Demo/problem/x"),
        ("OpenedX/Demo/2026", "i4x:;_;_OpenedX;_Demo;_problem;_x", "i4x://OpenedX/Demo/problem/x"),
    ],
)
def test_1_1_keys_are_parsed_and_mapped_into_the_course(course_id, usage_id, usage_key):
    course, usage = parse_course_and_usage_keys(course_id, usage_id)

    assert (str(course), str(usage)) == (course_id, usage_key)
    assert usage.course_key == course


def test_1_1_a_quoted_semicolon_is_one():
    assert launch._QUOTED_SLASH.sub(lambda m: {";_": "/", ";;": ";"}[m.group()], "a;;_b;_c") == "a;_b/c"
    with pytest.raises(InvalidKeyError):
        parse_course_and_usage_keys(str(DEMO), "a;;_b;_c")


@pytest.mark.parametrize(
    ("course_id", "usage_id"),
    [("", "x"), ("x", "x"), (str(DEMO), ""), (str(DEMO), "x"), (str(DEMO), "lb:A:B:problem:x")],
)
def test_1_1_what_is_no_key_is_an_error(course_id, usage_id):
    with pytest.raises(InvalidKeyError):
        parse_course_and_usage_keys(course_id, usage_id)


def test_a_launch_shows_no_person_in_its_repr(campus, rf, ada):
    made = launch.Launch(ada, 7, DEMO, campus.usage_key, {"lis_person_name_full": "Ada Lovelace"}, None)

    assert "Ada" not in repr(made)
    assert "ada" not in repr(made)


def test_another_campus_signs_with_its_own_key_only(campus, client, exercise):
    LtiConsumer.objects.create(consumer_name="Other", consumer_key="other", consumer_secret="other secret")
    other = Campus(exercise.usage_key, key="other", secret="other secret")

    assert other.launch(client).status_code == 200
    assert other.launch(client, signing={"secret": SECRET}).status_code == 403
    assert campus.launch(client, signing={"secret": "other secret"}).status_code == 403


def test_signed_form_is_oauthlibs_own(exercise):
    """The double signs what it is told, so that the tests above mean what they say."""
    pairs = dict(signed_form("http://testserver/x", {"a": ""}, nonce="n", timestamp=1))

    assert pairs["a"] == ""
    assert (pairs["oauth_nonce"], pairs["oauth_timestamp"]) == ("n", "1")
