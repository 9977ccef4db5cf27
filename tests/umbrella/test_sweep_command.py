"""``learning_ext_sweep``: once, again and again, and how it ends. The watch is a real process with a real signal."""

import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from openedx_learning_ext import tasks
from openedx_learning_ext.core import sweep
from openedx_learning_ext.lti_consumer.models import LtiNonce
from openedx_learning_ext.models import SweepRun

ROOT = Path(__file__).resolve().parents[2]
NONCES = "lti_consumer.nonces"


def run():
    out, err = StringIO(), StringIO()
    try:
        call_command("learning_ext_sweep", stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), err.getvalue(), error
    return out.getvalue(), err.getvalue(), None


def test_one_sweep_does_the_work_says_so_and_writes_it_down(db):
    LtiNonce.objects.create(timestamp=1, digest="a")
    LtiNonce.objects.create(timestamp=int(time.time()), digest="b")

    out, err, error = run()

    assert f"{NONCES}: 2\n" not in out
    assert f"{NONCES}: 1\n" in out
    assert (err, error) == ("", None)
    row = SweepRun.objects.get(name=NONCES)
    assert (row.count, row.error, str(row)) == (1, "", NONCES)


def test_a_second_sweep_finds_nothing_and_keeps_one_row_a_sweeper(db):
    LtiNonce.objects.create(timestamp=1, digest="a")
    run()
    first = SweepRun.objects.get(name=NONCES).finished_at

    out, _, _ = run()

    assert f"{NONCES}: 0\n" in out
    row = SweepRun.objects.get(name=NONCES)
    assert row.count == 0
    assert row.finished_at > first


def test_a_sweep_that_fails_does_the_others_and_ends_with_1(db, monkeypatch):
    def broken():
        raise RuntimeError("ada@learners.example")

    monkeypatch.setattr(sweep, "_sweepers", {"a": broken, "b": lambda: 2})

    out, err, error = run()

    assert out == "b: 2\n"
    assert err == "a: failed (RuntimeError)\n"
    assert error.returncode == 1
    assert "ada@" not in out + err + str(error)
    assert dict(SweepRun.objects.values_list("name", "error")) == {"a": "RuntimeError", "b": ""}


def test_the_task_for_beat_sweeps_like_the_command(db):
    LtiNonce.objects.create(timestamp=1, digest="a")

    done = tasks.sweep()

    assert done == 1
    assert tasks.sweep.name == "learning_ext.sweep"
    assert SweepRun.objects.get(name=NONCES).count == 1
    assert tasks.sweep() == 0


@pytest.mark.parametrize("interval", ["0", "-1"])
def test_an_interval_that_is_none_is_refused(db, interval):
    with pytest.raises(CommandError, match="interval"):
        call_command("learning_ext_sweep", "--watch", "--interval", interval)


# -- the process -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A default host with tables, in a data folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    environment |= {
        "LEARNING_EXT_DATA": str(folder),
        "DJANGO_SETTINGS_MODULE": "openedx_learning_ext.standalone.settings",
    }
    environment.pop("PYTHONUNBUFFERED", None)
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environment, check=True, timeout=120)

    def start(*arguments):
        return subprocess.Popen(
            [*manage, "learning_ext_sweep", *arguments], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    start.database = folder / "db.sqlite3"
    return start


def last_run(database):
    connection = sqlite3.connect(database, timeout=20)
    try:
        row = connection.execute("SELECT finished_at FROM learning_ext_sweeprun WHERE name = ?", [NONCES]).fetchone()
    finally:
        connection.close()
    return row and row[0]


def wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not (seen := condition()):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_watch_sweeps_again_and_again_until_it_is_told_to_stop(site, number):
    before = last_run(site.database)
    with site("--watch", "--interval", "0.05") as process:
        first = wait_for(lambda: last_run(site.database) not in (None, before) and last_run(site.database), process)
        wait_for(lambda: last_run(site.database) != first, process)

        process.send_signal(number)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert out.count(f"{NONCES}: 0\n") >= 2
    assert "Traceback" not in err


def test_a_watch_that_waits_ends_at_once_and_not_after_its_interval(site):
    before = last_run(site.database)
    with site("--watch", "--interval", "100000") as process:
        wait_for(lambda: last_run(site.database) != before, process)

        process.terminate()
        process.communicate(timeout=60)

    assert process.returncode == 0


def test_what_a_watch_did_can_be_read_while_it_goes_on(site):
    before = last_run(site.database)
    with site("--watch", "--interval", "100000") as process:
        wait_for(lambda: last_run(site.database) != before, process)

        readable, _, _ = select.select([process.stdout], [], [], 3)
        process.terminate()
        process.communicate(timeout=60)

    assert readable


def rename(database, table, name):
    connection = sqlite3.connect(database, timeout=20)
    try:
        connection.execute(f"ALTER TABLE {table} RENAME TO {name}")
        connection.commit()
    finally:
        connection.close()


def test_a_watch_outlives_a_database_that_fails_for_a_moment(site):
    with site("--watch", "--interval", "0.05") as process:
        before = last_run(site.database)
        wait_for(lambda: last_run(site.database) != before, process)

        rename(site.database, "learning_ext_sweeprun", "out_of_reach")
        time.sleep(0.5)
        rename(site.database, "out_of_reach", "learning_ext_sweeprun")
        ended = process.poll()
        process.terminate()
        _, err = process.communicate(timeout=60)

    assert ended is None, err[-1000:]


def test_one_sweep_ends_by_itself(site):
    with site() as process:
        out, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert f"{NONCES}: 0\n" in out


@pytest.mark.django_db
def test_the_task_of_beat_fails_when_a_sweeper_fails_after_all_have_run(monkeypatch):
    done = []

    def broken():
        raise RuntimeError

    monkeypatch.setattr(sweep, "_sweepers", {"a": broken, "b": lambda: done.append("b") or 1})

    with pytest.raises(tasks.SweepFailed, match="a"):
        tasks.sweep()

    assert done == ["b"]
