"""S6 and S7: a message counts once, and nobody without the secret uses a nonce up."""

from __future__ import annotations

import threading
import time

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.lti_consumer import api, signals
from openedx_learning_ext.lti_consumer.models import LtiNonce, LtiResult
from tests.doubles.toolside import authorization, outcome_body, outcome_url_of, post_outcome, read_reply, sourced_id_of
from tests.security.support import numbers

REPLAYED = f"OAuth verification error: {oauth.USED_NONCE}"


@pytest.fixture(autouse=True)
def _no_rate_limit(settings):
    """Refusals are what these tests are made of; how many an address may have is another test."""
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT = None


@pytest.fixture
def changes():
    """Every change of a result that was announced."""
    heard = []

    def listen(sender, score, **kwargs):
        heard.append(score)

    signals.result_changed.connect(listen)
    yield heard
    signals.result_changed.disconnect(listen)


@pytest.fixture
def post(placement, client):
    """Send a message to the outcomes endpoint; answer the reply."""
    return lambda body, header: read_reply(post_outcome(client, placement, body, header=header).content)


@pytest.fixture
def post_from_a_thread(placement):
    """Send a message through the whole stack of the server, from any thread; answer the reply."""
    serve = WSGIHandler()
    path = api.outcome_path(placement)

    def posting(body, header):
        request = RequestFactory().post(path, data=body, content_type="application/xml", HTTP_AUTHORIZATION=header)
        statuses = []
        response = serve(request.environ, lambda status, headers, exc_info=None: statuses.append(status))
        try:
            content = b"".join(response)
        finally:
            response.close()
        assert statuses == ["200 OK"]
        return read_reply(content)

    return posting


def _message(user, placement, *, score="0.5", message_id="m", **signing):
    body = outcome_body(sourced_id_of(user, placement), score=score, message_id=message_id)
    return body, authorization(outcome_url_of(placement), body, **signing)


@pytest.mark.django_db(transaction=True)
@numbers(60, 1_000)
def test_S6_a_message_sent_again_and_again_counts_once(ada, placement, post, changes, count):
    body, header = _message(ada, placement)
    replies = [post(body, header)]
    later_body, later_header = _message(ada, placement, score="0.75")
    assert post(later_body, later_header).code == "success"

    replies += [post(body, header) for _ in range(count - 1)]

    assert [reply.code for reply in replies] == ["success"] + ["failure"] * (count - 1)
    assert {reply.description for reply in replies[1:]} == {REPLAYED}
    assert changes == [0.5, 0.75]
    assert LtiNonce.objects.count() == 2
    assert LtiResult.objects.get().score == 0.75


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("threads", "rounds"), [(10, 5), pytest.param(50, 20, marks=pytest.mark.reliability)])
def test_S6_of_a_message_sent_many_times_at_once_one_counts(
    ada, placement, post_from_a_thread, changes, threads, rounds
):
    messages = [
        _message(ada, placement, score=f"0.{number + 10}", message_id=f"round {number}") for number in range(rounds)
    ]
    replies = [[] for _ in messages]
    errors = []
    start = threading.Barrier(threads)

    def send_all():
        try:
            for number, (body, header) in enumerate(messages):
                start.wait(timeout=120)
                replies[number].append(post_from_a_thread(body, header))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)
            start.abort()
        finally:
            connections.close_all()

    senders = [threading.Thread(target=send_all) for _ in range(threads)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert errors == []
    for answers in replies:
        assert sorted(reply.code for reply in answers) == ["failure"] * (threads - 1) + ["success"]
        assert {reply.description for reply in answers if reply.code == "failure"} == {REPLAYED}
    assert changes == [float(f"0.{number + 10}") for number in range(rounds)]
    assert LtiNonce.objects.count() == rounds
    assert LtiResult.objects.get().score == changes[-1]


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"nonce": "n-2"}, {"timestamp_offset": 1}])
def test_S6_another_nonce_or_another_second_is_another_message(ada, placement, post, other):
    now = int(time.time())
    codes = []
    for nonce, timestamp in (("n-1", now), (other.get("nonce", "n-1"), now + other.get("timestamp_offset", 0))):
        codes.append(post(*_message(ada, placement, nonce=nonce, timestamp=timestamp)).code)

    assert codes == ["success", "success"]
    assert LtiNonce.objects.count() == 2


@pytest.mark.django_db
def test_S6_a_nonce_differs_by_letter_case_and_by_its_border_with_the_key(ada, placement, post):
    now = int(time.time())

    codes = [
        post(*_message(ada, placement, nonce=nonce, timestamp=now)).code for nonce in ("abc", "ABC", "1abc", "abc ")
    ]

    assert codes == ["success"] * 4


@pytest.mark.django_db
@numbers(200, 10_000)
def test_S7_a_stranger_burns_no_nonce(ada, placement, post, count):
    now = int(time.time())
    body = outcome_body(sourced_id_of(ada, placement))
    url = outcome_url_of(placement)
    honest = authorization(url, body, nonce="wanted", timestamp=now)
    stranger = authorization(url, body, secret="guess", nonce="wanted", timestamp=now)

    with CaptureQueriesContext(connections["default"]) as asked:
        assert post(body, stranger).description == f"OAuth verification error: {oauth.BAD_SIGNATURE}"
    for number in range(count - 1):
        nonce = "wanted" if number % 2 else f"n-{number}"
        assert post(body, authorization(url, body, secret="guess", nonce=nonce, timestamp=now)).code == "failure"

    assert LtiNonce.objects.count() == 0
    assert LtiResult.objects.count() == 0
    assert all(query["sql"].startswith("SELECT") for query in asked)
    assert post(body, honest).code == "success"


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", ["key", "timestamp", "hash", "body"])
def test_S7_a_message_refused_for_anything_else_leaves_its_nonce_free_too(ada, placement, post, wrong):
    now = int(time.time())
    url = outcome_url_of(placement)
    body = outcome_body(sourced_id_of(ada, placement))
    honest = authorization(url, body, nonce="wanted", timestamp=now)
    refused = {
        "key": (body, authorization(url, body, key="key-2", nonce="wanted", timestamp=now)),
        "timestamp": (body, authorization(url, body, nonce="wanted", timestamp=now - 6_000)),
        "hash": (body + b"\n", honest),
        "body": (b"<broken", authorization(url, b"<broken", nonce="wanted", timestamp=now)),
    }[wrong]

    assert post(*refused).code == "failure"

    assert LtiNonce.objects.count() == 0
    assert post(body, honest).code == "success"


@pytest.mark.django_db
def test_S7_a_planned_refusal_after_the_signature_keeps_its_nonce(placement, post, ada):
    body = outcome_body("course:link:nobody")
    header = authorization(outcome_url_of(placement), body)

    first, second = post(body, header), post(body, header)

    assert (first.description, second.description) == ("User not found.", REPLAYED)
