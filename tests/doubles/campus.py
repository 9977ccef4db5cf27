"""
A campus's outcome service on loopback that can be told to misbehave, with threads and a port of its own.

It writes HTTP byte by byte, so that it can break off anywhere. What it was sent stands in ``messages``, what it took
into its gradebook in ``applied``, both in the order in which it happened, with the monotonic time.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from lxml import etree

NS = "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"
MEBIBYTE = 1 << 20

#: How an answer may go wrong that does come back whole. A three-digit number is an answer of that status.
ANSWERED = (
    "success", "processing", "failure", "failure_422", "unsupported", "500", "503_retry_after", "429", "401",
    "403_rate_limit", "404", "302", "204", "empty", "html", "garbage_xml", "truncated_xml", "ten_mib", "gzip_bomb",
    "wrong_charset",
)  # fmt: skip
#: How an exchange may break off.
BROKEN_OFF = ("reset_before_headers", "reset_after_headers", "hang_up", "cut_short", "lost_answer", "late_lost")
#: How it may never end.
ENDLESS = ("drip_headers", "drip_body", "silence", "late")
#: Those after which the score is in the gradebook, at once or later.
APPLIED = ("success", "processing", "lost_answer")
APPLIED_LATE = ("late", "late_lost")

_WORDS = {"success": "done", "processing": "later", "failure": "no such learner", "unsupported": "no grades here"}


@dataclass(frozen=True)
class Message:
    """One message as it came: ``connection`` counts connections from 1, ``kind`` is how it was answered."""

    target: str
    headers: dict = field(repr=False)
    body: bytes = field(repr=False)
    sourced_id: str | None
    score: str | None
    connection: int
    kind: str
    at: float


@dataclass(frozen=True)
class Entry:
    """A score as it was taken into the gradebook."""

    sourced_id: str | None
    score: str | None
    at: float


def envelope(code, description="", *, namespace=NS) -> bytes:
    """Return the XML of an answer."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<imsx_POXEnvelopeResponse xmlns="{namespace}"><imsx_POXHeader><imsx_POXResponseHeaderInfo>'
        "<imsx_version>V1.0</imsx_version><imsx_messageIdentifier>1</imsx_messageIdentifier><imsx_statusInfo>"
        f"<imsx_codeMajor>{code}</imsx_codeMajor><imsx_severity>status</imsx_severity>"
        f"<imsx_description>{description}</imsx_description></imsx_statusInfo></imsx_POXResponseHeaderInfo>"
        "</imsx_POXHeader><imsx_POXBody><replaceResultResponse/></imsx_POXBody></imsx_POXEnvelopeResponse>"
    ).encode()


def answer(status=200, body=b"", *, content_type="application/xml", **headers) -> bytes:
    """Return the bytes of an answer; underscores in the names of header fields stand for hyphens."""
    lines = [f"HTTP/1.1 {status} What it is", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Campus:
    """
    The service. Use it in a ``with``, or ``start`` and ``stop`` it.

    ``kind`` is how it answers, ``misbehave`` plans the next messages otherwise; a kind may also be the bytes of an
    answer. ``drip_seconds`` lie between two bytes of an answer that drips. What is applied late is applied after
    ``late_seconds``, or when ``apply_late`` is called.
    """

    def __init__(self, *, kind="success", tls=None, host="127.0.0.1", drip_seconds=2.0, late_seconds=None):
        self.kind = kind
        self.drip_seconds, self.late_seconds = drip_seconds, late_seconds
        self.retry_after = "120"
        self.redirect_to = "/login"
        self.messages: list[Message] = []
        self.applied: list[Entry] = []
        self.connections = self.busiest = self.dripped = self.failed_handshakes = 0
        self._tls, self._host, self._port = tls, host, 0
        self._plan: deque = deque()
        self._late: list[Message] = []
        self._lock = threading.Lock()
        self._now = 0
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    # -- for whoever holds the strings ---------------------------------------------------------------------------------

    def __enter__(self):
        """Start it."""
        self.start()
        return self

    def __exit__(self, *error):
        """Stop it."""
        self.stop()

    @property
    def url(self) -> str:
        """Return the address of the service; it stays the same while the campus is switched off."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/outcomes"

    @property
    def port(self) -> int:
        """Return the port."""
        return self._port

    def start(self) -> None:
        """Take connections, on the same port as before."""
        self._stopping = threading.Event()
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._listener = socket.create_server((self._host, self._port), family=family, backlog=64)
        self._port = self._listener.getsockname()[1]
        self._run(self._accept, self._listener, self._stopping)

    def stop(self) -> None:
        """Refuse connections and end those there are. Doing it again changes nothing."""
        if self._listener is None:
            return
        self._stopping.set()
        _shut(self._listener)  # wakes the thread that accepts
        self._listener.close()
        self._listener = None
        with self._lock:
            for connection in self._open:
                _shut(connection)
        for thread in self._threads:
            thread.join(timeout=10)
            assert not thread.is_alive()
        self._threads.clear()

    switch_off, switch_on = stop, start

    def misbehave(self, *kinds) -> None:
        """Answer the next messages in these ways, one each."""
        self._plan.extend(kinds)

    def hang_up(self, *, with_reset=False) -> None:
        """End every connection, as a server does that has waited long enough; return when they are closed."""
        with self._lock:
            for connection in self._open:
                if with_reset:
                    _reset(connection)
                _shut(connection)
        while self._open:
            time.sleep(0.001)

    def say(self, data) -> None:
        """Send something on every connection that nobody asked for."""
        with self._lock:
            for connection in self._open:
                connection.sendall(data)

    def apply_late(self) -> None:
        """Apply what is still to be applied late."""
        with self._lock:
            late, self._late = self._late, []
        for message in late:
            self._apply(message)

    def score_of(self, sourced_id) -> str | None:
        """Return what the gradebook shows: the score that was applied last."""
        return next((entry.score for entry in reversed(self.applied) if entry.sourced_id == sourced_id), None)

    # -- connections ---------------------------------------------------------------------------------------------------

    def _run(self, function, *arguments) -> None:
        thread = threading.Thread(target=function, args=arguments, name=f"campus-{function.__name__}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener, stopping) -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._open.add(connection)
            self._run(self._serve, connection, number, stopping)

    def _serve(self, plain, number, stopping) -> None:
        connection = plain
        try:
            if self._tls is not None:
                connection = self._secured(plain)
            while not stopping.is_set() and self._serve_one(connection, number, stopping):
                pass
        except OSError:
            pass  # the other side is gone, or we are stopping
        finally:
            with self._lock:
                self._open -= {plain, connection}
                connection.close()

    def _secured(self, plain):
        plain.settimeout(5)  # whoever says nothing here would hold the thread for ever
        try:
            connection = self._tls.wrap_socket(plain, server_side=True)
        except OSError:
            self.failed_handshakes += 1
            raise
        connection.settimeout(None)
        with self._lock:
            self._open = (self._open - {plain}) | {connection}
        return connection

    def _serve_one(self, connection, number, stopping) -> bool:
        """Take one message and answer it; tell whether the connection goes on."""
        received = _receive(connection)
        if received is None:
            return False
        target, headers, body = received
        with self._lock:
            self._now += 1
            self.busiest = max(self.busiest, self._now)
            kind = self._plan.popleft() if self._plan else self.kind
            name = "bytes" if isinstance(kind, bytes) else kind
            message = Message(target, headers, body, *_record(body), number, name, time.monotonic())
            self.messages.append(message)
        try:
            return self._answer(connection, message, kind, stopping)
        finally:
            with self._lock:
                self._now -= 1

    def _answer(self, connection, message, kind, stopping) -> bool:
        if kind in APPLIED:
            self._apply(message)
        elif kind in APPLIED_LATE:
            self._postpone(message, stopping)
        if kind in ("hang_up", "lost_answer", "late_lost"):
            return False
        if kind in ("silence", "late"):
            connection.recv(1)  # until the other side has had enough
            return False
        if kind == "reset_before_headers":
            return _reset(connection)
        if kind == "reset_after_headers":
            connection.sendall(answer(200, envelope("success")).partition(b"<?xml")[0])
            return _reset(connection)
        if kind == "cut_short":
            connection.sendall(answer(200, envelope("success"))[:-10])
            return False
        if kind == "drip_headers":
            return self._drip(connection, answer(200, X_Long="x" * MEBIBYTE), stopping)
        if kind == "drip_body":
            head, _, body = answer(200, b"x" * MEBIBYTE).partition(b"\r\n\r\n")
            connection.sendall(head + b"\r\n\r\n")
            return self._drip(connection, body, stopping)
        connection.sendall(kind if isinstance(kind, bytes) else self._bytes_of(kind))
        return True

    def _bytes_of(self, kind) -> bytes:
        html = {"content_type": "text/html; charset=utf-8"}
        long = b"<x>" + b"y" * (10 * MEBIBYTE)
        special = {
            "failure_422": lambda: answer(422, envelope("failure", _WORDS["failure"])),
            "503_retry_after": lambda: answer(503, b"down", Retry_After=self.retry_after),
            "429": lambda: answer(429, b"slower", Retry_After=self.retry_after),
            "403_rate_limit": lambda: answer(403, b"403 Forbidden (Rate Limit Exceeded)\n"),
            "302": lambda: answer(302, Location=self.redirect_to),
            "204": lambda: b"HTTP/1.1 204 No Content\r\n\r\n",
            "empty": lambda: answer(200),
            "html": lambda: answer(200, b"<!DOCTYPE html><title>success</title>", **html),
            "garbage_xml": lambda: answer(200, b"<<<\x00\xff success &&&"),
            "truncated_xml": lambda: answer(200, envelope("success")[:-20]),
            "ten_mib": lambda: answer(200, long),
            "gzip_bomb": lambda: answer(200, gzip.compress(long), Content_Encoding="gzip"),
            "wrong_charset": lambda: answer(200, envelope("success", "\N{LATIN SMALL LETTER E WITH ACUTE}").decode()
                                            .encode("latin-1"), content_type="application/xml; charset=no-such"),
        }  # fmt: skip
        if kind in special:
            return special[kind]()
        if kind in _WORDS:
            return answer(200, envelope(kind, _WORDS[kind]))
        return answer(int(kind), b"<title>no</title>", **html)

    def _drip(self, connection, data, stopping) -> bool:
        for position in range(len(data)):
            if stopping.wait(self.drip_seconds):
                break
            connection.sendall(data[position : position + 1])
            self.dripped += 1
        return False

    # -- the gradebook -------------------------------------------------------------------------------------------------

    def _apply(self, message) -> None:
        with self._lock:
            self.applied.append(Entry(message.sourced_id, message.score, time.monotonic()))

    def _postpone(self, message, stopping) -> None:
        with self._lock:
            self._late.append(message)
        if self.late_seconds is not None:
            self._run(self._apply_in_time, message, stopping)

    def _apply_in_time(self, message, stopping) -> None:
        if stopping.wait(self.late_seconds):
            return
        with self._lock:
            if message not in self._late:
                return
            self._late.remove(message)
        self._apply(message)


def _receive(connection):
    """Return target, header fields (lower-case names) and body of the next message; ``None`` when there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        more = connection.recv(65_536)
        if not more:
            return None
        body += more
    return first.split(" ")[1], headers, body


def _record(body):
    """Return sourcedid and score of a message, ``None`` each when it is no such message."""
    try:
        root = etree.fromstring(body)
    except etree.XMLSyntaxError:
        return None, None
    return tuple(
        next((element.text for element in root.iter("{*}" + name)), None) for name in ("sourcedId", "textString")
    )


def _shut(connection) -> None:
    with contextlib.suppress(OSError):  # it is over already
        connection.shutdown(socket.SHUT_RDWR)


def _reset(connection) -> bool:
    """Have the connection end with a reset instead of an orderly close."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False
