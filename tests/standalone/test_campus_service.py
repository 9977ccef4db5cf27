"""The campus's outcome service believes signed, whole, first messages only, and misbehaves as it is told."""

from __future__ import annotations

import socket
import time

import pytest
import requests
from lti import OutcomeRequest
from lti.outcome_request import REPLACE_REQUEST
from oauthlib.oauth1 import Client

from openedx_learning_ext.standalone.campus import credentials, gradebook
from openedx_learning_ext.standalone.campus.service import HOST, LARGEST_BODY, Behaviour, Service


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    """The campus keeps its file in a folder of the test."""
    settings.DATA_DIR = tmp_path


@pytest.fixture
def service():
    """The outcome service, switched on."""
    service = Service()
    service.switch_on()
    yield service
    service.switch_off()


def xml(score="0.5", learner="ada", sourced_id=None):
    """Return a message as another LTI library writes it."""
    message = OutcomeRequest()
    message.operation, message.score, message.message_identifier = REPLACE_REQUEST, score, "m-1"
    message.lis_result_sourcedid = credentials.sourced_id(learner) if sourced_id is None else sourced_id
    return message.generate_request_xml()


def signed(url, body, *, key=credentials.KEY, secret=None, offset=0):
    """Return the header fields of a message as oauthlib signs it, so many seconds from now."""
    stamp = str(int(time.time()) + offset)
    client = Client(key, client_secret=secret or credentials.secret(), timestamp=stamp)
    _, headers, _ = client.sign(url, "POST", body.decode(), {"Content-Type": "application/xml"})
    return headers


def post(service, body, headers, *, url=None, seconds=10):
    """Send a message, on a connection of its own."""
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url or service.url, data=body, headers=headers, timeout=seconds)


def send(service, body=None, **how):
    """Sign a message and send it."""
    body = xml() if body is None else body
    return post(service, body, signed(service.url, body, **how))


def said(answer):
    """Return what an answer says."""
    return "success" if b"<imsx_codeMajor>success<" in answer.content else answer.text


def answers():
    """Return how the messages were answered, in order."""
    return [arrival.answer for arrival in gradebook.arrivals()]


def test_a_score_is_taken_and_a_later_one_replaces_it(service):
    first = send(service, xml("1.0"))
    second = send(service, xml("0.25"))
    other = send(service, xml("0.75", learner="bob"))

    assert [said(answer) for answer in (first, second, other)] == ["success"] * 3
    assert {name: grade.score for name, grade in gradebook.grades().items()} == {"ada": 0.25, "bob": 0.75}
    kept = [(arrival.learner_id, arrival.score, arrival.answer) for arrival in gradebook.arrivals()]
    assert kept == [("ada", 1.0, "taken"), ("ada", 0.25, "taken"), ("bob", 0.75, "taken")]


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        pytest.param({"secret": "another"}, "refused: signature", id="another secret"),
        pytest.param({"key": "another"}, "refused: signature", id="another key"),
        pytest.param({"offset": -400}, "refused: signature", id="too old"),
        pytest.param({"offset": 400}, "refused: signature", id="from the future"),
    ],
)
def test_a_message_that_was_not_signed_by_this_site_now_is_refused(service, how, answer):
    assert "failure" in said(send(service, **how))
    assert answers() == [answer]
    assert gradebook.grades() == {}


def test_a_message_that_was_signed_for_another_address_is_refused(service):
    body = xml()

    post(service, body, signed("http://127.0.0.1:1/outcomes", body))

    assert answers() == ["refused: signature"]


def test_a_body_that_was_changed_on_its_way_is_refused(service):
    headers = signed(service.url, xml("0.5"))

    post(service, xml("1.0"), headers)

    assert answers() == ["refused: body hash"]
    assert gradebook.grades() == {}


def test_the_same_message_is_taken_once(service):
    body = xml()
    headers = signed(service.url, body)

    assert said(post(service, body, headers)) == "success"
    assert "failure" in said(post(service, body, headers))

    assert answers() == ["taken", "refused: nonce"]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        pytest.param(lambda: xml("1.5"), "refused: not understood", id="a score above 1"),
        pytest.param(lambda: xml("nan"), "refused: not understood", id="a score that is no number"),
        pytest.param(lambda: xml(sourced_id="ada:000000000000000000000000"), "refused: nobody", id="made-up sourcedid"),
        pytest.param(lambda: xml(sourced_id="12"), "refused: nobody", id="a number as sourcedid"),
        pytest.param(lambda: b"<x/>", "refused: not understood", id="another document"),
        pytest.param(lambda: b"<<<", "refused: not understood", id="no document"),
    ],
)
def test_what_is_signed_but_no_score_of_ours_is_refused(service, body, answer):
    assert "failure" in said(send(service, body()))
    assert answers() == [answer]
    assert gradebook.grades() == {}


def test_bytes_that_are_no_text_are_refused(service):
    post(service, b"\xff\xfe", {"Content-Type": "application/xml", "Authorization": "OAuth x"})

    assert answers() == ["refused: no text"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("/elsewhere", b"x", 404, id="another address"),
        pytest.param("/outcomes", b"x" * (LARGEST_BODY + 1), 413, id="too long"),
    ],
)
def test_what_is_no_message_is_turned_away(service, path, body, status):
    url = service.url.replace("/outcomes", path)

    assert post(service, body, {}, url=url).status_code == status
    assert answers() == []


def test_switched_off_nobody_listens_and_it_comes_back_at_the_same_address(service):
    url = service.url
    send(service, xml("0.5"))

    service.switch_off()
    service.switch_off()
    with pytest.raises(requests.ConnectionError):
        send(service, xml("1.0"))
    assert not service.is_on and service.url == url
    service.switch_on()
    service.switch_on()

    assert service.url == url
    assert said(send(service, xml("1.0"))) == "success"
    assert gradebook.grades()["ada"].score == 1.0


def test_a_second_start_has_the_same_port(service):
    url = service.url
    service.switch_off()

    again = Service()
    again.switch_on()
    try:
        assert again.url == url
    finally:
        again.switch_off()


def test_a_port_that_another_program_has_is_said_and_can_be_tried_again(service):
    port = gradebook.port()
    service.switch_off()

    with socket.create_server((HOST, port)), pytest.raises(OSError, match="in use"):
        service.switch_on()
    assert not service.is_on

    service.switch_on()
    assert service.is_on


def test_it_fails_as_told(service):
    service.behave(Behaviour.FAILS)

    assert send(service).status_code == 500
    assert answers() == ["fails"]
    assert gradebook.grades() == {}


def test_it_answers_garbage_as_told(service):
    service.behave(Behaviour.GARBAGE)

    answer = send(service)

    assert answer.status_code == 200
    assert "imsx" not in answer.text
    assert answers() == ["garbage"]
    assert gradebook.grades() == {}


def test_it_hangs_as_told_until_nobody_waits_any_more(service):
    service.behave(Behaviour.HANGS)
    body = xml()

    with pytest.raises(requests.ReadTimeout):
        post(service, body, signed(service.url, body), seconds=0.5)

    service.behave(Behaviour.WELL)
    assert said(send(service)) == "success"
    assert answers() == ["hangs", "taken"]


def test_who_was_left_hanging_is_let_go_when_it_is_switched_off(service):
    service.behave(Behaviour.HANGS)
    with socket.create_connection((HOST, gradebook.port())) as connection:
        body = xml()
        headers = signed(service.url, body) | {"Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(f"POST /outcomes HTTP/1.0\r\n{head}\r\n".encode() + body)
        while not answers():
            time.sleep(0.01)

        service.switch_off()

        connection.settimeout(10)
        assert connection.recv(100) == b""


def test_what_strangers_send_does_not_fill_the_disk(service):
    send(service, xml("0.5"))

    for _ in range(gradebook.ARRIVALS_KEPT + 5):
        gradebook.note("refused: signature")

    assert answers() == ["refused: signature"] * gradebook.ARRIVALS_KEPT
    assert gradebook.grades()["ada"].score == 0.5
