"""A nonce is good once: what is the same, what is another, and when it is forgotten."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from openedx_learning_ext.core import sweep
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.core.lti.oauth import USED_NONCE
from openedx_learning_ext.lti_provider import nonces
from openedx_learning_ext.lti_provider.models import LaunchNonce

NOW = 1_700_000_000

pytestmark = pytest.mark.django_db


def use(key="key-1", timestamp=NOW, nonce="abc"):
    nonces.use(consumer_key=key, timestamp=timestamp, nonce=nonce)


def test_a_nonce_is_good_once():
    use()

    with pytest.raises(LtiError) as caught:
        use()

    assert str(caught.value) == USED_NONCE
    assert LaunchNonce.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"nonce": "ABC"},
        {"nonce": "abc "},
        {"nonce": "abç"},
        {"key": "key-2"},
        {"key": "KEY-1"},
        {"timestamp": NOW + 1},
        {"key": "key-1a", "nonce": "bc"},
        {"key": "key-", "nonce": "1abc"},
        {"key": "", "nonce": "key-1abc"},
    ],
)
def test_another_spelling_key_or_second_is_another_nonce(other):
    use()

    use(**other)

    assert LaunchNonce.objects.count() == 2


def test_a_refused_nonce_leaves_the_callers_transaction_usable():
    use()
    with pytest.raises(LtiError):
        use()

    use(nonce="next")

    assert LaunchNonce.objects.count() == 2


@pytest.mark.parametrize("nonce", ["x", "n" * 64, "żółw", "%s{}'\"\\"])
def test_any_length_fits(nonce):
    use(key="k" * 255, nonce=nonce, timestamp=99_999_999_999)

    with pytest.raises(LtiError):
        use(key="k" * 255, nonce=nonce, timestamp=99_999_999_999)


def test_neither_key_nor_nonce_stands_in_the_table():
    use(key="a consumer key", nonce="a nonce")

    row = LaunchNonce.objects.values().get()

    assert "nonce" not in str(row)
    assert "consumer" not in str(row)


def test_two_at_once_are_decided_by_the_constraint():
    """Both have looked and found nothing: there is no look before the write that could go stale."""
    with CaptureQueriesContext(connection) as queries:
        use()

    statements = [query["sql"].split()[0] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert statements == ["INSERT"]


# -- the purge ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def at(monkeypatch):
    """Have the clock stand still."""
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    return NOW


def kept():
    return sorted(LaunchNonce.objects.values_list("timestamp", flat=True))


@pytest.mark.parametrize(("window", "span"), [(5400, 10_800), (300, 600), (1, 600)])
def test_a_nonce_is_kept_for_twice_the_window_and_never_less_than_a_message_may_lie_ahead(at, settings, window, span):
    settings.LTI_NONCE_WINDOW_SECONDS = window
    for timestamp in (NOW - span - 1, NOW - span, NOW - window, NOW, NOW + 300):
        use(timestamp=timestamp)

    assert nonces.purge() == 1
    assert NOW - span in kept()
    assert NOW - span - 1 not in kept()
    assert nonces.purge() == 0


def test_the_purge_goes_in_batches_and_leaves_the_window_alone(at, monkeypatch):
    monkeypatch.setattr(nonces, "PURGE_BATCH", 3)
    LaunchNonce.objects.bulk_create(LaunchNonce(timestamp=number, digest="old") for number in range(7))
    LaunchNonce.objects.bulk_create(LaunchNonce(timestamp=NOW - number, digest="new") for number in range(5))

    with CaptureQueriesContext(connection) as queries:
        gone = nonces.purge()

    deletes = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert gone == 7
    assert len(deletes) == 3
    assert kept() == list(range(NOW - 4, NOW + 1))


def test_the_sweep_purges(at):
    use(timestamp=1)
    use()

    swept = {one.name: one.count for one in sweep.run()}

    assert swept["lti_provider.nonces"] == 1
    assert kept() == [NOW]
