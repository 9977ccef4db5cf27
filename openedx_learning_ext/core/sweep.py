"""
What must happen even if nobody rang: apps register sweepers, one operator command runs them all.

A sweeper is a function without arguments that does a bounded piece of upkeep and answers how many things it did. It is
safe to run twice, and beside another process that runs it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from openedx_learning_ext.core import privacy

log = logging.getLogger(__name__)

Sweeper = Callable[[], int]

_sweepers: dict[str, Sweeper] = {}
_is_stopping = False


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweeper did: how many things, or the kind of error that stopped it."""

    name: str
    count: int
    error: str | None = None


def register(name: str, sweeper: Sweeper) -> None:
    """Have ``sweeper`` run by every sweep under this name. Registering a name again replaces it."""
    _sweepers[name] = sweeper


def stop() -> None:
    """Ask the sweepers of this process to finish what is under way and begin nothing new; for a signal handler."""
    global _is_stopping
    _is_stopping = True


def is_stopping() -> bool:
    """Tell a sweeper that takes long whether it was asked to stop."""
    return _is_stopping


def names() -> list[str]:
    """Return the names of all registered sweepers, sorted."""
    return sorted(_sweepers)


def run() -> Iterator[Swept]:
    """
    Run every sweeper once, by name, and answer what each did as it finishes.

    One that fails does not keep the others from running; its trace goes to the log.
    """
    for name in names():
        try:
            count = _sweepers[name]()
        except Exception as error:  # noqa: BLE001  # one sweeper's fault is not the others'
            log.error("sweeper failed\n%s", privacy.trace_of(error), extra={"sweeper": name})
            yield Swept(name, 0, type(error).__name__)
        else:
            yield Swept(name, count)
