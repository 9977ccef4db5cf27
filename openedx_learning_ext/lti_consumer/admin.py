"""Tools, placements and results in the admin. The secret can be entered and is never shown."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey, UsageKey

from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiPlacement, LtiResult

SECRET_TEXTS = {"set": "••••", "unset": _("Not set"), "unreadable": _("Unreadable: enter it again")}


class _KeyField(forms.CharField):
    """An opaque key as text; what is no key is an error of the form."""

    def __init__(self, key_class: type[CourseKey] | type[UsageKey], **kwargs: Any) -> None:
        """Take keys of this class."""
        super().__init__(max_length=255, **kwargs)
        self._key_class = key_class

    def clean(self, value: Any) -> Any:
        """Return the key, or ``None`` where none is needed."""
        text = super().clean(value)
        try:
            return self._key_class.from_string(text) if text else None
        except InvalidKeyError:
            raise forms.ValidationError(_("This is not a key.")) from None


class ConfigurationForm(forms.ModelForm):
    """The secret is written, not read: left empty, the stored one stays."""

    course_key = _KeyField(
        CourseKey, required=False, label=_("course key"), help_text=_("The course whose staff own this tool.")
    )
    new_secret = forms.CharField(
        label=_("shared secret"),
        required=False,
        strip=False,
        max_length=255,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave empty to keep the stored secret."),
    )

    class Meta:
        """All fields but the secret itself."""

        model = LtiConfiguration
        fields = ("course_key", "version", "lti_1p1_launch_url", "lti_1p1_client_key", "lti_config")

    def clean(self) -> dict[str, Any]:
        """Refuse what the API refuses, but for an empty launch URL."""
        values = super().clean() or {}
        checked: dict[str, Any] = {
            name: values[name] for name in ("lti_1p1_client_key", "lti_config") if name in values
        }
        if values.get("lti_1p1_launch_url"):
            checked["lti_1p1_launch_url"] = values["lti_1p1_launch_url"] = values["lti_1p1_launch_url"].strip()
        for name, texts in api.configuration_errors(checked).items():
            self.add_error(name, texts)
        if "course_key" in self.changed_data and self.instance.pk and self.instance.placements.exists():
            self.add_error("course_key", _("This tool is used in its course: the course cannot be changed."))
        return values


class PlacementForm(forms.ModelForm):
    """A placement as the API takes it."""

    course_key = _KeyField(CourseKey, label=_("course key"))
    usage_key = _KeyField(
        UsageKey, required=False, label=_("usage key"), help_text=_("The block that gets the score, if any.")
    )

    class Meta:
        """All fields that people set."""

        model = LtiPlacement
        fields = (
            "course_key",
            "title",
            "configuration",
            "usage_key",
            "resource_link_id",
            "graded",
            "max_score",
            "due_at",
            "grace_seconds",
            "accepts_late_grades",
        )

    def clean(self) -> dict[str, Any]:
        """Refuse what the API refuses."""
        values = super().clean() or {}
        if "course_key" not in values:
            return values
        checked = {name: value for name, value in values.items() if name not in ("course_key", "configuration")}
        if "configuration" in values:
            checked["configuration_id"] = values["configuration"].pk
        moved = bool({"course_key", "resource_link_id"} & set(self.changed_data))
        if moved and self.instance.pk and self.instance.results.exists():
            self.add_error(None, _("There are results: course and resource link id cannot be changed."))
        found = api.placement_errors(course_key=values["course_key"], values=checked)
        for name, texts in found.items():
            self.add_error("configuration" if name == "configuration_id" else name, texts)
        return values


@admin.register(LtiConfiguration)
class LtiConfigurationAdmin(admin.ModelAdmin):
    """Tools, found by course or address."""

    form = ConfigurationForm
    fields = (
        "course_key",
        "version",
        "lti_1p1_launch_url",
        "lti_1p1_client_key",
        "secret_state",
        "new_secret",
        "lti_config",
    )
    readonly_fields = ("secret_state",)
    list_display = ("tool_host", "course_key", "version", "secret_state", "modified")
    list_filter = ("version",)
    search_fields = ("course_key", "lti_1p1_launch_url")

    @admin.display(description=_("secret"))
    def secret_state(self, configuration: LtiConfiguration) -> str:
        """Say whether there is a secret, never which."""
        return str(SECRET_TEXTS[api.secret_state(configuration)])

    def save_model(self, request: HttpRequest, obj: LtiConfiguration, form: Any, change: bool) -> None:
        """Store a new secret when one was entered."""
        if form.cleaned_data.get("new_secret"):
            obj.lti_1p1_client_secret = form.cleaned_data["new_secret"]
        super().save_model(request, obj, form, change)


@admin.register(LtiPlacement)
class LtiPlacementAdmin(admin.ModelAdmin):
    """Placements, found by course or title."""

    form = PlacementForm
    list_display = ("title", "course_key", "configuration", "graded", "due_at")
    list_filter = ("graded",)
    list_select_related = ("configuration",)
    search_fields = ("course_key", "title")
    raw_id_fields = ("configuration",)
    readonly_fields = ("uuid",)


@admin.register(LtiResult)
class LtiResultAdmin(admin.ModelAdmin):
    """Results, to look at: tools write them."""

    list_display = ("id", "placement", "score", "modified")
    list_select_related = ("placement",)
    search_fields = ("placement__course_key", "placement__title")
    readonly_fields = ("placement", "user", "score", "comment", "created", "modified")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds results by hand."""
        return False
