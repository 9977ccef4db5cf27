"""Much to send, some of it to nobody: who is healthy gets everything, and a claim costs the same whatever waits."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from openedx_learning_ext.core.delivery.engine import Engine
from openedx_learning_ext.lti_provider import api, models
from tests.doubles.campus import Campus
from tests.doubles.parcels.courier import ParcelCourier
from tests.doubles.parcels.models import Parcel
from tests.reliability import workers
from tests.reliability.delivering import ended

pytestmark = pytest.mark.reliability


def want(assignments, earned=1):
    """Have the mailbox want a score for each of them."""
    now = timezone.now()
    models.ScoreDelivery.objects.bulk_create(
        models.ScoreDelivery(
            assignment=assignment, destination=str(assignment.outcome_service_id), wanted_version=1,
            payload={"earned": earned, "possible": 1000}, next_attempt_at=now, waiting_since=now,
        )
        for assignment in assignments
    )  # fmt: skip


# -- R16: one is dead, nine are healthy --------------------------------------------------------------------------------


def test_R16_a_dead_campus_costs_the_others_nothing(site_at):
    site = site_at(1)
    dead, *healthy = campuses = [Campus(kind="500" if number == 0 else "success") for number in range(10)]
    for campus in campuses:
        campus.start()
    try:
        for campus in campuses:
            want(site.launch(campus.url, 200))

        team = [site.start(workers.deliver) for _ in range(2)]
        assert [ended(worker) for worker in team] == [0, 0]
    finally:
        for campus in campuses:
            campus.stop()

    for campus in healthy:
        assert set(Counter(entry.sourced_id for entry in campus.applied).values()) == {1}
        assert len(campus.messages) == len(campus.applied) == 200
    # Five open the breaker; one more may have been under way beside the fifth. None behind it counts an attempt.
    assert 5 <= len(dead.messages) <= 6
    of_dead = models.ScoreDelivery.objects.filter(assignment__outcome_service__open_until__isnull=False)
    assert sum(of_dead.values_list("attempts", flat=True)) == len(dead.messages)
    assert (site.count("delivered"), site.count("waiting"), of_dead.count()) == (1800, 200, 200)


# -- R17: one that cannot be built -------------------------------------------------------------------------------------


def test_R17_one_that_cannot_be_built_is_parked_after_two_attempts_and_the_others_arrive(site_at):
    site = site_at(1)
    with Campus() as campus:
        poison = site.launch(campus.url, 1, sourced_id="\x01")
        want(site.launch(campus.url, 250) + poison + site.launch(campus.url, 249))

        while site.count("waiting"):
            api.deliver_due()
            site.let_rests_run_out()

    (parked,) = models.ScoreDelivery.objects.filter(state="parked")
    assert (parked.attempts, parked.last_kind) == (2, "broken")
    assert site.count("delivered") == len(campus.applied) == 499


# -- R18: a backlog ----------------------------------------------------------------------------------------------------

BACKLOG, DESTINATIONS = 100_000, 10


def parcels(first, count):
    """Put so many rows into the mailbox, the first one oldest, destinations in turn."""
    now = timezone.now() - timedelta(days=1)
    Parcel.objects.bulk_create(
        (
            Parcel(
                name=f"{number:06}", destination=f"campus {number % DESTINATIONS}", wanted_version=1,
                payload={"value": number}, next_attempt_at=now + timedelta(milliseconds=number),
            )
            for number in range(first, first + count)
        ),
        batch_size=5000,
    )  # fmt: skip


def claiming(engine):
    """Return a claim and the statements it took."""
    with CaptureQueriesContext(connection) as queries:
        claim = engine.claim()
    return claim, [query["sql"] for query in queries]


def test_R18_a_claim_costs_the_same_before_a_hundred_thousand_rows_as_before_a_hundred(transactional_db):
    courier = ParcelCourier()
    engine = Engine(courier)
    parcels(0, 100)
    few, statements_for_few = claiming(engine)
    Parcel.objects.all().delete()
    parcels(0, BACKLOG)

    many, statements = claiming(engine)

    assert len(few.ids) == 10
    assert len(many.ids) == 20
    assert len(statements) == len(statements_for_few)
    with connection.cursor() as cursor:
        for statement in statements:
            if statement.startswith("SELECT"):
                cursor.execute("EXPLAIN QUERY PLAN " + statement)
                plan = " | ".join(str(line[-1]) for line in cursor.fetchall())
                assert "SCAN" not in plan
                assert "USING INDEX" in plan or "USING COVERING INDEX" in plan


def test_R18_a_backlog_is_drained_oldest_first_within_a_destination_and_destinations_in_turn(transactional_db):
    courier = ParcelCourier()
    engine = Engine(courier)
    parcels(0, BACKLOG)

    past = set()
    for _ in range(2 * DESTINATIONS):
        if len(past) == DESTINATIONS:
            past.clear()
        engine.deliver(engine.claim(past=past))

    assert courier.visits == [f"campus {number % DESTINATIONS}" for number in range(2 * DESTINATIONS)]
    for number in range(DESTINATIONS):
        carried = [value for name, value, _ in courier.carried if value % DESTINATIONS == number]
        assert carried == [number + DESTINATIONS * turn for turn in range(40)]
