"""``reliability.md`` 2.1 and 2.4: every transition of the mailbox, on real rows, with a courier that does as told."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from openedx_learning_ext.core.delivery import engine as engine_module
from openedx_learning_ext.core.delivery.engine import DeliveryBusy, DeliveryNotFound, Engine
from openedx_learning_ext.core.delivery.schedule import (
    BROKEN,
    DELIVERED,
    MORE,
    REFUSED,
    TRANSIENT,
    UNCLEAR,
    UNSUPPORTED,
    Outcome,
)
from tests.doubles.parcels.courier import ParcelCourier
from tests.doubles.parcels.models import Parcel

pytestmark = pytest.mark.django_db

HOUR = 3600


@pytest.fixture
def courier():
    return ParcelCourier()


@pytest.fixture
def engine(courier):
    return Engine(courier)


def put(engine, name, value=1, *, destination="campus", delay=0.0):
    with transaction.atomic():
        return engine.put(name, {"value": value}, destination=destination, delay=delay)


def row(name):
    return Parcel.objects.get(name=name)


def due_now(name):
    """Let the time of a row come, rest and schedule alike."""
    past = timezone.now() - timedelta(seconds=1)
    Parcel.objects.filter(name=name, next_attempt_at__isnull=False).update(next_attempt_at=past)
    Parcel.objects.filter(name=name).update(rest_until=None)


def seconds_until(moment):
    return (moment - timezone.now()).total_seconds()


def near(moment, seconds):
    return abs(seconds_until(moment) - seconds) < 20


# -- put ---------------------------------------------------------------------------------------------------------------


def test_put_makes_a_waiting_row_at_version_one(engine):
    made = put(engine, "ada", 7)

    assert (made.state, made.wanted_version, made.sent_version, made.payload) == ("waiting", 1, 0, {"value": 7})
    assert (made.attempts, made.destination) == (0, "campus")
    assert made.waiting_since is not None


def test_put_outside_of_a_transaction_is_an_error_of_the_caller(transactional_db, engine):
    with pytest.raises(RuntimeError, match="inside the transaction"):
        engine.put("ada", {"value": 1})


def test_put_again_replaces_what_is_wanted_and_keeps_since_when(engine):
    first = put(engine, "ada", 1)
    second = put(engine, "ada", 2)

    assert Parcel.objects.count() == 1
    assert (second.wanted_version, second.payload) == (2, {"value": 2})
    assert second.waiting_since == first.waiting_since


def test_put_while_it_is_being_sent_leaves_lease_and_rest_alone(engine):
    put(engine, "ada", 1)
    claim = engine.claim()
    rest = timezone.now() + timedelta(hours=1)
    Parcel.objects.update(rest_until=rest)

    put(engine, "ada", 2)

    assert (row("ada").lease_token, row("ada").rest_until) == (claim.token, rest)


def test_put_unparks(engine, courier):
    courier.answers["ada"] = [Outcome(UNSUPPORTED)]
    put(engine, "ada", 1)
    engine.sweep()
    assert row("ada").state == "parked"

    put(engine, "ada", 2)

    assert (row("ada").state, row("ada").attempts) == ("waiting", 0)
    engine.sweep()
    assert row("ada").state == "delivered"


def test_put_asks_for_the_payload_under_the_lock_and_none_changes_nothing(engine):
    put(engine, "ada", 1)
    with transaction.atomic():
        engine.put("ada", lambda held: {"value": held.payload["value"] + 1})
        engine.put("ada", lambda held: None)

    assert (row("ada").payload, row("ada").wanted_version) == ({"value": 2}, 2)


def test_a_delay_counts_from_the_last_change_but_not_for_ever(engine):
    put(engine, "ada", 1, delay=900)
    assert near(row("ada").next_attempt_at, 900)

    Parcel.objects.update(waiting_since=timezone.now() - timedelta(seconds=3000))
    put(engine, "ada", 2, delay=900)
    assert near(row("ada").next_attempt_at, 600)

    Parcel.objects.update(waiting_since=timezone.now() - timedelta(seconds=4000))
    put(engine, "ada", 3, delay=900)
    assert near(row("ada").next_attempt_at, 0)


def test_what_was_rolled_back_is_not_wanted_and_rings_no_bell(transactional_db, engine, monkeypatch):
    rung = []
    monkeypatch.setattr(engine, "ring", lambda due=None: rung.append(due))

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        engine.put("ada", {"value": 1})
        raise ZeroDivisionError

    assert not Parcel.objects.exists()
    assert rung == []

    put(engine, "ada", 1)

    assert len(rung) == 1


# -- claim -------------------------------------------------------------------------------------------------------------


def test_a_claim_leases_due_rows_of_one_destination_oldest_first(engine):
    for number in range(25):
        put(engine, f"a{number:02}", destination="one")
    put(engine, "b", destination="two")

    claim = engine.claim()

    names = list(Parcel.objects.filter(pk__in=claim.ids).order_by("pk").values_list("name", flat=True))
    assert (claim.destination, names) == ("one", [f"a{number:02}" for number in range(20)])
    assert claim.seconds == 330
    assert set(Parcel.objects.filter(lease_token=claim.token).values_list("pk", flat=True)) == set(claim.ids)
    assert near(row("a00").lease_until, 330)
    assert row("a00").is_sending


def test_destinations_take_turns(engine, courier):
    for number in range(45):
        put(engine, f"a{number:02}", destination="one")
    put(engine, "b", destination="two")
    put(engine, "c", destination="three")

    engine.sweep()

    assert courier.visits == ["one", "two", "three", "one", "one"]
    assert Parcel.objects.filter(state="delivered").count() == 47


@pytest.mark.parametrize("why", ["not due", "resting", "leased", "nothing new", "parked", "delivered"])
def test_what_is_not_due_is_not_claimed(engine, why):
    put(engine, "ada")
    later = timezone.now() + timedelta(hours=1)
    changes = {
        "not due": {"next_attempt_at": later},
        "resting": {"rest_until": later},
        "leased": {"lease_until": later, "lease_token": "00000000-0000-0000-0000-000000000001"},
        "nothing new": {"sent_version": 1},
        "parked": {"state": "parked"},
        "delivered": {"state": "delivered"},
    }
    Parcel.objects.update(**changes[why])

    assert engine.claim() is None


def test_a_lease_that_ran_out_is_claimed_by_another(engine):
    put(engine, "ada")
    first = engine.claim()
    Parcel.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    second = engine.claim()

    assert second.ids == first.ids
    assert second.token != first.token


def test_at_most_four_workers_send_to_one_destination(engine):
    for number in range(10):
        put(engine, f"a{number}", destination="one")
    put(engine, "b", destination="two")

    claims = [engine.claim(limit=1) for _ in range(5)]

    assert [claim.destination for claim in claims] == ["one"] * 4 + ["two"]
    assert engine.claim(limit=1) is None


def test_without_a_destination_no_limit_applies(engine):
    for number in range(8):
        put(engine, f"a{number}", destination="")

    assert all(engine.claim(limit=1) for _ in range(8))


def test_a_destination_that_may_not_be_sent_to_does_not_hold_up_the_others(engine, courier):
    put(engine, "a", destination="dead")
    put(engine, "b", destination="alive")
    courier.closed = {"dead"}

    engine.sweep()

    assert (row("a").state, row("b").state) == ("waiting", "delivered")
    assert row("a").attempts == 0


@pytest.mark.parametrize("waiting", [50, 500])
def test_a_claim_costs_the_same_whatever_is_waiting(engine, waiting, django_assert_num_queries):
    with transaction.atomic():
        for number in range(waiting):
            engine.put(f"a{number}", {"value": 1}, destination="one")

    # next destination, (savepoint), live leases, rows, lease, (release)
    with django_assert_num_queries(6):
        engine.claim()


# -- sending -----------------------------------------------------------------------------------------------------------


def test_a_version_is_read_just_before_it_is_sent(engine, courier):
    put(engine, "ada", 1)
    claim = engine.claim()
    put(engine, "ada", 2)

    engine.deliver(claim)

    assert courier.carried == [("ada", 2, 2)]
    assert row("ada").state == "delivered"


def test_a_claim_ends_at_its_first_transient_outcome_and_lets_the_rest_go(engine, courier):
    for name in ("a", "b", "c"):
        put(engine, name)
    courier.answers["b"] = [Outcome(TRANSIENT, "503")]

    engine.deliver(engine.claim())

    assert [name for name, _, _ in courier.carried] == ["a", "b"]
    assert (row("a").state, row("b").attempts, row("c").attempts) == ("delivered", 1, 0)
    assert row("c").lease_token is None
    assert row("c").next_attempt_at <= timezone.now()


def test_before_each_further_row_the_destination_is_asked_again(engine, courier):
    for name in ("a", "b", "c"):
        put(engine, name)
    courier.answers["a"] = [lambda row: courier.closed.add("campus") or Outcome(REFUSED)]

    engine.deliver(engine.claim())

    assert [name for name, _, _ in courier.carried] == ["a"]
    assert row("b").lease_token is None


def test_with_less_than_45_seconds_of_lease_nothing_is_begun(courier):
    now = [0.0]
    engine = Engine(courier, clock=lambda: now[0])
    for name in ("a", "b", "c"):
        put(engine, name)
    claim = engine.claim()
    courier.answers["a"] = [lambda row: now.__setitem__(0, 31.0) or Outcome(DELIVERED)]

    engine.deliver(claim)

    assert claim.seconds == 75
    assert [name for name, _, _ in courier.carried] == ["a"]
    assert not Parcel.objects.exclude(lease_token=None).exists()


def test_a_row_that_rests_by_now_is_let_go(engine, courier):
    put(engine, "a")
    claim = engine.claim()
    Parcel.objects.update(rest_until=timezone.now() + timedelta(seconds=30))

    engine.deliver(claim)

    assert courier.carried == []
    assert row("a").lease_token is None


def test_a_row_that_is_no_longer_ours_is_not_sent(engine, courier):
    put(engine, "a")
    old = engine.claim()
    Parcel.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    new = engine.claim()

    engine.deliver(old)

    assert courier.carried == []
    assert row("a").lease_token == new.token


def test_a_row_that_was_deleted_is_skipped_in_silence(engine, courier):
    put(engine, "a")
    put(engine, "b")
    claim = engine.claim()
    Parcel.objects.filter(name="a").delete()

    engine.deliver(claim)

    assert [name for name, _, _ in courier.carried] == ["b"]


def test_R19_who_is_told_to_stop_finishes_the_row_under_way_and_lets_the_rest_go(engine, courier):
    for name in ("a", "b", "c"):
        put(engine, name)
    stop = []
    courier.answers["a"] = [lambda row: stop.append(1) or Outcome(DELIVERED)]

    engine.sweep(should_stop=lambda: bool(stop))

    assert row("a").state == "delivered"
    assert len(courier.carried) == 1
    assert not Parcel.objects.exclude(lease_token=None).exists()


# -- settling ----------------------------------------------------------------------------------------------------------


def test_delivered_the_newest_is_done(engine, courier):
    put(engine, "ada")
    Parcel.objects.update(attempts=3, refusals=1)

    engine.sweep()

    found = row("ada")
    assert (found.state, found.sent_version, found.attempts, found.refusals) == ("delivered", 1, 0, 0)
    assert (found.lease_token, found.rest_until, found.next_attempt_at, found.waiting_since) == (None,) * 4
    assert (found.last_outcome, courier.heard) == ("delivered", [("ada", "delivered")])


def test_20_delivered_while_a_newer_one_is_wanted_goes_on(engine, courier):
    put(engine, "ada", 1)
    courier.answers["ada"] = [lambda held: put(engine, "ada", 2) and Outcome(DELIVERED)]

    engine.deliver(engine.claim())

    assert (row("ada").state, row("ada").sent_version, row("ada").wanted_version) == ("waiting", 1, 2)
    engine.sweep()
    assert [value for _, value, _ in courier.carried] == [1, 2]
    assert row("ada").state == "delivered"


@pytest.mark.parametrize(
    ("outcome", "wait", "rest"),
    [
        (Outcome(TRANSIENT, "503"), 5, None),
        (Outcome(TRANSIENT, "timeout", in_doubt=True), 5, 60),
        (Outcome(TRANSIENT, "429", retry_after=300), 300, 300),
        (Outcome(TRANSIENT, "503", retry_after=48 * HOUR), 6 * HOUR, 6 * HOUR),
        (Outcome(UNCLEAR, "html"), 5, None),
        (Outcome(REFUSED, "failure"), 6 * HOUR, None),
        (Outcome(BROKEN, "ValueError", in_doubt=True), 5, 60),
    ],
)
def test_a_failure_is_tried_again_by_its_kind(engine, courier, outcome, wait, rest):
    courier.answers["ada"] = [outcome]
    put(engine, "ada")

    engine.sweep()

    found = row("ada")
    assert (found.state, found.attempts, found.last_outcome) == ("waiting", 1, str(outcome))
    assert wait - 20 < seconds_until(found.next_attempt_at) <= wait * 1.2
    assert (found.rest_until is None) if rest is None else near(found.rest_until, rest)
    assert found.lease_token is None


def test_ten_transient_attempts_are_parked_and_stay_with_their_payload(engine, courier):
    courier.answers["ada"] = [Outcome(TRANSIENT, "503")] * 10
    put(engine, "ada", 7)

    for _ in range(10):
        due_now("ada")
        engine.sweep()

    found = row("ada")
    assert (found.state, found.attempts, found.payload) == ("parked", 10, {"value": 7})
    assert found.next_attempt_at is None


def test_three_refusals_are_parked(engine, courier):
    courier.answers["ada"] = [Outcome(TRANSIENT), *[Outcome(REFUSED, "failure")] * 3]
    put(engine, "ada")

    for _ in range(4):
        due_now("ada")
        engine.sweep()

    assert (row("ada").state, row("ada").last_outcome) == ("parked", "refused:failure")


def test_R17_what_breaks_twice_is_parked_and_the_others_are_delivered(engine, courier, caplog):
    courier.answers["poison"] = [ValueError("ada@learners.example")] * 2
    put(engine, "poison")
    for number in range(5):
        put(engine, f"a{number}")

    engine.sweep()
    due_now("poison")
    engine.sweep()

    assert (row("poison").state, row("poison").attempts) == ("parked", 2)
    assert row("poison").last_outcome == "broken:ValueError"
    assert Parcel.objects.filter(state="delivered").count() == 5
    assert "ada@learners.example" not in caplog.text


def test_unsupported_is_parked_at_once(engine, courier):
    courier.answers["ada"] = [Outcome(UNSUPPORTED, "no_grades")]
    put(engine, "ada")

    engine.sweep()

    assert (row("ada").state, row("ada").last_outcome) == ("parked", "unsupported:no_grades")


@pytest.mark.parametrize("kind", [TRANSIENT, REFUSED, UNCLEAR, UNSUPPORTED, BROKEN])
def test_a_failure_of_an_older_version_rests_and_costs_the_newer_one_nothing(engine, courier, kind):
    put(engine, "ada", 1)
    courier.answers["ada"] = [lambda held: put(engine, "ada", 2) and Outcome(kind, "old", in_doubt=True)]

    engine.deliver(engine.claim())

    found = row("ada")
    assert (found.state, found.attempts, found.refusals, found.wanted_version) == ("waiting", 0, 0, 2)
    assert near(found.rest_until, 60)
    assert found.next_attempt_at <= timezone.now()
    assert engine.claim() is None  # it rests


def test_3_4_neither_a_newer_want_nor_trying_now_shortens_a_rest(engine, courier):
    courier.answers["ada"] = [Outcome(TRANSIENT, "timeout", in_doubt=True)]
    put(engine, "ada", 1)
    engine.sweep()

    put(engine, "ada", 2)
    engine.try_now("ada")

    assert near(row("ada").rest_until, 60)
    assert engine.claim() is None


def test_more_is_due_again_at_once_and_counts_no_attempt(engine, courier):
    courier.answers["ada"] = [Outcome(MORE), Outcome(MORE), Outcome(DELIVERED)]
    put(engine, "ada", destination="")

    engine.sweep()

    assert (row("ada").state, len(courier.carried)) == ("delivered", 3)


@pytest.mark.parametrize("answer", [Outcome(DELIVERED), Outcome(REFUSED), Outcome(TRANSIENT, in_doubt=True)])
@pytest.mark.parametrize("meanwhile", ["waiting", "sending", "delivered"])
def test_R12_of_a_lost_lease_nothing_counts_and_the_newest_goes_out_once_more(engine, courier, answer, meanwhile):
    put(engine, "ada", 1)
    claim = engine.claim()
    old = row("ada")
    Parcel.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    put(engine, "ada", 2)
    if meanwhile == "sending":
        engine.claim()
    elif meanwhile == "delivered":
        engine.sweep()
    else:
        Parcel.objects.update(lease_token=None)
    before = row("ada")
    courier.heard.clear()

    engine.settle(old, answer)

    found = row("ada")
    assert found.sent_version == before.sent_version
    assert (found.state, found.wanted_version, found.payload) == ("waiting", 3, {"value": 2})
    assert near(found.rest_until, 60)
    assert (found.lease_token == before.lease_token) and found.lease_token != claim.token
    assert courier.heard == [("ada", "lost")]


def test_after_a_lost_lease_an_emptied_payload_is_asked_for_anew(engine, courier):
    put(engine, "ada", 1)
    engine.claim()
    old = row("ada")
    Parcel.objects.update(lease_token=None, payload={}, state="delivered", sent_version=1)

    engine.settle(old, Outcome(DELIVERED))

    assert (row("ada").state, row("ada").payload) == ("waiting", {"value": "from the host"})


def test_a_lost_lease_of_a_parked_row_is_a_log_line(engine, courier, caplog):
    put(engine, "ada", 1)
    engine.claim()
    old = row("ada")
    Parcel.objects.update(lease_token=None, state="parked")

    with caplog.at_level(logging.WARNING):
        engine.settle(old, Outcome(DELIVERED))

    assert (row("ada").state, row("ada").wanted_version) == ("parked", 1)
    assert "lost" in caplog.text


def test_21_settling_a_row_that_is_gone_is_silent(engine, courier, caplog):
    put(engine, "ada", 1)
    engine.claim()
    old = row("ada")
    Parcel.objects.all().delete()

    engine.settle(old, Outcome(DELIVERED))

    assert (courier.heard, caplog.text) == ([], "")


# -- staff, upkeep -----------------------------------------------------------------------------------------------------


def test_a_parked_row_is_tried_again_with_the_same_payload(engine, courier):
    courier.answers["ada"] = [Outcome(UNSUPPORTED)]
    put(engine, "ada", 7)
    engine.sweep()

    with transaction.atomic():
        engine.try_now("ada")
    engine.sweep()

    assert courier.carried == [("ada", 7, 1), ("ada", 7, 2)]
    assert row("ada").state == "delivered"


def test_forgetting_empties_the_payload_and_is_refused_while_it_is_sent(engine):
    put(engine, "ada", 7)
    engine.claim()

    with pytest.raises(DeliveryBusy):
        engine.park("ada", "forgotten")

    Parcel.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    for _ in range(2):
        engine.park("ada", "forgotten")
    found = row("ada")
    assert (found.state, found.payload, found.last_outcome) == ("parked", {}, "forgotten")
    assert engine.claim() is None


def test_what_is_not_there_is_said(engine):
    with pytest.raises(DeliveryNotFound):
        engine.park("nobody", "forgotten")
    with pytest.raises(DeliveryNotFound):
        engine.try_now("nobody")


def test_a_delivered_payload_is_emptied_after_an_hour_and_not_before(engine):
    put(engine, "ada", 7)
    engine.sweep()
    assert row("ada").payload == {"value": 7}

    Parcel.objects.update(updated_at=timezone.now() - engine_module.PAYLOAD_KEPT - timedelta(seconds=1))
    engine.sweep()

    assert row("ada").payload == {}


def test_the_oldest_due_row_tells_how_far_behind_we_are(engine):
    assert engine.oldest_due_at() is None
    put(engine, "ada")
    old = timezone.now() - timedelta(minutes=9)
    Parcel.objects.update(next_attempt_at=old)

    assert engine.oldest_due_at() == old


def test_an_index_serves_the_claim(engine):
    if connection.vendor != "sqlite":
        pytest.skip("the plan is read from SQLite here")
    due = engine._due(timezone.now()).order_by("next_attempt_at", "pk")
    in_flight = Parcel.objects.filter(destination="x", lease_until__gt=timezone.now())

    assert "parcel_due" in due.explain()
    assert "parcel_in_flight" in in_flight.explain()
