"""``learning_ext_sweep``: do now whatever must happen even if nobody rang."""

from __future__ import annotations

import math
import signal
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.db.utils import Error as DatabaseError

from openedx_learning_ext import sweeping
from openedx_learning_ext.core import sweep


class Command(BaseCommand):
    """Run every app's sweeper once, or again and again with ``--watch``."""

    help = "Runs the upkeep of all apps of openedx-learning-ext once; with --watch again and again until stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take ``--watch`` and ``--interval``."""
        parser.add_argument("--watch", action="store_true", help="go on until SIGTERM or Ctrl-C")
        parser.add_argument("--interval", type=float, default=60.0, help="seconds between two sweeps (default 60)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep. A single run that fails exits with 1; a watch writes it down and goes on."""
        if not (math.isfinite(options["interval"]) and options["interval"] > 0):
            raise CommandError("--interval must be a number of seconds, more than 0")
        if not options["watch"]:
            if failed := self._sweep():
                raise CommandError(f"failed: {', '.join(failed)}; the log has the traces")
            return
        self._watch(options["interval"])

    def _sweep(self) -> list[str]:
        failed = []
        for swept in sweeping.run_all():
            if swept.error:
                failed.append(swept.name)
                self.stderr.write(f"{swept.name}: failed ({swept.error})")
            else:
                self.stdout.write(f"{swept.name}: {swept.count}")
        self.stdout.flush()  # who follows a watch through a pipe sees it now
        return failed

    def _watch(self, interval: float) -> None:
        self._stopped = False
        previous = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while not self._stopped:
                close_old_connections()
                try:
                    self._sweep()
                except DatabaseError as error:
                    # A database that is away for a moment comes back; the health page tells when it does not.
                    self.stderr.write(f"the database does not answer ({type(error).__name__})")
                self._sleep(interval)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        # Nothing with a lock: the main thread, which runs this, may be holding it.
        self._stopped = True
        sweep.stop()

    def _sleep(self, seconds: float) -> None:
        wake_at = time.monotonic() + seconds
        while not self._stopped and (left := wake_at - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
