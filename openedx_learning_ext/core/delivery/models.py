"""The mailbox row: the newest of what is wanted for one key, and how far it got."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AbstractDelivery(models.Model):
    """
    A mailbox of size one: what is wanted last replaces what was wanted before.

    A concrete model names its unique key in ``key_field``. The columns are written by ``core.delivery.engine`` alone.

    .. no_pii:
    """

    class State(models.TextChoices):
        """What is stored. A waiting row with a live lease is what people see as *sending*."""

        WAITING = "waiting", _("waiting")
        DELIVERED = "delivered", _("delivered")
        PARKED = "parked", _("parked")

    key_field: ClassVar[str]

    destination = models.CharField(
        max_length=64, blank=True, default="", help_text=_("Who is behind the door; limits and breaker go by it.")
    )
    payload = models.JSONField(default=dict, blank=True)
    wanted_version = models.PositiveBigIntegerField(default=0)
    sent_version = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    refusals = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    rest_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_outcome = models.CharField(max_length=100, blank=True, default="")
    waiting_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """The claim finds due rows by the first index and counts live leases by the second."""

        abstract = True
        indexes = [
            models.Index(fields=("state", "next_attempt_at"), name="%(class)s_due"),
            models.Index(fields=("destination", "lease_until"), name="%(class)s_in_flight"),
        ]

    def __str__(self) -> str:
        """Return the id and the state."""
        return f"delivery {self.pk}: {self.state}"

    @property
    def key(self) -> Any:
        """Return what the row is unique by."""
        return getattr(self, self.key_field)

    @property
    def is_sending(self) -> bool:
        """Tell whether somebody is sending it now."""
        return self.state == self.State.WAITING and self.lease_until is not None and self.lease_until > timezone.now()

    @property
    def last_kind(self) -> str:
        """Return the kind of the last outcome, empty when there was none."""
        return self.last_outcome.partition(":")[0]
