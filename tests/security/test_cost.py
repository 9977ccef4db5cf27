"""P3: what an outcome message costs: queries, parses, signatures."""

from __future__ import annotations

import hmac
import statistics
from time import perf_counter

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from openedx_learning_ext.core.lti import oauth, xml
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiNonce, LtiResult
from tests.doubles.toolside import (
    authorization,
    outcome_body,
    outcome_url_of,
    post_outcome,
    read_reply,
    send,
    sourced_id_of,
)
from tests.security.support import numbers

pytestmark = pytest.mark.django_db


@pytest.fixture
def work(monkeypatch):
    """How often a document was parsed and a signature computed."""
    done = {"parses": 0, "base strings": [], "HMACs": 0}
    really_parse, really_build, really_sign = xml.parse, oauth.base_string, hmac.digest

    def parse(*args, **kwargs):
        done["parses"] += 1
        return really_parse(*args, **kwargs)

    def base_string(method, url, *args, **kwargs):
        done["base strings"].append(url)
        return really_build(method, url, *args, **kwargs)

    def digest(key, message, algorithm):
        # Tags in the log are made with it too.
        done["HMACs"] += message.startswith(b"POST&")
        return really_sign(key, message, algorithm)

    monkeypatch.setattr(xml, "parse", parse)
    monkeypatch.setattr(oauth, "base_string", base_string)
    monkeypatch.setattr(oauth.hmac, "digest", digest)
    return done


def _queries(client, placement, user, **message):
    with CaptureQueriesContext(connection) as queries:
        reply = send(client, placement, user, **message)
    return len(queries), reply.code


@pytest.mark.parametrize("action", ["replaceResult", "readResult", "deleteResult"])
@pytest.mark.parametrize("where", ["placement", "block_placement"])
def test_P3_the_number_of_queries_does_not_depend_on_the_number_of_rows(action, where, ada, client, request):
    placement = request.getfixturevalue(where)
    send(client, placement, ada, score="0.5")
    few = _queries(client, placement, ada, action=action)

    people = get_user_model().objects.bulk_create(
        get_user_model()(username=f"learner-{number}") for number in range(200)
    )
    LtiResult.objects.bulk_create(LtiResult(placement=placement, user=person, score=0.5) for person in people)
    LtiNonce.objects.bulk_create(LtiNonce(timestamp=number, digest=f"{number:064}") for number in range(2_000))
    for number in range(20):
        api.create_placement(
            course_key=placement.course_key, configuration_id=placement.configuration_id, title=f"More {number}"
        )
    send(client, placement, ada, score="0.5")
    many = _queries(client, placement, ada, action=action)

    assert few == many
    assert few[1] == "success"
    assert few[0] <= 20


@pytest.mark.parametrize("action", ["replaceResult", "readResult", "deleteResult"])
def test_P3_a_message_is_parsed_once_and_signed_once_for_each_address_tried(
    action, ada, placement, client, work, settings
):
    settings.LMS_ROOT_URL = "http://testserver"
    send(client, placement, ada, action=action)

    assert work == {"parses": 1, "base strings": [outcome_url_of(placement)], "HMACs": 1}


def test_P3_the_configured_address_is_tried_before_the_requests_own(ada, placement, client, work, settings):
    settings.LMS_ROOT_URL = "https://public.example"
    url = outcome_url_of(placement)
    body = outcome_body(sourced_id_of(ada, placement))

    post_outcome(client, placement, body, header=authorization(url, body))

    assert work == {
        "parses": 1,
        "base strings": [f"https://public.example{api.outcome_path(placement)}", url],
        "HMACs": 2,
    }


def test_P3_behind_a_trusted_proxy_there_is_one_address_more(ada, placement, client, work, settings):
    settings.LMS_ROOT_URL = "https://public.example"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    body = outcome_body(sourced_id_of(ada, placement))
    url = outcome_url_of(placement).replace("http://", "https://")

    reply = read_reply(post_outcome(client, placement, body, header=authorization(url, body)).content)

    assert reply.code == "success"
    assert len(work["base strings"]) == work["HMACs"] == 3


@pytest.mark.parametrize("refusal", ["wrong secret", "replay", "unreadable", "unsigned", "hash"])
def test_P3_a_refused_message_costs_no_more(refusal, ada, placement, client, work, settings):
    settings.LMS_ROOT_URL = "http://testserver"
    body = outcome_body(sourced_id_of(ada, placement))
    header = authorization(outcome_url_of(placement), body)
    sent = {
        "wrong secret": (body, authorization(outcome_url_of(placement), body, secret="other")),
        "replay": (body, header),
        "unreadable": (b"<broken", header),
        "unsigned": (body, ""),
        "hash": (body + b" ", header),
    }[refusal]
    if refusal == "replay":
        post_outcome(client, placement, body, header=header)
        work.update({"parses": 0, "base strings": [], "HMACs": 0})

    reply = read_reply(post_outcome(client, placement, sent[0], header=sent[1]).content)

    signed = int(refusal in ("wrong secret", "replay"))
    assert reply.code == "failure"
    assert (work["parses"], len(work["base strings"]), work["HMACs"]) == (1, signed, signed)


@pytest.mark.parametrize("public", ["http://testserver", "https://public.example"])
def test_P3_a_message_for_no_placement_costs_the_work_of_a_wrong_signature(
    public, ada, placement, client, work, settings
):
    settings.LMS_ROOT_URL = public
    url = outcome_url_of(placement)
    body = outcome_body(sourced_id_of(ada, placement))
    nowhere = url.replace(str(placement.uuid), "00000000-0000-4000-8000-000000000000")
    header = authorization(nowhere, body)
    answers = []

    for address, signature in ((nowhere, header), (url, authorization(url, body, secret="other"))):
        work.update({"parses": 0, "base strings": [], "HMACs": 0})
        with CaptureQueriesContext(connection) as queries:
            response = client.post(
                address.removeprefix("http://testserver"),
                data=body,
                content_type="application/xml",
                HTTP_AUTHORIZATION=signature,
            )
        answers.append(
            (response.status_code, read_reply(response.content), work["parses"], work["HMACs"], len(queries))
        )

    assert answers[0] == answers[1]


@numbers(100, 1_000)
def test_P3_the_slowest_message_stays_far_inside_its_bound(ada, placement, client, count):
    send(client, placement, ada)
    seconds, queries = [], set()

    for number in range(count):
        body = outcome_body(sourced_id_of(ada, placement), score=f"0.{number:04}")
        header = authorization(outcome_url_of(placement), body)
        connection.queries_log.clear()  # it has a limit, and warns at it
        with CaptureQueriesContext(connection) as asked:
            started = perf_counter()
            response = post_outcome(client, placement, body, header=header)
            seconds.append(perf_counter() - started)
        assert b">success<" in response.content
        queries.add(len(asked))

    assert len(queries) == 1
    assert statistics.median(seconds) <= 0.2
    assert statistics.quantiles(seconds, n=100)[98] <= 1
