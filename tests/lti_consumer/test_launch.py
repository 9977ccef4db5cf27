"""The launch page of a placement: what the tool is told, who gets in, and how the page is sent."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import oauthlib.common
import pytest
from django.test import Client as Browser
from django.utils import timezone, translation
from lxml import html
from oauthlib.oauth1 import Client
from oauthlib.oauth1.rfc5849 import signature
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core.errors import Conflict
from openedx_learning_ext.lti_consumer import api, launch
from openedx_learning_ext.lti_consumer.models import LtiConfiguration
from openedx_learning_ext.standalone import models as host_models

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
SECRET = "s3cr&t/+"
SCRIPT = '"><script>alert(1)</script>'


def visit(browser, placement, **extra):
    return browser.get(api.launch_path(placement), **extra)


def form_of(response):
    """Return (address, fields) of the one form of a launch page, read as a browser reads it."""
    assert response.status_code == 200
    (form,) = html.fromstring(response.content.decode()).forms
    assert form.method == "POST"
    fields = [(field.name, field.value) for field in form.inputs if field.name]
    assert len(fields) == len(dict(fields))
    return form.action, dict(fields)


def fields_for(browser, placement):
    return form_of(visit(browser, placement))[1]


def signed_by(url, fields, secret):
    """Return the signature that oauthlib computes for a posted form."""
    pairs = [(name, value) for name, value in fields.items() if name != "oauth_signature"]
    pairs += parse_qsl(urlsplit(url).query, keep_blank_values=True)
    base = signature.signature_base_string(
        "POST", signature.base_string_uri(url), signature.normalize_parameters(pairs)
    )
    return signature.sign_hmac_sha1_with_client(base, Client("", client_secret=secret))


def configure(tool, **options):
    return api.update_configuration(course_key=DEMO, configuration_id=tool.pk, lti_config=options)


# -- what the tool is told ---------------------------------------------------------------------------------------------


def test_a_learner_is_launched_with_exactly_these_parameters(ada, placement, client_of, host, settings):
    settings.PLATFORM_NAME = "Żółw & Co"

    address, fields = form_of(visit(client_of(ada), placement))

    anonymous = host.identity.anonymous_id(ada, DEMO)
    said = {name: value for name, value in fields.items() if not name.startswith("oauth_")}
    assert address == "https://tool.example/launch?room=1"
    assert said == {
        "lti_message_type": "basic-lti-launch-request",
        "lti_version": "LTI-1p0",
        "launch_presentation_return_url": "",
        "launch_presentation_locale": "en",
        "tool_consumer_info_product_family_code": "Żółw & Co",
        "user_id": anonymous,
        "roles": "Student,Learner",
        "context_id": "course-v1:OpenedX+Demo+2026",
        "context_label": "course-v1:OpenedX+Demo+2026",
        "context_title": "Demonstration Course - OpenedX",
        "resource_link_id": placement.resource_link_id,
        "resource_link_title": "The quiz",
        "lis_outcome_service_url": f"http://127.0.0.1:8000{api.outcome_path(placement)}",
        "lis_result_sourcedid": f"course-v1%3AOpenedX%2BDemo%2B2026:{placement.resource_link_id}:{anonymous}",
    }
    signing = {name for name in fields if name.startswith("oauth_")}
    assert signing == {
        "oauth_callback", "oauth_consumer_key", "oauth_nonce", "oauth_timestamp", "oauth_signature_method",
        "oauth_version", "oauth_signature",
    }
    assert fields["oauth_callback"] == "about:blank"
    assert (fields["oauth_consumer_key"], fields["oauth_signature_method"]) == ("key-1", "HMAC-SHA1")
    assert fields["oauth_version"] == "1.0"


def test_the_signature_is_good_for_another_implementation_the_query_of_the_address_included(ada, placement, client_of):
    address, fields = form_of(visit(client_of(ada), placement))

    assert fields["oauth_signature"] == signed_by(address, fields, SECRET)
    assert fields["oauth_signature"] != signed_by(address.partition("?")[0], fields, SECRET)
    assert "room" not in fields


def test_every_launch_is_signed_anew(ada, placement, client_of):
    first, second = (fields_for(client_of(ada), placement) for _ in range(2))

    assert first["oauth_nonce"] != second["oauth_nonce"]
    assert abs(int(first["oauth_timestamp"]) - timezone.now().timestamp()) < 600


def test_a_launch_has_the_known_signature(demo_course, monkeypatch):
    """The vector of another implementation; oauthlib's clock and dice are held still for it."""
    monkeypatch.setattr(oauthlib.common, "generate_nonce", lambda: "abc123")
    monkeypatch.setattr(oauthlib.common, "generate_timestamp", lambda: "1700000000")
    tool = LtiConfiguration(
        lti_1p1_launch_url="https://tool.example/lti?room=1", lti_1p1_client_key="demo-key",
        lti_1p1_client_secret="demo-secret",
    )
    parameters = {
        "lti_message_type": "basic-lti-launch-request",
        "lti_version": "LTI-1p0",
        "resource_link_id": "rl-1",
        "user_id": "u1",
        "roles": "Student",
        "oauth_callback": "about:blank",
        "context_title": "Física & \"Química\" – O'Neil",
    }

    form = api.build_launch(configuration=tool, parameters=parameters)

    assert form.url == "https://tool.example/lti?room=1"
    assert form.fields["oauth_signature"] == "NO7i5AuBgp4/LxaeR+LvEpIGYTM="
    assert {name: form.fields[name] for name in parameters} == parameters


SOURCED = "course-v1%3AOpenedX%2BDemo%2B2026:lms.example.org-week%201%3A%20quiz%2F%C3%BC:5f1c09e2a7b34d60"


def test_a_sourcedid_has_the_known_form_and_is_read_back():
    parts = ("course-v1:OpenedX+Demo+2026", "lms.example.org-week 1: quiz/ü", "5f1c09e2a7b34d60")

    assert launch.make_sourced_id(*parts) == SOURCED
    assert launch.read_sourced_id(SOURCED) == parts


@pytest.mark.parametrize("text", ["", "a", "a:b", "a:b:c:d", "%ff:b:c"])
def test_what_is_no_sourcedid_of_ours_is_none(text):
    assert launch.read_sourced_id(text) is None


def test_a_resource_link_of_any_spelling_reaches_the_tool_plain_and_the_sourcedid_encoded(ada, tool, client_of, host):
    placement = api.create_placement(
        course_key=DEMO, configuration_id=tool.pk, title="T", graded=True,
        resource_link_id="lms.example.org-week 1: quiz/ü",
    )

    fields = fields_for(client_of(ada), placement)

    assert fields["resource_link_id"] == "lms.example.org-week 1: quiz/ü"
    assert launch.read_sourced_id(fields["lis_result_sourcedid"]) == (
        str(DEMO), "lms.example.org-week 1: quiz/ü", host.identity.anonymous_id(ada, DEMO),
    )


@pytest.mark.parametrize(
    ("language", "locale"), [("en", "en"), ("es-419", "es_419"), ("pt-br", "pt_BR"), ("zh-hans", "zh_Hans")]
)
def test_the_language_is_told_in_djangos_locale_form(ada, placement, client_of, language, locale):
    with translation.override(language):
        fields = fields_for(client_of(ada), placement)

    assert fields["launch_presentation_locale"] == locale


@pytest.mark.parametrize(
    ("base", "root", "expected"),
    [
        ("https://tools.example.org/", "https://lms.example.org", "https://tools.example.org"),
        (None, "https://lms.example.org/", "https://lms.example.org"),
        (None, None, "http://testserver"),
    ],
)
def test_the_outcome_address_is_that_under_which_tools_reach_the_site(
    ada, placement, client_of, settings, base, root, expected
):
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_BASE_URL = base
    settings.LMS_ROOT_URL = root

    fields = fields_for(client_of(ada), placement)

    assert fields["lis_outcome_service_url"] == expected + api.outcome_path(placement)


# -- roles and grades --------------------------------------------------------------------------------------------------


def graded(fields):
    names = {"lis_outcome_service_url", "lis_result_sourcedid"}
    assert names & set(fields) in (names, set())
    return names <= set(fields)


def test_an_ungraded_placement_tells_nobody_where_grades_go(ada, placement, client_of):
    api.update_placement(course_key=DEMO, placement_uuid=placement.uuid, graded=False)

    assert not graded(fields_for(client_of(ada), placement))


@pytest.mark.parametrize(
    ("role", "roles", "with_grades"),
    [
        (None, "Student,Learner", True),
        ("beta_testers", "Student,Learner", True),
        ("staff", "Administrator", False),
        ("limited_staff", "Administrator", False),
        ("instructor", "Instructor", False),
    ],
)
def test_only_those_who_act_as_learners_are_graded_enrolled_or_not(ada, placement, client_of, role, roles, with_grades):
    if role:
        host_models.CourseRole.objects.create(user=ada, course_key=DEMO, org="OpenedX", role=role)

    fields = fields_for(client_of(ada), placement)

    assert fields["roles"] == roles
    assert graded(fields) is with_grades


def test_staff_and_the_admin_who_are_not_enrolled_are_not_graded(grace, admin, placement, client_of):
    assert {user.username: fields_for(client_of(user), placement)["roles"] for user in (grace, admin)} == {
        "grace": "Administrator", "admin": "Instructor",
    }
    assert not graded(fields_for(client_of(grace), placement))
    assert not graded(fields_for(client_of(admin), placement))


# -- names and addresses -----------------------------------------------------------------------------------------------

PERSONAL = {"lis_person_sourcedid": "ada", "lis_person_contact_email_primary": "ada@learners.example"}


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, set()),
        ({"pii_share_username": True}, {"lis_person_sourcedid"}),
        ({"pii_share_email": True}, {"lis_person_contact_email_primary"}),
        ({"pii_share_username": True, "pii_share_email": True}, set(PERSONAL)),
        ({"pii_share_username": False, "pii_share_email": False}, set()),
    ],
)
def test_a_person_is_named_only_where_the_course_allows_it_and_the_tool_asks(
    ada, tool, placement, client_of, demo_course, flag, options, wanted
):
    configure(tool, **options)
    host_models.Course.objects.update(may_share_pii=flag)

    response = visit(client_of(ada), placement)

    fields = form_of(response)[1]
    assert {name: fields[name] for name in PERSONAL if name in fields} == {
        name: PERSONAL[name] for name in (wanted if flag else set())
    }
    assert (b"ada@learners.example" in response.content) is (flag and "lis_person_contact_email_primary" in wanted)
    assert b"Lovelace" not in response.content


def test_a_person_has_another_id_in_each_course(bob, placement, client_of, host, other_course):
    fields = fields_for(client_of(bob), placement)

    assert fields["user_id"] != host.identity.anonymous_id(bob, other_course.course_key)
    assert fields["user_id"] != str(bob.pk)


# -- custom parameters -------------------------------------------------------------------------------------------------


def test_custom_parameters_are_told(ada, tool, placement, client_of):
    configure(tool, additional_parameters={"custom_room": 'a "b" <c> & ü', "custom_2": ""})

    address, fields = form_of(visit(client_of(ada), placement))

    assert (fields["custom_room"], fields["custom_2"]) == ('a "b" <c> & ü', "")
    assert fields["oauth_signature"] == signed_by(address, fields, SECRET)


def test_what_was_stored_past_the_api_is_filtered_and_overwrites_nothing(ada, tool, placement, client_of):
    plain = fields_for(client_of(ada), placement)
    smuggled = {
        "roles": "Instructor",
        "user_id": "somebody else",
        "lis_person_contact_email_primary": "ada@learners.example",
        "lis_result_sourcedid": "x",
        "oauth_consumer_key": "x",
        "oauth_timestamp": "1",
        "custom_Big": "x",
        "custom_a b": "x",
        " custom_a": "x",
        "custom_": "x",
        "custom_long": "x" * 1025,
        "custom_number": 5,
        "custom_ok": "x" * 1024,
    }
    LtiConfiguration.objects.filter(pk=tool.pk).update(lti_config={"additional_parameters": smuggled})

    fields = fields_for(client_of(ada), placement)

    changing = {"oauth_nonce", "oauth_timestamp", "oauth_signature"}
    assert set(fields) == {*plain, "custom_ok"}
    assert {name: fields[name] for name in plain if name not in changing} == {
        name: plain[name] for name in plain if name not in changing
    }


@pytest.mark.parametrize(
    "stored", [[], "text", 5, {"additional_parameters": None}, {"additional_parameters": ["custom_a"]}]
)
def test_options_of_another_shape_that_were_stored_past_the_api_are_no_crash(ada, tool, placement, client_of, stored):
    LtiConfiguration.objects.filter(pk=tool.pk).update(lti_config=stored)
    browser = client_of(ada)
    browser.raise_request_exception = False

    assert visit(browser, placement).status_code in (200, 404)


# -- the page ----------------------------------------------------------------------------------------------------------


def policy_of(response):
    parts = (directive.split(" ", 1) for directive in response["Content-Security-Policy"].split("; "))
    return dict(parts)


def test_the_page_posts_by_itself_and_has_a_button_where_it_cannot(ada, placement, client_of):
    response = visit(client_of(ada), placement)

    page = html.fromstring(response.content.decode())
    (form,) = page.forms
    (script,) = page.iter("script")
    (button,) = page.iter("button")
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert form.get("enctype") == "application/x-www-form-urlencoded"
    assert form.get("target") is None
    assert button.get("type") == "submit"
    assert form.get("id") in script.text
    assert not page.xpath("//@onload | //@onclick | //script/@src | //link/@href | //img")


def test_the_page_runs_its_own_script_only_and_leaves_a_tools_redirects_alone(ada, placement, client_of, settings):
    settings.LEARNING_MICROFRONTEND_URL = "https://apps.example.org/learning/"
    responses = [visit(client_of(ada), placement) for _ in range(2)]

    nonces = set()
    for response in responses:
        (nonce,) = html.fromstring(response.content.decode()).xpath("//script/@nonce")
        nonces.add(nonce)
        assert policy_of(response) == {
            "default-src": "'none'",
            "style-src": "'unsafe-inline'",
            "script-src": f"'nonce-{nonce}'",
            "form-action": "https: http:",
            "base-uri": "'none'",
            "frame-ancestors": "'self' https://apps.example.org",
        }
    assert len(nonces) == 2
    assert all(len(nonce) >= 16 for nonce in nonces)


@pytest.mark.parametrize("front_end", [None, "", "/learning", "apps.example.org"])
def test_without_a_learning_front_end_only_this_site_frames_the_page(ada, placement, client_of, settings, front_end):
    settings.LEARNING_MICROFRONTEND_URL = front_end

    assert policy_of(visit(client_of(ada), placement))["frame-ancestors"] == "'self'"


@pytest.mark.parametrize(
    "url", ["https://tool.example;script-src/x", "https://tool.example,evil.example/x", "https://'self'/x"]
)
def test_a_host_that_would_write_into_the_policy_does_not_get_there(ada, tool, placement, client_of, url):
    LtiConfiguration.objects.filter(pk=tool.pk).update(lti_1p1_launch_url=url)

    response = visit(client_of(ada), placement)

    if response.status_code == 200:
        policy = response["Content-Security-Policy"]
        assert "," not in policy
        assert policy.count("script-src") == 1
        assert "https://'self'" not in policy


def headers_of_a_launch(response):
    assert "no-store" in response["Cache-Control"]
    assert "private" in response["Cache-Control"]
    assert {"Cookie", "Authorization"} <= {name.strip() for name in response["Vary"].split(",")}
    assert "X-Frame-Options" not in response


def test_the_page_is_never_stored_and_may_be_framed(ada, placement, client_of):
    response = visit(client_of(ada), placement)

    headers_of_a_launch(response)
    assert "Content-Disposition" not in response


def test_a_title_and_a_course_that_look_like_markup_stay_text(ada, grace, tool, placement, client_of):
    host_models.Course.objects.update(display_name=SCRIPT, org="O'<b>")
    api.update_placement(course_key=DEMO, placement_uuid=placement.uuid, title=SCRIPT, resource_link_id=SCRIPT)
    configure(tool, additional_parameters={"custom_a": SCRIPT})

    response = visit(client_of(ada), placement)

    address, fields = form_of(response)
    page = html.fromstring(response.content.decode())
    assert (fields["resource_link_title"], fields["resource_link_id"]) == (SCRIPT, SCRIPT)
    assert fields["context_title"] == f"{SCRIPT} - O'<b>"
    assert fields["custom_a"] == SCRIPT
    assert len(list(page.iter("script"))) == 1
    assert SCRIPT in page.findtext(".//title")
    assert SCRIPT in page.findtext(".//h1")
    assert b"<script>alert" not in response.content
    assert fields["oauth_signature"] == signed_by(address, fields, SECRET)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_only_get_launches(ada, placement, client_of, method):
    assert getattr(client_of(ada), method)(api.launch_path(placement)).status_code == 405


# -- who ---------------------------------------------------------------------------------------------------------------


def test_somebody_anonymous_is_sent_to_sign_in_and_comes_back(placement, settings):
    settings.LOGIN_URL = "/signin?from=course"
    path = api.launch_path(placement) + "?a=b"

    response = Browser().get(path)

    target = urlsplit(response["Location"])
    assert response.status_code == 302
    assert target.path == "/signin"
    assert dict(parse_qsl(target.query)) == {"from": "course", "next": path}


def test_signing_in_is_asked_before_it_is_told_whether_there_is_a_placement(db):
    place = uuid.uuid4()

    response = Browser().get(f"/api/learning_ext/lti_consumer/v1/launch/{place}/")

    assert response.status_code == 302


def test_enrolled_staff_and_admin_get_in_and_others_find_nothing(
    ada, bob, grace, grace_elsewhere, admin, placement, client_of
):
    host_models.Enrollment.objects.filter(user=bob, course_key=DEMO).update(is_active=False)

    statuses = {
        user.username: visit(client_of(user), placement).status_code
        for user in (ada, bob, grace, grace_elsewhere, admin)
    }

    assert statuses == {"ada": 200, "bob": 404, "grace": 200, "greta": 404, "admin": 200}


def test_a_course_that_has_not_begun_is_for_staff(ada, grace, placement, client_of):
    host_models.Course.objects.update(start=timezone.now() + timedelta(days=1))

    assert visit(client_of(ada), placement).status_code == 404
    assert visit(client_of(grace), placement).status_code == 200


def test_a_placement_of_a_course_that_is_gone_is_missing_for_everybody(ada, grace, admin, placement, client_of):
    host_models.Course.objects.all().delete()

    for user in (ada, grace, admin):
        browser = client_of(user)
        browser.raise_request_exception = False
        assert visit(browser, placement).status_code == 404


# -- a tool that cannot be launched ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "codes"),
    [
        ({"lti_1p1_launch_url": "", "lti_1p1_client_key": "", "lti_1p1_client_secret": ""}, ["not_configured"]),
        ({"lti_1p1_launch_url": ""}, ["missing_url"]),
        ({"lti_1p1_launch_url": "javascript:alert(1)"}, ["invalid_url"]),
        ({"lti_1p1_client_key": "", "lti_1p1_client_secret": ""}, ["missing_key", "missing_secret"]),
        ({"version": "lti_1p3"}, ["unsupported_version"]),
    ],
)
def test_staff_is_told_why_and_learners_find_nothing(ada, grace, tool, placement, client_of, host, stored, codes):
    LtiConfiguration.objects.filter(pk=tool.pk).update(**stored)
    api.update_placement(course_key=DEMO, placement_uuid=placement.uuid, title=SCRIPT)
    host.tracking.recent.clear()

    notice = visit(client_of(grace), placement)
    missing = visit(client_of(ada), placement)

    page = html.fromstring(notice.content.decode())
    assert notice.status_code == 200
    assert [item.text for item in page.iter("li")] == [str(api.PROBLEM_TEXTS[code]) for code in codes]
    assert SCRIPT in page.findtext(".//h1")
    assert not page.forms
    assert not list(page.iter("script"))
    headers_of_a_launch(notice)
    policy = policy_of(notice)
    assert (policy["default-src"], policy["form-action"]) == ("'none'", "'none'")
    assert "script-src" not in policy
    assert policy["frame-ancestors"].startswith("'self'")
    assert missing.status_code == 404
    assert not list(host.tracking.recent)


def test_an_unreadable_secret_is_told_to_staff(ada, grace, placement, client_of, settings):
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key, and nothing else"]

    notice = visit(client_of(grace), placement)

    assert str(api.PROBLEM_TEXTS["unreadable_secret"]) in notice.content.decode()
    assert visit(client_of(ada), placement).status_code == 404


def test_building_a_launch_that_cannot_be_is_an_error_with_the_codes(demo_course):
    with pytest.raises(api.NotLaunchable) as caught:
        api.build_launch(configuration=LtiConfiguration(), parameters={})

    assert isinstance(caught.value, Conflict)
    assert caught.value.problems == ["not_configured"]
    assert "not_configured" in str(caught.value)


# -- what is left behind -----------------------------------------------------------------------------------------------


def test_a_launch_is_recorded_without_query_person_or_secret(ada, placement, client_of, host):
    host.tracking.recent.clear()

    visit(client_of(ada), placement)

    (event,) = host.tracking.recent
    assert event == {
        "name": "edx.lti.embed.launch_request",
        "data": {
            "lti_version": "lti_1p1", "user_roles": "Student,Learner", "launch_url": "https://tool.example/launch",
        },
        "course_id": str(DEMO),
    }


def test_no_log_line_of_a_launch_names_a_person_or_shows_the_form(ada, tool, placement, client_of, caplog):
    configure(tool, pii_share_username=True, pii_share_email=True)

    with caplog.at_level(0):
        fields = fields_for(client_of(ada), placement)

    # The database's own debug log shows the parameters of every statement; that is the operator's to switch on.
    records = [record for record in caplog.records if not record.name.startswith("django.db")]
    written = " ".join(f"{record.getMessage()} {vars(record)}" for record in records)
    for hidden in (fields["oauth_signature"], fields["oauth_nonce"], fields["user_id"], "ada@learners", SECRET):
        assert hidden not in written


def test_neither_form_nor_error_shows_fields_in_its_repr(ada, placement, client_of, host):
    form = api.launch_placement(user=ada, placement=placement, outcome_url="https://lms.example.org/o")

    shown = repr(form)

    assert "oauth" not in shown
    assert form.fields["user_id"] not in shown
    assert re.search(r"sourcedid", shown) is None
