"""
Where a message may go: the form of its URL, and the addresses that its host has.

The form can be judged at any time; the addresses count only at the moment of sending, for the very connection that is
made then.
"""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from openedx_learning_ext.core import conf, errors

#: Just over the 5 s after which the usual resolver asks its next server.
LOOKUP_SECONDS = 6.0
#: A look-up that hangs keeps its thread. So many may; while they do, further names count as not resolved.
LOOKUPS_AT_ONCE = 16

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
#: What ``socket.getaddrinfo`` answers, and what answers like it.
Found = Sequence[tuple[Any, Any, int, str, Any]]
Resolve = Callable[..., Found]


class Reasoned:
    """An error with a word for staff and logs; the class says which words there are."""

    def __init__(self, reason: str) -> None:
        """Remember the word."""
        super().__init__()
        self.reason = reason


class AddressForbidden(Reasoned, errors.Invalid):
    """
    Nothing may be sent to this address, and no connection was made.

    ``reason`` is ``form`` (not a URL that we post to), ``plain_http``, ``host`` (not on the list of allowed ones),
    ``port``, or ``address`` (it resolves to one that is neither public nor allowed).
    """


class NameNotResolved(Reasoned, errors.Unavailable):
    """
    The name of the host has no address at the moment, and no connection was made.

    ``reason`` is ``unknown_name``, ``lookup_timeout`` or ``lookups_busy``.
    """


# What ``urlsplit`` would silently drop or read in more than one way is refused before it is asked.
_PLAIN_URL = re.compile(r"[\x21-\x22\x24-\x5b\x5d-\x7e]++")
# Its own attributes for host and port are lenient: "[::1]x:80" has a host for them.
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]++)\]|(?P<name>[a-z0-9_.-]++))(?::(?P<port>[0-9]{0,5}+))?+")
_HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}+(?:\.[a-z0-9_-]{1,63}+)*+\.?+")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a URL points. Two are equal when one connection serves both; what comes after the host is never shown."""

    is_https: bool
    host: str
    port: int
    target: str = field(repr=False, compare=False)

    @property
    def authority(self) -> str:
        """Return host and port as the ``Host`` header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_https else 80) else f"{host}:{self.port}"


def read_address(url: str, *, allow_http: bool = False, allowed_hosts: Sequence[str] | None = None) -> Address:
    """
    Return where a URL points, if it has the form that we post to. Nothing is looked up.

    It is https (or http where that is allowed), has a host name, no user and no fragment. When ``allowed_hosts`` names
    any, the host equals one of them or lies below it.

    Raises:
        AddressForbidden: it has not.
    """
    if not isinstance(url, str) or not _PLAIN_URL.fullmatch(url):
        raise AddressForbidden("form")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise AddressForbidden("form") from None
    authority = _AUTHORITY.fullmatch(parts.netloc.lower())
    if parts.scheme not in ("http", "https") or authority is None:
        raise AddressForbidden("form")
    is_https = parts.scheme == "https"
    host = authority["name"] or authority["v6"]
    port = int(authority["port"] or (443 if is_https else 80))
    if not (_is_name(host) if authority["name"] else _is_ipv6(host)) or not 0 < port < 65_536:
        raise AddressForbidden("form")
    if not is_https and not allow_http:
        raise AddressForbidden("plain_http")
    if allowed_hosts and not _is_among(host, allowed_hosts):
        raise AddressForbidden("host")
    allowed_ports = conf.OUTBOUND_ALLOWED_PORTS()
    if allowed_ports and port not in allowed_ports:
        raise AddressForbidden("port")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(is_https, host, port, target)


def _is_name(host: str) -> bool:
    return len(host) <= 253 and _HOST_NAME.fullmatch(host) is not None


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _is_among(host: str, allowed: Sequence[str]) -> bool:
    name = host.rstrip(".")
    entries = [entry.lower().strip(".") for entry in allowed]
    return any(name == entry or name.endswith(f".{entry}") for entry in entries if entry)


# Tables of our own, from the registries of special-purpose addresses: what ``ipaddress`` calls global differs between
# the Python versions we support.
_NOT_PUBLIC_V4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
# Protocol assignments (Teredo among them) and documentation. All else that is special lies outside of unicast.
_NOT_PUBLIC_V6 = [ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def may_reach(address: IPAddress, allowed: Sequence[IPNetwork] = ()) -> bool:
    """
    Tell whether a message may go to this address: it is public, or lies in one of the allowed networks.

    An IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4) is judged by that one alone.
    """
    judged = _meant(address)
    if any(judged.version == network.version and judged in network for network in allowed):
        return True
    if isinstance(judged, ipaddress.IPv4Address):
        return not any(judged in network for network in _NOT_PUBLIC_V4)
    return judged in _UNICAST_V6 and not any(judged in network for network in _NOT_PUBLIC_V6)


def _meant(address: IPAddress) -> IPAddress:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


_lookups = threading.BoundedSemaphore(LOOKUPS_AT_ONCE)


def find_places(address: Address, seconds: float, *, resolve: Resolve = socket.getaddrinfo) -> Found:
    """
    Return the addresses of a host as ``getaddrinfo`` does, if it answers in time and a message may go to every one.

    Raises:
        NameNotResolved: there are none, or not in time.
        AddressForbidden: one of them is neither public nor in an allowed network.
    """
    found = _look_up(address, seconds, resolve)
    networks = [ipaddress.ip_network(network) for network in conf.OUTBOUND_ALLOWED_NETWORKS()]
    if not all(may_reach(ipaddress.ip_address(place[0]), networks) for *_, place in found):
        raise AddressForbidden("address")
    return found


def _look_up(address: Address, seconds: float, resolve: Resolve) -> Found:
    """Ask the resolver in a thread: the system's own cannot be told to hurry."""
    if not _lookups.acquire(blocking=False):
        raise NameNotResolved("lookups_busy")
    answers: queue.SimpleQueue[Found] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(address.host, address.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):  # the second: a label that IDNA does not take
            answers.put([])
        finally:
            _lookups.release()

    try:
        threading.Thread(target=ask, name="learning-ext-lookup", daemon=True).start()
    except RuntimeError:  # no more threads to be had
        _lookups.release()
        raise NameNotResolved("lookups_busy") from None
    try:
        found = answers.get(timeout=seconds)
    except queue.Empty:
        raise NameNotResolved("lookup_timeout") from None
    if not found:
        raise NameNotResolved("unknown_name")
    return found
