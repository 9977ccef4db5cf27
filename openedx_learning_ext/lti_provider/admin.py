"""Campuses, the services that take their grades, and who comes from where. Secrets can be entered and are not shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from openedx_learning_ext.core import privacy
from openedx_learning_ext.core.privacy import SecretUnreadable
from openedx_learning_ext.lti_provider import api, status
from openedx_learning_ext.lti_provider.models import (
    GradedAssignment,
    LtiConsumer,
    LtiUser,
    OutcomeService,
    ScoreDelivery,
)

SECRET_TEXTS = {"set": "••••", "unset": _("Not set"), "unreadable": _("Unreadable: enter it again")}


class ConsumerForm(forms.ModelForm):
    """The secret is written, not read: left empty, the stored one stays."""

    new_secret = forms.CharField(
        label=_("new shared secret"),
        required=False,
        strip=False,
        max_length=api.MAX_SECRET,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave empty to keep the stored secret; a new consumer gets a random one."),
    )
    keeps_previous = forms.BooleanField(
        label=_("let the old secret in for seven days more"), required=False, initial=True
    )

    class Meta:
        """All fields but the secrets themselves."""

        model = LtiConsumer
        fields = ("consumer_name", "consumer_key", "instance_guid", "require_user_account", "use_lti_pii")

    def clean_consumer_key(self) -> str:
        """Refuse a key that no launch could carry."""
        key: str = self.cleaned_data["consumer_key"]
        if not (key.isascii() and key.isprintable()):
            raise forms.ValidationError(_("The key must be printable ASCII characters."))
        return key

    def clean_new_secret(self) -> str:
        """Refuse a secret that another consumer has."""
        secret: str = self.cleaned_data["new_secret"]
        if secret and (problem := api.secret_problem(secret, consumer_id=self.instance.pk)):
            raise forms.ValidationError(problem)
        return secret


@admin.register(LtiConsumer)
class LtiConsumerAdmin(admin.ModelAdmin):
    """Campuses, found by name, key or GUID."""

    form = ConsumerForm
    fields = (
        "consumer_name",
        "consumer_key",
        "secret_state",
        "new_secret",
        "keeps_previous",
        "previous_secret_until",
        "secret_used_at",
        "previous_secret_used_at",
        "instance_guid",
        "require_user_account",
        "use_lti_pii",
        "failed_launches",
    )
    readonly_fields = (
        "secret_state",
        "previous_secret_until",
        "secret_used_at",
        "previous_secret_used_at",
        "failed_launches",
    )
    list_display = ("consumer_name", "consumer_key", "secret_state", "require_user_account", "use_lti_pii")
    search_fields = ("consumer_name", "consumer_key", "instance_guid")

    def get_readonly_fields(self, request: HttpRequest, obj: LtiConsumer | None = None) -> Any:
        """Keep how learners are linked once there are some: another way would give them second accounts."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "require_user_account", "use_lti_pii")

    @admin.display(description=_("secret"))
    def secret_state(self, consumer: LtiConsumer) -> str:
        """Say whether there is a secret, never which."""
        try:
            return str(SECRET_TEXTS["set" if consumer.consumer_secret else "unset"])
        except SecretUnreadable:
            return str(SECRET_TEXTS["unreadable"])

    @admin.display(description=_("recent failed launches"))
    def failed_launches(self, consumer: LtiConsumer) -> str:
        """List when, why and under which number launches of this campus were not let in."""
        lines = [
            f"{failure.at:%Y-%m-%d %H:%M:%S} UTC  {failure.reference}  step {failure.step}: {failure.code}"
            + (f", clock off by {failure.skew_seconds} s" if failure.skew_seconds is not None else "")
            for failure in (api.list_failed_launches(consumer_id=consumer.pk) if consumer.pk else ())
        ]
        return "\n".join(lines) or "-"

    def save_model(self, request: HttpRequest, obj: LtiConsumer, form: Any, change: bool) -> None:
        """Store a new secret when one was entered."""
        secret = form.cleaned_data.get("new_secret")
        if secret and not change:
            obj.consumer_secret = secret
        super().save_model(request, obj, form, change)
        if secret and change:
            kept = api.PREVIOUS_SECRET_KEPT if form.cleaned_data.get("keeps_previous") else timedelta(0)
            api.replace_secret(consumer_id=obj.pk, secret=secret, keep_previous_for=kept)


class _LookedAt(admin.ModelAdmin):
    """To look at: launches write these rows."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds rows by hand."""
        return False


@admin.register(OutcomeService)
class OutcomeServiceAdmin(_LookedAt):
    """Where grades go; a service can be paused here."""

    list_display = ("id", "lti_consumer", "is_paused", "takes_no_grades", "consecutive_failures", "open_until")
    list_filter = ("is_paused", "takes_no_grades")
    list_select_related = ("lti_consumer",)
    search_fields = ("lti_consumer__consumer_name",)
    fields = (
        "lti_consumer",
        "is_paused",
        "takes_no_grades",
        "consecutive_failures",
        "open_until",
        "probe_until",
        "held_back_until",
    )
    readonly_fields = (
        "lti_consumer",
        "takes_no_grades",
        "consecutive_failures",
        "open_until",
        "probe_until",
        "held_back_until",
    )
    actions = ("pause", "resume")

    @admin.action(description=_("Pause: send nothing there"), permissions=["change"])
    def pause(self, request: HttpRequest, services: QuerySet[OutcomeService]) -> None:
        """Send nothing more to these."""
        self._pause(request, services, is_paused=True)

    @admin.action(description=_("Resume: send what waits"), permissions=["change"])
    def resume(self, request: HttpRequest, services: QuerySet[OutcomeService]) -> None:
        """Send again what waits for these."""
        self._pause(request, services, is_paused=False)

    def _pause(self, request: HttpRequest, services: QuerySet[OutcomeService], *, is_paused: bool) -> None:
        changed = list(services.exclude(is_paused=is_paused))
        api.pause_services(service_ids=[service.pk for service in changed], is_paused=is_paused)
        for service in changed:
            self.log_change(request, service, [{"changed": {"fields": ["is_paused"]}}])
        self.message_user(request, _("%(count)s services changed.") % {"count": len(changed)})


@admin.register(GradedAssignment)
class GradedAssignmentAdmin(_LookedAt):
    """Whose grade goes where, without the names and the campus's ids."""

    list_display = ("id", "course_key", "usage_key", "outcome_service", "launched_at")
    list_select_related = ("outcome_service",)
    search_fields = ("course_key", "usage_key")
    fields = readonly_fields = (
        "user_id",
        "course_key",
        "usage_key",
        "outcome_service",
        "version_number",
        "launched_at",
        "checked_at",
    )


@admin.register(LtiUser)
class LtiUserAdmin(_LookedAt):
    """Who comes from which campus, without names; deleting one lets the next launch find or make an account anew."""

    list_display = ("id", "lti_consumer", "edx_user_id")
    list_select_related = ("lti_consumer",)
    search_fields = ("lti_consumer__consumer_name", "=edx_user__id")
    fields = readonly_fields = ("lti_consumer", "edx_user_id")


class _StateFilter(admin.SimpleListFilter):
    """The states that a person sees. What was forgotten is listed only where it is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Offer every state."""
        return status.STATES.items()

    def queryset(self, request: HttpRequest, queryset: QuerySet[ScoreDelivery]) -> QuerySet[ScoreDelivery]:
        """Keep those in the chosen state."""
        now = timezone.now()
        if self.value() in status.STATES:
            return queryset.filter(status.in_state(str(self.value()), now))
        return queryset.exclude(status.in_state("forgotten", now))


class _ServiceFilter(admin.RelatedFieldListFilter):
    """Services by the number that the list shows, each with its campus."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Offer every service, in one query."""
        services = OutcomeService.objects.select_related("lti_consumer").order_by("lti_consumer__consumer_name", "pk")
        return [(service.pk, f"{service.lti_consumer}: {service.pk}") for service in services]


class ForgetForm(forms.Form):
    """Why grades are given up. The admin's log keeps it, so it is asked not to name anybody."""

    reason = forms.CharField(
        label=_("reason"), max_length=200, help_text=_("It is written to the log of the admin. Name no learner in it.")
    )


@admin.register(ScoreDelivery)
class ScoreDeliveryAdmin(_LookedAt):
    """Grades on their way to campuses: how far each got, why no further, and what can be done."""

    change_list_template = "openedx_learning_ext/lti_provider/admin/deliveries.html"
    list_display = (
        "id",
        "state_now",
        "problem",
        "consumer",
        "service",
        "course",
        "learner",
        "attempts",
        "next_attempt_at",
        "waiting_since",
    )
    list_filter = (
        _StateFilter,
        "assignment__outcome_service__lti_consumer",
        ("assignment__outcome_service", _ServiceFilter),
        ("assignment__course_key", admin.AllValuesFieldListFilter),
    )
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("=id", "=assignment__user__id")
    fields = readonly_fields = (
        "id",
        "assignment_id",
        "consumer",
        "service",
        "course",
        "block",
        "learner",
        "state_now",
        "problem",
        "last_outcome",
        "last_http_status",
        "last_code_major",
        "attempts",
        "refusals",
        "next_attempt_at",
        "rest_until",
        "waiting_since",
        "wanted_version",
        "sent_version",
        "confirmed_at",
        "is_unconfirmed",
        "updated_at",
    )
    actions = ("try_now", "resend", "forget")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScoreDelivery]:
        """List the mailboxes in which a score was ever put."""
        return api.list_deliveries()

    def has_delete_permission(self, request: HttpRequest, obj: ScoreDelivery | None = None) -> bool:
        """Nobody deletes one by hand: it is forgotten, with a reason. With its assignment or campus it goes."""
        match = request.resolver_match
        here = f"{self.opts.app_label}_{self.opts.model_name}_"
        if match is None or (match.url_name or "").startswith(here):
            return False
        return super().has_delete_permission(request, obj)

    # -- columns -------------------------------------------------------------------------------------------------------

    @admin.display(description=_("campus"), ordering="assignment__outcome_service__lti_consumer__consumer_name")
    def consumer(self, row: ScoreDelivery) -> str:
        """Name the campus."""
        return str(row.assignment.outcome_service.lti_consumer)

    @admin.display(description=_("service"), ordering="assignment__outcome_service")
    def service(self, row: ScoreDelivery) -> str:
        """Give the number and the host of the service; the rest of its address may carry a token."""
        return f"{row.assignment.outcome_service_id} ({status.host_of(row.assignment.outcome_service)})"

    @admin.display(description=_("course"), ordering="assignment__course_key")
    def course(self, row: ScoreDelivery) -> str:
        """Name the course."""
        return str(row.assignment.course_key)

    @admin.display(description=_("block"))
    def block(self, row: ScoreDelivery) -> str:
        """Name the block."""
        return str(row.assignment.usage_key)

    @admin.display(description=_("learner"))
    def learner(self, row: ScoreDelivery) -> str:
        """Tell learners apart without naming them."""
        return privacy.tag(row.assignment.user_id)

    @admin.display(description=_("state"), ordering="state")
    def state_now(self, row: ScoreDelivery) -> str:
        """Say how far it got."""
        return str(status.STATES[status.state_of(row)])

    @admin.display(description=_("last problem"))
    def problem(self, row: ScoreDelivery) -> str:
        """Say in words what went wrong last."""
        return status.problem_of(row)

    # -- actions -------------------------------------------------------------------------------------------------------

    @admin.action(description=_("Try now"), permissions=["change"])
    def try_now(self, request: HttpRequest, rows: QuerySet[ScoreDelivery]) -> None:
        """Want the same sent at once; what is delivered already stays so."""
        done = left = 0
        for row in rows:
            try:
                api.try_now(assignment_id=row.assignment_id)
            except api.DeliveryNotFound:
                left += 1
            else:
                self.log_change(request, row, "tried now")
                done += 1
        self._report(request, _("%(done)s will be tried now; %(left)s have nothing to send."), done, left)

    @admin.action(description=_("Send the score of now again, even if the campus has it"), permissions=["change"])
    def resend(self, request: HttpRequest, rows: QuerySet[ScoreDelivery]) -> None:
        """Want the host's score of now sent, whatever the campus has."""
        done = left = 0
        for row in rows:
            if api.resend(assignment_id=row.assignment_id):
                self.log_change(request, row, "sent again")
                done += 1
            else:
                left += 1
        self._report(request, _("%(done)s will be sent again; of %(left)s there is no score to be had."), done, left)

    @admin.action(description=_("Forget, with a reason"), permissions=["change"])
    def forget(self, request: HttpRequest, rows: QuerySet[ScoreDelivery]) -> HttpResponse | None:
        """Ask for a reason, then give them up and write down who did it and why."""
        form = ForgetForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            return TemplateResponse(
                request,
                "openedx_learning_ext/lti_provider/admin/forget.html",
                {
                    **self.admin_site.each_context(request),
                    "title": _("Forget deliveries"),
                    "opts": self.opts,
                    "form": form,
                    "ids": request.POST.getlist("_selected_action"),
                    "selects_across": request.POST.get("select_across", "0"),
                    "count": rows.count(),
                },
            )
        done = left = 0
        for row in rows:
            try:
                api.forget(assignment_id=row.assignment_id)
            except (api.DeliveryBusy, api.DeliveryNotFound):
                left += 1
            else:
                self.log_change(request, row, f"forgotten: {form.cleaned_data['reason']}")
                done += 1
        self._report(request, _("%(done)s are forgotten; %(left)s are being sent: look again in a minute."), done, left)
        return None

    def _report(self, request: HttpRequest, text: Any, done: int, left: int) -> None:
        self.message_user(
            request, text % {"done": done, "left": left}, messages.WARNING if left else messages.SUCCESS
        )

    # -- the status page -----------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the status page."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_status"
        return [path("status/", self.admin_site.admin_view(self.status_page), name=name), *super().get_urls()]

    def status_page(self, request: HttpRequest) -> HttpResponse:
        """Show how sending goes by campus and service, and the launches with keys that nobody has."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = api.find_status()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Grades on their way to campuses"),
            "opts": self.opts,
            "status": found,
            "states": {state: status.STATES[state] for state in status.COUNTED},
            "failed_launches": self._failed_launches(found),
        }
        return TemplateResponse(request, "openedx_learning_ext/lti_provider/admin/status.html", context)

    def _failed_launches(self, found: api.Status) -> list[tuple[str, api.FailedLaunch]]:
        """Return the recent failed launches of all campuses and of unknown keys, newest first."""
        places: list[tuple[int | None, str]] = [(None, str(_("unknown key")))]
        places += [(consumer.consumer_id, consumer.name) for consumer in found.consumers]
        launches = [
            (name, launch)
            for consumer_id, name in places
            for launch in api.list_failed_launches(consumer_id=consumer_id)
        ]
        return sorted(launches, key=lambda each: each[1].at, reverse=True)[:50]
