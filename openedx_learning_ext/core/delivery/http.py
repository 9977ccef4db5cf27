"""
The one door out: a guarded POST, for scores and for live providers.

``http.client`` and urllib3 limit each read, not the whole exchange, and look a name up themselves when they connect.
So the socket is driven here, under one clock and to no address but the one that was checked; of the standard library's
HTTP only the reading of header fields is borrowed.

A name is looked up once, and every address it has must be public or expressly allowed. Redirects are answers like any
other, certificates are always verified, there are no cookies and no proxies. Whoever calls learns by the kind of the
error whether anything went out: only :class:`InDoubt` says that it did. No error quotes a header, a body or a URL.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from types import TracebackType
from typing import Any

from openedx_learning_ext.core import conf, errors
from openedx_learning_ext.core.delivery.addresses import (
    LOOKUP_SECONDS,
    Address,
    AddressForbidden,
    NameNotResolved,
    Reasoned,
    Resolve,
    find_places,
    read_address,
)

__all__ = [
    "Address", "AddressForbidden", "Answer", "CertificateInvalid", "Door", "InDoubt", "NameNotResolved", "NotSent",
    "read_address",
]  # fmt: skip

CONNECT_SECONDS = 3.05
READ_SECONDS = 5.0
#: How much of an answer is read: status line, header fields and body together.
ANSWER_BYTES = 65_536
READ_BYTES = 4_096
LINE_BYTES = 4_096
USER_AGENT = "openedx-learning-ext"

Clock = Callable[[], float]


# -- what may go wrong -------------------------------------------------------------------------------------------------


class NotSent(Reasoned, errors.Unavailable):
    """
    Nothing went out: no connection came about, or it ended before the first byte.

    ``reason`` is ``refused``, ``unreachable``, ``tls``, ``lost``, ``closed``, ``timeout`` or ``deadline``.
    """


class CertificateInvalid(Reasoned, errors.Invalid):
    """
    The certificate of the other side does not verify, and nothing went out.

    ``reason`` is ``expired``, ``wrong_name``, ``untrusted``, or ``ca_file`` (the configured one cannot be read).
    """


class InDoubt(Reasoned, errors.Unavailable):
    """
    Something went out and no complete answer came back: the other side may have applied it, or may do so yet.

    ``reason`` is ``timeout`` (one read), ``deadline`` (the whole exchange), ``lost``, ``closed`` (before the end that
    was promised) or ``unreadable`` (not HTTP). ``received`` counts the bytes that did come back.
    """

    in_doubt = True

    def __init__(self, reason: str, received: int = 0) -> None:
        """Remember the reason, and how much of an answer there was."""
        super().__init__(reason)
        self.received = received


class _Stopped(Exception):
    """The exchange cannot go on; ``Door`` knows whether anything went out."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class _Closed(_Stopped):
    """The other side closed the connection."""

    def __init__(self) -> None:
        super().__init__("closed")


class _TooMuch(Exception):
    """As much of the answer has been read as we ever read."""


# -- the wire ----------------------------------------------------------------------------------------------------------


class _Deadline:
    """The end of an exchange, by a clock that is looked at before every step."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self, most: float) -> float:
        """Return how long the next step may take."""
        left = self._end - self._clock()
        if left <= 0:
            raise _Stopped("deadline")
        return min(left, most)

    def missed(self) -> _Stopped:
        """Return which of the two limits a step has run into that took too long."""
        return _Stopped("deadline" if self._clock() >= self._end else "timeout")


class _Wire:
    """A connection to a checked address that counts what goes over it and never waits longer than it may."""

    _deadline: _Deadline

    def __init__(self, sock: socket.socket, address: Address, read_seconds: float) -> None:
        self.address = address
        self.sent = self.received = 0
        self._sock = sock
        self._read_seconds = read_seconds
        self._buffer = bytearray()

    def begin(self, deadline: _Deadline) -> None:
        """Count anew, for the next message and its answer."""
        self._deadline = deadline
        self.sent = self.received = 0

    def is_idle(self) -> bool:
        """Tell whether the other side has neither closed nor said anything that nobody asked for."""
        try:
            self._sock.setblocking(False)
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return not self._buffer
        except OSError:
            return False
        return False

    def write(self, data: bytes) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            went = self._step(self._sock.send, rest)
            self.sent += went
            rest = rest[went:]

    def readline(self, limit: int = LINE_BYTES, /) -> bytes:
        """Return a line with its end, or as much of it as the limit allows."""
        looked = 0
        while (end := self._buffer.find(b"\n", looked, limit)) < 0 and len(self._buffer) < limit:
            looked = len(self._buffer)
            self._fill()
        return self._take(min(limit, len(self._buffer)) if end < 0 else end + 1)

    def pieces(self, length: int) -> Iterator[bytes]:
        """Yield exactly so many bytes as they come."""
        while length:
            if not self._buffer:
                self._fill()
            piece = self._take(min(length, len(self._buffer)))
            length -= len(piece)
            yield piece

    def pieces_to_end(self) -> Iterator[bytes]:
        """Yield what comes until the other side closes."""
        while True:
            if self._buffer:
                yield self._take(len(self._buffer))
            try:
                self._fill()
            except _Closed:
                return

    def close(self) -> None:
        """Close the connection; what the other side still says is dropped."""
        self._sock.close()

    def _fill(self) -> None:
        room = ANSWER_BYTES - self.received
        if room <= 0:
            raise _TooMuch
        data = self._step(self._sock.recv, min(room, READ_BYTES))
        if not data:
            raise _Closed
        self.received += len(data)
        self._buffer += data

    def _take(self, length: int) -> bytes:
        piece = bytes(self._buffer[:length])
        del self._buffer[:length]
        return piece

    def _step(self, operation: Callable[[Any], Any], argument: object) -> Any:
        self._sock.settimeout(self._deadline.left(self._read_seconds))
        try:
            return operation(argument)
        except TimeoutError:
            raise self._deadline.missed() from None
        except OSError:
            raise _Stopped("lost") from None


# -- the message and its answer ----------------------------------------------------------------------------------------

_FIELD_NAME = re.compile(r"[A-Za-z0-9-]++")
_FIELD_VALUE = re.compile(r"[\x20-\x7e]*+")
# What frames the message, or would ask the other side for something that is not understood here.
_OURS = {
    "accept-encoding", "connection", "content-length", "cookie", "expect", "host", "te", "trailer",
    "transfer-encoding", "upgrade", "user-agent",
}  # fmt: skip

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*+)?+\r?\n")
_LENGTH = re.compile(r"[0-9]{1,15}+")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8}+)[ \t]*+(?:;[^\r\n]*+)?+\r?\n")


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What the other side said. The names of header fields are in lower case; the body is as it was sent, never decoded.

    ``truncated``: there was more than we read. ``complete``: its end was announced (a length, a last chunk, a status
    without a body) and was reached; a body that merely ends with the connection is neither.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    truncated: bool = False
    complete: bool = True


def _message(address: Address, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the whole message, to be sent in as few packets as it takes."""
    lines = [
        f"POST {address.target} HTTP/1.1",
        f"Host: {address.authority}",
        f"User-Agent: {USER_AGENT}",
        "Accept: */*",  # common firewalls score a message without it as an attack
        "Accept-Encoding: identity",
        f"Content-Length: {len(body)}",
    ]
    for name, value in headers.items():
        if name.lower() in _OURS:
            raise ValueError("a header that this module sets itself")
        if not _FIELD_NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise ValueError("a header that cannot be sent as it is")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _read_answer(wire: _Wire) -> tuple[Answer, bool]:
    """Return the answer, and whether the connection is fit for another message."""
    try:
        is_http_11, status, fields = _read_head(wire)
    except (http.client.HTTPException, _TooMuch):
        raise _Stopped("unreadable") from None
    encodings = [value.strip().lower() for value in fields.get_all("Transfer-Encoding", [])]
    lengths = {value.strip() for value in fields.get_all("Content-Length", [])}
    complete, pieces = _framing(wire, status, encodings, lengths)
    body, truncated = bytearray(), False
    try:
        for piece in pieces:
            body += piece
    except _TooMuch:
        complete, truncated = False, True
    headers = {name.lower(): value for name, value in reversed(fields.items())}
    wishes = {wish.strip() for value in fields.get_all("Connection", []) for wish in value.lower().split(",")}
    # Two ways of telling the length are one too many to be sure where the next answer begins.
    is_reusable = complete and is_http_11 and "close" not in wishes and not (encodings and lengths)
    return Answer(status, headers, bytes(body), truncated, complete), is_reusable


def _read_head(wire: _Wire) -> tuple[bool, int, http.client.HTTPMessage]:
    while True:
        line = _STATUS_LINE.fullmatch(wire.readline())
        if line is None:
            raise _Stopped("unreadable")
        fields = http.client.parse_headers(wire)
        status = int(line[2])
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise _Stopped("unreadable")
        if status >= 200:  # those below announce the real one
            return line[1] == b"1", status, fields


def _framing(wire: _Wire, status: int, encodings: list[str], lengths: set[str]) -> tuple[bool, Iterator[bytes]]:
    """Return whether the end of the body is announced, and the pieces of the body."""
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return True, iter(())
    if encodings:
        if encodings != ["chunked"]:
            raise _Stopped("unreadable")
        return True, _chunks(wire)
    if not lengths:
        return False, wire.pieces_to_end()
    length = lengths.pop()
    if lengths or not _LENGTH.fullmatch(length):
        raise _Stopped("unreadable")
    return True, wire.pieces(int(length))


def _chunks(wire: _Wire) -> Iterator[bytes]:
    while True:
        line = _CHUNK_LINE.fullmatch(wire.readline())
        if line is None:
            raise _Stopped("unreadable")
        size = int(line[1], 16)
        if not size:
            break
        yield from wire.pieces(size)
        if wire.readline(2).strip(b"\r\n"):
            raise _Stopped("unreadable")
    while wire.readline().strip(b"\r\n"):
        pass  # fields after the last chunk tell us nothing


# -- the door ----------------------------------------------------------------------------------------------------------

# OpenSSL's numbers; all others are about who signed it.
_CERTIFICATE_REASONS = {9: "expired", 10: "expired", 62: "wrong_name", 64: "wrong_name"}


@lru_cache(maxsize=4)
def _tls_rules(ca_file: str | None) -> ssl.SSLContext:
    """Return the rules of TLS: the system's authorities, and those in the file. Reading them takes a while."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class Door:
    """
    Posts messages to one destination after another, and keeps the connection between two to the same one.

    Close it when done, or use it in a ``with``. Not to be shared between threads. ``has_sent`` tells whether anything
    of the last message may have gone out, also when something broke that is no error of this module.
    """

    def __init__(
        self,
        *,
        allow_http: bool = False,
        allowed_hosts: Sequence[str] | None = None,
        read_seconds: float = READ_SECONDS,
        ca_file: str | None = None,
        clock: Clock = time.monotonic,
        resolve: Resolve = socket.getaddrinfo,
    ) -> None:
        """Take the caller's limits; ``ca_file`` stands in for the setting of that name."""
        self.has_sent = False
        self._allow_http = allow_http
        self._allowed_hosts = allowed_hosts
        self._read_seconds = read_seconds
        self._ca_file = ca_file
        self._clock = clock
        self._resolve = resolve
        self._wire: _Wire | None = None

    def __enter__(self) -> Door:
        """Return the door itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the kept connection."""
        self.close()

    def close(self) -> None:
        """Close the kept connection, if there is one; the next message makes a new one."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """
        Send one message and return the answer, whatever its status. A redirect is not followed.

        Look-up, connection, TLS, message and answer together take no longer than the setting
        ``OPENEDX_LEARNING_EXT_DELIVERY_EXCHANGE_SECONDS`` says.

        Raises:
            AddressForbidden: nothing may be sent there.
            NameNotResolved: the host has no address at the moment.
            CertificateInvalid: it is not who it says it is.
            NotSent: nothing went out, for another reason.
            InDoubt: something went out, and no complete answer came back.
            ValueError: a header cannot be sent as it is, or is not the caller's to set.
        """
        self.has_sent = False
        address = read_address(url, allow_http=self._allow_http, allowed_hosts=self._allowed_hosts)
        message = _message(address, headers, body)
        deadline = _Deadline(self._clock, conf.DELIVERY_EXCHANGE_SECONDS())
        if self._wire is not None and self._wire.address == address and self._wire.is_idle():
            try:
                return self._exchange(self._wire, message, deadline)
            except NotSent:
                pass  # it was closed between our look and the write: once more, over a new one
        self.close()
        try:
            self._wire = self._connect(address, deadline)
        except _Stopped as stopped:
            raise NotSent(stopped.reason) from None
        return self._exchange(self._wire, message, deadline)

    def _exchange(self, wire: _Wire, message: bytes, deadline: _Deadline) -> Answer:
        is_reusable = False
        self.has_sent = True  # whatever interrupts us from here on, a time limit of the worker for one
        wire.begin(deadline)
        try:
            wire.write(message)
            answer, is_reusable = _read_answer(wire)
        except _Stopped as stopped:
            if wire.sent:
                raise InDoubt(stopped.reason, wire.received) from None
            self.has_sent = False
            raise NotSent(stopped.reason) from None
        finally:
            if not is_reusable:
                self.close()
        return answer

    def _connect(self, address: Address, deadline: _Deadline) -> _Wire:
        """Return a connection to the first address of the host that takes one."""
        tls = self._tls() if address.is_https else None
        found = find_places(address, deadline.left(LOOKUP_SECONDS), resolve=self._resolve)
        failure = NotSent("unreachable")
        for family, *_, place in found:
            try:
                sock = self._open(family, place, address, tls, deadline)
            except NotSent as error:
                failure = error
            else:
                return _Wire(sock, address, self._read_seconds)
        raise failure

    def _open(
        self, family: int, place: Any, address: Address, tls: ssl.SSLContext | None, deadline: _Deadline
    ) -> socket.socket:
        """Return a connection to this very place, secured for the name of the host."""
        sock, is_open = socket.socket(family, socket.SOCK_STREAM), False
        try:
            sock.settimeout(deadline.left(CONNECT_SECONDS))
            sock.connect(place)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                name = address.host.rstrip(".")
                sock = tls.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
                sock.settimeout(deadline.left(self._read_seconds))
                sock.do_handshake()
            is_open = True
        except ssl.SSLCertVerificationError as error:
            raise CertificateInvalid(_CERTIFICATE_REASONS.get(error.verify_code, "untrusted")) from None
        except TimeoutError:
            raise NotSent(deadline.missed().reason) from None
        except ssl.SSLError:
            raise NotSent("tls") from None
        except ConnectionRefusedError:
            raise NotSent("refused") from None
        except ConnectionError:
            raise NotSent("lost") from None
        except OSError:
            raise NotSent("unreachable") from None
        finally:
            if not is_open:
                sock.close()
        return sock

    def _tls(self) -> ssl.SSLContext:
        try:
            return _tls_rules(self._ca_file or conf.OUTBOUND_CA_FILE())
        except OSError:
            raise CertificateInvalid("ca_file") from None
