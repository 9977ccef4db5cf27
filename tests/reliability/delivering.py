"""Campuses that misbehave, learners whose scores change, and workers that are killed meanwhile."""

import multiprocessing
import os
import signal
import threading
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.lti_provider import api, models
from openedx_learning_ext.standalone import models as host_models
from openedx_learning_ext.standalone import scores
from tests.doubles.campus import Campus
from tests.reliability import workers

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
#: A score is so many of these points: the n-th change of a learner is n points.
POSSIBLE = 1000

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["tests.reliability.workers"])


class GatedCampus(Campus):
    """A campus that answers when the gate is opened."""

    def __init__(self, **options):
        """The gate is shut."""
        super().__init__(**options)
        self.arrived = threading.Semaphore(0)
        self.gate = threading.Event()

    def _answer(self, *arguments):
        self.arrived.release()
        assert self.gate.wait(60)
        return super()._answer(*arguments)


class ChancyCampus(Campus):
    """A campus that answers each message in one of several ways, by chance, until ``behave``."""

    def __init__(self, chance, kinds, **options):
        """Take the source of chance and the ways."""
        super().__init__(**options)
        self._chance, self._kinds = chance, kinds

    def behave(self):
        """Take whatever comes from now on."""
        self._kinds = ["success"]

    @property
    def kind(self):
        """Return how the next message is answered."""
        return self._chance.choice(self._kinds)

    @kind.setter
    def kind(self, kind):
        """Leave it to chance."""


class Site:
    """The database of the test: learners who came from campuses, and the processes that send their scores."""

    def __init__(self, *, scale):
        """Run deliveries at this scale of time."""
        self.scale = scale
        self.block = host_models.Block.objects.create(
            usage_key=DEMO.make_usage_key("problem", "exercise"), course_key=DEMO, display_name="Exercise",
            is_graded=True,
        )  # fmt: skip
        self._processes = []
        self._people = 0

    def launch(self, url, learners, *, sourced_id="{}"):
        """Have a campus of its own launch so many new learners; return their graded assignments."""
        consumer = models.LtiConsumer.objects.create(consumer_name=f"Campus {self._people}")
        service = models.OutcomeService.objects.create(lti_consumer=consumer, lis_outcome_service_url=url)
        names = [f"learner{self._people + number}" for number in range(learners)]
        self._people += learners
        people = get_user_model().objects.bulk_create(get_user_model()(username=name) for name in names)
        made = models.GradedAssignment.objects.bulk_create(
            models.GradedAssignment(
                user=person, course_key=DEMO, usage_key=self.block.usage_key, outcome_service=service,
                lis_result_sourcedid=sourced_id.format(person.username), launched_at=timezone.now(),
            )
            for person in people
        )  # fmt: skip
        return list(made)

    def answer(self, assignment, points):
        """A learner has so many points from now on."""
        scores.store(user_id=assignment.user_id, block=self.block, earned=points, possible=POSSIBLE)

    def start(self, work, *arguments, kill_at=None, stop_at=None):
        """Start a process and return it."""
        process = _forking.Process(
            target=workers.run,
            args=(work, arguments),
            kwargs={"scale": self.scale, "kill_at": kill_at, "stop_at": stop_at},
            daemon=True,
        )
        process.start()
        self._processes.append(process)
        return process

    def run(self, work, *arguments, kill_at=None):
        """Run a process to its end and return how it ended."""
        process = self.start(work, *arguments, kill_at=kill_at)
        return ended(process)

    def let_leases_run_out(self):
        """Let the time pass that leases last."""
        models.ScoreDelivery.objects.filter(lease_until__isnull=False).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )

    def let_rests_run_out(self):
        """Let the time pass until the next attempt."""
        past = timezone.now() - timedelta(seconds=1)
        models.ScoreDelivery.objects.filter(state="waiting").update(next_attempt_at=past, rest_until=None)

    def deliver_all(self, *, within=60):
        """Deliver in this process until nothing is waiting."""
        wait_until(lambda: not (api.deliver_due() or self.count("waiting")), within=within)

    def count(self, state):
        """Return how many deliveries are in a state."""
        return models.ScoreDelivery.objects.filter(state=state).count()

    def end(self):
        """End what still runs."""
        for process in self._processes:
            if process.is_alive():
                os.kill(process.pid, signal.SIGCONT)
                process.kill()
            process.join()
            process.close()


def ended(process):
    """Wait for the end of a process and return its exit code, negative for a signal."""
    process.join(60)
    assert process.exitcode is not None, "the process does not end"
    return process.exitcode


def wait_until(holds, *, within=60.0):
    """Wait until something holds."""
    last = time.monotonic() + within
    while not holds():
        assert time.monotonic() < last, "it does not come about"
        time.sleep(0.01)


def is_stopped(process):
    """Tell whether a process was stopped by SIGSTOP."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def points(score):
    """Return the points of a score as a campus was told it."""
    return round(float(score) * POSSIBLE)


def applied_points(*campuses):
    """Return what gradebooks took, in order, by learner."""
    found = defaultdict(list)
    for campus in campuses:
        for entry in campus.applied:
            found[entry.sourced_id].append(points(entry.score))
    return dict(found)


def point_environment(monkeypatch):
    """Have processes that are started from here work on the database of this test."""
    monkeypatch.setenv("LEARNING_EXT_TEST_DATABASE", str(connection.settings_dict["NAME"]))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.reliability.delivery_settings")
