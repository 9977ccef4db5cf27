"""S14: people and secrets carry marks, all is logged at DEBUG, and no mark may be found where it does not belong."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from contextlib import contextmanager

import pytest
from django.contrib import admin as admin_site
from django.urls import reverse

from openedx_learning_ext.core import privacy
from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.lti import oauth, outcomes
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.lti_consumer import api, views
from openedx_learning_ext.lti_consumer.launch import build_launch, placement_parameters
from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiNonce, LtiPlacement, LtiResult
from openedx_learning_ext.lti_consumer.placement import PlacementBlock
from openedx_learning_ext.standalone import models as host_models
from tests.conftest import DEMO, make_person
from tests.doubles.toolside import authorization, outcome_body, outcome_url_of, read_reply, sourced_id_of

pytestmark = pytest.mark.django_db

USERNAME, FULL_NAME, EMAIL = "zzusername", "Zzfullname Zzsurname", "zzemail@private.example"
SECRET, NEXT_SECRET = "zzsecret&/+1", "zzsecret&/+2"
INSTRUCTOR = "zzinstructor@private.example"
TOKEN = "zztoken"


class Scan(logging.Handler):
    """Keeps all that is logged anywhere at any level, and finds marks in it."""

    def __init__(self, marks):
        super().__init__(logging.DEBUG)
        self.marks = {name: mark.lower() for name, mark in marks.items()}
        self.lines = []
        self._is_listening = True

    def emit(self, record):
        if not self._is_listening:
            return
        parts = [record.name, record.levelname, record.getMessage()]
        parts += [
            f"{name}={value!r}" for name, value in vars(record).items() if name not in ("msg", "args", "exc_info")
        ]
        parts += [repr(record.args)]
        if record.exc_info:
            parts += traceback.format_exception(*record.exc_info)
        self.lines.append(" ".join(parts))

    @contextmanager
    def elsewhere(self):
        """What happens inside is somebody else's doing, such as a tool that signs with oauthlib."""
        self._is_listening = False
        try:
            yield
        finally:
            self._is_listening = True

    def marks_in(self, text):
        """Answer the names of the marks in a text."""
        lowered = text.lower()
        return [name for name, mark in self.marks.items() if mark in lowered]

    def found(self):
        """Answer what was found in the log: (mark, line)."""
        return [(marks, line) for line in self.lines if (marks := self.marks_in(line))]


@pytest.fixture
def zz(demo_course):
    """A learner every part of whose account is marked."""
    user = make_person(USERNAME, full_name=FULL_NAME)
    user.email, user.first_name, user.last_name = EMAIL, *FULL_NAME.split()
    user.save()
    host_models.Enrollment.objects.create(user=user, course_key=DEMO)
    return user


@pytest.fixture
def tool(demo_course):
    """A tool whose secret is marked, and which is told what may be told."""
    return api.create_configuration(
        course_key=DEMO,
        lti_1p1_launch_url=f"https://tool.example/launch?token={TOKEN}",
        lti_1p1_client_key="key-1",
        lti_1p1_client_secret=SECRET,
        lti_config={
            "pii_share_username": True,
            "pii_share_email": True,
            "additional_parameters": {"custom_instructor": INSTRUCTOR},
        },
    )


@pytest.fixture
def scan(zz, capfd, monkeypatch):
    """Log everything, everywhere; at the end nothing that was logged or printed has a mark."""
    anonymous_id = get_host().identity.anonymous_id(zz, DEMO)
    scan = Scan({
        "username": USERNAME, "full name": "zzfullname", "surname": "zzsurname", "e-mail": "zzemail",
        "secret": "zzsecret",
        "encoded secret": "zzsecret%26", "instructor": "zzinstructor", "token": TOKEN, "sourcedid": anonymous_id,
    })  # fmt: skip
    named = [logger for logger in logging.Logger.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    for logger in (logging.getLogger(), *named):
        monkeypatch.setattr(logger, "level", logging.DEBUG)
        monkeypatch.setattr(logger, "disabled", False)
        logger.manager._clear_cache()
    deaf = [logger for logger in named if not logger.propagate]
    for logger in (logging.getLogger(), *deaf):
        logger.addHandler(scan)
    yield scan
    for logger in (logging.getLogger(), *deaf):
        logger.removeHandler(scan)
    logging.getLogger().manager._clear_cache()
    printed = capfd.readouterr()
    assert scan.marks_in(printed.out) == []
    assert scan.marks_in(printed.err) == []


@pytest.fixture
def say(client, placement, scan):
    """Post a message to the outcomes endpoint; the tool's own signing is not ours to scan."""

    def saying(body, *, header=None, **signing):
        if header is None:
            with scan.elsewhere():
                header = authorization(outcome_url_of(placement), body, **{"secret": SECRET, **signing})
        return client.post(
            api.outcome_path(placement), data=body, content_type="application/xml", HTTP_AUTHORIZATION=header
        )

    return saying


def _path(name, *args):
    return reverse(f"learning_ext:lti_consumer:{name}", args=[str(arg) for arg in args])


def test_S14_the_scan_finds_what_it_looks_for(scan):
    logging.getLogger("openedx_learning_ext.anything").debug("hello %s", USERNAME)
    logging.getLogger("tracking").info("quiet", extra={"who": EMAIL})
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("deep.down").exception("oh")

    found = scan.found()
    scan.lines.clear()

    assert [marks[0] for marks, _ in found] == ["username", "e-mail", "secret"]


def test_S14_managing_tools_and_placements_shows_no_secret_and_logs_nobody(scan, grace, client_of, tool):
    teacher = client_of(grace)
    answers = [
        teacher.post(
            _path("configurations", DEMO),
            json.dumps({
                "lti_1p1_launch_url": "https://tool.example/", "lti_1p1_client_key": "k",
                "lti_1p1_client_secret": SECRET,
            }),
            content_type="application/json",
        ),
        teacher.get(_path("configurations", DEMO)),
        teacher.get(_path("configuration", DEMO, tool.pk)),
        teacher.patch(
            _path("configuration", DEMO, tool.pk), json.dumps({"lti_1p1_client_secret": NEXT_SECRET}),
            content_type="application/json",
        ),
        teacher.patch(
            _path("configuration", DEMO, tool.pk), json.dumps({"lti_1p1_client_secret": f"{SECRET}{'x' * 300}"}),
            content_type="application/json",
        ),
        teacher.patch(
            _path("configuration", DEMO, tool.pk),
            json.dumps({"lti_1p1_client_secret": [SECRET], "lti_1p1_launch_url": "nonsense"}),
            content_type="application/json",
        ),
        teacher.post(
            _path("placements", DEMO), json.dumps({"configuration_id": tool.pk, "title": "Quiz", "graded": True}),
            content_type="application/json",
        ),
        teacher.get(_path("placements", DEMO)),
        teacher.delete(_path("configuration", DEMO, tool.pk)),
    ]  # fmt: skip

    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 400, 400, 201, 200, 409]
    for answer in answers:
        assert not {"secret", "username", "e-mail", "sourcedid"} & set(scan.marks_in(answer.content.decode()))
    assert scan.found() == []


def test_S14_a_launch_tells_the_learners_own_browser_and_nobody_else(
    scan, zz, bob, grace, client_of, client, placement
):
    host_models.Enrollment.objects.filter(user=bob, course_key=DEMO).delete()
    path = api.launch_path(placement)

    hers, staffs, strangers, anonymous = (
        client_of(zz).get(path), client_of(grace).get(path), client_of(bob).get(path), client.get(path),
    )  # fmt: skip

    assert (hers.status_code, staffs.status_code, strangers.status_code, anonymous.status_code) == (200, 200, 404, 302)
    assert {"username", "e-mail", "sourcedid"} <= set(scan.marks_in(hers.content.decode()))
    assert "secret" not in scan.marks_in(hers.content.decode())
    assert not {"username", "e-mail", "sourcedid", "secret"} & set(scan.marks_in(staffs.content.decode()))
    assert scan.marks_in(strangers.content.decode() + anonymous.content.decode() + anonymous["Location"]) == []
    assert "no-store" in hers["Cache-Control"]
    assert scan.found() == []


def test_S14_a_launch_that_cannot_be_made_says_why_without_the_secret(
    scan, zz, grace, client_of, tool, placement, settings
):
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key of thirty-two letters"]
    settings.SECRET_KEY = "another secret key of Django's"
    path = api.launch_path(placement)

    staffs, hers = client_of(grace).get(path), client_of(zz).get(path)

    assert (staffs.status_code, hers.status_code) == (200, 404)
    assert scan.marks_in(staffs.content.decode()) == []
    # The site's own page says hello to whoever looks at it.
    assert set(scan.marks_in(hers.content.decode())) <= {"username", "full name", "surname"}
    assert scan.found() == []


def test_S14_outcome_messages_log_neither_person_nor_secret_nor_what_was_sent(scan, zz, say, placement):
    with scan.elsewhere():
        sourced_id = sourced_id_of(zz, placement)
        header = authorization(outcome_url_of(placement), outcome_body(sourced_id), secret=SECRET)
    marked = f"{USERNAME} {EMAIL} {SECRET}"
    basic = base64.b64encode(f"{USERNAME}:{SECRET}".encode()).decode()
    replies = {
        "replaced": say(outcome_body(sourced_id), header=header),
        "replayed": say(outcome_body(sourced_id), header=header),
        "read": say(outcome_body(sourced_id, action="readResult")),
        "deleted": say(outcome_body(sourced_id, action="deleteResult")),
        "unknown action": say(outcome_body(sourced_id, action=f"{USERNAME}Result")),
        "wrong secret": say(outcome_body(sourced_id), secret=f"{SECRET}{EMAIL}"),
        "wrong key": say(outcome_body(sourced_id), key=USERNAME),
        "stale": say(outcome_body(sourced_id), timestamp=1_700_000_000),
        "changed": say(outcome_body(sourced_id) + b" ", header=header),
        "unknown user": say(outcome_body(f"{sourced_id}:{EMAIL}")),
        "bad score": say(outcome_body(sourced_id, score=EMAIL)),
        "broken": say(f"<broken {marked}".encode()),
        "marked tag": say(f"<a><{USERNAME}></a>".encode()),
        "too large": say(f"{EMAIL} {'x' * 70_000}".encode()),
        "Basic": say(outcome_body(sourced_id), header=f"Basic {basic}"),
        "odd header": say(outcome_body(sourced_id), header=f'OAuth {USERNAME}="{SECRET}", {USERNAME}="{EMAIL}"'),
        "no header": say(outcome_body(sourced_id), header="OAuth"),
    }  # fmt: skip

    texts = {name: response.content.decode() for name, response in replies.items()}
    assert {response.status_code for response in replies.values()} == {200}
    # A sender may get back what it sent itself; nobody is told more.
    may_echo = {
        "replaced": {"sourcedid"}, "bad score": {"e-mail", "sourcedid"}, "broken": {"username", "e-mail", "secret"},
        "marked tag": {"username"},
    }  # fmt: skip
    for name, text in texts.items():
        assert set(scan.marks_in(text)) - {"encoded secret"} <= may_echo.get(name, set()), name
    assert [read_reply(texts[name]).code for name in ("replaced", "read", "deleted")] == ["success"] * 3
    assert scan.lines
    assert scan.found() == []


class _BrokenGrades:
    """The default host's grades, broken, and talkative about whose they are."""

    def publish_score(self, user, *args, **kwargs):
        raise RuntimeError(f"no gradebook for {user.username} <{user.email}>")


def test_S14_an_error_of_ours_is_logged_without_the_words_of_whoever_raised_it(
    scan, zz, client, block_placement, monkeypatch
):
    monkeypatch.setattr(get_host(), "grades", _BrokenGrades())
    body = outcome_body(sourced_id_of(zz, block_placement), message_id="m-9")
    with scan.elsewhere():
        header = authorization(outcome_url_of(block_placement), body, secret=SECRET)

    response = client.post(
        api.outcome_path(block_placement), data=body, content_type="application/xml", HTTP_AUTHORIZATION=header
    )

    assert read_reply(response.content).description == "The request has failed."
    assert scan.marks_in(response.content.decode()) == []
    assert any("outcome" in line and "ERROR" in line for line in scan.lines)
    assert scan.found() == []


def test_S14_errors_of_the_api_quote_neither_secret_nor_person(scan, tool, zz):
    wrong = [
        {"lti_1p1_client_secret": SECRET * 50},
        {"lti_1p1_client_secret": SECRET, "lti_1p1_launch_url": f"ftp://{USERNAME}:{SECRET}@tool.example/"},
        {"lti_1p1_client_secret": SECRET, "lti_config": {"additional_parameters": {EMAIL: SECRET}}},
        {"lti_1p1_client_secret": SECRET, "lti_config": {USERNAME: True}},
        {"lti_1p1_client_secret": SECRET, "lti_1p1_client_key": f"{EMAIL}é"},
    ]
    for values in wrong:
        complete = {"lti_1p1_launch_url": "https://tool.example/", "lti_1p1_client_key": "k", **values}
        with pytest.raises(api.ConfigurationInvalid) as refusal:
            api.create_configuration(course_key=DEMO, **complete)
        assert scan.marks_in(f"{refusal.value!r} {refusal.value} {refusal.value.fields}") == []

    with pytest.raises(LtiError) as refusal:
        oauth.read_message(method="POST", body=b"", authorization=f'OAuth oauth_consumer_key="{EMAIL}{"x" * 300}"')
    assert scan.marks_in(f"{refusal.value!r}") == []
    with pytest.raises(privacy.SecretUnreadable) as unreadable:
        privacy.decrypt(SECRET)
    assert scan.marks_in(f"{unreadable.value!r} {unreadable.value}") == []
    assert scan.found() == []


def _reprs(zz, tool, placement):
    sourced_id = sourced_id_of(zz, placement)
    body = outcome_body(sourced_id, message_id=EMAIL)
    header = authorization(outcome_url_of(placement), body, secret=SECRET, key=USERNAME)
    LtiResult.objects.record(placement_id=placement.pk, user_id=zz.pk, score=0.5)
    parameters = placement_parameters(placement=placement, user=zz, outcome_url="https://lms.example/")
    request = outcomes.parse_request(body)
    reply = outcomes.OutcomeReply(
        outcomes.SUCCESS, f"Score for {sourced_id} is now 0.5", EMAIL, EMAIL, outcomes.REPLACE, 0.5
    )
    return {
        "LtiConfiguration": tool,
        "LtiPlacement": LtiPlacement.objects.get(pk=placement.pk),
        "LtiResult": LtiResult.objects.get(),
        "LtiNonce": LtiNonce(timestamp=1, digest="d"),
        "configurations": LtiConfiguration.objects.all(),
        "results": api.list_results(course_key=DEMO),
        "LaunchForm": build_launch(configuration=tool, parameters=parameters),
        "InboundMessage": views.InboundMessage("POST", "https://lms.example/", {"Authorization": header}, body),
        "SignedMessage": oauth.read_message(method="POST", body=body, authorization=header),
        "OutcomeRequest": request,
        "OutcomeReply": reply,
        "PlacementBlock": PlacementBlock(placement, "https://lms.example/"),
        "OutcomeService": api.outcome_service(placement_uuid=placement.uuid),
        "stored secret": LtiConfiguration.objects.values_list("lti_1p1_client_secret", flat=True),
    }


@pytest.mark.parametrize(
    "name",
    [
        "LtiConfiguration", "LtiPlacement", "LtiResult", "LtiNonce", "configurations", "results", "LaunchForm",
        "InboundMessage", "SignedMessage", "OutcomeRequest", "OutcomeReply", "PlacementBlock", "OutcomeService",
        "stored secret",
    ],
)  # fmt: skip
def test_S14_no_repr_shows_a_person_or_a_secret(name, scan, zz, tool, placement):
    with scan.elsewhere():
        shown = _reprs(zz, tool, placement)[name]

    assert scan.marks_in(repr(shown)) == []
    assert scan.marks_in(str(shown)) == []


def test_S14_the_admin_shows_no_secret_anywhere_and_nobody_in_its_lists(scan, zz, admin, client_of, tool, placement):
    with scan.elsewhere():
        LtiResult.objects.record(placement_id=placement.pk, user_id=zz.pk, score=0.5)
    boss = client_of(admin)
    ours = [model for model in admin_site.site._registry if model._meta.app_label == "learning_ext_lti_consumer"]
    assert len(ours) == 3

    for model in ours:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        listed = boss.get(reverse(f"{name}_changelist"))
        shown = boss.get(reverse(f"{name}_change", args=[model.objects.first().pk]))

        assert (listed.status_code, shown.status_code) == (200, 200)
        assert scan.marks_in(listed.content.decode()) == []
        assert "secret" not in scan.marks_in(shown.content.decode())
    answer = boss.post(
        reverse("admin:learning_ext_lti_consumer_lticonfiguration_change", args=[tool.pk]),
        {"course_key": str(DEMO), "version": "lti_1p1", "lti_1p1_launch_url": "nonsense", "lti_1p1_client_key": "k",
         "new_secret": NEXT_SECRET, "lti_config": "{}"},
    )  # fmt: skip
    assert answer.status_code == 200
    assert "secret" not in scan.marks_in(answer.content.decode())
    assert scan.found() == []


def test_S14_no_table_has_a_secret_in_the_clear(scan, tool, placement):
    from django.db import connection

    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert "zzsecret" not in repr(cursor.fetchall()), table


def test_S14_analytics_and_retirement_name_nobody(scan, zz, client_of, placement):
    with scan.elsewhere():
        LtiResult.objects.record(placement_id=placement.pk, user_id=zz.pk, score=0.5)
    client_of(zz).get(api.launch_path(placement))
    api.retire_user(zz.pk)
    api.retire_user(zz.pk)

    emitted = [event for event in get_host().tracking.recent if event["name"] == "edx.lti.embed.launch_request"]
    assert emitted
    assert scan.marks_in(repr(emitted)) == []
    assert LtiResult.objects.count() == 0
    assert scan.found() == []
