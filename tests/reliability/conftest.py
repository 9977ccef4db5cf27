"""The default host as processes that can be killed."""

import json
import os
import random
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]

#: How often something is killed in one test; a night may take more.
ROUNDS = int(os.environ.get("LEARNING_EXT_RELIABILITY_ROUNDS", "6"))


class DefaultHost:
    """One data folder, and the processes that work on it."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = folder / "db.sqlite3"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")} | {
            "LEARNING_EXT_DATA": str(folder),
            "LEARNING_EXT_PUBLIC_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "openedx_learning_ext.standalone.settings",
        }

    def manage(self, *arguments):
        """Run a command to its end and answer what it printed."""
        process = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert process.returncode == 0, process.stderr
        return process.stdout

    def ask(self, code):
        """Run some lines inside the host and answer what they assign to ``answer``."""
        return json.loads(self.manage("shell", "--no-imports", "-c", f"import json\n{code}\nprint(json.dumps(answer))"))

    def start(self, *arguments):
        """Start a process and answer it; whoever starts it ends it."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    @contextmanager
    def serving(self):
        """Serve, and answer the process once it answers requests."""
        process = self.start(
            "-m", "waitress", f"--listen=127.0.0.1:{self.port}", "openedx_learning_ext.standalone.wsgi:application"
        )
        try:
            for _ in range(200):
                assert process.poll() is None, "the server ended by itself"
                try:
                    requests.get(f"{self.url}/api/learning_ext/health/", timeout=5)
                    break
                except requests.ConnectionError:
                    time.sleep(0.1)
            else:
                pytest.fail("the server does not answer")
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def default_host(tmp_path_factory):
    """A default host with its accounts, courses and tool."""
    host = DefaultHost(tmp_path_factory.mktemp("data"))
    host.manage("migrate", "--verbosity", "0")
    host.manage("seed_demo")
    return host


@pytest.fixture
def chance(request):
    """Chance that can be repeated: what it began with is in the report of a test that fails."""
    seed = int(os.environ.get("LEARNING_EXT_RELIABILITY_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"LEARNING_EXT_RELIABILITY_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def site_at(transactional_db, monkeypatch, settings, demo_course):
    """Return a function that makes the site of a test, with the time of deliveries scaled."""
    from tests.reliability import delivering

    delivering.point_environment(monkeypatch)
    made = []

    def make(scale):
        settings.OPENEDX_LEARNING_EXT_DELIVERY_TIME_SCALE = scale
        settings.OPENEDX_LEARNING_EXT_DELIVERY_EXCHANGE_SECONDS = 15 * scale
        settings.OPENEDX_LEARNING_EXT_DELIVERY_RETRY_SCHEDULE = (5,) * 50
        made.append(delivering.Site(scale=scale))
        return made[-1]

    yield make
    for site in made:
        site.end()
