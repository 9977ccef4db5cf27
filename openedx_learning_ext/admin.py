"""When each sweeper last ran, for operators who look into the admin."""

from __future__ import annotations

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from openedx_learning_ext import sweeping
from openedx_learning_ext.models import SweepRun


@admin.register(SweepRun)
class SweepRunAdmin(admin.ModelAdmin):
    """To look at: the sweep writes it."""

    list_display = ("name", "finished_at", "count", "error")
    readonly_fields = ("name", "finished_at", "count", "error")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Warn above the list when nobody runs the sweep."""
        if sweeping.is_overdue():
            text = _("The sweep has not run for five minutes. Start learning_ext_sweep --watch, or a cron line for it.")
            messages.warning(request, text)
        return super().changelist_view(request, extra_context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds runs by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: SweepRun | None = None) -> bool:
        """Nobody changes runs by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SweepRun | None = None) -> bool:
        """Nobody deletes runs by hand."""
        return False
