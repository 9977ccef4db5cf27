"""
The campus's outcome service: a web server of its own, which can be switched off and can be told to misbehave.

Switched off it does not listen, so whoever sends meets a closed door, as with a campus that is down. It speaks
HTTP/1.0, one message a connection, and believes only what ``oauthlib`` finds signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lti import OutcomeRequest, OutcomeResponse
from lxml.etree import XMLSyntaxError
from oauthlib.oauth1 import RequestValidator, SignatureOnlyEndpoint

from openedx_learning_ext.core import privacy
from openedx_learning_ext.standalone.campus import credentials, gradebook
from openedx_learning_ext.standalone.campus.people import LEARNERS

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PATH = "/outcomes"
LARGEST_BODY = 64 * 1024
READ_SECONDS = 10
#: Longer than anybody waits for an answer.
HANG_SECONDS = 60
WINDOW_SECONDS = 300
REMEMBER_SECONDS = 2 * WINDOW_SECONDS + 60


class Behaviour(Enum):
    """How the service answers what is signed well."""

    WELL = "well"
    FAILS = "fails"
    HANGS = "hangs"
    GARBAGE = "garbage"


class NotBelieved(Exception):
    """The message is not one that the campus may act on; the text is a word that says why."""


class MessageValidator(RequestValidator):
    """Answers oauthlib's questions about a message."""

    enforce_ssl = False  # The demonstration runs on loopback.
    timestamp_lifetime = WINDOW_SECONDS
    dummy_client = "dummy"

    @property
    def allowed_signature_methods(self) -> tuple[str, ...]:
        """LTI 1.1 has one method."""
        return ("HMAC-SHA1",)

    def check_client_key(self, client_key: str) -> bool:
        """Tell whether this looks like a key."""
        return 1 <= len(client_key) <= 255

    def check_nonce(self, nonce: str) -> bool:
        """Tell whether this looks like a nonce; senders are freer here than oauthlib's default."""
        return 1 <= len(nonce) <= 255

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        """Tell whether the key is ours, without telling by time."""
        return hmac.compare_digest(client_key.encode(), credentials.KEY.encode())

    def get_client_secret(self, client_key: str, request: Any) -> str:
        """Return the secret; for an unknown key the check goes on and fails at its end."""
        return credentials.secret()

    def validate_timestamp_and_nonce(
        self,
        client_key: str,
        timestamp: str,
        nonce: str,
        request: Any,
        request_token: str | None = None,
        access_token: str | None = None,
    ) -> bool:
        """Let oauthlib go on: the nonce is used up by :func:`verify`, once the signature is good."""
        return abs(int(timestamp) - time.time()) <= WINDOW_SECONDS


def verify(url: str, headers: dict[str, str], body: bytes) -> None:
    """
    Return only if the other side signed this very message, of this address and body, now and for the first time.

    Raises:
        NotBelieved: it did not.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise NotBelieved("no text") from error
    is_signed, request = SignatureOnlyEndpoint(MessageValidator()).validate_request(url, "POST", text, headers)
    if not is_signed or request is None:
        raise NotBelieved("signature")
    expected = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()
    hashes = [value for name, value in request.params if name == "oauth_body_hash"]
    if len(hashes) != 1 or not hmac.compare_digest(hashes[0].encode(), expected.encode()):
        raise NotBelieved("body hash")
    if not gradebook.use_nonce(f"{request.timestamp} {request.nonce}", remember_seconds=REMEMBER_SECONDS):
        raise NotBelieved("nonce")


def read(body: bytes) -> tuple[str, float, str]:
    """
    Return learner, score and message id of a message that replaces a result.

    Raises:
        NotBelieved: it is no such message, or it is for nobody here.
    """
    message = OutcomeRequest()
    try:
        message.process_xml(body)
        score = float(message.score)
    except (XMLSyntaxError, AttributeError, TypeError, ValueError) as error:
        raise NotBelieved("not understood") from error
    if not message.is_replace_request() or not 0 <= score <= 1:
        raise NotBelieved("not understood")
    sourced_id = str(message.lis_result_sourcedid)
    for learner_id in LEARNERS:
        if hmac.compare_digest(sourced_id.encode(), credentials.sourced_id(learner_id).encode()):
            return learner_id, score, message.message_identifier
    raise NotBelieved("nobody")


class _Handler(BaseHTTPRequestHandler):
    """Takes one message."""

    server: _Server
    timeout = READ_SECONDS
    server_version = "DemoCampus"
    sys_version = ""

    def do_POST(self) -> None:
        """Take a score, or do what the campus was told to do instead."""
        length = self.headers.get("Content-Length", "")
        if self.path != PATH:
            return self.send_error(404)
        if not (length.isascii() and length.isdigit()) or len(length) > 9 or int(length) > LARGEST_BODY:
            return self.send_error(413)
        body = self.rfile.read(int(length))
        try:
            verify(self.server.url, dict(self.headers.items()), body)
            learner_id, score, identifier = read(body)
        except NotBelieved as error:
            gradebook.note(f"refused: {error}")
            return self._answer(200, _envelope("failure", f"The campus refused it: {error}.", ""))
        behaviour = self.server.behaviour
        if behaviour is Behaviour.WELL:
            gradebook.take(learner_id, score)
            return self._answer(200, _envelope("success", "The score is in the gradebook.", identifier))
        gradebook.note(behaviour.value, learner_id=learner_id, score=score)
        if behaviour is Behaviour.FAILS:
            return self.send_error(500)
        if behaviour is Behaviour.GARBAGE:
            return self._answer(200, b"<html><p>success? The moon is made of <b>cheese")
        self.server.let_go.wait(HANG_SECONDS)  # and then the connection ends without a word
        return None

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what arrived stands in the gradebook."""


def _envelope(code: str, description: str, identifier: str) -> bytes:
    answer = OutcomeResponse()
    answer.message_identifier = hashlib.sha256(f"answer {identifier}".encode()).hexdigest()[:32]
    answer.message_ref_identifier = identifier
    answer.code_major, answer.description, answer.operation = code, description, "replaceResult"
    answer.severity = "status" if code == "success" else "error"
    xml: bytes = answer.generate_response_xml()
    return xml


class _Server(ThreadingHTTPServer):
    """One time that the service is on: from switching on to switching off."""

    daemon_threads = True
    block_on_close = False  # a message that hangs must not hold up who switches off

    def __init__(self, port: int, behaviour: Behaviour) -> None:
        """Listen; ``OSError`` when that port is not to be had."""
        super().__init__((HOST, port), _Handler)
        self.behaviour = behaviour
        self.let_go = threading.Event()

    @property
    def url(self) -> str:
        """Return the address of the service."""
        return _url(self.server_port)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write down that a message was not answered; where its sender was gone or too slow, that is no error."""
        error = sys.exception()
        if isinstance(error, ConnectionError | TimeoutError) or error is None:
            log.info("campus_message_not_answered", extra={"error": type(error).__name__})
        else:
            log.error("campus_message_not_answered\n%s", privacy.trace_of(error))


def _url(port: int) -> str:
    return f"http://{HOST}:{port}{PATH}"


class Service:
    """The switch and the dial of the outcome service; all of it may be used by several threads."""

    def __init__(self) -> None:
        """Begin switched off and well-behaved."""
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._behaviour = Behaviour.WELL

    @property
    def is_on(self) -> bool:
        """Tell whether it listens."""
        return self._server is not None

    @property
    def behaviour(self) -> Behaviour:
        """Return how it answers, once it is on."""
        return self._behaviour

    @property
    def url(self) -> str:
        """Return its address, which stays the same while it is off; empty while it never had one."""
        port = gradebook.port()
        return _url(port) if port else ""

    def switch_on(self) -> None:
        """
        Listen, on the port it had before. When it is on already nothing changes.

        Raises:
            OSError: another program has that port now.
        """
        with self._lock:
            if self._server is not None:
                return
            server = _Server(gradebook.port(), self._behaviour)
            gradebook.keep_port(server.server_port)
            self._thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="campus", daemon=True
            )
            self._thread.start()
            self._server = server

    def switch_off(self) -> None:
        """Stop listening and let go of whoever waits. When it is off already nothing changes."""
        with self._lock:
            server, thread = self._server, self._thread
            self._server = self._thread = None
            if server is None or thread is None:
                return
            server.let_go.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def behave(self, behaviour: Behaviour) -> None:
        """Answer in this way from now on; whoever was left hanging is let go."""
        with self._lock:
            self._behaviour = behaviour
            if self._server is not None:
                self._server.behaviour = behaviour
                self._server.let_go.set()
                self._server.let_go = threading.Event()


#: The one of this process: the server's, where the pages are served, too.
service = Service()


@contextmanager
def serving() -> Iterator[bool]:
    """Have the service on, and off at the end; tell whether it got its port. Without it the pages can still try."""
    try:
        service.switch_on()
    except OSError:
        is_on = False
    else:
        is_on = True
    try:
        yield is_on
    finally:
        service.switch_off()
