"""S8, S9 and S11: messages that were changed, come at the wrong time, or are about another place."""

from __future__ import annotations

import itertools
import time
from unittest import mock

import pytest

from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiNonce, LtiResult
from openedx_learning_ext.standalone import models as host_models
from tests.conftest import DEMO, OTHER
from tests.doubles.toolside import authorization, outcome_body, outcome_url_of, post_outcome, read_reply, sourced_id_of
from tests.security.support import sign

pytestmark = pytest.mark.django_db

BAD_SIGNATURE = f"OAuth verification error: {oauth.BAD_SIGNATURE}"
BAD_BODY_HASH = f"OAuth verification error: {oauth.BAD_BODY_HASH}"
BAD_TIMESTAMP = f"OAuth verification error: {oauth.BAD_TIMESTAMP}"


@pytest.fixture(autouse=True)
def _no_rate_limit(settings):
    """Refusals are what these tests are made of; how many an address may have is another test."""
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT = None


@pytest.fixture
def post(client):
    """Send a message with this header to a placement; answer the reply."""
    return lambda placement, body, header: read_reply(post_outcome(client, placement, body, header=header).content)


# -- S8 ----------------------------------------------------------------------------------------------------------------


def _forged(kind, url, honest, forged):
    """Answer the header under which a stranger who overheard an honest message sends a forged one."""
    header = sign(url, honest)
    old, new = sign(url, honest, nonce="n"), sign(url, forged, nonce="n")
    hash_before = next(part for part in old.split(", ") if "oauth_body_hash" in part)
    hash_after = next(part for part in new.split(", ") if "oauth_body_hash" in part)
    if kind == "body swapped, hash kept":
        return header
    if kind == "hash recomputed, signature kept":
        assert hash_before in header
        return header.replace(hash_before, hash_after)
    return sign(url, forged, body_hash=None)  # the tool itself left it out


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("body swapped, hash kept", BAD_BODY_HASH),
        ("hash recomputed, signature kept", BAD_SIGNATURE),
        ("hash missing", BAD_BODY_HASH),
    ],
)
def test_S8_a_hundred_forged_bodies_are_refused(kind, reason, ada, bob, placement, post, dice):
    url = outcome_url_of(placement)
    people = [sourced_id_of(ada, placement), sourced_id_of(bob, placement)]

    for _ in range(100):
        honest = outcome_body(dice.choice(people), score=f"0.{dice.randrange(1000):03}", message_id="honest")
        forged = outcome_body(dice.choice(people), score=f"0.9{dice.randrange(1000):03}", message_id="forged")

        reply = post(placement, forged, _forged(kind, url, honest, forged))

        assert (reply.code, reply.description, reply.message_id) == ("failure", reason, "forged")
    assert LtiResult.objects.count() == 0
    assert LtiNonce.objects.count() == 0


@pytest.mark.parametrize("swap", [b"0.5", b"0.50", b" 0.5"])
def test_S8_a_body_that_means_the_same_is_another_body(swap, ada, placement, post):
    body = outcome_body(sourced_id_of(ada, placement), score="0.5")
    header = sign(outcome_url_of(placement), body)

    reply = post(placement, body.replace(b">0.5<", b">" + swap + b"<"), header)

    assert reply.code == ("success" if swap == b"0.5" else "failure")


def test_S8_a_form_type_does_not_switch_the_hash_off(ada, placement, client):
    url = outcome_url_of(placement)
    body = outcome_body(sourced_id_of(ada, placement))

    response = client.post(
        api.outcome_path(placement),
        data=body,
        content_type="application/x-www-form-urlencoded",
        HTTP_AUTHORIZATION=sign(url, body, body_hash=None),
    )

    assert read_reply(response.content).description == BAD_BODY_HASH


# -- S9 ----------------------------------------------------------------------------------------------------------------

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [
        (NOW - 5401, BAD_TIMESTAMP),
        (NOW - 5400, None),
        (NOW - 5399, None),
        (NOW, None),
        (NOW + 299, None),
        (NOW + 300, None),
        (NOW + 301, BAD_TIMESTAMP),
        (0, BAD_TIMESTAMP),
        ("1e9", "not acceptable"),
        (-NOW, "not acceptable"),
        (f"+{NOW}", "not acceptable"),
        (f"{NOW}.0", "not acceptable"),
        (f" {NOW}", "not acceptable"),
        ("9" * 400, "not acceptable"),
        ("9" * 20, BAD_TIMESTAMP),
        (f"0{NOW}", None),
        ("١٨٠٠٠٠٠٠٠٠", "not acceptable"),
        ("".join(chr(0xFF10 + int(digit)) for digit in str(NOW)), "not acceptable"),  # full width
        ("²", "not acceptable"),
        ("0x6b49d200", "not acceptable"),
        ("", "missing"),
    ],
)
def test_S9_a_timestamp_counts_inside_its_window_and_only_as_digits(timestamp, reason, ada, placement, post):
    body = outcome_body(sourced_id_of(ada, placement))
    with mock.patch("oauthlib.oauth1.rfc5849.generate_timestamp", return_value=""):
        header = sign(outcome_url_of(placement), body, timestamp=timestamp)

    with mock.patch("time.time", return_value=float(NOW)):
        reply = post(placement, body, header)

    words = {"not acceptable", "missing"}
    expected = f"OAuth verification error: OAuth parameter oauth_timestamp is {reason}." if reason in words else reason
    if expected is None:
        assert reply.code == "success"
    else:
        assert (reply.code, reply.description) == ("failure", expected)
    assert LtiNonce.objects.count() == (expected is None)


@pytest.mark.parametrize(
    ("age", "code"), [(5400, "success"), (5400.001, "failure"), (-300, "success"), (-300.001, "failure")]
)
def test_S9_the_edge_is_exact_to_the_clock(age, code, ada, placement, post):
    body = outcome_body(sourced_id_of(ada, placement))
    header = sign(outcome_url_of(placement), body, timestamp=NOW)

    with mock.patch("time.time", return_value=NOW + age):
        reply = post(placement, body, header)

    assert reply.code == code


def test_S9_a_setting_narrows_the_window(ada, placement, post, settings):
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_WINDOW_SECONDS = 60
    body = outcome_body(sourced_id_of(ada, placement))
    codes = []

    with mock.patch("time.time", return_value=float(NOW)):
        for age in (60, 61):
            header = sign(outcome_url_of(placement), body, timestamp=NOW - age)
            codes.append(post(placement, body, header).code)

    assert codes == ["success", "failure"]


def test_S9_a_purge_never_forgets_a_nonce_that_could_come_again(ada, placement, post):
    from openedx_learning_ext.lti_consumer import nonces

    body = outcome_body(sourced_id_of(ada, placement))
    header = sign(outcome_url_of(placement), body, timestamp=NOW + 300)
    with mock.patch("time.time", return_value=float(NOW)):
        assert post(placement, body, header).code == "success"

    for later in (0, 301, 5400, 5700):
        with mock.patch("time.time", return_value=float(NOW + later)):
            nonces.purge()
            assert post(placement, body, header).description == f"OAuth verification error: {oauth.USED_NONCE}"

    with mock.patch("time.time", return_value=float(NOW + 2 * 5400 + 301)):
        nonces.purge()
        assert LtiNonce.objects.count() == 0
        assert post(placement, body, header).description == BAD_TIMESTAMP


# -- S11 ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def places(tool, block_placement, bob):
    """Five placements: three of one tool (one on a block), one of another tool, one in another course."""
    second = api.create_configuration(
        course_key=DEMO,
        lti_1p1_launch_url="https://second.example/",
        lti_1p1_client_key="key-2",
        lti_1p1_client_secret="second secret",
    )
    elsewhere = api.create_configuration(
        course_key=OTHER,
        lti_1p1_launch_url=tool.lti_1p1_launch_url,
        lti_1p1_client_key="key-1",
        lti_1p1_client_secret="s3cr&t/+",
    )

    def place(course_key, configuration, title, **more):
        return api.create_placement(
            course_key=course_key, configuration_id=configuration.pk, title=title, graded=True, **more
        )

    return {
        "first": place(DEMO, tool, "The first", resource_link_id="link"),
        "beside it": place(DEMO, tool, "Beside it", resource_link_id="link:2"),
        "on a block": block_placement,
        "another tool": place(DEMO, second, "Another tool", resource_link_id="LINK"),
        "another course": place(OTHER, elsewhere, "Another course", resource_link_id="link"),
    }


PAIRS = list(itertools.permutations(["first", "beside it", "on a block", "another tool", "another course"], 2))


def _signed_for(placement, body, *, url=None):
    tool = placement.configuration
    return authorization(
        url or outcome_url_of(placement), body, key=tool.lti_1p1_client_key, secret=tool.lti_1p1_client_secret
    )


def _scores():
    return sorted(LtiResult.objects.values_list("placement_id", "user_id", "score"))


@pytest.mark.parametrize(("about", "sent_to"), PAIRS)
@pytest.mark.parametrize("action", ["replaceResult", "readResult", "deleteResult"])
def test_S11_a_sourcedid_counts_at_its_own_placement_only(about, sent_to, action, places, bob, post):
    for number, placement in enumerate(places.values()):
        body = outcome_body(sourced_id_of(bob, placement), score=f"0.{number + 1}")
        assert post(placement, body, _signed_for(placement, body)).code == "success"
    before = _scores()
    published = list(host_models.Score.objects.values_list("earned", "possible"))
    foreign = outcome_body(sourced_id_of(bob, places[about]), action=action, score="0.9")

    reply = post(places[sent_to], foreign, _signed_for(places[sent_to], foreign))

    assert (reply.code, reply.description, reply.score) == ("failure", "User not found.", None)
    assert _scores() == before
    assert list(host_models.Score.objects.values_list("earned", "possible")) == published


@pytest.mark.parametrize(("about", "sent_to"), PAIRS)
def test_S11_a_message_signed_for_one_placement_is_refused_at_another(about, sent_to, places, bob, post):
    for body in (
        outcome_body(sourced_id_of(bob, places[about]), score="0.9"),
        outcome_body(sourced_id_of(bob, places[sent_to]), score="0.9"),
    ):
        reply = post(places[sent_to], body, _signed_for(places[about], body))

        assert (reply.code, reply.description) == ("failure", BAD_SIGNATURE)
    assert _scores() == []


def test_S11_the_same_nonce_of_one_tool_counts_once_whatever_the_placement(places, bob, post):
    now = int(time.time())
    codes = []
    for name in ("first", "beside it", "another course"):
        body = outcome_body(sourced_id_of(bob, places[name]))
        header = authorization(outcome_url_of(places[name]), body, nonce="shared", timestamp=now)
        codes.append(post(places[name], body, header).code)

    # Of one consumer at one second a nonce is one message (RFC 5849, section 3.3). The tool of another course is
    # another consumer, though its team chose the same key.
    assert codes == ["success", "failure", "success"]
