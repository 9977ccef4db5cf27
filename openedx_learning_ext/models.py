"""The umbrella's one table: when each sweeper last ran (caches are per process, so a row it is)."""

from __future__ import annotations

from django.db import models


class SweepRun(models.Model):
    """
    The last run of one sweeper: when it ended, how many things it did, and the kind of error, if any.

    .. no_pii:
    """

    name = models.CharField(max_length=100, unique=True)
    finished_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        """Sorted as an operator reads it."""

        ordering = ("name",)

    def __str__(self) -> str:
        """Return the sweeper's name."""
        return self.name
