"""The outcomes endpoint of a placement: signed messages over the test client, real rows."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.lti_consumer import api, signals, views
from openedx_learning_ext.lti_consumer.models import LtiNonce, LtiResult
from openedx_learning_ext.standalone import models as host_models
from tests.doubles.toolside import (
    authorization,
    outcome_body,
    outcome_url_of,
    post_outcome,
    read_reply,
    send,
    sourced_id_of,
)


def score_of(user, placement):
    result = api.find_result(placement_uuid=placement.uuid, user_id=user.pk)
    return result.score if result else None


def test_a_signed_score_is_stored_and_answered_with_success(ada, placement, client):
    reply = send(client, placement, ada, score="0.85", message_id="m-7")

    assert (reply.code, reply.severity, reply.message_id, reply.ref, reply.operation) == (
        "success",
        "status",
        "m-7",
        "m-7",
        "replaceResult",
    )
    assert reply.description == f"Score for {sourced_id_of(ada, placement)} is now 0.85"
    assert reply.body_tags == ("replaceResultResponse",)
    assert score_of(ada, placement) == 0.85


def test_a_score_is_read_back_and_deleted(ada, placement, client):
    assert send(client, placement, ada, action="readResult").score == ""

    send(client, placement, ada, score="0")
    assert send(client, placement, ada, action="readResult").score == "0.0"

    deleted = send(client, placement, ada, action="deleteResult")
    assert (deleted.code, deleted.description, deleted.body_tags) == (
        "success",
        "Result deleted",
        ("deleteResultResponse",),
    )
    again = send(client, placement, ada, action="deleteResult")
    assert again.code == "success"
    read = send(client, placement, ada, action="readResult")
    assert (read.description, read.score, read.body_tags) == ("Result read", "", ("readResultResponse",))


def test_a_score_for_a_block_reaches_the_host_in_points(ada, block_placement, client):
    send(client, block_placement, ada, score="0.5")

    score = host_models.Score.objects.get(user=ada, usage_key=block_placement.usage_key)
    assert (score.earned, score.possible) == (5.0, 10.0)

    send(client, block_placement, ada, action="deleteResult")

    assert not host_models.Score.objects.filter(user=ada, usage_key=block_placement.usage_key).exists()


@pytest.mark.django_db(transaction=True)
def test_our_signal_follows_the_commit(ada, placement, client):
    heard = []

    def listen(sender, placement_id, user_id, score, maximum, **kwargs):
        heard.append((placement_id, user_id, score, maximum, score_of(ada, placement)))

    signals.result_changed.connect(listen)
    try:
        send(client, placement, ada, score="0.25")
        send(client, placement, ada, action="deleteResult")
    finally:
        signals.result_changed.disconnect(listen)

    assert heard == [(placement.pk, ada.pk, 0.25, 10.0, 0.25), (placement.pk, ada.pk, None, 10.0, None)]


def test_a_replayed_message_is_refused_and_changes_nothing(ada, placement, client):
    body = outcome_body(sourced_id_of(ada, placement), score="0.5")
    first = post_outcome(client, placement, body, nonce="n-1", timestamp=int(timezone.now().timestamp()))
    send(client, placement, ada, score="0.9")

    replay = read_reply(
        client.post(
            api.outcome_path(placement),
            data=body,
            content_type="application/xml",
            HTTP_AUTHORIZATION=first.wsgi_request.headers["Authorization"],
        ).content
    )

    assert (replay.code, replay.description) == ("failure", f"OAuth verification error: {oauth.USED_NONCE}")
    assert score_of(ada, placement) == 0.9


class _BrokenGrades:
    """The default host's grades, broken."""

    def __init__(self, grades):
        self._grades = grades

    def publish_score(self, *args, **kwargs):
        raise RuntimeError("the gradebook is on fire")


@pytest.mark.django_db(transaction=True)
def test_an_error_of_ours_takes_the_nonce_back_so_that_the_message_may_come_again(
    ada, block_placement, client, monkeypatch
):
    body = outcome_body(sourced_id_of(ada, block_placement), score="0.5", message_id="m-9")
    host = get_host()
    monkeypatch.setattr(host, "grades", _BrokenGrades(host.grades))

    broken = post_outcome(client, block_placement, body)
    header = broken.wsgi_request.headers["Authorization"]
    reply = read_reply(broken.content)

    assert broken.status_code == 200
    assert (reply.code, reply.description, reply.message_id) == ("failure", "The request has failed.", "m-9")
    assert LtiNonce.objects.count() == 0
    assert LtiResult.objects.count() == 0

    monkeypatch.undo()
    again = read_reply(post_outcome(client, block_placement, body, header=header).content)

    assert again.code == "success"
    assert score_of(ada, block_placement) == 0.5


@pytest.mark.parametrize("late", [False, True])
def test_past_due_is_refused_but_reading_goes_on(ada, placement, client, late):
    send(client, placement, ada, score="0.5")
    due_at = timezone.now() - timedelta(seconds=100)
    api.update_placement(
        course_key=placement.course_key,
        placement_uuid=placement.uuid,
        due_at=due_at,
        grace_seconds=50 if late else 1000,
        accepts_late_grades=False,
    )

    replaced = send(client, placement, ada, score="0.9", message_id="m-2")
    read = send(client, placement, ada, action="readResult")

    if late:
        assert (replaced.code, replaced.description, replaced.message_id) == (
            "failure",
            "Grade is past due",
            "unknown",
        )
        assert read.score == "0.5"
    else:
        assert replaced.code == "success"
        assert read.score == "0.9"


def test_get_is_answered_in_plain_words(placement, client):
    response = client.get(api.outcome_path(placement))

    assert response.status_code == 405
    assert response["Content-Type"].startswith("text/plain")


def test_too_many_refused_messages_from_one_address_are_answered_429(ada, placement, client, settings):
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT = "3/h"
    for _ in range(5):
        send(client, placement, ada)

    codes = [post_outcome(client, placement, b"<broken").status_code for _ in range(4)]

    assert codes == [200, 200, 200, 429]
    assert post_outcome(client, placement, b"<broken")["Retry-After"] == "3600"
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert post_outcome(elsewhere, placement, b"<broken").status_code == 200


@pytest.mark.parametrize(
    "sourced_id",
    [
        pytest.param("{course}:{link}:", id="32 user part empty"),
        pytest.param("{course}:{link}", id="two parts"),
        pytest.param("{course}:{link}:{user}:x", id="four parts"),
        pytest.param("{course}:other:{user}", id="another place"),
        pytest.param("course-v1%3AOpenedX%2BOther%2B2026:{link}:{user}", id="another course"),
        pytest.param("{course}:{link}:0123456789abcdef0123456789abcdef", id="nobody's id"),
        pytest.param("{course}:{link}:%FF", id="no UTF-8"),
        pytest.param("{link}:{course}:{user}", id="wrong order"),
        pytest.param(" {course}:{link}:{user}", id="a blank in front"),
    ],
)
def test_4_1_a_sourcedid_that_we_did_not_issue_for_the_placement_is_nobody(ada, placement, client, sourced_id):
    course, link, user = sourced_id_of(ada, placement).split(":")
    body = outcome_body(sourced_id.format(course=course, link=link, user=user))

    reply = read_reply(post_outcome(client, placement, body).content)

    assert (reply.code, reply.description) == ("failure", "User not found.")
    assert LtiResult.objects.count() == 0


@pytest.mark.parametrize("why", ["unenrolled", "inactive", "id of another course"])
def test_32_who_is_no_learner_here_now_gets_no_score(ada, placement, client, why):
    sourced_id = sourced_id_of(ada, placement)
    if why == "unenrolled":
        host_models.Enrollment.objects.filter(user=ada).update(is_active=False)
    elif why == "inactive":
        ada.is_active = False
        ada.save()
    else:
        site_wide = get_host().identity.anonymous_id(ada, None)
        sourced_id = sourced_id.rpartition(":")[0] + ":" + site_wide

    reply = read_reply(post_outcome(client, placement, outcome_body(sourced_id)).content)

    assert reply.description == "User not found."
    assert LtiResult.objects.count() == 0


def test_4_3_a_planned_refusal_keeps_its_nonce(placement, client):
    body = outcome_body("c:l:nobody")
    first = post_outcome(client, placement, body)

    again = read_reply(
        post_outcome(client, placement, body, header=first.wsgi_request.headers["Authorization"]).content
    )

    assert read_reply(first.content).description == "User not found."
    assert again.description == f"OAuth verification error: {oauth.USED_NONCE}"


def test_31_a_signature_for_one_placement_does_not_serve_another(ada, placement, block_placement, client):
    body = outcome_body(sourced_id_of(ada, placement))
    header = post_outcome(Client(), placement, body).wsgi_request.headers["Authorization"]

    reply = read_reply(post_outcome(client, block_placement, body, header=header).content)

    assert reply.description == f"OAuth verification error: {oauth.BAD_SIGNATURE}"
    assert score_of(ada, block_placement) is None


def test_4_1_the_right_secret_under_another_key_is_a_wrong_signature(ada, placement, client):
    reply = send(client, placement, ada, key="key-2")

    assert reply.description == f"OAuth verification error: {oauth.BAD_SIGNATURE}"
    assert LtiNonce.objects.count() == 0


def test_4_1_an_unknown_placement_is_answered_like_a_wrong_signature(ada, placement, client):
    body = outcome_body(sourced_id_of(ada, placement), message_id="m-2")
    forged = post_outcome(client, placement, body, secret="wrong")
    path = api.outcome_path(placement)
    placement.delete()

    unknown = client.post(
        path,
        data=body,
        content_type="application/xml",
        HTTP_AUTHORIZATION=forged.wsgi_request.headers["Authorization"],
    )

    assert unknown.status_code == 200
    assert unknown.content == forged.content


def test_36_a_placement_whose_tool_has_no_secret_takes_nothing(ada, placement, client):
    placement.configuration.lti_1p1_client_secret = ""
    placement.configuration.save()

    reply = send(client, placement, ada, secret="")

    assert reply.description == f"OAuth verification error: {oauth.BAD_SIGNATURE}"


def test_36_a_placement_whose_secret_cannot_be_read_takes_nothing(ada, placement, client, settings):
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key of enough length"]
    settings.SECRET_KEY = "another secret key, too"

    reply = send(client, placement, ada)

    assert reply.description == f"OAuth verification error: {oauth.BAD_SIGNATURE}"


def test_4_5_an_ungraded_placement_supports_nothing(ada, placement, client):
    api.update_placement(course_key=placement.course_key, placement_uuid=placement.uuid, graded=False)

    reply = send(client, placement, ada)

    assert reply.code == "unsupported"
    assert score_of(ada, placement) is None


def test_35_a_placement_worth_nothing_keeps_the_score_and_reads_empty(ada, block_placement, client):
    api.update_placement(course_key=block_placement.course_key, placement_uuid=block_placement.uuid, max_score=0)

    stored = send(client, block_placement, ada, score="0.5")
    read = send(client, block_placement, ada, action="readResult")

    assert (stored.code, read.code, read.score) == ("success", "success", "")
    assert score_of(ada, block_placement) == 0.5
    assert not host_models.Score.objects.exists()


def test_5_3_a_trusted_proxy_may_have_changed_the_scheme(ada, placement, client, settings):
    body = outcome_body(sourced_id_of(ada, placement))
    url = "https://testserver" + api.outcome_path(placement)
    settings.LMS_ROOT_URL = "https://elsewhere.example"

    untrusted = read_reply(post_outcome(client, placement, body, header=authorization(url, body)).content)
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    trusted = read_reply(post_outcome(client, placement, body, header=authorization(url, body)).content)

    assert untrusted.description == f"OAuth verification error: {oauth.BAD_SIGNATURE}"
    assert trusted.code == "success"


def test_5_3_the_path_is_verified_as_it_was_on_the_wire(ada, placement, client):
    path = api.outcome_path(placement).replace("lti_consumer", "%6cti_consumer")
    body = outcome_body(sourced_id_of(ada, placement))

    header = authorization("http://testserver" + path + "?x=a%20b&y=", body)
    response = client.post(
        path + "?x=a%20b&y=",
        data=body,
        content_type="application/xml",
        HTTP_AUTHORIZATION=header,
        RAW_URI=path + "?x=a%20b&y=",
    )

    assert read_reply(response.content).code == "success"


def test_a_body_declared_larger_than_the_limit_is_not_read(placement, client):
    response = client.generic(
        "POST", api.outcome_path(placement), data=b"<" + b"x" * 70_000, content_type="application/xml"
    )

    assert read_reply(response.content).description == "Request body XML parsing error: the message is too large"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""])
def test_4_1_the_content_type_is_not_consulted(ada, placement, content_type):
    strict = Client(enforce_csrf_checks=True)
    body = outcome_body(sourced_id_of(ada, placement))

    header = authorization(outcome_url_of(placement), body)
    response = strict.generic(
        "POST", api.outcome_path(placement), data=body, content_type=content_type, HTTP_AUTHORIZATION=header
    )

    assert read_reply(response.content).code == "success"


def test_5_2_sha256_is_refused_until_it_is_enabled(ada, placement, client, settings):
    refused = send(client, placement, ada, signature_method="HMAC-SHA256")
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_ALLOW_HMAC_SHA256 = True
    accepted = send(client, placement, ada, signature_method="HMAC-SHA256")

    assert refused.description == "OAuth verification error: OAuth parameter oauth_signature_method is not acceptable."
    assert accepted.code == "success"


@pytest.mark.parametrize(
    ("offset", "expected"), [(-5300, "success"), (-5500, "failure"), (290, "success"), (310, "failure")]
)
def test_5_4_a_message_is_good_for_ninety_minutes(ada, placement, client, offset, expected):
    reply = send(client, placement, ada, timestamp=int(timezone.now().timestamp()) + offset)

    assert reply.code == expected
    if expected == "failure":
        assert reply.description == f"OAuth verification error: {oauth.BAD_TIMESTAMP}"


def test_rightly_signed_messages_that_are_late_or_about_nobody_do_not_count_as_refused(placement, client, settings):
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT = "1/h"

    codes = [post_outcome(client, placement, outcome_body("c:l:nobody")).status_code for _ in range(4)]

    assert codes == [200] * 4


@pytest.mark.parametrize("due", ["9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00"])
def test_4_3_a_due_date_at_the_edge_of_time_is_a_due_date(ada, placement, client, due):
    api.update_placement(
        course_key=placement.course_key,
        placement_uuid=placement.uuid,
        due_at=datetime.fromisoformat(due),
        grace_seconds=2_147_483_647,
        accepts_late_grades=False,
    )

    reply = send(client, placement, ada)

    assert reply.code == ("success" if due.startswith("9") else "failure")
    assert reply.description != "The request has failed."


@pytest.mark.parametrize("kind", ["unreadable", "forged", "honest"])
def test_past_due_messages_of_strangers_count_as_refused_and_a_tools_own_do_not(ada, placement, client, settings, kind):
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT = "2/h"
    api.update_placement(
        course_key=placement.course_key,
        placement_uuid=placement.uuid,
        due_at=timezone.now() - timedelta(days=1),
        accepts_late_grades=False,
    )
    body = b"<broken" if kind == "unreadable" else outcome_body(sourced_id_of(ada, placement))
    signing = {"secret": "wrong"} if kind == "forged" else {}

    responses = [post_outcome(client, placement, body, **signing) for _ in range(4)]

    assert read_reply(responses[0].content).description == "Grade is past due"
    assert [response.status_code for response in responses] == [
        200,
        200,
        *([200] * 2 if kind == "honest" else [429] * 2),
    ]


def test_29_a_tool_that_hangs_up_in_the_middle_is_no_error_of_ours(placement):
    class HungUp:
        def read(self, *args):
            raise OSError("connection reset by peer")

        readline = read

    environ = Client()._base_environ(
        REQUEST_METHOD="POST",
        PATH_INFO=api.outcome_path(placement),
        CONTENT_LENGTH="600",
        CONTENT_TYPE="application/xml",
        **{"wsgi.input": HungUp()},
    )
    request = WSGIRequest(environ)

    response = views.outcomes(request, placement_uuid=placement.uuid)

    assert response.status_code == 200
    assert read_reply(response.content).code == "failure"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("times", [1, 2])
def test_5_4_a_database_that_fails_accepts_nothing_and_once_is_tried_again(ada, placement, client, monkeypatch, times):
    """A deadlock is the database's to break: what it rolled back is done once more, and then given up."""
    failures = []
    really_create = LtiNonce.objects.create

    def create(**kwargs):
        if len(failures) < times:
            failures.append(1)
            raise OperationalError("deadlock found")
        return really_create(**kwargs)

    monkeypatch.setattr(LtiNonce.objects, "create", create)
    body = outcome_body(sourced_id_of(ada, placement), score="0.5")

    response = post_outcome(client, placement, body)
    reply = read_reply(response.content)

    if times == 1:
        assert (reply.code, score_of(ada, placement)) == ("success", 0.5)
        return
    assert (reply.code, reply.description, score_of(ada, placement)) == ("failure", "The request has failed.", None)
    again = post_outcome(client, placement, body, header=response.wsgi_request.headers["Authorization"])
    assert read_reply(again.content).code == "success"


def test_the_log_says_which_placement_was_addressed(ada, placement, client, caplog):
    with caplog.at_level("INFO", logger="openedx_learning_ext"):
        send(client, placement, ada, key="key-2")

    assert f"outcome message refused: foreign_key (placement {placement.pk})" in caplog.text


def test_a_sourcedid_with_a_nul_is_nobody_on_every_database(ada, placement, client):
    course, link, _ = sourced_id_of(ada, placement).split(":")

    reply = read_reply(post_outcome(client, placement, outcome_body(f"{course}:{link}:%00")).content)

    assert reply.description == "User not found."
