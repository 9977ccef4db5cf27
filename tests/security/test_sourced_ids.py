"""S17: sourcedids of every length and with every awkward character, out with a launch and back with a score."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from lxml import html

from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.outcomes import OutcomeService, parse_grade_xml_body
from tests.conftest import DEMO
from tests.doubles.toolside import authorization, outcome_body, post_outcome, read_reply, signed_request

pytestmark = pytest.mark.django_db

LENGTHS = [1, 255, 256, 1024, 4096]
ALPHABETS = {
    "plain": "abc0123456789",
    "markup": "&<>\"'&amp;<b>]]>",
    "percent and colon": "%:%41%3A%zz::",
    "not ASCII": "żółw漢字ñ",
    "beyond the first plane": "😀𐍈",
    "leading blanks": "  \t x ",
    "JSON": '{"data":{"instanceid":"7","userid":"3"},"hash":"é/+="}',
    "braces and percent s": "{}{0}%s%(x)d\\n$",
}


@dataclass
class Person:
    """Somebody who can have a score."""

    is_active: bool = True


@dataclass
class Block:
    """A block that takes whole sourcedids, and remembers what it was asked and told."""

    accept_grades_past_due: bool = True
    is_past_due: bool = False
    lti_provider_key_secret: tuple = ("key-1", "s3cr&t/+")
    outcome_service_url: str = "https://lms.example.org/outcomes/1"
    people: dict = field(default_factory=dict)
    scores: list = field(default_factory=list)

    def find_user(self, sourced_id):
        return self.people.get(sourced_id)

    def max_score(self):
        return 10.0

    def set_user_module_score(self, user, score, max_score):
        self.scores.append((user, score, max_score))

    def get_user_module_score(self, user):
        return (self.scores[-1][1] * 10, 10) if self.scores else (None, 10)

    def clear_user_module_score(self, user):
        self.scores.append((user, None, None))


def _text(alphabet, length):
    return (ALPHABETS[alphabet] * (length // len(ALPHABETS[alphabet]) + 1))[:length]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_S17_a_sourcedid_is_found_byte_for_byte_and_echoed_cut(alphabet, length):
    sourced_id = _text(alphabet, length)
    hers, somebody = Person(), Person()
    block = Block(people={sourced_id: hers, sourced_id + "x": somebody, sourced_id[:-1]: somebody})
    service = OutcomeService(block)

    replaced = read_reply(service.handle_request(signed_request(outcome_body(sourced_id, score="0.5"))))
    read = read_reply(service.handle_request(signed_request(outcome_body(sourced_id, action="readResult"))))
    deleted = read_reply(service.handle_request(signed_request(outcome_body(sourced_id, action="deleteResult"))))

    assert parse_grade_xml_body(outcome_body(sourced_id))[1] == sourced_id
    assert replaced.code == "success"
    assert replaced.description == f"Score for {sourced_id[:256]} is now 0.5"
    assert read.score == "0.5"
    assert deleted.code == "success"
    assert block.scores == [(hers, 0.5, 10.0), (hers, None, None)]


def test_S17_there_are_forty():
    assert len(LENGTHS) * len(ALPHABETS) == 40


@pytest.mark.parametrize("alphabet", [name for name in ALPHABETS if name != "leading blanks"])
@pytest.mark.parametrize("length", [1, 255])
def test_S17_what_a_launch_carries_comes_back_for_the_same_learner(alphabet, length, ada, bob, tool, client_of, client):
    placement = api.create_placement(
        course_key=DEMO,
        configuration_id=tool.pk,
        title="Awkward",
        graded=True,
        resource_link_id=_text(alphabet, length),
    )
    page = client_of(ada).get(api.launch_path(placement))
    (form,) = html.fromstring(page.content.decode()).forms
    sourced_id, url = form.fields["lis_result_sourcedid"], form.fields["lis_outcome_service_url"]
    assert form.fields["resource_link_id"] == placement.resource_link_id
    assert sourced_id.isascii()
    assert sourced_id.count(":") == 2

    body = outcome_body(sourced_id, score="0.25")
    response = client.post(
        api.outcome_path(placement),
        data=body,
        content_type="application/xml",
        HTTP_AUTHORIZATION=authorization(url, body),
    )

    reply = read_reply(response.content)
    assert reply.code == "success"
    assert reply.description == f"Score for {sourced_id[:256]} is now 0.25"
    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk).score == 0.25
    assert api.find_result(placement_uuid=placement.uuid, user_id=bob.pk) is None


@pytest.mark.parametrize(
    "broken", ["", ":", "::", ":::", "a:b", "a:b:c:d", "%ff:b:c", "a:b:%ff", "a:b:", " ", "%00:%00:%00"]
)
def test_S17_a_sourcedid_of_another_shape_is_nobodys(broken, ada, placement, client):
    reply = read_reply(post_outcome(client, placement, outcome_body(broken)).content)

    assert reply.code == "failure"
    # An empty one is a message without a sourcedid.
    assert reply.description.startswith("User not found." if broken else "Request body XML parsing error: Failed")
    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk) is None
