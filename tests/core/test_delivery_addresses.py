"""Where messages may go: the form of a URL, the addresses of its host, and a resolver that takes its time."""

import socket
import threading
from ipaddress import ip_address, ip_network

import pytest

from openedx_learning_ext.core.delivery import addresses
from openedx_learning_ext.core.delivery.addresses import AddressForbidden, NameNotResolved, read_address

PORTS = "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_PORTS"
NETWORKS = "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS"
LONG_LABEL = "a" * 64
LONG_NAME = ".".join(["a" * 49] * 6)


def answering(*texts):
    """A resolver that answers these addresses and counts how often it was asked."""

    def resolve(host, port, type=0):
        resolve.asked += 1
        return [
            (socket.AF_INET6, type, 6, "", (text, port, 0, 0)) if ":" in text
            else (socket.AF_INET, type, 6, "", (text, port))
            for text in texts
        ]

    resolve.asked = 0
    return resolve


def reason(call, *arguments, kind=AddressForbidden, **options):
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    return caught.value.reason


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://campus.example", "campus.example", 443, "/", "campus.example"),
        ("https://campus.example:443/a", "campus.example", 443, "/a", "campus.example"),
        ("https://campus.example:/a", "campus.example", 443, "/a", "campus.example"),
        ("https://campus.example:8443/a?b=c&d=%20", "campus.example", 8443, "/a?b=c&d=%20", "campus.example:8443"),
        ("HTTPS://Campus.EXAMPLE/A", "campus.example", 443, "/A", "campus.example"),
        ("https://campus.example./a", "campus.example.", 443, "/a", "campus.example."),
        ("https://campus.example?x", "campus.example", 443, "/?x", "campus.example"),
        ("https://[2606:4700::1111]:8/a", "2606:4700::1111", 8, "/a", "[2606:4700::1111]:8"),
        ("https://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example", 443, "/", "xn--mnchen-3ya.example"),
        ("https://under_score.example/;a=b", "under_score.example", 443, "/;a=b", "under_score.example"),
        ("https://campus.example/" + "a" * 1000, "campus.example", 443, "/" + "a" * 1000, "campus.example"),
    ],
)
def test_a_url_is_taken_apart(url, host, port, target, authority):
    address = read_address(url)

    assert (address.host, address.port, address.target, address.authority) == (host, port, target, authority)
    assert address.is_https


def test_plain_http_has_its_own_port_and_is_for_those_who_allow_it():
    address = read_address("http://campus.example/a", allow_http=True)

    assert (address.port, address.is_https, address.authority) == (80, False, "campus.example")
    assert read_address("http://campus.example:443/", allow_http=True).authority == "campus.example:443"
    assert reason(read_address, "http://campus.example/a") == "plain_http"


@pytest.mark.parametrize(
    "url",
    [
        "", "campus.example", "//campus.example/a", "https:campus.example", "https:///a", "https://", "https://:443/",
        "ftp://campus.example/", "file:///etc/passwd", "gopher://campus.example/", "javascript:alert(1)",
        "https://ada@campus.example/", "https://ada:pw@campus.example/", "https://@campus.example/",
        "https://campus.example@127.0.0.1/", "https://campus.example/a#b", "https://campus.example/#",
        "https://campus.example\\@127.0.0.1/", "https://campus.example/a b", "https://campus.example/a\tb",
        "https://campus.example/a\r\nX: y", " https://campus.example/", "https://campus.example/\x00",
        "https://münchen.example/", "https://campus.example/ü", "https://campus.example:0/",
        "https://campus.example:65536/", "https://campus.example:-1/", "https://campus.example:4 43/",
        "https://campus.example:x/", "https://[::1", "https://[fe80::1%25eth0]/", "https://[v1.x]/", "https://::1/",
        "https://[::1]x:80/", "https://a[::1]/", "https://[::1]]/", "https://[campus.example]/", "https://[8.8.8.8]/",
        "https://[:]/", "https://campus.example:1:2/",
        "https://campus..example/", "https://.campus.example/", "https://campus.example../", "https://cam%70us.example/",
        f"https://{LONG_LABEL}.example/", f"https://{LONG_NAME}/", None, 5, b"https://campus.example/",
    ],
)  # fmt: skip
def test_what_is_no_url_that_we_post_to_is_refused_for_its_form(url):
    assert reason(read_address, url, allow_http=True) == "form"


@pytest.mark.parametrize(
    ("host", "is_fine"),
    [
        ("campus.example", True), ("CAMPUS.example", True), ("lms.campus.example", True), ("campus.example.", True),
        ("a.b.campus.example", True), ("other.example", True), ("notcampus.example", False),
        ("campus.example.evil.example", False), ("example", False), ("campus.exampl", False), ("[2606:4700::1]", False),
    ],
)  # fmt: skip
def test_a_host_is_one_of_those_allowed_or_below_it(host, is_fine):
    url, allowed = f"https://{host}/", ["Campus.example", ".other.example.", ""]

    if is_fine:
        assert read_address(url, allowed_hosts=allowed)
    else:
        assert reason(read_address, url, allowed_hosts=allowed) == "host"


@pytest.mark.parametrize("nobody", [None, [], ()])
def test_no_host_named_allows_any(nobody):
    assert read_address("https://campus.example/", allowed_hosts=nobody)


def test_only_the_ports_named_are_allowed(settings):
    setattr(settings, PORTS, [443, 8443])

    assert read_address("https://campus.example/")
    assert read_address("https://campus.example:8443/")
    assert reason(read_address, "https://campus.example:22/") == "port"
    assert reason(read_address, "http://campus.example/", allow_http=True) == "port"


def test_addresses_are_equal_when_one_connection_serves_both_and_show_nothing_behind_the_host():
    one = read_address("https://campus.example/a?token=hunter2")
    other = read_address("https://CAMPUS.example:443/b")

    assert one == other
    assert one != read_address("https://campus.example:8443/a")
    assert one != read_address("http://campus.example:443/a", allow_http=True)
    assert "hunter2" not in repr(one)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "169.253.255.255",
        "192.0.1.0", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8",
        "64:ff9b::808:808", "2002:808:808::1",
    ],
)  # fmt: skip
def test_a_public_address_may_be_reached(address):
    assert addresses.may_reach(ip_address(address))


FORBIDDEN = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.0", "100.64.1.1", "100.127.255.255", "127.0.0.1",
    "127.255.255.255", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1",
    "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::2", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:100.64.1.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "100::1", "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:6440:101::",
    "3fff::1", "5f00::1", "fc00::1", "fd00::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_may_not_be_reached_37(address):
    assert not addresses.may_reach(ip_address(address))


@pytest.mark.parametrize(
    ("address", "network", "is_fine"),
    [
        ("10.1.2.3", "10.1.0.0/16", True), ("10.2.2.3", "10.1.0.0/16", False), ("::1", "::1/128", True),
        ("fd00::7", "fd00::/8", True), ("::ffff:10.1.2.3", "10.1.0.0/16", True), ("::ffff:10.1.2.3", "::/0", False),
        ("64:ff9b::a01:203", "64:ff9b::/96", False), ("2002:a01:203::", "10.1.0.0/16", True),
        ("127.0.0.1", "::/0", False), ("::1", "0.0.0.0/0", False),
    ],
)  # fmt: skip
def test_a_network_that_is_allowed_may_be_reached_and_no_other(address, network, is_fine):
    assert addresses.may_reach(ip_address(address), [ip_network(network)]) is is_fine


def test_one_forbidden_address_among_public_ones_forbids_them_all(settings):
    setattr(settings, NETWORKS, [])
    address = read_address("https://campus.example/")

    assert len(addresses.find_places(address, 5, resolve=answering("8.8.8.8", "2606:4700::1"))) == 2
    assert reason(addresses.find_places, address, 5, resolve=answering("8.8.8.8", "10.0.0.1")) == "address"
    assert reason(addresses.find_places, address, 5, resolve=answering("2606:4700::1", "::1")) == "address"


def failing(error):
    def resolve(*arguments, **options):
        raise error

    return resolve


@pytest.mark.parametrize(
    "resolve",
    [
        failing(socket.gaierror(socket.EAI_NONAME, "nobody")),
        failing(socket.gaierror(socket.EAI_AGAIN, "later")),
        failing(UnicodeError("label too long")),
        answering(),
    ],
    ids=["no such name", "try again", "no label", "no address"],
)
def test_a_name_that_does_not_resolve_is_something_to_try_again(resolve):
    address = read_address("https://campus.example/")

    assert reason(addresses.find_places, address, 5, resolve=resolve, kind=NameNotResolved) == "unknown_name"


def test_a_resolver_that_hangs_is_not_waited_for_and_so_many_hanging_are_enough():
    address, go_on = read_address("https://campus.example/"), threading.Event()
    still_asking = threading.Semaphore(0)

    def hang(*arguments, **options):
        go_on.wait()
        still_asking.release()
        return []

    reasons = [
        reason(addresses.find_places, address, 0.01, resolve=hang, kind=NameNotResolved)
        for _ in range(addresses.LOOKUPS_AT_ONCE + 1)
    ]
    go_on.set()
    for _ in range(addresses.LOOKUPS_AT_ONCE):
        still_asking.acquire()
    for thread in threading.enumerate():
        if thread.name == "learning-ext-lookup":
            thread.join()

    assert reasons == ["lookup_timeout"] * addresses.LOOKUPS_AT_ONCE + ["lookups_busy"]
    assert addresses.find_places(address, 5, resolve=answering("8.8.8.8"))


def test_a_machine_that_has_no_more_threads_resolves_nothing_until_it_has_one_again(monkeypatch):
    address = read_address("https://campus.example/")

    def start(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as no_threads:
        no_threads.setattr(threading.Thread, "start", start)
        reasons = {
            reason(addresses.find_places, address, 5, resolve=answering("8.8.8.8"), kind=NameNotResolved)
            for _ in range(2 * addresses.LOOKUPS_AT_ONCE)
        }

    assert reasons == {"lookups_busy"}
    assert addresses.find_places(address, 5, resolve=answering("8.8.8.8"))
