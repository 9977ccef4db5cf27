"""Tools, the places where courses use them, what learners scored there, and the nonces of their messages."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import connections, models, router
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from model_utils.models import TimeStampedModel
from opaque_keys.edx.django.models import CourseKeyField, UsageKeyField

from openedx_learning_ext.core.privacy import EncryptedTextField


class LtiConfiguration(TimeStampedModel):
    """
    A tool: where it is launched, with which key and secret, and which custom parameters it gets.

    .. pii: A custom parameter may hold an instructor's e-mail address.
    .. pii_types: email_address
    .. pii_retirement: local_api
    """

    LTI_1P1 = "lti_1p1"
    LTI_1P3 = "lti_1p3"
    VERSIONS = ((LTI_1P1, _("LTI 1.1")), (LTI_1P3, _("LTI 1.3")))

    course_key = CourseKeyField(
        max_length=255, null=True, blank=True, db_index=True, help_text=_("The course whose staff own this tool.")
    )
    version = models.CharField(max_length=10, choices=VERSIONS, default=LTI_1P1)
    lti_1p1_client_key = models.CharField(_("consumer key"), max_length=255, blank=True, default="")
    lti_1p1_client_secret = EncryptedTextField(_("shared secret"), blank=True, default="")
    lti_1p1_launch_url = models.CharField(_("launch URL"), max_length=1023, blank=True, default="")
    lti_config = models.JSONField(_("options"), default=dict, blank=True)
    imported_from = models.UUIDField(null=True, blank=True, unique=True, editable=False)

    class Meta:
        """Newest last, as they were added."""

        verbose_name = _("LTI tool")
        verbose_name_plural = _("LTI tools")
        ordering = ("id",)

    def __str__(self) -> str:
        """Return the host of the launch URL; the path may carry a token."""
        return self.tool_host or f"LTI tool {self.pk}"

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"<LtiConfiguration {self.pk}>"

    @property
    def tool_host(self) -> str:
        """Return host and port of the launch URL, empty when there is none."""
        try:
            return urlsplit(self.lti_1p1_launch_url.strip()).netloc.rpartition("@")[2]
        except ValueError:
            return ""

    @property
    def pii_share_username(self) -> bool:
        """Tell whether the tool asks for learners' usernames (the course's flag decides)."""
        return bool(self._options.get("pii_share_username", False))

    @pii_share_username.setter
    def pii_share_username(self, value: bool) -> None:
        self.lti_config = {**self._options, "pii_share_username": bool(value)}

    @property
    def pii_share_email(self) -> bool:
        """Tell whether the tool asks for learners' e-mail addresses (the course's flag decides)."""
        return bool(self._options.get("pii_share_email", False))

    @pii_share_email.setter
    def pii_share_email(self, value: bool) -> None:
        self.lti_config = {**self._options, "pii_share_email": bool(value)}

    @property
    def additional_parameters(self) -> dict[str, str]:
        """Return the custom parameters."""
        parameters = self._options.get("additional_parameters", {})
        return dict(parameters) if isinstance(parameters, dict) else {}

    @property
    def _options(self) -> dict[str, Any]:
        """Return the options; rows that came from elsewhere may hold anything."""
        return self.lti_config if isinstance(self.lti_config, dict) else {}


def new_resource_link_id() -> str:
    """Return a resource link id for a placement that was given none. (The first migration names this function.)"""
    return str(uuid.uuid4())


class LtiPlacement(TimeStampedModel):
    """
    One tool at one place in a course.

    .. no_pii:
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    course_key = CourseKeyField(max_length=255)
    usage_key = UsageKeyField(
        max_length=255, null=True, blank=True, default=None, help_text=_("The block that gets the score, if any.")
    )
    resource_link_id = models.CharField(max_length=255, default=new_resource_link_id)
    title = models.CharField(max_length=255)
    configuration = models.ForeignKey(LtiConfiguration, on_delete=models.PROTECT, related_name="placements")
    graded = models.BooleanField(default=False)
    max_score = models.FloatField(default=1.0, validators=[MinValueValidator(0.0)])
    due_at = models.DateTimeField(null=True, blank=True)
    grace_seconds = models.PositiveIntegerField(default=0)
    accepts_late_grades = models.BooleanField(default=True)

    class Meta:
        """A resource link id stands for one place of a course."""

        verbose_name = _("placement of an LTI tool")
        verbose_name_plural = _("placements of LTI tools")
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=("course_key", "resource_link_id"), name="learning_ext_lti_consumer_placement_once"
            ),
            models.CheckConstraint(
                condition=models.Q(max_score__gte=0), name="learning_ext_lti_consumer_max_score_not_negative"
            ),
        ]

    def __str__(self) -> str:
        """Return the title."""
        return self.title


class LtiResultQuerySet(models.QuerySet["LtiResult"]):
    """Results, and the one statement that writes one."""

    def record(self, *, placement_id: int, user_id: int, score: float | None) -> None:
        """
        Set a learner's score at a placement, ``None`` for none, and clear the comment; one statement.

        The same again changes nothing but the time; of two at once, the one that commits last stays.
        """
        now = timezone.now()
        row = self.model(placement_id=placement_id, user_id=user_id, score=score, comment="", created=now, modified=now)
        database = router.db_for_write(self.model)
        names_target = connections[database].features.supports_update_conflicts_with_target
        self.using(database).bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["placement", "user"] if names_target else None,
            update_fields=["score", "comment", "modified"],
        )


class LtiResult(models.Model):
    """
    What a learner scored at a placement: 0 to 1, or null for no score.

    .. pii: A learner's score and what the tool remarked on it.
    .. pii_types: other
    .. pii_retirement: local_api
    """

    placement = models.ForeignKey(LtiPlacement, on_delete=models.CASCADE, related_name="results")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="learning_ext_lti_results"
    )
    score = models.FloatField(null=True, blank=True)
    comment = models.TextField(blank=True, default="")
    created = models.DateTimeField(default=timezone.now, editable=False)
    modified = models.DateTimeField(default=timezone.now, editable=False)

    objects = LtiResultQuerySet.as_manager()

    class Meta:
        """One result for a learner at a place, and only scores that are scores."""

        verbose_name = _("result from an LTI tool")
        verbose_name_plural = _("results from LTI tools")
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=("placement", "user"), name="learning_ext_lti_consumer_result_once"),
            models.CheckConstraint(
                condition=models.Q(score__isnull=True) | models.Q(score__gte=0, score__lte=1),
                name="learning_ext_lti_consumer_score_from_0_to_1",
            ),
        ]

    def __str__(self) -> str:
        """Return the id: whose score it is, is nobody's business here."""
        return f"result {self.pk}"


class LtiNonce(models.Model):
    """
    A message that was accepted: its timestamp, and a digest of consumer key and nonce.

    The digest makes the comparison one of bytes on every database, whatever its collation.

    .. no_pii:
    """

    timestamp = models.BigIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        """The constraint that decides between two uses of one nonce; its index serves the purge."""

        constraints = [
            models.UniqueConstraint(fields=("timestamp", "digest"), name="learning_ext_lti_consumer_nonce_once")
        ]

    def __str__(self) -> str:
        """Return the timestamp."""
        return str(self.timestamp)

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"<LtiNonce {self.pk}>"
