"""The sweep as a Celery task, for sites that run beat."""

from __future__ import annotations

from celery import shared_task

from openedx_learning_ext import sweeping
from openedx_learning_ext.core import errors


class SweepFailed(errors.Unavailable):
    """A part of the sweep failed."""


@shared_task(name="learning_ext.sweep", ignore_result=True)
def sweep() -> int:
    """
    Run every sweeper once and return how many things they did. Running it twice, or beside another, does no harm.

    Raises:
        SweepFailed: a sweeper failed (the others have run), so that Celery shows the task as failed.
    """
    done = list(sweeping.run_all())
    if failed := [swept.name for swept in done if swept.error]:
        raise SweepFailed(f"failed: {', '.join(failed)}; the log has the traces")
    return sum(swept.count for swept in done)
