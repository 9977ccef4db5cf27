"""Scores to an instant campus, one worker: ours against signing and posting each with a new connection."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import socketserver
import ssl
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.measure import Side

SCORES = 1_000
ROUNDS = 3
BACKLOG = 100_000
CLAIMS = 200
KEY, SECRET = "key-1", "a secret of an ordinary length"

ANSWER_BODY = (
    b'<?xml version="1.0" encoding="UTF-8"?><imsx_POXEnvelopeResponse '
    b'xmlns="http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"><imsx_POXHeader><imsx_POXResponseHeaderInfo>'
    b"<imsx_version>V1.0</imsx_version><imsx_messageIdentifier>1</imsx_messageIdentifier><imsx_statusInfo>"
    b"<imsx_codeMajor>success</imsx_codeMajor><imsx_severity>status</imsx_severity><imsx_description/>"
    b"</imsx_statusInfo></imsx_POXResponseHeaderInfo></imsx_POXHeader><imsx_POXBody><replaceResultResponse/>"
    b"</imsx_POXBody></imsx_POXEnvelopeResponse>"
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: "
    + str(len(ANSWER_BODY)).encode()
    + b"\r\n\r\n"
    + ANSWER_BODY
)


# -- the instant campus ------------------------------------------------------------------------------------------------


class _Instant(socketserver.BaseRequestHandler):
    """Reads a message by its length and says success; verifies nothing, for either side."""

    def handle(self) -> None:
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = self.request.recv(65_536)
                if not more:
                    return
                data += more
            head, _, rest = data.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
            while len(rest) < length:
                rest += self.request.recv(65_536)
            data = rest[length:]
            self.request.sendall(ANSWER)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[Any, Any]:
        plain, address = super().get_request()
        return (plain if self.tls is None else self.tls.wrap_socket(plain, server_side=True)), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up without a word is none of our business."""


def _serve(certificate: str | None, ports: Any) -> None:
    with _Server(("127.0.0.1", 0), _Instant) as server:
        if certificate is not None:
            server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.tls.load_cert_chain(certificate)
        ports.put(server.server_address[1])
        server.serve_forever()


@contextlib.contextmanager
def instant_campus(certificate: str | None) -> Iterator[str]:
    """Run the campus as a process of its own, and answer its address."""
    context = multiprocessing.get_context("spawn")
    ports = context.Queue()
    process = context.Process(target=_serve, args=(certificate, ports), daemon=True)
    process.start()
    try:
        yield f"{'http' if certificate is None else 'https'}://127.0.0.1:{ports.get(timeout=30)}/outcomes"
    finally:
        process.kill()
        process.join()


# -- ours, and theirs --------------------------------------------------------------------------------------------------


def _assignments(url: str) -> list[Any]:
    from django.contrib.auth import get_user_model
    from opaque_keys.edx.keys import CourseKey

    from openedx_learning_ext.lti_provider import models

    course = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
    consumer, _ = models.LtiConsumer.objects.get_or_create(
        consumer_name="Campus", defaults={"consumer_key": KEY, "consumer_secret": SECRET}
    )
    service = models.OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=url)
    user, _ = get_user_model().objects.get_or_create(username="ada")
    return models.GradedAssignment.objects.bulk_create(
        models.GradedAssignment(
            user=user, course_key=course, usage_key=course.make_usage_key("problem", f"exercise{number}"),
            outcome_service=service, lis_result_sourcedid=f"{service.pk}:campus-result-{number:08}",
        )
        for number in range(SCORES)
    )  # fmt: skip


def _want(assignments: list[Any], earned: int) -> None:
    from django.db import transaction

    from openedx_learning_ext.lti_provider import passback

    with transaction.atomic():
        for assignment in assignments:
            passback.engine.put(
                assignment.pk, {"earned": earned, "possible": SCORES}, destination=str(assignment.outcome_service_id)
            )


def _ours(assignments: list[Any], earned: int) -> float:
    """Return the rate at which one worker empties the mailbox: claims, leases, and what is written down included."""
    from openedx_learning_ext.lti_provider import api

    _want(assignments, earned)
    started = time.perf_counter()
    sent = api.deliver_due()
    rate = SCORES / (time.perf_counter() - started)
    assert sent == SCORES
    return rate


def _theirs(url: str, assignments: list[Any], earned: int, authority: str | None) -> float:
    """Return the rate of building, signing and posting one after another, each over a new connection."""
    import requests
    from requests_oauthlib import OAuth1

    from openedx_learning_ext.lti_provider.outcomes import generate_replace_result_xml

    started = time.perf_counter()
    for assignment in assignments:
        xml = generate_replace_result_xml(assignment.lis_result_sourcedid, earned / SCORES)
        answer = requests.post(
            url,
            data=xml.encode(),
            auth=OAuth1(KEY, client_secret=SECRET, signature_type="auth_header", force_include_body=True),
            headers={"Content-Type": "application/xml"},
            verify=authority or True,
            timeout=15,
        )
        assert b"success" in answer.content
    return SCORES / (time.perf_counter() - started)


def _compare(certificate: str | None, authority: str | None) -> list[Side]:
    ours, theirs = [], []
    with instant_campus(certificate) as url:
        assignments = _assignments(url)
        for earned in range(1, ROUNDS + 1):
            ours.append(_ours(assignments, earned))
            theirs.append(_theirs(url, assignments, earned, authority))
    return [Side("ours", tuple(ours)), Side("theirs", tuple(theirs))]


def over_https() -> list[Side]:
    """Compare over https, with a certificate that both sides verify."""
    from django.test import override_settings

    from tests.doubles.authority import Authority

    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        authority.server("127.0.0.1")
        (certificate,) = map(str, Path(folder).glob("server-*.pem"))
        with override_settings(OPENEDX_LEARNING_EXT_OUTBOUND_CA_FILE=authority.file):
            return _compare(certificate, authority.file)


def over_http() -> list[Side]:
    """Compare over plain http."""
    return _compare(None, None)


def claim_behind_a_backlog() -> str:
    """Return in words how long a claim takes while a hundred thousand rows are waiting for ten campuses."""
    from django.utils import timezone

    from openedx_learning_ext.lti_provider import models, passback

    models.ScoreDelivery.objects.all().delete()
    first = _assignments("https://campus.example/backlog")[0]
    services = models.OutcomeService.objects.bulk_create(
        models.OutcomeService(
            lti_consumer=first.outcome_service.lti_consumer, lis_outcome_service_url=f"https://campus.example/{number}"
        )
        for number in range(10)
    )
    now = timezone.now() - timedelta(days=1)
    numbers = itertools.count()
    for _ in range(BACKLOG // 10_000):
        batch = models.GradedAssignment.objects.bulk_create(
            models.GradedAssignment(
                user_id=first.user_id, course_key=first.course_key, usage_key=first.usage_key,
                outcome_service=services[number % 10], lis_result_sourcedid=f"backlog-{number}",
            )
            for number in itertools.islice(numbers, 10_000)
        )  # fmt: skip
        models.ScoreDelivery.objects.bulk_create(
            models.ScoreDelivery(
                assignment=assignment, destination=str(assignment.outcome_service_id), wanted_version=1,
                payload={"earned": 1, "possible": 1}, next_attempt_at=now + timedelta(milliseconds=assignment.pk),
            )
            for assignment in batch
        )  # fmt: skip
    seconds = []
    for _ in range(CLAIMS):
        started = time.perf_counter()
        claim = passback.engine.claim()
        seconds.append(time.perf_counter() - started)
        assert claim is not None
        assert len(claim.ids) == 20
        passback.engine._let_go(claim.ids, claim.token)
    slow = statistics.quantiles(seconds, n=20)[-1]
    return f"{statistics.median(seconds) * 1000:.1f} ms (95 % of {CLAIMS} within {slow * 1000:.1f} ms)"
