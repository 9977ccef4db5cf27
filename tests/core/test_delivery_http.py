"""The guarded POST, against servers on loopback that behave and others that do not (rows R8 to R10)."""

import contextlib
import gzip
import random
import socket
import threading

import pytest

from openedx_learning_ext.core import errors
from openedx_learning_ext.core.delivery import http
from tests.doubles import campus as campuses
from tests.doubles.authority import Authority
from tests.doubles.campus import Campus, answer, envelope

EXCHANGE = "OPENEDX_LEARNING_EXT_DELIVERY_EXCHANGE_SECONDS"
CA_FILE = "OPENEDX_LEARNING_EXT_OUTBOUND_CA_FILE"
BODY = b"<score>1</score>"
HEADERS = {"Content-Type": "application/xml", "Authorization": 'OAuth oauth_signature="zzsignature"'}


class Clock:
    """Stands still, but for the step it takes whenever somebody looks at it; ``at`` does something at one look."""

    def __init__(self, step=0.0):
        self.now, self.step, self.looks = 1000.0, step, 0
        self.at = {}

    def __call__(self):
        self.looks += 1
        self.now += self.step
        self.at.get(self.looks, lambda: None)()
        return self.now

    def pass_the_end(self):
        """Go on past the end of any exchange."""
        self.now += 60


def resolving(*addresses):
    """A resolver that knows one answer for every name."""

    def resolve(host, port, type=0):
        return [(socket.AF_INET, type, 6, "", (address, port)) for address in addresses]

    return resolve


def opened(**options):
    return http.Door(**{"allow_http": True} | options)


def post(door, url, *, body=BODY, headers=HEADERS):
    return door.post(url, body=body, headers=headers)


def failure(kind, door, url, **message):
    """Post what must fail so; answer the error."""
    with pytest.raises(kind) as caught:
        post(door, url, **message)
    return caught.value


@pytest.fixture
def campus():
    with Campus(drip_seconds=0.001) as campus:
        yield campus


@pytest.fixture
def door():
    with opened() as door:
        yield door


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secure(authority):
    """A campus with a certificate for its address and for the name campus.test."""
    with Campus(tls=authority.server("127.0.0.1", "campus.test")) as campus:
        yield campus


class Listener:
    """A server that takes connections, and does what a function does with them."""

    def __init__(self, serve):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self._serve = serve
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        connection, _ = self._socket.accept()
        with connection:
            self._serve(connection)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._thread.join(timeout=10)
        self._socket.close()


# -- the message -------------------------------------------------------------------------------------------------------


def test_the_message_is_exactly_this():
    heard = []

    def serve(connection):
        heard.append(connection.recv(65_536))
        connection.sendall(answer(204))

    with Listener(serve) as server, opened() as door:
        url = f"{server.url}outcomes?id=a%20b&c="
        post(door, url, body="<ü/>".encode(), headers={"Content-Type": "application/xml"})

    assert heard == [
        b"POST /outcomes?id=a%20b&c= HTTP/1.1\r\n"
        b"Host: " + server.url.split("/")[2].encode() + b"\r\n"
        b"User-Agent: openedx-learning-ext\r\n"
        b"Accept: */*\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Content-Length: 5\r\n"
        b"Content-Type: application/xml\r\n"
        b"\r\n"
        b"<\xc3\xbc/>"
    ]


def test_a_body_larger_than_the_buffers_of_the_system_goes_out_whole(campus, door):
    body = bytes(range(256)) * 20_000

    post(door, campus.url, body=body)

    assert campus.messages[0].body == body


def test_cookies_are_not_kept(campus, door):
    campus.misbehave(answer(200, Set_Cookie="a=b; Path=/"))

    post(door, campus.url)
    post(door, campus.url)

    assert "cookie" not in campus.messages[1].headers
    assert campus.connections == 1


@pytest.mark.parametrize("name", sorted(["Host", "content-length", "Transfer-Encoding", "Cookie", "User-Agent", "TE"]))
def test_what_frames_the_message_is_not_the_callers_to_set(campus, door, name):
    error = failure(ValueError, door, campus.url, headers={name: "zzvalue"})

    assert "zzvalue" not in str(error)
    assert campus.connections == 0
    assert not door.has_sent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nY: b"), ("X", "a\nb"), ("X", "a\x00"), ("X", "ü"), ("X\r\nY", "a"), ("X:", "a"), ("", "a"),
        ("X ", "a"),
    ],
)  # fmt: skip
def test_a_header_that_would_become_two_is_refused(campus, door, name, value):
    failure(ValueError, door, campus.url, headers={name: value})

    assert campus.connections == 0


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "part"),
    [
        ("success", 200, b"<imsx_codeMajor>success<"), ("processing", 200, b">processing<"),
        ("failure", 200, b">failure<"), ("failure_422", 422, b">failure<"), ("unsupported", 200, b">unsupported<"),
        ("500", 500, b"<title>"), ("503_retry_after", 503, b"down"), ("429", 429, b"slower"), ("401", 401, b"<title>"),
        ("403_rate_limit", 403, b"Rate Limit Exceeded"), ("404", 404, b"<title>"), ("302", 302, b""), ("204", 204, b""),
        ("empty", 200, b""), ("html", 200, b"<!DOCTYPE html>"), ("garbage_xml", 200, b"<<<"),
        ("truncated_xml", 200, b"imsx_"), ("wrong_charset", 200, b"\xe9"), ("ten_mib", 200, b"<x>yyyy"),
        ("gzip_bomb", 200, b"\x1f\x8b"),
    ],
)  # fmt: skip
def test_R8_what_comes_back_whole_is_an_answer_and_no_error(campus, door, kind, status, part):
    campus.misbehave(kind)

    found = post(door, campus.url)

    assert found.status == status
    assert part in found.body
    assert len(found.body) <= http.ANSWER_BYTES
    assert found.truncated is (kind == "ten_mib")
    assert found.complete is not found.truncated
    assert door.has_sent
    assert [message.kind for message in campus.messages] == [kind]


def test_R8_the_tables_above_and_below_name_every_kind_of_the_campus():
    tested = {
        row[0]
        for test in (
            test_R8_what_comes_back_whole_is_an_answer_and_no_error,
            test_R8_R10_a_connection_that_breaks_off_leaves_doubt,
        )
        for row in test.pytestmark[0].args[1]
    }

    assert tested == {*campuses.ANSWERED, *campuses.BROKEN_OFF}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("reset_before_headers", "lost"), ("reset_after_headers", "lost"), ("hang_up", "closed"),
        ("cut_short", "closed"), ("lost_answer", "closed"), ("late_lost", "closed"),
    ],
)  # fmt: skip
def test_R8_R10_a_connection_that_breaks_off_leaves_doubt(campus, door, kind, reason):
    campus.misbehave(kind)

    error = failure(http.InDoubt, door, campus.url)

    assert error.reason == reason
    assert error.in_doubt
    assert door.has_sent
    assert (error.received > 0) is (kind in ("reset_after_headers", "cut_short"))
    assert len(campus.messages) == 1  # it was not sent again


def test_a_connection_that_broke_off_is_replaced_for_the_next_message(campus, door):
    campus.misbehave("hang_up")
    failure(http.InDoubt, door, campus.url)

    assert post(door, campus.url).status == 200
    assert campus.connections == 2


def test_R10_an_answer_that_is_lost_was_applied_and_one_that_is_late_will_be(campus, door):
    message = b"<a><sourcedId>s</sourcedId><textString>0.5</textString></a>"
    campus.misbehave("lost_answer", "late_lost")

    failure(http.InDoubt, door, campus.url, body=message)
    applied_at_once = campus.score_of("s")
    failure(http.InDoubt, door, campus.url, body=message.replace(b"0.5", b"0.6"))

    assert applied_at_once == campus.score_of("s") == "0.5"
    campus.apply_late()
    assert campus.score_of("s") == "0.6"


def test_R11_what_is_applied_late_comes_after_what_was_sent_since():
    with Campus(late_seconds=0.05) as campus, opened() as door:
        campus.misbehave("late_lost")
        failure(http.InDoubt, door, campus.url, body=b"<a><sourcedId>s</sourcedId><textString>0.1</textString></a>")
        post(door, campus.url, body=b"<a><sourcedId>s</sourcedId><textString>0.2</textString></a>")
        for _ in range(1000):
            if len(campus.applied) == 2:
                break
            threading.Event().wait(0.01)

    # This is what a rest after doubt is for.
    assert [entry.score for entry in campus.applied] == ["0.2", "0.1"]


def test_the_header_fields_of_an_answer_are_found_in_lower_case_the_first_of_two_counts(campus, door):
    campus.kind = answer(429, Retry_After="Sun, 22 Nov 2026 12:00:00 GMT", RETRY_AFTER="5")

    found = post(door, campus.url)

    assert found.headers["retry-after"] == "Sun, 22 Nov 2026 12:00:00 GMT"


def test_23_more_than_64_kib_are_not_read_and_the_connection_is_given_up(campus, door):
    campus.misbehave("ten_mib")

    found = post(door, campus.url)
    post(door, campus.url)

    assert found.truncated
    assert not found.complete
    assert http.ANSWER_BYTES - 500 < len(found.body) < http.ANSWER_BYTES
    assert campus.connections == 2


@pytest.mark.parametrize("framing", ["length", "chunks", "to the end"])
def test_23_the_limit_holds_however_the_body_is_framed(campus, door, framing):
    head = b"HTTP/1.1 200 OK\r\n"
    chunk = b"1000\r\n" + b"y" * 4096 + b"\r\n"
    campus.kind = {
        "length": head + b"Content-Length: 999999999999999\r\n\r\n" + b"y" * 100_000,
        "chunks": head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 30,
        "to the end": head + b"\r\n" + b"y" * 100_000,
    }[framing]

    found = post(door, campus.url)

    assert found.truncated
    assert set(found.body) == {ord("y")}
    assert http.ANSWER_BYTES - 5_000 < len(found.body) < http.ANSWER_BYTES


def test_23_a_compressed_answer_is_handed_on_as_it_is(campus, door):
    campus.misbehave("gzip_bomb")

    found = post(door, campus.url)

    assert found.headers["content-encoding"] == "gzip"
    assert len(found.body) < http.ANSWER_BYTES
    assert len(gzip.decompress(found.body)) > 10_000_000
    assert campus.messages[0].headers["accept-encoding"] == "identity"


def test_25_a_redirect_is_an_answer_and_nobody_goes_where_it_points(campus, door):
    with Campus() as elsewhere:
        campus.redirect_to = elsewhere.url
        for status in (301, 302, 303, 307, 308):
            campus.misbehave(answer(status, Location=elsewhere.url))

            assert post(door, campus.url).status == status

        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    ("raw", "body", "complete"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", True),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok", True),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", b"ok", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nok", b"ok", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", True),
        (b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n", b"ok", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n02 \r\nok\r\n0\r\nX: y\r\n\r\n", b"ok", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding:chunked\r\nContent-Length:9\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok", True),
        (b"HTTP/1.1 204 No\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", b"", True),
        (b"HTTP/1.0 200 OK\r\n\r\nok", b"ok", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"", False),
        (b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
    ],
)
def test_an_answer_is_read_as_it_is_framed(raw, body, complete):
    def serve(connection):
        connection.recv(65_536)
        for position in range(len(raw)):  # in as many packets as it has bytes
            connection.sendall(raw[position : position + 1])

    with Listener(serve) as server, opened() as door:
        found = post(door, server.url)

    assert (found.body[-2:], found.complete, found.truncated) == (body, complete, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n", b"\r\n\r\n", b"HTTP/0.9 200 OK\r\n\r\n", b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 \xd9\xa2\xd9\xa0\xd9\xa0 OK\r\n\r\n",
        b"<html>success</html>\n", b"x" * 70_000, b"HTTP/1.1 200 " + b"x" * 5_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", b"HTTP/1.1 102 Wait\r\n\r\n" * 4_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + b"x" * 9_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    ],
    ids=range(28),
)  # fmt: skip
def test_what_is_no_http_leaves_doubt(campus, door, raw):
    campus.kind = raw

    error = failure(http.InDoubt, door, campus.url)

    assert error.reason == "unreadable"
    assert 0 < error.received <= http.ANSWER_BYTES


SAMPLES = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
    b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\nRetry-After: 5\r\n\r\n2;a=b\r\nok\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 422 Hm\r\nContent-Type: text/plain;\r\n charset=x\r\n\r\nok",
)


@pytest.mark.parametrize("seed", range(3))
def test_R8_whatever_is_answered_is_an_answer_or_leaves_doubt(seed):
    dice = random.Random(seed)
    for _ in range(100):
        raw = bytearray(dice.choice(SAMPLES))
        for _ in range(dice.randint(1, 4)):
            position = dice.randrange(len(raw))
            raw[position : position + dice.randint(0, 3)] = bytes(
                dice.choice(b"\x00\r\n :;0129aF\xff") for _ in range(dice.randint(0, 3))
            )

        def serve(connection, raw=bytes(raw)):
            connection.recv(65_536)
            connection.sendall(raw)

        # Any other error would be one of ours.
        with Listener(serve) as server, opened() as door, contextlib.suppress(http.InDoubt):
            assert 200 <= post(door, server.url).status < 1000


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drip_headers", "drip_body"])
def test_R9_an_answer_that_drips_is_cut_by_our_own_deadline(campus, kind):
    clock = Clock(step=2)  # as if two seconds lay between two reads
    campus.misbehave(kind)

    with opened(clock=clock) as door:
        error = failure(http.InDoubt, door, campus.url)

    assert error.reason == "deadline"
    assert clock.looks <= 1 + 15 / 2 + 1
    assert 0 < error.received < 1_000  # of a mebibyte
    assert len(campus.messages) == 1


@pytest.mark.parametrize("kind", ["silence", "late"])
def test_R9_a_campus_that_says_nothing_is_left_after_one_read(campus, kind):
    clock = Clock()
    campus.misbehave(kind)

    with opened(clock=clock, read_seconds=0.05) as door:
        error = failure(http.InDoubt, door, campus.url)

    assert (error.reason, error.received) == ("timeout", 0)


def test_R9_the_deadline_cuts_a_read_short_that_would_be_allowed_longer(campus, settings):
    setattr(settings, EXCHANGE, 0.3)
    campus.misbehave("silence")
    clock = Clock()
    clock.at[6] = clock.pass_the_end  # 1 begins, 2 look-up, 3 connect, 4 write, 5 read, 6 after the read

    with opened(read_seconds=600, clock=clock) as door:
        error = failure(http.InDoubt, door, campus.url)

    assert (error.reason, error.received) == ("deadline", 0)


def test_the_deadline_counts_anew_for_every_message(campus):
    clock = Clock()

    with opened(clock=clock) as door:
        for _ in range(5):
            post(door, campus.url)
            clock.now += 14

    assert len(campus.messages) == 5


def test_a_deadline_that_is_over_before_the_first_byte_leaves_no_doubt(campus):
    clock = Clock()
    clock.at[4] = clock.pass_the_end  # 1 begins, 2 look-up, 3 connect, 4 write

    with opened(clock=clock) as door:
        error = failure(http.NotSent, door, campus.url)

    assert error.reason == "deadline"
    assert not door.has_sent
    assert campus.messages == []


@pytest.mark.parametrize("look", [2, 3])
def test_a_deadline_that_is_over_before_the_connection_makes_none(campus, look):
    clock = Clock()
    clock.at[look] = clock.pass_the_end

    with opened(clock=clock) as door:
        error = failure(http.NotSent, door, campus.url)

    assert error.reason == "deadline"
    assert campus.connections == 0


def test_a_server_that_reads_nothing_cannot_hold_a_large_message():
    go_on = threading.Event()

    with Listener(lambda connection: go_on.wait()) as server, opened(read_seconds=0.05) as door:
        error = failure(http.InDoubt, door, server.url, body=b"x" * 50_000_000)
        go_on.set()

    assert error.reason == "timeout"


def test_a_connection_that_is_not_taken_up_is_given_up(settings):
    setattr(settings, EXCHANGE, 0.1)
    clock = Clock()
    clock.at[4] = clock.pass_the_end  # 1 begins, 2 look-up, 3 connect, 4 after that
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    waiting = []
    for _ in range(3):  # the queue of the listener is full then, and further ones hang
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(full.getsockname())

    with opened(clock=clock) as door:
        error = failure(http.NotSent, door, f"http://127.0.0.1:{full.getsockname()[1]}/")
    for connection in [full, *waiting]:
        connection.close()

    assert error.reason == "deadline"
    assert not door.has_sent


def test_what_breaks_in_the_middle_of_an_exchange_leaves_the_door_saying_that_something_may_have_gone_out(campus):
    class TimeLimit(Exception):
        """What a worker raises in the middle of anything."""

    def interrupt():
        raise TimeLimit

    clock = Clock()
    clock.at[5] = interrupt  # 1 begins, 2 look-up, 3 connect, 4 write, 5 read
    with opened(clock=clock) as door:
        with pytest.raises(TimeLimit):
            post(door, campus.url)
        had_sent = door.has_sent

        assert post(door, campus.url).status == 200

    assert had_sent
    assert campus.connections == 2


def test_a_name_that_hangs_is_cut_by_the_deadline(settings):
    setattr(settings, EXCHANGE, 0.05)
    go_on = threading.Event()

    with opened(resolve=lambda *arguments, **options: go_on.wait() and [], clock=Clock()) as door:
        error = failure(http.NameNotResolved, door, "http://campus.test/")
    go_on.set()

    assert error.reason == "lookup_timeout"


# -- connections -------------------------------------------------------------------------------------------------------


def test_a_campus_that_is_switched_off_refuses_and_later_takes_again(campus, door):
    post(door, campus.url)
    campus.switch_off()
    error = failure(http.NotSent, door, campus.url)
    assert not door.has_sent
    campus.switch_on()

    assert error.reason == "refused"
    assert post(door, campus.url).status == 200
    assert len(campus.messages) == 2


def test_an_address_that_refuses_is_followed_by_the_next(campus):
    with opened(resolve=resolving("127.0.0.99", "127.0.0.1")) as door:
        assert post(door, f"http://campus.test:{campus.port}/").status == 200

    assert campus.messages[0].headers["host"] == f"campus.test:{campus.port}"


def test_when_all_addresses_refuse_so_does_the_door(campus):
    with opened(resolve=resolving("127.0.0.98", "127.0.0.99")) as door:
        assert failure(http.NotSent, door, f"http://campus.test:{campus.port}/").reason == "refused"


def test_an_address_that_cannot_be_routed_to_is_unreachable(settings):
    settings.OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS = ["255.255.255.255/32"]

    with opened(resolve=resolving("255.255.255.255")) as door:
        assert failure(http.NotSent, door, "http://campus.test/").reason == "unreachable"


def test_an_ipv6_campus_is_reached(door):
    with Campus(host="::1") as campus:
        assert post(door, campus.url).status == 200

    assert campus.messages[0].headers["host"] == f"[::1]:{campus.port}"


def test_one_connection_carries_all_messages_to_one_campus(campus, door):
    for number in range(20):
        post(door, f"{campus.url}?{number}")

    assert campus.connections == 1
    assert [message.target for message in campus.messages] == [f"/outcomes?{number}" for number in range(20)]


def test_one_secured_connection_carries_all_messages_to_one_campus(secure, authority):
    with http.Door(ca_file=authority.file) as door:
        for _ in range(20):
            post(door, secure.url)

    assert secure.connections == 1
    assert len(secure.messages) == 20


def test_another_campus_gets_a_connection_of_its_own(campus, door):
    with Campus() as other:
        for url in (campus.url, other.url, campus.url):
            post(door, url)

        assert (campus.connections, other.connections) == (2, 1)


@pytest.mark.parametrize(
    "raw",
    [
        answer(200, b"ok", Connection="close"),
        answer(200, b"ok", Connection="TE, Close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        answer(200, b"ok") + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake",
        answer(204) + b"x",
    ],
    ids=["close", "close among others", "HTTP/1.0", "two lengths", "an answer too many", "a byte too many"],
)
def test_a_connection_on_which_the_next_answer_could_be_another_is_not_used_again(campus, door, raw):
    campus.misbehave(raw)

    post(door, campus.url)
    found = post(door, campus.url)

    assert b"success" in found.body
    assert campus.connections == 2


@pytest.mark.parametrize("with_reset", [False, True])
@pytest.mark.parametrize("is_secure", [False, True])
def test_a_kept_connection_that_was_closed_is_noticed_before_anything_goes_out(
    campus, secure, authority, is_secure, with_reset
):
    server = secure if is_secure else campus
    with opened(ca_file=authority.file) as door:
        post(door, server.url)
        server.hang_up(with_reset=with_reset)

        found = post(door, server.url)

    assert found.status == 200
    assert (server.connections, len(server.messages)) == (2, 2)


def test_a_kept_connection_that_is_closed_between_our_look_and_the_write_is_replaced_once(campus):
    clock = Clock()
    with opened(clock=clock) as door:
        post(door, campus.url)
        # The look after the one that begins the next exchange comes just before its write.
        clock.at[clock.looks + 2] = lambda: campus.hang_up(with_reset=True)

        found = post(door, campus.url)

    assert found.status == 200
    assert (campus.connections, len(campus.messages)) == (2, 2)


def test_a_kept_connection_on_which_something_unasked_arrives_is_not_used_again(campus, door):
    post(door, campus.url)
    campus.say(answer(200, b"fake"))

    found = post(door, campus.url)

    assert b"success" in found.body
    assert campus.connections == 2


def test_a_closed_door_opens_again_for_the_next_message(campus, door):
    post(door, campus.url)
    door.close()
    door.close()

    assert post(door, campus.url).status == 200
    assert campus.connections == 2


# -- certificates ------------------------------------------------------------------------------------------------------


def test_a_certificate_is_verified_for_the_name_and_the_name_is_told(authority):
    tls, asked_for = authority.server("campus.test"), []
    tls.sni_callback = lambda connection, name, context: asked_for.append(name)

    with Campus(tls=tls) as campus, http.Door(ca_file=authority.file, resolve=resolving("127.0.0.1")) as door:
        for host in ("campus.test", "CAMPUS.test", "campus.test."):
            door.close()
            assert post(door, f"https://{host}:{campus.port}/").status == 200

    assert asked_for == ["campus.test"] * 3


@pytest.mark.parametrize(
    ("names", "is_expired", "trusts", "reason"),
    [
        (["elsewhere.test"], False, True, "wrong_name"),
        (["*.campus.test"], False, True, "wrong_name"),
        (["127.0.0.1"], False, True, "wrong_name"),
        (["campus.test"], True, True, "expired"),
        (["campus.test"], False, False, "untrusted"),
    ],
    ids=["another name", "below the name", "address instead of name", "expired", "unknown authority"],
)
def test_a_certificate_that_does_not_verify_gets_no_message(authority, names, is_expired, trusts, reason):
    tls = authority.server(*names, is_expired=is_expired)
    trusted = {"ca_file": authority.file} if trusts else {}

    with Campus(tls=tls) as campus, http.Door(resolve=resolving("127.0.0.1"), **trusted) as door:
        error = failure(http.CertificateInvalid, door, f"https://campus.test:{campus.port}/")

    assert error.reason == reason
    assert not door.has_sent
    assert campus.messages == []


def test_a_certificate_for_another_address_gets_no_message(authority):
    with Campus(tls=authority.server("127.0.0.2")) as campus, http.Door(ca_file=authority.file) as door:
        assert failure(http.CertificateInvalid, door, campus.url).reason == "wrong_name"


def test_the_authorities_of_the_setting_are_trusted(secure, authority, settings):
    setattr(settings, CA_FILE, authority.file)

    with http.Door() as door:
        assert post(door, secure.url).status == 200


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_authorities_that_cannot_be_read_trusts_nobody(secure, tmp_path, content):
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)

    with http.Door(ca_file=str(file)) as door:
        error = failure(http.CertificateInvalid, door, secure.url)

    assert error.reason == "ca_file"
    assert secure.connections == 0


def test_a_server_without_tls_gets_no_message(authority):
    heard = []

    def serve(connection):
        heard.append(connection.recv(65_536))
        connection.sendall(answer(400))

    with Listener(serve) as server, http.Door(ca_file=authority.file) as door:
        error = failure(http.NotSent, door, server.url.replace("http:", "https:"))

    assert error.reason == "tls"
    assert BODY not in heard[0]


def test_a_server_that_hangs_up_on_the_handshake_leaves_no_doubt(authority):
    with Listener(lambda connection: connection.recv(1)) as server, http.Door(ca_file=authority.file) as door:
        error = failure(http.NotSent, door, server.url.replace("http:", "https:"))

    assert error.reason in ("tls", "lost")
    assert not door.has_sent


def test_a_handshake_that_is_not_answered_leaves_no_doubt(authority):
    go_on = threading.Event()

    with Listener(lambda connection: go_on.wait()) as server:
        with http.Door(ca_file=authority.file, read_seconds=0.05, clock=Clock()) as door:
            error = failure(http.NotSent, door, server.url.replace("http:", "https:"))
        go_on.set()

    assert error.reason == "timeout"
    assert not door.has_sent


@pytest.mark.parametrize("kind", ["hang_up", "reset_before_headers", "lost_answer", "cut_short"])
def test_a_secured_connection_that_breaks_off_leaves_doubt(secure, authority, kind):
    secure.misbehave(kind)

    with http.Door(ca_file=authority.file) as door:
        error = failure(http.InDoubt, door, secure.url)

    assert error.reason in ("closed", "lost")
    assert door.has_sent


# -- people and secrets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    ["hang_up", "cut_short", "reset_before_headers", b"zzline\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: zzline\r\n" * 150],
    ids=range(5),
)
def test_no_error_quotes_what_was_sent_or_answered(campus, door, kind):
    campus.misbehave(kind)

    error = failure(http.InDoubt, door, f"{campus.url}?zzquery", body=b"zzbody", headers={"Authorization": "zzheader"})

    told = []
    while error is not None:
        told.append(f"{error!s} {error!r} {vars(error)}")
        error = error.__cause__ or error.__context__
    assert "zz" not in " ".join(told)


def test_an_answer_shows_its_status_alone(campus, door):
    campus.kind = answer(200, b"zzbody", X="zzheader")

    shown = repr(post(door, campus.url))

    assert "200" in shown
    assert "zz" not in shown


def test_the_kinds_of_errors_say_what_to_do_next():
    assert issubclass(http.AddressForbidden, errors.Invalid)
    assert issubclass(http.CertificateInvalid, errors.Invalid)
    for kind in (http.NameNotResolved, http.NotSent, http.InDoubt):
        assert issubclass(kind, errors.Unavailable)
    assert [getattr(kind("x"), "in_doubt", False) for kind in (http.AddressForbidden, http.NotSent, http.InDoubt)] == [
        False, False, True,
    ]  # fmt: skip


def test_the_envelope_of_the_campus_is_what_its_answers_carry(campus, door):
    assert post(door, campus.url).body == envelope("success", "done")
