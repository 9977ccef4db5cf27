"""What the security tests share: their numbers, properties with a seed, and a watched outcomes service."""

from __future__ import annotations

import base64
import hashlib
from time import perf_counter
from uuid import uuid4

import hypothesis
import pytest
from oauthlib.oauth1 import Client

from openedx_learning_ext.core.lti import xml
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiResult
from tests.doubles.toolside import Request, read_reply, sourced_id_of

SERVICE_URL = "https://lms.example.org/outcomes/block-v1:a+b+c@1?x=1"
OUR_FAULT = "The request has failed."

#: Twenty times the figure for one message; the only time a test here looks at.
BOUND_SECONDS = 1.0


def numbers(every_run, per_change):
    """Parametrize a test with a small ``count`` for every run, and the listed one for the reliability runs."""
    return pytest.mark.parametrize("count", [every_run, pytest.param(per_change, marks=pytest.mark.reliability)])


def hold(law, *strategies, count, seed):
    """Try a law on so many generated examples; the same seed tries the same ones, and a failure is shrunk."""
    tried = hypothesis.given(*strategies)(law)
    tried = hypothesis.seed(seed)(tried)
    quiet = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large]
    hypothesis.settings(max_examples=count, deadline=None, database=None, print_blob=True, suppress_health_check=quiet)(
        tried
    )()


class BytesClient(Client):
    """oauthlib's client for bodies that are no text: it decodes a body, so it is told the hash instead."""

    def __init__(self, *args, body_hash, **kwargs):
        super().__init__(*args, **kwargs)
        self._body_hash = body_hash

    def get_oauth_params(self, request):
        """Add the hash (``None`` leaves it out) to oauthlib's own parameters."""
        hashed = [] if self._body_hash is None else [("oauth_body_hash", self._body_hash)]
        return [pair for pair in super().get_oauth_params(request) if pair[0] != "oauth_body_hash"] + hashed


def hash_of(body, algorithm="sha1"):
    """Answer the body hash of some bytes."""
    return base64.b64encode(hashlib.new(algorithm, body).digest()).decode()


def sign(url, body, *, key="key-1", secret="s3cr&t/+", nonce=None, timestamp=None, body_hash="", **options):
    """Answer the header with which oauthlib signs any bytes; ``body_hash`` puts another hash (or none) into it."""
    client = BytesClient(
        key,
        client_secret=secret,
        nonce=nonce or uuid4().hex,
        timestamp=None if timestamp is None else str(timestamp),
        body_hash=hash_of(body) if body_hash == "" else body_hash,
        **options,
    )
    _, headers, _ = client.sign(url, http_method="POST")
    return headers["Authorization"]


def signed(body, *, url=SERVICE_URL, **signing):
    """Answer a request with these bytes, signed for this URL."""
    return Request(body, url, headers={"Authorization": sign(url, body, **signing)})


class Desk:
    """One placement's outcomes service: hands in rightly signed messages and looks at what each one does and costs."""

    def __init__(self, placement, user, monkeypatch):
        self.placement, self.user = placement, user
        self.sourced_id = sourced_id_of(user, placement)
        self._parses = 0
        really_parse = xml.parse

        def parse(*args, **kwargs):
            self._parses += 1
            return really_parse(*args, **kwargs)

        monkeypatch.setattr(xml, "parse", parse)

    def hand_in(self, body):
        """Answer the reply to a signed message, which was parsed at most once, in time, without an error of ours."""
        service = api.outcome_service(placement_uuid=self.placement.uuid)
        request = signed(body)
        self._parses, started = 0, perf_counter()

        reply = read_reply(service.handle_request(request))

        assert perf_counter() - started < BOUND_SECONDS
        assert self._parses <= 1
        assert reply.code in ("success", "failure", "unsupported")
        assert reply.description != OUR_FAULT
        return reply

    @property
    def score(self):
        """The learner's stored score, ``None`` without one."""
        return (
            LtiResult.objects.filter(placement=self.placement, user=self.user).values_list("score", flat=True).first()
        )
