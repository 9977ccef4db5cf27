"""S10's launch half, and what a launch costs: one look-up, one base string, one HMAC, whoever is refused."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from openedx_learning_ext.core import privacy
from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.lti_provider import api
from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer, LtiUser
from tests.doubles.campusside import GRADED, changed, launch_path, post
from tests.security.support import numbers

RATE = "OPENEDX_LEARNING_EXT_LTI_PROVIDER_FAILED_LAUNCH_RATE_LIMIT"


@pytest.fixture
def work(monkeypatch):
    """How often a base string was built, an HMAC computed, signatures compared, and a secret decrypted."""
    done = dict.fromkeys(("base strings", "HMACs", "comparisons", "decryptions"), 0)

    def counted(name, really, counts=lambda *args: True):
        def function(*args, **kwargs):
            done[name] += bool(counts(*args))
            return really(*args, **kwargs)

        return function

    monkeypatch.setattr(oauth, "base_string", counted("base strings", oauth.base_string))
    # Tags in the log are made with it too.
    is_signature = lambda key, message, algorithm: message.startswith(b"POST&")  # noqa: E731
    compare = oauth.hmac.compare_digest
    monkeypatch.setattr(oauth.hmac, "digest", counted("HMACs", oauth.hmac.digest, is_signature))
    # Signatures of SHA-1 in base64; the cache and the session compare other things.
    monkeypatch.setattr(
        oauth.hmac, "compare_digest", counted("comparisons", compare, lambda a, b: len(b) == 28 and b.endswith(b"="))
    )
    monkeypatch.setattr(privacy, "decrypt", counted("decryptions", privacy.decrypt))
    return done


def refuse(campus, work, **signing):
    """Answer the page without its number and time, the queries without values, and the work, of a refused launch."""
    for name in work:
        work[name] = 0
    with CaptureQueriesContext(connection) as queries:
        response = campus.launch(Client(), signing=signing, **GRADED)
    page = re.sub(r"<code>.*?</code>|<time.*?</time>", "", response.content.decode())
    asked = [re.sub(r"'[^']*'", "?", query["sql"]) for query in queries]
    return response.status_code, page, sorted(response.headers), asked, dict(work)


@numbers(20, 200)
def test_S10_an_unknown_key_and_a_wrong_signature_cost_and_look_the_same(campus, work, settings, count):
    setattr(settings, RATE, None)
    for number in range(count):
        unknown = refuse(campus, work, key=f"nobody-{number}")
        forged = refuse(campus, work, secret=f"wrong-{number}")

        assert unknown == forged
        assert unknown[0] == 403
        assert len(unknown[3]) == 1
        assert unknown[4] == {"base strings": 1, "HMACs": 1, "comparisons": 1, "decryptions": 1}


def test_S10_so_does_a_consumer_without_a_secret(campus, work, consumer):
    unknown = refuse(campus, work, key="nobody")
    consumer.consumer_secret = ""
    consumer.save()

    empty = refuse(campus, work, secret="")

    assert empty[:4] == unknown[:4]
    assert empty[4]["HMACs"] == unknown[4]["HMACs"] == 1


def test_S10_the_reasons_differ_for_the_operator_alone(campus, work, consumer):
    refuse(campus, work, key="nobody")
    refuse(campus, work, secret="wrong")

    assert [failure.code for failure in api.list_failed_launches(consumer_id=None)] == ["unknown_key"]
    assert [failure.code for failure in api.list_failed_launches(consumer_id=consumer.pk)] == ["signature"]


def test_P3_a_form_that_is_no_launch_costs_no_query_and_no_signature(campus, work, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = post(Client(), changed(campus.form(), user_id=None), path=launch_path(campus.usage_key))

    assert response.status_code == 400
    assert work["base strings"] == work["HMACs"] == 0


def test_P3_a_launch_is_signed_for_the_first_address_that_fits(campus, work):
    assert campus.launch(Client()).status_code == 200

    assert (work["base strings"], work["HMACs"]) == (1, 1)


def test_P3_the_number_of_queries_does_not_depend_on_the_number_of_rows(campus, client, consumer, exercise, ada):
    campus.launch(client, **GRADED)
    service = GradedAssignment.objects.get().outcome_service

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert campus.launch(client, **GRADED).status_code == 200
        return len(captured)

    few = queries()
    for number in range(50):
        LtiConsumer.objects.create(consumer_name=f"C{number}", consumer_key=f"c{number}")
        LtiUser.objects.create(lti_consumer=consumer, lti_user_id=f"u{number}", edx_user=ada)
        GradedAssignment.objects.create(
            user=ada, course_key=exercise.course_key, usage_key=exercise.usage_key, outcome_service=service,
            lis_result_sourcedid=f"s{number}",
        )  # fmt: skip

    assert queries() == few <= 25
