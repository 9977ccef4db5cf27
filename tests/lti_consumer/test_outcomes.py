"""``OutcomeService`` with an object that has an XBlock's attributes: order of work, replies, what changes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.lti_consumer.exceptions import LtiError as ExportedLtiError
from openedx_learning_ext.lti_consumer.oauth import verify_oauth_body_signature
from openedx_learning_ext.lti_consumer.outcomes import OutcomeService
from tests.doubles.toolside import Request, authorization, outcome_body, read_reply, signed_request

pytestmark = pytest.mark.django_db

URL = "https://lms.example.org/outcomes/1"
SOURCED_ID = "course:link:ada"


class Block:
    """As much of an LTI XBlock as the service asks for; keeps scores in points."""

    accept_grades_past_due = True
    is_past_due = False
    outcome_service_url = URL

    def __init__(self, key="key-1", secret="s3cr&t/+", maximum=4.0):
        self.lti_provider_key_secret = (key, secret)
        self.maximum = maximum
        self.points = {}
        self.asked_for = []
        self.people = {"ada": SimpleNamespace(is_active=True), "eve": SimpleNamespace(is_active=False)}
        self.runtime = SimpleNamespace(get_real_user=self._get_real_user)

    def _get_real_user(self, user_id):
        self.asked_for.append(user_id)
        return self.people.get(user_id)

    def max_score(self):
        return self.maximum

    def set_user_module_score(self, user, score, max_score):
        self.points[id(user)] = score * (max_score or 0)


class ReadableBlock(Block):
    """A block that can be read and cleared, too."""

    def get_user_module_score(self, user):
        return self.points.get(id(user)), self.maximum

    def clear_user_module_score(self, user):
        self.points.pop(id(user), None)


def handle(block, body, **signing):
    return read_reply(OutcomeService(block).handle_request(signed_request(body, url=URL, **signing)))


def test_a_score_arrives_as_sent_together_with_the_maximum():
    block = Block()

    reply = handle(block, outcome_body(SOURCED_ID, score="0.5"))

    assert (reply.code, reply.description) == ("success", "Score for course:link:ada is now 0.5")
    assert list(block.points.values()) == [2.0]
    assert block.asked_for == ["ada"]


@pytest.mark.parametrize(
    ("user_part", "asked_for"),
    [
        ("ada", "ada"),
        ("a%3Ada", "a:da"),
        ("%C5%BC", "ż"),
    ],
    ids=["plain", "32 colon encoded", "non-ASCII"],
)
def test_4_8_the_user_is_what_follows_the_last_colon_decoded(user_part, asked_for):
    block = Block()
    block.people[asked_for] = SimpleNamespace(is_active=True)

    handle(block, outcome_body(f"a:b:c:{user_part}"))

    assert block.asked_for == [asked_for]


@pytest.mark.parametrize(
    ("body", "prepare", "description", "message_id"),
    [
        pytest.param(
            b"<" + b"x" * 65_536, {}, "Request body XML parsing error: the message is too large", "unknown", id="size"
        ),
        pytest.param(b"<broken", {}, "Request body XML parsing error: ", "unknown", id="parse"),
        pytest.param(
            outcome_body(SOURCED_ID, score="2"),
            {},
            "Request body XML parsing error: score value outside the permitted range of 0.0-1.0 <?xml",
            "unknown",
            id="score",
        ),
        pytest.param(
            outcome_body(SOURCED_ID, message_id="m-5"),
            {"key": "other"},
            "OAuth verification error: OAuth signature verification has failed.",
            "m-5",
            id="signature",
        ),
        pytest.param(outcome_body("c:l:nobody", message_id="m-6"), {}, "User not found.", "m-6", id="32 nobody"),
        pytest.param(outcome_body("c:l:eve", message_id="m-6"), {}, "User not found.", "m-6", id="32 inactive"),
        pytest.param(outcome_body("c:l:", message_id="m-6"), {}, "User not found.", "m-6", id="32 empty part"),
    ],
)
def test_4_4_a_refusal_says_why_and_changes_nothing(body, prepare, description, message_id):
    block = Block()
    signing = {"secret": "wrong"} if prepare else {}

    reply = handle(block, body, **signing)

    assert (reply.code, reply.severity, reply.message_id, reply.body_tags) == ("failure", "status", message_id, ())
    assert reply.description.startswith(description)
    assert block.points == {}


def test_4_4_a_parse_error_carries_the_first_256_characters_of_the_body_escaped_once():
    body = b"<a&b><![CDATA[" + b"x" * 500

    text = OutcomeService(Block()).handle_request(Request(body, URL))

    reply = read_reply(text)
    assert reply.description.endswith(" " + body[:256].decode())
    assert "x" * 257 not in text


def test_4_4_a_long_parser_reason_is_cut():
    tag = b"<" + b"t" * 2000 + b">"

    reply = read_reply(OutcomeService(Block()).handle_request(Request(tag, URL)))

    reason = reply.description.removeprefix("Request body XML parsing error: ").rpartition(" <ttt")[0]
    assert len(reason) <= 256


def test_4_4_nothing_sent_comes_back_beyond_256_characters_but_all_of_it_counts():
    block = Block()
    long_id, user_part = "m" * 300, "u" * 300
    block.people[user_part] = SimpleNamespace(is_active=True)

    reply = handle(block, outcome_body(f"c:l:{user_part}", message_id=long_id))

    assert (reply.message_id, reply.ref) == ("m" * 256, "m" * 256)
    assert reply.description == f"Score for {f'c:l:{user_part}'[:256]} is now 0.5"
    assert block.asked_for == [user_part]


@pytest.mark.parametrize("action", ["createResult", "readResult", "deleteResult"])
def test_4_4_and_4_8_what_a_block_cannot_do_is_unsupported(action):
    reply = handle(Block(), outcome_body(SOURCED_ID, action=action, message_id="m-8"))

    assert (reply.code, reply.description, reply.message_id) == (
        "unsupported",
        "Target does not support the requested operation.",
        "m-8",
    )


def test_4_5_read_and_delete_for_a_block_that_can():
    block = ReadableBlock()

    assert handle(block, outcome_body(SOURCED_ID, action="readResult")).score == ""
    handle(block, outcome_body(SOURCED_ID, score="0.25"))
    assert handle(block, outcome_body(SOURCED_ID, action="readResult")).score == "0.25"
    handle(block, outcome_body(SOURCED_ID, score="0"))
    assert handle(block, outcome_body(SOURCED_ID, action="readResult")).score == "0.0"
    for _ in range(2):
        assert handle(block, outcome_body(SOURCED_ID, action="deleteResult")).code == "success"
    assert handle(block, outcome_body(SOURCED_ID, action="readResult")).score == ""


@pytest.mark.parametrize("maximum", [0, None])
def test_35_a_block_worth_nothing_stores_without_division_and_reads_empty(maximum):
    block = ReadableBlock(maximum=maximum)

    stored = handle(block, outcome_body(SOURCED_ID, score="0.5"))
    read = handle(block, outcome_body(SOURCED_ID, action="readResult"))

    assert (stored.code, read.code, read.score) == ("success", "success", "")


@pytest.mark.parametrize(("key", "secret"), [("key-1", ""), ("", ""), ("", "s3cr&t/+")])
def test_36_a_block_without_key_or_secret_takes_nothing(key, secret):
    block = Block(key=key, secret=secret)

    reply = handle(block, outcome_body(SOURCED_ID), key="key-1", secret=secret)

    assert reply.description == "OAuth verification error: OAuth signature verification has failed."
    assert block.points == {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<broken", "Grade is past due"),
        (b"<" + b"x" * 65_536, "Request body XML parsing error: the message is too large"),
        (outcome_body(SOURCED_ID), "Grade is past due"),
        (outcome_body(SOURCED_ID, action="deleteResult"), "Grade is past due"),
        (outcome_body(SOURCED_ID, action="createResult"), "Grade is past due"),
        (
            outcome_body(SOURCED_ID, action="readResult"),
            "OAuth verification error: OAuth signature verification has failed.",
        ),
    ],
    ids=["unreadable", "size comes first", "replace", "delete", "other", "read goes on"],
)
def test_4_3_past_due_comes_before_parsing_and_oauth(body, expected):
    block = ReadableBlock()
    block.accept_grades_past_due, block.is_past_due = False, True

    reply = handle(block, body, secret="wrong")

    assert reply.description == expected


def test_4_3_late_grades_are_taken_where_the_block_accepts_them():
    block = Block()
    block.is_past_due = True

    assert handle(block, outcome_body(SOURCED_ID)).code == "success"


def test_4_3_parsing_comes_before_oauth_and_oauth_before_the_user():
    unsigned = Request(outcome_body("c:l:nobody", message_id="m-3"), URL)

    reply = read_reply(OutcomeService(Block()).handle_request(unsigned))

    assert reply.description == "OAuth verification error: no Authorization header"
    assert (reply.message_id, reply.ref, reply.operation) == ("m-3", "m-3", "replaceResult")


@pytest.mark.parametrize(
    "authorization_header",
    [
        "Basic dTpw",
        "OAuth ",
        'OAuth oauth_consumer_key="key-1"',
    ],
)
def test_27_a_header_that_says_too_little_is_a_failure_reply(authorization_header):
    request = Request(outcome_body(SOURCED_ID), URL, headers={"authorization": authorization_header})

    reply = read_reply(OutcomeService(Block()).handle_request(request))

    assert reply.code == "failure"
    assert reply.description.startswith("OAuth verification error: ")


@pytest.mark.parametrize(
    "changed",
    [
        lambda body: body.replace(b"<result>", b"<result> "),
        lambda body: body + b"\n",
    ],
    ids=["one space", "newline added by a proxy"],
)
def test_28_a_body_altered_after_signing_fails_by_its_hash(changed):
    body = outcome_body(SOURCED_ID)
    header = authorization(URL, body)

    request = Request(changed(body), URL, headers={"Authorization": header})
    reply = read_reply(OutcomeService(Block()).handle_request(request))

    assert reply.description == "OAuth verification error: OAuth body hash verification has failed."


def test_29_a_body_cut_by_a_short_content_length_is_a_failure():
    body = outcome_body("c:l:żółw", score="0.5")
    header = authorization(URL, body)
    block = Block()

    request = Request(body[:-3], URL, headers={"Authorization": header})
    reply = read_reply(OutcomeService(block).handle_request(request))

    assert reply.description.startswith("Request body XML parsing error: ")
    assert block.points == {}


@pytest.mark.parametrize("text", ["żółw", "{}", "%s", "{0}%(x)s", "<&>\"'", "edX_fix", ""])
def test_30_ids_and_sourcedids_come_back_unchanged(text):
    block = Block()
    block.people["ada"] = SimpleNamespace(is_active=True)

    reply = handle(block, outcome_body(f"{text}:ada", message_id=text))

    assert reply.message_id == text
    assert reply.description == f"Score for {text}:ada is now 0.5"


def test_4_6_one_message_id_is_good_for_many_messages():
    block = Block()

    for score in ("0.5", "0.5", "0.75"):
        assert handle(block, outcome_body(SOURCED_ID, score=score, message_id="edX_fix")).code == "success"


def test_5_3_the_signature_may_be_over_the_service_url_or_the_request_url():
    block = Block()
    inside = "http://10.0.0.1:8000/outcomes/1"
    body = outcome_body(SOURCED_ID)

    by_service_url = Request(body, inside, headers={"Authorization": authorization(URL, body)})
    by_request_url = Request(body, inside, headers={"Authorization": authorization(inside, body)})
    by_neither = Request(body, inside, headers={"Authorization": authorization("https://else.example/", body)})

    service = OutcomeService(block)
    codes = [read_reply(service.handle_request(r)).code for r in (by_service_url, by_request_url, by_neither)]
    assert codes == ["success", "success", "failure"]


def test_4_3_an_error_of_the_block_is_a_failure_reply_with_the_requests_id(caplog):
    block = Block()

    def explode(user, score, max_score):
        raise ZeroDivisionError

    block.set_user_module_score = explode

    reply = handle(block, outcome_body(SOURCED_ID, message_id="m-4"))

    assert (reply.code, reply.description, reply.message_id) == ("failure", "The request has failed.", "m-4")
    assert "ZeroDivisionError" in caplog.text


def test_4_8_the_object_is_asked_whether_it_accepts_the_oauth_parameters():
    block = Block()
    seen = []

    def accept_oauth(parameters):
        seen.append(parameters["oauth_consumer_key"])
        raise LtiError("OAuth nonce was used before.")

    block.accept_oauth = accept_oauth

    reply = handle(block, outcome_body("c:l:nobody"))

    assert seen == ["key-1"]
    assert reply.description == "OAuth verification error: OAuth nonce was used before."


def test_5_4_verify_oauth_body_signature_is_pure_and_repeatable():
    body = outcome_body(SOURCED_ID)
    request = signed_request(body, url=URL, timestamp=1_000_000)

    assert [verify_oauth_body_signature(request, "s3cr&t/+", URL) for _ in range(2)] == [True, True]
    assert verify_oauth_body_signature(request, "s3cr&t/+", "https://else.example/") is True
    for secret in ("", "wrong"):
        with pytest.raises(ExportedLtiError, match="OAuth signature verification has failed."):
            verify_oauth_body_signature(request, secret, URL)


@pytest.mark.parametrize("action", ["replaceResult", "readResult", "deleteResult", "Request", "replaceresultRequest"])
def test_4_4_an_action_that_is_nearly_one_of_ours_is_unsupported(action):
    block = ReadableBlock()
    handle(block, outcome_body(SOURCED_ID, score="0.5"))
    body = outcome_body(SOURCED_ID, score="1").replace(b"replaceResultRequest", action.encode())

    reply = handle(block, body)

    assert (reply.code, reply.operation) == ("unsupported", "")
    assert list(block.points.values()) == [2.0]


def test_4_1_a_passport_that_cannot_be_read_is_a_wrong_signature():
    class Misconfigured(Block):
        @property
        def lti_provider_key_secret(self):
            raise LtiError("Could not parse LTI passport")

        @lti_provider_key_secret.setter
        def lti_provider_key_secret(self, value):
            pass

    reply = handle(Misconfigured(), outcome_body(SOURCED_ID))

    assert reply.description == "OAuth verification error: OAuth signature verification has failed."


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Request(b"<broken", URL), "unreadable"),
        (lambda: Request(b"x" * 65_537, URL), "too_large"),
        (lambda: Request(outcome_body(SOURCED_ID), URL), "no_header"),
        (lambda: signed_request(outcome_body(SOURCED_ID), url=URL, secret="wrong"), "bad_signature"),
        (lambda: signed_request(outcome_body(SOURCED_ID), url=URL, nonce="n" * 256), "not_acceptable:oauth_nonce"),
    ],
)
def test_4_1_the_true_reason_is_in_the_log_as_a_code(make, code, caplog):
    with caplog.at_level("INFO", logger="openedx_learning_ext"):
        OutcomeService(Block()).handle_request(make())

    (line,) = [record.getMessage() for record in caplog.records]
    assert line == f"outcome message refused: {code} (a block)"


def test_4_1_a_block_without_a_secret_is_told_apart_in_the_log_only(caplog):
    with caplog.at_level("INFO", logger="openedx_learning_ext"):
        handle(Block(secret=""), outcome_body(SOURCED_ID))

    assert "no_secret" in caplog.text
