"""A sweep that is killed, or runs twice at once: in the end everything old is gone and nothing else."""

import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.reliability.conftest import ROUNDS

pytestmark = pytest.mark.reliability

OLD, FRESH = 100_000, 500

FILL = f"""
import time
from openedx_learning_ext.lti_consumer.models import LtiNonce
now = int(time.time())
LtiNonce.objects.all().delete()
LtiNonce.objects.bulk_create(
    [LtiNonce(timestamp=1_000_000 + n, digest="old") for n in range({OLD})]
    + [LtiNonce(timestamp=now, digest=f"fresh {{n}}") for n in range({FRESH})], batch_size=5000
)
answer = LtiNonce.objects.count()
"""


def watch(default_host):
    return default_host.start("manage.py", "learning_ext_sweep", "--watch", "--interval", "0.1")


def count(default_host):
    """Answer how many old nonces there are, and how many others; straight from the file, because that is quick."""
    with closing(sqlite3.connect(default_host.database)) as connection:
        rows = "SELECT count(*) FROM learning_ext_lti_consumer_ltinonce WHERE digest"
        return [connection.execute(f"{rows} {which} 'old'").fetchone()[0] for which in ("=", "<>")]


def wait_until_fewer_are_old(default_host, than):
    for _ in range(3000):
        old, fresh = count(default_host)
        assert fresh == FRESH
        if old < than:
            return old
        time.sleep(0.01)
    pytest.fail("the sweep does not get on")


def test_a_killed_sweep_is_carried_on_by_the_next(default_host, chance):
    assert default_host.ask(FILL) == OLD + FRESH

    old, killed_at_work = OLD, 0
    while old:
        sweep = watch(default_host)
        try:
            old = wait_until_fewer_are_old(default_host, than=old)
            if killed_at_work < ROUNDS:
                time.sleep(chance.uniform(0, 0.02))
                sweep.send_signal(signal.SIGKILL)
                sweep.wait()
                old, fresh = count(default_host)
                assert fresh == FRESH
                killed_at_work += bool(old)
            while old and sweep.poll() is None:
                old = wait_until_fewer_are_old(default_host, than=old)
        finally:
            sweep.terminate()
            code = sweep.wait(timeout=30)

    assert killed_at_work == ROUNDS
    assert code == 0
    assert count(default_host) == [0, FRESH]


def test_two_sweeps_at_once_do_no_harm_and_end_when_asked(default_host):
    assert default_host.ask(FILL) == OLD + FRESH

    sweeps = [watch(default_host), watch(default_host)]
    try:
        wait_until_fewer_are_old(default_host, than=1)
        still_running = [sweep.poll() for sweep in sweeps]
    finally:
        for sweep in sweeps:
            sweep.terminate()
        codes = [sweep.wait(timeout=30) for sweep in sweeps]

    assert still_running == [None, None]
    assert codes == [0, 0]
