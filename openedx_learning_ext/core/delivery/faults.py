"""
Named points at which a test may kill the process, to show what holds when it dies there.

Honoured only under the test settings (``OPENEDX_LEARNING_EXT_TESTING``). The environment variable
``LEARNING_EXT_KILL_AT`` names a point, and after a colon which time it is reached: ``settle:3``.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

from openedx_learning_ext.core import conf

_reached: Counter[str] = Counter()


def reach(point: str) -> None:
    """Die here when the environment says so; else do nothing."""
    wanted = os.environ.get("LEARNING_EXT_KILL_AT")
    if wanted is None or not conf.TESTING():
        return
    name, _, time = wanted.partition(":")
    if name == point:
        _reached[point] += 1
        if _reached[point] == int(time or 1):
            os.kill(os.getpid(), signal.SIGKILL)
