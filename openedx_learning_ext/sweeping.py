"""Runs the sweep and knows when it last ran: what the command, the health page and the system checks stand on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from openedx_learning_ext.core import sweep
from openedx_learning_ext.models import SweepRun

#: No sweep for this long is worth a warning.
OVERDUE_AFTER = timedelta(minutes=5)


def run_all() -> Iterator[sweep.Swept]:
    """Run every sweeper once, write down that it ran, and answer what each did as it finishes."""
    for swept in sweep.run():
        SweepRun.objects.update_or_create(
            name=swept.name,
            defaults={"finished_at": timezone.now(), "count": swept.count, "error": swept.error or ""},
        )
        yield swept


def last_run_at() -> datetime | None:
    """Return when the sweep last got through to its end, or ``None`` when it never did: the oldest of all sweepers."""
    registered = sweep.names()
    finished = dict(SweepRun.objects.filter(name__in=registered).values_list("name", "finished_at"))
    if not registered or len(finished) < len(registered):
        return None
    return min(finished.values())


def is_overdue(now: datetime | None = None) -> bool:
    """Tell whether nobody has run the sweep for five minutes, although there is something to sweep."""
    if not sweep.names():
        return False
    last = last_run_at()
    return last is None or (now or timezone.now()) - last > OVERDUE_AFTER


def failing() -> list[str]:
    """Return the names of the registered sweepers whose last run failed."""
    return list(SweepRun.objects.filter(name__in=sweep.names()).exclude(error="").values_list("name", flat=True))
