"""``GET api/learning_ext/health/``: what everyone is told, what staff is told, and what is told when things fail."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client
from django.utils import timezone

from openedx_learning_ext import __version__, sweeping
from openedx_learning_ext.core import sweep
from openedx_learning_ext.models import SweepRun
from openedx_learning_ext.standalone.tokens import make_token

HEALTH = "/api/learning_ext/health/"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def one_sweeper(monkeypatch):
    """Two sweepers and nothing else: one that can be told to fail."""
    monkeypatch.setattr(sweep, "_sweepers", {})
    sweep.register("one", lambda: 1)
    sweep.register("two", lambda: 2)


@pytest.fixture
def swept(db):
    """The sweep has just run."""
    return list(sweeping.run_all())


def ago(**delta):
    SweepRun.objects.update(finished_at=timezone.now() - timedelta(**delta))


def test_everyone_is_told_ok_and_nothing_else(swept, client, client_of, ada, grace):
    for browser in (client, client_of(ada), client_of(grace)):
        response = browser.get(HEALTH)

        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert "no-store" in response["Cache-Control"]


def test_site_staff_is_told_the_details(swept, client_of, admin):
    response = client_of(admin).get(HEALTH)

    details = response.json()["details"]
    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert details == {
        "version": __version__,
        "active": ["lti_provider", "lti_consumer"],
        "standing_aside": [],
        "problems": [],
        "last_sweep_at": min(SweepRun.objects.values_list("finished_at", flat=True)).isoformat(),
    }


def test_head_is_answered_and_other_methods_are_not(swept, client):
    assert client.head(HEALTH).status_code == 200
    assert client.post(HEALTH).status_code == 405


def test_a_sweep_that_never_ran_degrades_the_status_and_not_the_code(db, client, client_of, admin):
    assert client.get(HEALTH).json() == {"status": "degraded"}
    response = client_of(admin).get(HEALTH)

    assert response.status_code == 200
    assert response.json()["details"]["problems"] == ["sweep_overdue"]
    assert response.json()["details"]["last_sweep_at"] is None


def test_a_sweep_is_overdue_after_five_minutes_and_no_sooner(swept):
    last = sweeping.last_run_at()

    assert not sweeping.is_overdue(last + timedelta(minutes=5))
    assert sweeping.is_overdue(last + timedelta(minutes=5, microseconds=1))


def test_an_overdue_sweep_is_told(swept, client, client_of, admin):
    ago(minutes=6)

    assert client.get(HEALTH).json() == {"status": "degraded"}
    assert client_of(admin).get(HEALTH).json()["details"]["problems"] == ["sweep_overdue"]


def test_one_sweeper_that_did_not_get_its_turn_makes_the_sweep_overdue(swept):
    SweepRun.objects.filter(name="two").update(finished_at=timezone.now() - timedelta(hours=1))

    assert sweeping.is_overdue()


def test_the_run_of_a_sweeper_that_is_gone_does_not_count(swept):
    SweepRun.objects.create(name="gone", finished_at=timezone.now() - timedelta(days=1), error="RuntimeError")

    assert not sweeping.is_overdue()
    assert sweeping.failing() == []


def test_a_site_with_nothing_to_sweep_is_never_overdue(db, client, monkeypatch):
    monkeypatch.setattr(sweep, "_sweepers", {})

    assert client.get(HEALTH).json() == {"status": "ok"}


def test_a_failing_sweeper_is_named_to_staff_until_it_works_again(db, client_of, admin):
    def broken():
        raise RuntimeError("ada@learners.example")

    sweep.register("two", broken)
    list(sweeping.run_all())
    seen = client_of(admin).get(HEALTH)
    sweep.register("two", lambda: 2)
    list(sweeping.run_all())

    assert seen.status_code == 200
    assert seen.json()["status"] == "degraded"
    assert seen.json()["details"]["problems"] == ["sweep_failing:two"]
    assert b"ada@" not in seen.content
    assert client_of(admin).get(HEALTH).json()["status"] == "ok"


def test_a_site_without_a_host_is_503(swept, client, settings):
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "openedx_learning_ext.standalone"]

    response = client.get(HEALTH)

    assert (response.status_code, response.json()) == (503, {"status": "degraded"})


def test_a_host_that_cannot_be_loaded_is_503_and_no_crash(swept, settings):
    settings.OPENEDX_LEARNING_EXT_HOST = "nowhere.at.AllHost"

    response = Client(raise_request_exception=False).get(HEALTH)

    assert response.status_code == 503
    assert response["Content-Type"] == "application/json"
    assert response.json() == {"status": "degraded"}


def test_a_failing_database_is_503_for_everyone_staff_included(swept, client, client_of, admin):
    browser = client_of(admin)

    def out_of_order(execute, sql, params, many, context):
        raise OperationalError("could not connect to db.internal as learning_ext")

    with connection.execute_wrapper(out_of_order):
        for anyone in (client, browser):
            response = anyone.get(HEALTH)

            assert (response.status_code, response.json()) == (503, {"status": "degraded"})


def test_on_a_host_whose_requests_are_transactions_an_absent_database_is_503(tmp_path):
    script = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "answer = Client(raise_request_exception=False).get('/api/learning_ext/health/')\n"
        "import json; print(json.dumps([answer.status_code, answer.content.decode()[:200]]))\n"
    )
    projects = ROOT / "tests" / "projects"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(projects), str(projects / "lms_like" / "builtins")]),
        "DJANGO_SETTINGS_MODULE": "lms_like.settings",
        "LMS_LIKE_DATABASE": str(tmp_path / "no" / "such" / "folder" / "host.sqlite3"),
    }

    process = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )

    assert process.returncode == 0, process.stderr[-2000:]
    assert json.loads(process.stdout.splitlines()[-1]) == [503, '{"status":"degraded"}']


def test_site_staff_may_sign_in_by_token_and_a_bad_one_is_nobody(swept, client, admin):
    by_token = client.get(HEALTH, HTTP_AUTHORIZATION=f"JWT {make_token(admin)}")
    by_nonsense = client.get(HEALTH, HTTP_AUTHORIZATION="JWT not.a.token")

    assert "details" in by_token.json()
    assert (by_nonsense.status_code, by_nonsense.json()) == (200, {"status": "ok"})
