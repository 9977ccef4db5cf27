"""
S12: nobody can have us knock where we should not, under the settings a real site has.

Every connection that Python attempts is heard by an audit hook, and a campus on loopback waits for a caller who must
not come.
"""

from __future__ import annotations

import socket

import pytest

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.delivery import http
from tests.doubles.campus import Campus
from tests.security.watching import python_openings

NETWORKS = "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS"

#: Authorities by what they are after; ``{port}`` is where the campus on loopback listens.
INWARD = [
    # this machine, in every spelling that a resolver takes
    "127.0.0.1:{port}", "127.1:{port}", "127.0.1:{port}", "2130706433:{port}", "0x7f000001:{port}", "0x7f.1:{port}",
    "0177.0.0.1:{port}", "017700000001:{port}", "127.000.000.001:{port}", "0x7F.0.0.0x1:{port}", "0.0.0.0:{port}",
    "0:{port}", "localhost:{port}", "LocalHost:{port}", "[::1]:{port}", "[0:0:0:0:0:0:0:1]:{port}", "[::]:{port}",
    # the same inside IPv6
    "[::ffff:127.0.0.1]:{port}", "[::ffff:7f00:1]:{port}", "[::127.0.0.1]:{port}", "[64:ff9b::7f00:1]:{port}",
    "[2002:7f00:1::]:{port}",
    # the cloud's metadata, private and shared networks, and what is no single machine
    "169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "10.0.0.1", "[::ffff:10.0.0.1]", "172.16.0.1",
    "192.168.1.1", "100.64.1.1", "224.0.0.1", "255.255.255.255", "[fe80::1]", "[ff02::1]",
    # a name that hides the real host
    "campus.example@127.0.0.1:{port}", "127.0.0.1:{port}#@campus.example", "127.0.0.1:{port}\\@campus.example",
    "campus.example:443@127.0.0.1:{port}", "[::1%25lo]:{port}", "\u2488.0.0.1:{port}",
]  # fmt: skip


@pytest.fixture
def loopback():
    """A campus that nobody may reach."""
    with Campus() as campus:
        yield campus


@pytest.fixture
def real_site(settings):
    """The settings that concern going out are those of a site that has set none of them."""
    for setting in conf.all_settings():
        if setting.name.startswith(("OPENEDX_LEARNING_EXT_OUTBOUND_", "LTI_OUTCOME_SERVICE_")):
            setattr(settings, setting.name, setting.default)
    return settings


def knock(door, url):
    """Post; answer the error and the connections attempted meanwhile."""
    with python_openings() as heard, pytest.raises(http.AddressForbidden) as caught:
        door.post(url, body=b"<score/>", headers={})
    return caught.value, [event for event in heard if event == "socket.connect"]


def resolving(*answers):
    """A resolver that gives one answer after another, and counts how often it was asked."""

    def resolve(host, port, type=0):
        texts = answers[min(resolve.asked, len(answers) - 1)]
        resolve.asked += 1
        return [
            (socket.AF_INET6, type, 6, "", (text, port, 0, 0))
            if ":" in text
            else (socket.AF_INET, type, 6, "", (text, port))
            for text in texts
        ]

    resolve.asked = 0
    return resolve


def test_S12_there_are_40_of_them():
    assert len(INWARD) == len(set(INWARD)) == 40


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("authority", INWARD)
def test_S12_no_connection_is_made(real_site, loopback, authority, scheme):
    url = f"{scheme}://{authority.format(port=loopback.port)}/latest/meta-data/"

    with http.Door(allow_http=scheme == "http") as door:
        error, attempted = knock(door, url)

    assert error.reason in ("address", "form")
    assert attempted == []
    assert loopback.connections == 0
    assert not door.has_sent


def test_S12_the_hook_hears_a_connection(loopback):
    with python_openings() as heard, http.Door(allow_http=True) as door:
        door.post(loopback.url, body=b"<score/>", headers={})

    assert "socket.connect" in heard
    assert loopback.connections == 1


def test_S12_without_tls_nothing_goes_out(real_site, loopback):
    with http.Door() as door:
        error, attempted = knock(door, loopback.url)

    assert error.reason == "plain_http"
    assert attempted == []


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "100.64.1.1", "::ffff:10.0.0.1", "fd00::1", "64:ff9b::a9fe:a9fe", "169.254.169.254"]
)
def test_S12_a_name_that_points_inward_is_not_followed_37(real_site, loopback, address):
    resolve = resolving([address])

    with http.Door(resolve=resolve) as door:
        error, attempted = knock(door, f"https://campus.example:{loopback.port}/")

    assert error.reason == "address"
    assert attempted == []


def test_S12_one_inward_address_among_public_ones_is_enough_to_refuse_37(real_site, loopback):
    for addresses in (["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2606:4700::1111", "::1"]):
        with http.Door(resolve=resolving(addresses)) as door:
            error, attempted = knock(door, f"https://campus.example:{loopback.port}/")

        assert error.reason == "address"
        assert attempted == []


def test_S12_a_name_that_turns_inward_after_the_check_is_asked_once_37(settings):
    # 127.0.0.2 stands for the public address, for no test knocks at a real one.
    setattr(settings, NETWORKS, ["127.0.0.2/32"])
    resolve = resolving(["127.0.0.2"], ["127.0.0.1"])

    with Campus(host="127.0.0.2") as campus, http.Door(allow_http=True, resolve=resolve) as door:
        for _ in range(3):
            door.post(f"http://campus.example:{campus.port}/", body=b"<score/>", headers={})
        asked_while_kept = resolve.asked
        door.close()
        error, attempted = knock(door, f"http://campus.example:{campus.port}/")

    assert asked_while_kept == 1
    assert (len(campus.messages), campus.connections) == (3, 1)
    assert error.reason == "address"
    assert attempted == []


def test_S12_a_redirect_inward_is_not_followed(settings, loopback):
    setattr(settings, NETWORKS, ["127.0.0.2/32"])

    with Campus(host="127.0.0.2", kind="302") as campus, http.Door(allow_http=True) as door:
        campus.redirect_to = loopback.url
        found = door.post(campus.url, body=b"<score/>", headers={})

    assert found.status == 302
    assert found.headers["location"] == loopback.url
    assert loopback.connections == 0


def test_S12_the_environment_names_no_proxy_for_us(loopback, monkeypatch):
    with Campus() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        with http.Door(allow_http=True) as door:
            door.post(loopback.url, body=b"<score/>", headers={})

        assert (proxy.connections, loopback.connections) == (0, 1)
