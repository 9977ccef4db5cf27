"""
The mailbox against a model of five lines: the last applied is the last committed, and never an older one after a newer.

Wants, messages, answers, deaths and the clock come in any order that hypothesis thinks of. Whatever may happen while a
message is under way happens inside of ``send``: newer wants, other workers, a long time.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from openedx_learning_ext.core.delivery import schedule
from openedx_learning_ext.core.delivery.engine import Courier, Engine
from openedx_learning_ext.core.delivery.schedule import Outcome
from tests.doubles.parcels.models import Parcel

pytestmark = pytest.mark.django_db

#: Mostly one key: it is the same one that things have to happen to.
NAMES = ("ada", "ada", "ada", "bob")
#: An exchange takes no longer, and a campus applies what it was sent no later than so long after.
EXCHANGE, LATE = 15, 30


class Killed(BaseException):
    """The worker is dead: nothing of it runs on."""


class World:
    """The clock, the other side, and what was wanted of it."""

    def __init__(self):
        self.seconds = 0.0
        self.wanted = {}  # the last committed: name -> (number, value)
        self.applied = defaultdict(list)  # what the other side took, in order: (number, value)
        self.late = []  # what it will take: (when, name, what)
        self.froze = False  # somebody wrote later than his own clock allows
        self.numbers = {}  # of versions

    def now(self):
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def wait(self, seconds):
        self.seconds += seconds
        for late in sorted(self.late):
            if late[0] <= self.seconds:
                self.late.remove(late)
                self.applied[late[1]].append(late[2])


class ForgetfulCourier(Courier):
    """Sends nothing when it knows that the other side has it, and forgets what it knows when it is told to."""

    model = Parcel
    task = "parcels.sweep"

    def __init__(self, world, perform):
        self.world, self.perform = world, perform
        self.confirmed, self.sent, self.script = {}, {}, []

    def send(self, row):
        what = row.payload["number"], row.payload["value"]
        if self.confirmed.get(row.name) == what[1]:
            return Outcome(schedule.DELIVERED, "unchanged")
        begun = self.world.seconds
        step = self.script.pop(0) if self.script else ALL_IS_WELL
        for act in step["before"]:
            self.perform(act)
        if step["end"] == "killed before the write":
            raise Killed
        self.world.froze |= self.world.seconds - begun > EXCHANGE
        if step["arrival"] == "late":
            self.world.late.append((self.world.seconds + LATE, row.name, what))
        elif step["arrival"] == "applied":
            self.world.applied[row.name].append(what)
        for act in step["after"]:
            self.perform(act)
        if step["end"] == "killed after the write":
            raise Killed
        self.sent[row.name] = what[1]
        return step["end"]

    def settled(self, row, outcome):
        if outcome.kind == schedule.LOST or outcome.in_doubt or outcome.kind == schedule.TRANSIENT:
            self.confirmed.pop(row.name, None)
        elif outcome.kind == schedule.DELIVERED and outcome.code != "unchanged":
            self.confirmed[row.name] = self.sent[row.name]

    def refill(self, row):
        number, value = self.world.wanted[row.name]
        return {"number": number, "value": value}


# -- what may happen ---------------------------------------------------------------------------------------------------

IN_DOUBT = Outcome(schedule.TRANSIENT, "in_doubt", in_doubt=True)
ALL_IS_WELL = {"before": [], "after": [], "arrival": "applied", "end": Outcome(schedule.DELIVERED)}

#: What the other side does, and what we get to know of it.
EXCHANGES = [
    ("applied", Outcome(schedule.DELIVERED)),
    ("applied", IN_DOUBT),
    ("applied", Outcome(schedule.TRANSIENT, "500")),
    ("applied", "killed after the write"),
    ("late", IN_DOUBT),
    ("late", "killed after the write"),
    ("never", IN_DOUBT),
    ("never", Outcome(schedule.TRANSIENT, "503", retry_after=100.0)),
    ("never", Outcome(schedule.REFUSED)),
    ("never", "killed before the write"),
]


def _step(exchange, before, after):
    return {"before": before, "after": after, "arrival": exchange[0], "end": exchange[1]}


puts = st.tuples(st.just("put"), st.sampled_from(NAMES), st.integers(1, 2))
short_waits = st.tuples(st.just("wait"), st.sampled_from([1, 5]))
freezes = st.tuples(st.just("wait"), st.sampled_from([70, 400]))
quick_steps = st.builds(_step, st.sampled_from(EXCHANGES), st.just([]), st.just([]))
deliveries = st.tuples(st.just("deliver"), st.lists(quick_steps, max_size=2))
meanwhile = st.lists(st.one_of(puts, short_waits, freezes, deliveries), max_size=3)
steps = st.builds(_step, st.sampled_from(EXCHANGES), meanwhile, meanwhile)


class Mailbox(RuleBasedStateMachine):
    """Workers, wants and the clock, in any order."""

    def __init__(self):
        super().__init__()
        self.world = World()
        self.courier = ForgetfulCourier(self.world, self.perform)
        self.engine = Engine(self.courier, clock=lambda: self.world.seconds)
        self.sent_versions = {}
        self._patch = mock.patch.object(timezone, "now", self.world.now)
        self._patch.start()

    def perform(self, act):
        kind, *arguments = act
        {"put": self.put, "wait": self.world.wait, "deliver": self._deliver}[kind](*arguments)

    def put(self, name, value):
        number = self.world.wanted.get(name, (0, None))[0] + 1
        with transaction.atomic():
            self.engine.put(name, {"number": number, "value": value}, destination="campus")
        self.world.wanted[name] = number, value

    def _deliver(self, script):
        mine, self.courier.script = self.courier.script, list(script)
        try:
            claim = self.engine.claim()
            if claim is not None:
                self.engine.deliver(claim)
        except Killed:
            pass  # it is only the worker that is dead
        finally:
            self.courier.script = mine

    @rule(name=st.sampled_from(NAMES), value=st.integers(1, 2))
    def a_score_is_wanted(self, name, value):
        self.put(name, value)

    @rule(value=st.integers(1, 2), step=quick_steps)
    def a_score_is_wanted_and_sent(self, value, step):
        self.put("ada", value)
        self._deliver([step])

    @rule(step=quick_steps)
    def a_worker_delivers(self, step):
        self._deliver([step])

    @rule(step=steps)
    def a_worker_delivers_while_more_happens(self, step):
        self._deliver([step])

    @rule(seconds=st.sampled_from([1, 10, 61, 400, 3600]))
    def time_passes(self, seconds):
        self.world.wait(seconds)

    @rule()
    def everything_calms_down(self):
        """Whatever is still waiting arrives, and then the other side has what was committed last."""
        for _ in range(20):
            self.world.wait(25 * 3600)
            if not Parcel.objects.filter(state="waiting").exists():
                break
            self._deliver([])
        for row in Parcel.objects.all():
            assert row.state in ("delivered", "parked")
            if row.state == "delivered":
                assert self.world.applied[row.name][-1][1] == self.world.wanted[row.name][1]

    @invariant()
    def never_an_older_one_after_a_newer(self):
        if not self.world.froze:
            for applied in self.world.applied.values():
                numbers = [number for number, _ in applied]
                assert numbers == sorted(numbers)

    @invariant()
    def what_was_sent_never_goes_back(self):
        for row in Parcel.objects.all():
            assert self.sent_versions.get(row.name, 0) <= row.sent_version <= row.wanted_version
            self.sent_versions[row.name] = row.sent_version

    def teardown(self):
        try:
            self.everything_calms_down()
        finally:
            self._patch.stop()
            Parcel.objects.all().delete()


def explore(runs, steps_a_run):
    run_state_machine_as_test(
        Mailbox,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps_a_run,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_mailbox_does_as_the_model_says():
    explore(30, 30)


@pytest.mark.reliability
def test_the_mailbox_does_as_the_model_says_for_long():
    explore(500, 50)


# -- stories that chance rarely tells ----------------------------------------------------------------------------------

SENT_AND_KILLED = _step(("applied", "killed after the write"), [], [])
FROZEN_WHILE = [("wait", 400), ("put", "ada", 1), ("deliver", [])]
STORIES = {
    "it goes back to what was confirmed after a killed worker sent another": [
        ("put", "ada", 1), ("deliver", []), ("put", "ada", 2), ("deliver", [SENT_AND_KILLED]), ("put", "ada", 1),
    ],
    "it goes back to what was confirmed after an answer was lost": [
        ("put", "ada", 1), ("deliver", []), ("put", "ada", 2), ("deliver", [_step(("late", IN_DOUBT), [], [])]),
        ("put", "ada", 1),
    ],
    "a frozen worker writes after another one has settled": [
        ("put", "ada", 2), ("deliver", [_step(("applied", Outcome(schedule.DELIVERED)), FROZEN_WHILE, [])]),
    ],
    "a newer one comes while what was sent is still to be applied": [
        ("put", "ada", 1), ("deliver", [_step(("late", IN_DOUBT), [], [("put", "ada", 2)])]), ("deliver", []),
        ("wait", 61), ("deliver", []),
    ],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_R12_the_last_applied_is_the_last_committed_when(story):
    mailbox = Mailbox()

    try:
        for act in STORIES[story]:
            mailbox.perform(act)
            mailbox.never_an_older_one_after_a_newer()
    finally:
        mailbox.teardown()  # asserts the rest


def test_R12_two_workers_settle_crosswise_and_the_newest_goes_out_once_more():
    mailbox = Mailbox()
    engine, world = mailbox.engine, mailbox.world
    try:
        mailbox.put("ada", 2)
        first = Parcel.objects.get(pk=engine.claim().ids[0])
        world.wait(400)
        mailbox.put("ada", 1)
        second = Parcel.objects.get(pk=engine.claim().ids[0])

        outcome = mailbox.courier.send(second)
        world.applied["ada"].append((1, 2))  # the first one comes back to life, and writes
        engine.settle(first, Outcome(schedule.DELIVERED))
        engine.settle(second, outcome)
    finally:
        mailbox.teardown()

    assert world.applied["ada"] == [(2, 1), (1, 2), (2, 1)]
