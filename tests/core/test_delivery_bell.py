"""The bell: it never blocks, never raises, and many rings are one."""

from __future__ import annotations

import threading
import time

import pytest
from celery import current_app

from openedx_learning_ext.core.delivery.bell import Bell


class Broker:
    """Stands where Celery's task does: counts what is published, can refuse, and can hang."""

    def __init__(self):
        self.published = []
        self.heard = threading.Event()
        self.released = threading.Event()
        self.released.set()
        self.error = None

    def apply_async(self, *, countdown, retry):
        assert retry is False
        self.heard.set()
        self.released.wait(20)
        if self.error is not None:
            raise self.error
        self.published.append(countdown)


@pytest.fixture
def broker(settings, monkeypatch):
    settings.OPENEDX_LEARNING_EXT_DELIVERY_BELL = True
    found = Broker()
    monkeypatch.setitem(current_app.tasks, "parcels.sweep", found)
    return found


def wait_until(condition):
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_a_ring_starts_the_task_by_its_name_in_another_thread(broker):
    Bell().ring("parcels.sweep", countdown=3)

    wait_until(lambda: broker.published == [3])


def test_rings_while_the_broker_hangs_return_at_once_and_are_one(broker):
    broker.released.clear()
    bell = Bell()
    bell.ring("parcels.sweep")
    assert broker.heard.wait(20)

    for countdown in (50, 20, 40):
        bell.ring("parcels.sweep", countdown=countdown)
    broker.released.set()

    wait_until(lambda: len(broker.published) == 2)
    assert broker.published == [None, 20]


def test_R4_after_a_failure_it_is_silent_and_raises_nothing(broker, caplog):
    broker.error = ConnectionRefusedError("amqp://user:secret@broker")
    bell = Bell()
    bell.ring("parcels.sweep")
    wait_until(lambda: bell._silent_until > 0)
    broker.heard.clear()
    broker.error = None

    bell.ring("parcels.sweep")
    wait_until(lambda: not bell._wanted)

    assert not broker.heard.wait(0.1)
    assert broker.published == []
    assert "bell not heard" in caplog.text
    assert "secret" not in caplog.text


def test_a_name_nobody_registered_is_a_failure_like_any_other(broker, caplog):
    bell = Bell()

    bell.ring("parcels.nothing")

    wait_until(lambda: bell._silent_until > 0)
    assert broker.published == []
    assert "bell not heard" in caplog.text


def test_switched_off_it_starts_nothing(broker, settings):
    settings.OPENEDX_LEARNING_EXT_DELIVERY_BELL = False
    bell = Bell()

    bell.ring("parcels.sweep")

    assert bell._thread is None


def test_after_a_fork_it_has_a_thread_of_its_own(broker):
    bell = Bell()
    bell.ring("parcels.sweep")
    wait_until(lambda: broker.published == [None])
    before = bell._thread
    bell._pid = -1  # as the child of a fork finds it

    bell.ring("parcels.sweep")

    wait_until(lambda: broker.published == [None, None])
    assert bell._thread is not before
