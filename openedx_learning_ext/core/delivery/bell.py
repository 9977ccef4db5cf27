"""
The bell: makes happen soon what the sweep makes happen anyway.

``ring()`` never blocks and never raises. It wakes a daemon thread, which publishes a Celery task by its name. While the
broker does not answer, the bell keeps silent and the sweep does the work.
"""

from __future__ import annotations

import logging
import os
import threading
import time

from celery import current_app
from django.db import close_old_connections

from openedx_learning_ext.core import conf, privacy

log = logging.getLogger(__name__)

SILENCE_SECONDS = 30.0


class Bell:
    """One thread for all tasks of the process, started when it is first needed, and again after a fork."""

    def __init__(self) -> None:
        """Nothing is pending."""
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._wanted: dict[str, float] = {}
        self._woken = threading.Condition()
        self._thread: threading.Thread | None = None
        self._silent_until = 0.0

    def ring(self, task: str, *, countdown: float = 0.0) -> None:
        """
        Have a Celery task started by its name, ``countdown`` seconds from now.

        Many rings before it is published are one; the soonest counts. Returns at once, whatever the broker does.
        """
        if not conf.DELIVERY_BELL():
            return
        if self._pid != os.getpid():
            self._forget()  # the thread, and whoever held the lock, are the parent's
        with self._woken:
            due = self._wanted.get(task)
            self._wanted[task] = countdown if due is None else min(due, countdown)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._publish_for_ever, name="learning-ext-bell", daemon=True)
                self._thread.start()
            self._woken.notify()

    def _publish_for_ever(self) -> None:
        while True:
            with self._woken:
                while not self._wanted:
                    self._woken.wait()
                task, countdown = self._wanted.popitem()
            if time.monotonic() >= self._silent_until:
                self._publish(task, countdown)

    def _publish(self, task: str, countdown: float) -> None:
        try:
            current_app.tasks[task].apply_async(countdown=countdown or None, retry=False)
        except Exception as error:  # noqa: BLE001  # the sweep does the work while nobody hears the bell
            self._silent_until = time.monotonic() + SILENCE_SECONDS
            log.warning("bell not heard, silent for %d s\n%s", SILENCE_SECONDS, privacy.trace_of(error))
        finally:
            close_old_connections()  # an eager task has run in this thread


bell = Bell()
