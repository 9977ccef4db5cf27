"""A server that is killed while it takes grades: a message was taken wholly, or not at all."""

import threading
from dataclasses import dataclass

import pytest
import requests

from tests.doubles.toolside import authorization, outcome_body, read_reply
from tests.reliability.conftest import ROUNDS

pytestmark = pytest.mark.reliability

USED = "OAuth verification error: OAuth nonce was used before."

#: What ada's launch tells the tool, asked inside the host.
ADAS_LAUNCH = """
from django.contrib.auth import get_user_model
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.standalone.tool import credentials
from tests.doubles.toolside import sourced_id_of
placement = api.LtiPlacement.objects.select_related("configuration").get()
ada = get_user_model().objects.get(username="ada")
answer = {
    "path": api.outcome_path(placement), "key": credentials.KEY, "secret": credentials.secret(),
    "sourced_id": sourced_id_of(ada, placement),
}
"""

WHAT_IS_STORED = """
from openedx_learning_ext.lti_consumer.models import LtiResult
from openedx_learning_ext.standalone.models import Score
answer = [list(LtiResult.objects.values_list("score", flat=True)), [s.earned / s.possible for s in Score.objects.all()]]
"""


@dataclass(frozen=True)
class Message:
    """A signed message that can be sent again, unchanged."""

    url: str
    body: bytes
    header: str
    score: float | None

    def send(self):
        """Send it and answer the reply."""
        headers = {"Authorization": self.header, "Content-Type": "application/xml"}
        answer = requests.post(self.url, data=self.body, headers=headers, timeout=30)
        assert answer.status_code == 200
        return read_reply(answer.content)


@pytest.fixture(scope="module")
def tool(default_host):
    """The tool's side: a function that signs a new message about ada."""
    told = default_host.ask(ADAS_LAUNCH)
    url = default_host.url + told["path"]

    def sign(score=None):
        action = "readResult" if score is None else "replaceResult"
        body = outcome_body(told["sourced_id"], action=action, score=None if score is None else str(score))
        return Message(url, body, authorization(url, body, key=told["key"], secret=told["secret"]), score)

    return sign


def send_until_it_breaks(sign, first):
    """Send one score after the other; answer the last message that was answered and the one that was not."""
    answered, step = None, first
    while True:
        step += 1
        message = sign(score=(step % 1000) / 1000)
        try:
            reply = message.send()
        except requests.RequestException:
            return answered, message, step
        assert reply.code == "success"
        answered = message


def test_a_killed_server_has_stored_a_message_with_its_nonce_or_neither(default_host, tool, chance):
    step, landed = 0, 0
    for _ in range(ROUNDS):
        with default_host.serving() as server:
            # The first message is answered before the clock starts, so that there is something to lose.
            assert tool(score=0).send().code == "success"
            killer = threading.Timer(chance.uniform(0.1, 0.6), server.kill)
            killer.start()
            answered, unanswered, step = send_until_it_breaks(tool, step)
            killer.join()

        with default_host.serving():
            stored = float(tool().send().score)
            again = unanswered.send()
            afterwards = float(tool().send().score)
            replay = answered.send() if answered else None
            in_the_end = float(tool().send().score)

        if again.description == USED:  # it was taken before the server died, and so its score is there
            landed += 1
            assert stored == unanswered.score
        else:  # nothing of it was taken, and the very same message does its work now
            assert again.code == "success"
            assert stored == (answered.score if answered else 0.0)
        assert afterwards == in_the_end == unanswered.score
        assert replay is None or replay.description == USED

    results, block_scores = default_host.ask(WHAT_IS_STORED)
    assert results == [unanswered.score]
    assert block_scores == pytest.approx(results)
    print(f"{landed} of {ROUNDS} unanswered messages had been taken")
