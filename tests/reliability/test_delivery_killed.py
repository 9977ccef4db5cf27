"""Workers that are killed: whatever was committed arrives, the newest last, and nothing twice where nothing died."""

import signal
import threading

import pytest

from openedx_learning_ext.lti_provider import api, models
from openedx_learning_ext.standalone import models as host_models
from tests.doubles.campus import Campus
from tests.reliability import workers
from tests.reliability.delivering import (
    ChancyCampus,
    GatedCampus,
    applied_points,
    ended,
    points,
    wait_until,
)

pytestmark = pytest.mark.reliability

KILLED = -signal.SIGKILL
#: What a campus that misbehaves does to a message; the last five leave us in doubt.
MISBEHAVIOUR = [
    *["success"] * 8, "processing", "500", "429", "garbage_xml", "ten_mib", "reset_before_headers",
    "reset_after_headers", "lost_answer", "late", "late_lost",
]  # fmt: skip


# -- R2: whenever it likes ---------------------------------------------------------------------------------------------

KEYS, CHANGES, KILLS, WORKERS = 60, 600, 20, 2


def test_R2_the_newest_arrives_last_whatever_is_killed(site_at, chance):
    site = site_at(0.03)
    campuses = [ChancyCampus(chance, MISBEHAVIOUR, late_seconds=30 * site.scale) for _ in range(4)]
    last = {}
    try:
        assignments = []
        for campus in campuses:
            campus.retry_after = "30"
            campus.start()
            assignments += site.launch(campus.url, KEYS // len(campuses))
        team = [site.start(workers.watch) for _ in range(WORKERS)]
        kill_at = {CHANGES * (number + 1) // KILLS - 1 for number in range(KILLS)}

        for change in range(CHANGES):
            assignment = chance.choice(assignments)
            last[assignment] = last.get(assignment, 0) + 1
            site.answer(assignment, last[assignment])
            if change in kill_at:
                doomed = chance.randrange(WORKERS)
                team[doomed].kill()
                assert ended(team[doomed]) in (KILLED, 0)
                team[doomed] = site.start(workers.watch)
        for campus in campuses:
            campus.behave()
        wait_until(lambda: not site.count("waiting"), within=90)
        for worker in team:
            worker.terminate()
        codes = [ended(worker) for worker in team]
    finally:
        for campus in campuses:
            campus.stop()

    applied = applied_points(*campuses)
    assert {key: taken[-1] for key, taken in applied.items()} == {
        assignment.lis_result_sourcedid: newest for assignment, newest in last.items()
    }
    assert all(taken == sorted(taken) for taken in applied.values())
    assert codes == [0] * WORKERS
    rows = models.ScoreDelivery.objects.all()
    assert len(rows) == len(last)
    assert {row.state for row in rows} == {"delivered"}
    assert all(row.lease_token is None and row.sent_version == row.wanted_version for row in rows)
    repeated = sum(len(taken) - len(set(taken)) for taken in applied.values())
    print(f"{sum(map(len, applied.values()))} scores were applied, {repeated} of them again")


# -- R3: at a named point ----------------------------------------------------------------------------------------------

ROWS = 10


@pytest.mark.parametrize("point", ["claim", "send", "sent", "settle"])
def test_R3_a_worker_killed_at_a_named_point_of_any_row_loses_nothing(site_at, point):
    site = site_at(1)
    with Campus() as campus:
        assignments = site.launch(campus.url, ROWS)
        for round_, row in enumerate(range(1, 11), start=1):
            for assignment in assignments:
                site.answer(assignment, round_)
            before = len(campus.messages)

            code = site.run(workers.deliver, kill_at=f"{point}:{1 if point == 'claim' else row}")

            assert code == KILLED
            done = 0 if point == "claim" else row - 1
            assert site.count("delivered") == done
            repeated = point in ("sent", "settle")
            assert len(campus.messages) - before == done + repeated
            # While its lease lasts nobody sends what it may have sent.
            if point != "claim":
                assert api.deliver_due() == 0
            site.let_leases_run_out()
            api.deliver_due()
            assert site.count("delivered") == ROWS
            assert len(campus.messages) - before == ROWS + repeated

    taken = applied_points(campus)
    assert len(taken) == models.ScoreDelivery.objects.count() == ROWS
    assert all(sorted(scores) == scores and sorted(set(scores)) == list(range(1, 11)) for scores in taken.values())


@pytest.mark.parametrize("answer_number", range(1, 11))
def test_R3_who_is_killed_while_scores_are_put_has_committed_nothing_and_nothing_is_sent(site_at, answer_number):
    site = site_at(1)
    with Campus() as campus:
        assignments = site.launch(campus.url, ROWS)

        code = site.run(
            workers.answer, site.block.pk, [assignment.user_id for assignment in assignments], 1, 1000,
            kill_at=f"put:{answer_number}",
        )  # fmt: skip

        assert code == KILLED
        assert host_models.Score.objects.count() == models.ScoreDelivery.objects.count() == 0
        assert site.run(workers.sweep) == 0
        assert campus.messages == []


@pytest.mark.parametrize("point", ["sent", "settle"])
def test_R3_a_score_that_goes_back_after_a_killed_worker_sent_another_is_sent_again(site_at, point):
    site = site_at(1)
    with Campus() as campus:
        (assignment,) = site.launch(campus.url, 1)
        site.answer(assignment, 500)
        api.deliver_due()
        site.answer(assignment, 900)
        assert site.run(workers.deliver, kill_at=point) == KILLED

        site.answer(assignment, 500)  # what was confirmed last; but the campus has 900 by now
        site.let_leases_run_out()
        api.deliver_due()

    assert points(campus.score_of(assignment.lis_result_sourcedid)) == 500


# -- R5: without a broker ----------------------------------------------------------------------------------------------


def test_R5_without_a_broker_the_sweep_alone_delivers_everything(site_at, chance):
    site = site_at(0.03)
    with ChancyCampus(chance, [*["success"] * 9, "500", "lost_answer"]) as campus:
        assignments = site.launch(campus.url, 250)
        for number in range(1000):
            site.answer(assignments[number % 250], 1 + number // 250)
        assert campus.messages == []

        wait_until(lambda: site.run(workers.sweep) == 0 and not site.count("waiting"))

    taken = applied_points(campus)
    assert len(taken) == site.count("delivered") == 250
    assert {scores[-1] for scores in taken.values()} == {4}


# -- R19: asked to stop ------------------------------------------------------------------------------------------------


def test_R19_who_is_asked_to_stop_finishes_the_message_under_way_and_lets_the_rest_go(site_at):
    site = site_at(1)
    with GatedCampus() as campus:
        assignments = site.launch(campus.url, 5)
        for round_ in range(1, 51):
            for assignment in assignments:
                site.answer(assignment, round_)
            before = len(campus.messages)
            campus.gate.clear()
            worker = site.start(workers.watch)
            assert campus.arrived.acquire(timeout=60)

            worker.terminate()
            threading.Timer(0.02, campus.gate.set).start()

            assert ended(worker) == 0
            assert len(campus.messages) - before == 1
            assert (site.count("delivered"), site.count("waiting")) == (1, 4)
            assert not models.ScoreDelivery.objects.filter(lease_token__isnull=False).exists()
            api.deliver_due()
            assert site.count("delivered") == 5
            while campus.arrived.acquire(blocking=False):
                pass

    assert set(map(tuple, applied_points(campus).values())) == {tuple(range(1, 51))}
