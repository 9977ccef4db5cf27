"""Interleavings that killing at random does not find, each staged: the newest score is applied last."""

import os
import signal
import threading
from itertools import groupby

import pytest
from django.db import connection, transaction

from openedx_learning_ext.lti_provider import api, models, passback
from tests.doubles.campus import Campus
from tests.reliability import workers
from tests.reliability.delivering import applied_points, ended, is_stopped, points, wait_until

pytestmark = pytest.mark.reliability

#: The campus has this score and we know it; then comes another one, and then ...
KNOWN, OTHER = 500, 900
#: ... a new one, or the known one again.
NEWEST = pytest.mark.parametrize("newest", [950, KNOWN], ids=["a new score", "the confirmed score again"])


def told(campus, assignment):
    return applied_points(campus).get(assignment.lis_result_sourcedid, [])


# -- R10: a lost answer ------------------------------------------------------------------------------------------------


def test_R10_after_a_lost_answer_the_same_score_is_sent_again(site_at):
    site = site_at(1)
    with Campus() as campus:
        assignments = site.launch(campus.url, 100)
        campus.misbehave(*["lost_answer", "success"] * 100)
        for number, assignment in enumerate(assignments, start=1):
            site.answer(assignment, number)

        while site.count("waiting"):
            api.deliver_due()
            site.let_rests_run_out()

    for number, assignment in enumerate(assignments, start=1):
        assert set(told(campus, assignment)) == {number}
    assert len(campus.messages) == 200


@pytest.mark.parametrize("kind", ["lost_answer", "500", "garbage_xml", "reset_after_headers"])
def test_R10_a_score_that_goes_back_after_an_answer_that_says_nothing_is_sent_again(site_at, kind):
    site = site_at(1)
    with Campus() as campus:
        (assignment,) = site.launch(campus.url, 1)
        site.answer(assignment, KNOWN)
        api.deliver_due()
        site.answer(assignment, OTHER)
        campus.misbehave(kind)
        api.deliver_due()

        site.answer(assignment, KNOWN)
        site.let_rests_run_out()
        api.deliver_due()

    assert [points(message.score) for message in campus.messages] == [KNOWN, OTHER, KNOWN]


# -- R11: applied late -------------------------------------------------------------------------------------------------


@NEWEST
@pytest.mark.parametrize("kind", ["late", "late_lost"])
def test_R11_what_is_applied_late_is_applied_before_the_newer_score(site_at, kind, newest):
    site = site_at(0.02)
    with Campus(late_seconds=30 * site.scale) as campus:
        assignments = [site.launch(campus.url, 1)[0] for _ in range(5)]
        for assignment in assignments:
            site.answer(assignment, KNOWN)
        site.deliver_all()
        for assignment in assignments:
            site.answer(assignment, OTHER)
        campus.misbehave(*[kind] * len(assignments))
        api.deliver_due()

        for assignment in assignments:
            site.answer(assignment, newest)
        site.deliver_all()

    for assignment in assignments:  # where this takes long, the other score may have been sent again before the newest
        assert [score for score, _ in groupby(told(campus, assignment))] == [KNOWN, OTHER, newest]


# -- R12: the lease runs out while it is sent --------------------------------------------------------------------------


@NEWEST
@pytest.mark.parametrize("second", ["has settled", "is waiting for its answer"])
@pytest.mark.parametrize("kind", ["success", "lost_answer"])
def test_R12_a_worker_stopped_at_the_write_is_fenced_off_and_the_newest_goes_out_once_more(
    site_at, kind, second, newest
):
    site = site_at(1)
    rounds = 12
    with Campus() as campus:
        (assignment,) = site.launch(campus.url, 1)
        for _ in range(rounds):
            site.answer(assignment, KNOWN)
            api.deliver_due()
            site.answer(assignment, OTHER)
            frozen = site.start(workers.deliver, stop_at="send")
            wait_until(lambda frozen=frozen: is_stopped(frozen))
            site.let_leases_run_out()
            site.answer(assignment, newest)

            if second == "has settled":
                api.deliver_due()
            else:
                other = site.start(workers.deliver, stop_at="sent")
                wait_until(lambda other=other: is_stopped(other))
            sent_version = models.ScoreDelivery.objects.get().sent_version
            campus.misbehave(kind)
            os.kill(frozen.pid, signal.SIGCONT)
            assert ended(frozen) == 0
            assert told(campus, assignment)[-1] == OTHER
            if second != "has settled":
                os.kill(other.pid, signal.SIGCONT)
                assert ended(other) == 0

            row = models.ScoreDelivery.objects.get()
            assert (row.state, row.lease_token) == ("waiting", None)
            assert row.rest_until is not None
            assert row.sent_version >= sent_version
            assert api.deliver_due() == 0
            site.let_rests_run_out()
            api.deliver_due()
            row.refresh_from_db()
            assert (row.state, row.sent_version) == ("delivered", row.wanted_version)
            assert told(campus, assignment)[-1] == newest


def test_R12_two_workers_never_send_one_row_at_once(site_at):
    site = site_at(1)
    with Campus() as campus:
        assignments = site.launch(campus.url, 100)
        for assignment in assignments:
            site.answer(assignment, 1)

        team = [site.start(workers.deliver) for _ in range(4)]
        assert [ended(worker) for worker in team] == [0] * 4

    assert len(campus.messages) == site.count("delivered") == 100
    assert campus.busiest <= 4


# -- R13: one score from many threads ----------------------------------------------------------------------------------


def test_R13_many_threads_write_one_score_and_the_highest_version_stands(site_at):
    site = site_at(1)
    threads, writes = 50, 20
    errors, order = [], []

    def write(thread):
        try:
            for number in range(writes):
                wanted = thread * writes + number
                with transaction.atomic():
                    passback.engine.put(
                        assignment.pk,
                        lambda row, wanted=wanted: order.append(wanted) or {"earned": wanted, "possible": 1000},
                        destination=str(assignment.outcome_service_id),
                    )
        except Exception as error:  # noqa: BLE001  # whatever it is, it is one too many
            errors.append(error)
        finally:
            connection.close()

    with Campus() as campus:
        (assignment,) = site.launch(campus.url, 1)
        team = [threading.Thread(target=write, args=(thread,)) for thread in range(threads)]
        for thread in team:
            thread.start()
        for thread in team:
            thread.join()
        api.deliver_due()

    row = models.ScoreDelivery.objects.get()
    assert errors == []
    assert (row.wanted_version, row.sent_version, row.state) == (threads * writes, threads * writes, "delivered")
    assert told(campus, assignment) == [order[-1]]
