"""Forms by which a course team sets up tools. They translate; what is allowed is decided by ``lti_consumer.api``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openedx_learning_ext.core import errors
from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.lti_consumer import api as lti_consumer
from openedx_learning_ext.standalone import models, wording

if TYPE_CHECKING:
    from opaque_keys.edx.keys import CourseKey

class ToolForm(forms.Form):
    """What the two forms share: which course they are for, and where refusals of the library go."""

    #: Field of the library -> field of the form, where they differ.
    translated_fields: dict[str, str] = {}

    def __init__(self, *args: Any, course_key: CourseKey, **kwargs: Any) -> None:
        """Bind the form to a course."""
        super().__init__(*args, **kwargs)
        self.course_key = course_key
        # The browser's own messages come in the browser's language and hide ours.
        self.use_required_attribute = False

    def refuse(self, error: errors.Invalid) -> None:
        """Show what the library refused: beside the field where there is one, else above the form."""
        if not error.fields:
            self.add_error(None, str(error))
        for name, texts in error.fields.items():
            field = self.translated_fields.get(name, name)
            for text in texts:
                self.add_error(field if field in self.fields else None, text)


class ConfigurationForm(ToolForm):
    """A tool: its launch URL, consumer key and shared secret, and what it is told."""

    translated_fields = {"lti_config": "custom_parameters"}

    lti_1p1_launch_url = forms.CharField(
        label=gettext_lazy("Launch URL"),
        max_length=1023,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Where the tool is launched. Whoever runs the tool tells you."),
    )
    lti_1p1_client_key = forms.CharField(
        label=gettext_lazy("Consumer key"),
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("By this the tool knows who launches it."),
    )
    lti_1p1_client_secret = forms.CharField(
        label=gettext_lazy("Shared secret"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    pii_share_username = forms.BooleanField(
        label=gettext_lazy("Tell the tool learners' user names"), required=False
    )
    pii_share_email = forms.BooleanField(
        label=gettext_lazy("Tell the tool learners' e-mail addresses"), required=False
    )
    custom_parameters = forms.CharField(
        label=gettext_lazy("Custom parameters"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy("What else the tool wants to be told: one a line, as name=value."),
    )

    def __init__(self, *args: Any, configuration: lti_consumer.LtiConfiguration | None = None, **kwargs: Any) -> None:
        """Show an existing tool, but never its secret; without one, an empty form."""
        self.configuration = configuration
        if configuration is not None:
            settings = configuration.lti_config
            kwargs["initial"] = {
                "lti_1p1_launch_url": configuration.lti_1p1_launch_url,
                "lti_1p1_client_key": configuration.lti_1p1_client_key,
                "pii_share_username": settings.get("pii_share_username", False),
                "pii_share_email": settings.get("pii_share_email", False),
                "custom_parameters": "\n".join(
                    f"{name}={value}" for name, value in settings.get("additional_parameters", {}).items()
                ),
            }
        super().__init__(*args, **kwargs)
        if not get_host().flags.may_share_pii(self.course_key):
            self.fields["pii_share_email"].help_text = _(
                "At present this site lets no tool of this course know who learners are, whatever is chosen here."
            )
        self.fields["lti_1p1_client_secret"].help_text = wording.shared_secret_help(configuration)

    def clean_custom_parameters(self) -> dict[str, str]:
        """Read the lines; ``custom_`` is put before a name that lacks it, as tools expect."""
        found: dict[str, str] = {}
        for line in self.cleaned_data["custom_parameters"].splitlines():
            if not line.strip():
                continue
            name, separator, value = line.partition("=")
            name = name.strip().lower()
            if not separator or not re.fullmatch(r"[a-z0-9_]+", name):
                raise forms.ValidationError(_("Every line must be name=value; names have letters, digits and _."))
            found[name if name.startswith("custom_") else f"custom_{name}"] = value.strip()
        return found

    def save(self) -> lti_consumer.LtiConfiguration | None:
        """Store the tool; ``None``, with the reasons in the form, when the library refuses it."""
        data = self.cleaned_data
        kept = self.configuration.lti_config if self.configuration is not None else {}
        changes = {
            "lti_1p1_launch_url": data["lti_1p1_launch_url"],
            "lti_1p1_client_key": data["lti_1p1_client_key"],
            "lti_1p1_client_secret": data["lti_1p1_client_secret"],
            "lti_config": {
                **kept,
                "pii_share_username": data["pii_share_username"],
                "pii_share_email": data["pii_share_email"],
                "additional_parameters": data["custom_parameters"],
            },
        }
        try:
            if self.configuration is None:
                return lti_consumer.create_configuration(course_key=self.course_key, **changes)
            return lti_consumer.update_configuration(
                course_key=self.course_key, configuration_id=self.configuration.pk, **changes
            )
        except errors.Invalid as error:
            self.refuse(error)
            return None


class PlacementForm(ToolForm):
    """A tool at one place of a course, graded or not."""

    translated_fields = {"configuration_id": "configuration", "usage_key": "block", "grace_seconds": "grace_minutes"}

    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=255, help_text=gettext_lazy("What learners see in the course.")
    )
    configuration = forms.ChoiceField(
        label=gettext_lazy("Tool"), help_text=gettext_lazy("Which of the course's tools is launched here.")
    )
    graded = forms.BooleanField(
        label=gettext_lazy("Graded"),
        required=False,
        help_text=gettext_lazy("The tool may send learners' scores back to this course."),
    )
    max_score = forms.FloatField(
        label=gettext_lazy("Points for a full score"), initial=1, min_value=0, help_text=gettext_lazy("For example 10.")
    )
    block = forms.ChoiceField(
        label=gettext_lazy("Block"),
        required=False,
        help_text=gettext_lazy("Where in the outline the tool is shown; its scores count there."),
    )
    due_at = forms.DateTimeField(
        label=gettext_lazy("Due date (UTC)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )
    grace_minutes = forms.IntegerField(
        label=gettext_lazy("Grace period in minutes"),
        initial=0,
        min_value=0,
        max_value=60 * 24 * 365,
        help_text=gettext_lazy("How long after the due date a score still counts as in time."),
    )
    accepts_late_grades = forms.BooleanField(
        label=gettext_lazy("Accept late scores"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Scores that come after the due date and the grace period."),
    )

    def __init__(self, *args: Any, placement: lti_consumer.LtiPlacement | None = None, **kwargs: Any) -> None:
        """Show an existing placement; without one, an empty form."""
        self.placement = placement
        if placement is not None:
            kwargs["initial"] = {
                "title": placement.title,
                "configuration": str(placement.configuration_id),
                "graded": placement.graded,
                "max_score": placement.max_score,
                "block": str(placement.usage_key or ""),
                "due_at": placement.due_at,
                "grace_minutes": placement.grace_seconds // 60,
                "accepts_late_grades": placement.accepts_late_grades,
            }
        super().__init__(*args, **kwargs)
        self.fields["configuration"].choices = [  # type: ignore[attr-defined]
            (str(row.pk), wording.tool_name(row))
            for row in lti_consumer.list_configurations(course_key=self.course_key)
        ]
        blocks = models.Block.objects.filter(course_key=self.course_key, scores_itself=False).order_by("id")
        self._usage_keys = {str(block.usage_key): block.usage_key for block in blocks}
        self.fields["block"].choices = [("", _("None: listed below the outline"))] + [  # type: ignore[attr-defined]
            (str(block.usage_key), str(block)) for block in blocks
        ]

    def save(self) -> lti_consumer.LtiPlacement | None:
        """
        Store the placement; ``None``, with the reasons in the form, when the library refuses it.

        Of an existing one only what was changed is sent: two people who edit different fields do not undo each other.
        """
        data = self.cleaned_data
        changes: dict[str, Any] = {
            "title": data["title"],
            "configuration_id": int(data["configuration"]),
            "graded": data["graded"],
            "max_score": data["max_score"],
            "usage_key": self._usage_keys.get(data["block"]),
            "due_at": data["due_at"],
            "grace_seconds": data["grace_minutes"] * 60,
            "accepts_late_grades": data["accepts_late_grades"],
        }
        if self.placement is not None:
            changed = set(self.changed_data)
            changes = {
                name: value for name, value in changes.items() if self.translated_fields.get(name, name) in changed
            }
        try:
            if self.placement is None:
                return lti_consumer.create_placement(course_key=self.course_key, **changes)
            return lti_consumer.update_placement(
                course_key=self.course_key, placement_uuid=UUID(str(self.placement.uuid)), **changes
            )
        except errors.Invalid as error:
            self.refuse(error)
            return None
