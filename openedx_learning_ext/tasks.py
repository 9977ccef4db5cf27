"""The sweep as a Celery task, for sites that run beat."""

from __future__ import annotations

from celery import shared_task

from openedx_learning_ext import sweeping


@shared_task(name="learning_ext.sweep", ignore_result=True)
def sweep() -> int:
    """Run every sweeper once; answer how many things they did. Running it twice, or beside another, does no harm."""
    return sum(swept.count for swept in sweeping.run_all())
