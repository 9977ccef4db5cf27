"""The sweep of a site that has nobody else to run it: a thread of the server's process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error as DatabaseError
from django.db import connection

from openedx_learning_ext import sweeping

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 60.0


@contextmanager
def swept(interval_seconds: float = INTERVAL_SECONDS) -> Iterator[None]:
    """Sweep once before anything else happens, and then again and again beside it until the end."""
    _sweep()
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(interval_seconds):
            _sweep()

    thread = threading.Thread(target=watch, name="sweeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _sweep() -> None:
    """Run every sweeper; one that fails is written down by the sweep itself."""
    try:
        for _ in sweeping.run_all():
            pass
    except DatabaseError as error:
        # The next round may fare better; until one does, health says that the sweep is overdue.
        log.error("sweep_not_recorded", extra={"error": type(error).__name__})
    finally:
        connection.close()
