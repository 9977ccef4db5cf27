"""
Campuses, the services that take their grades, whose grade goes where, and the nonces of launches.

What a campus sends can be longer than an index, and a database may find ``aB`` and ``Ab`` equal. So whatever must be
unique is compared by a digest of its bytes, which a :class:`DigestField` keeps beside it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from opaque_keys.edx.django.models import CourseKeyField, UsageKeyField

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.delivery.models import AbstractDelivery
from openedx_learning_ext.core.privacy import EncryptedTextField, SecretUnreadable


def digest_of(text: str) -> str:
    """Return what stands for a text where its bytes are compared."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def secret_digest_of(secret: str) -> str | None:
    """Return what stands for a secret, which nobody can try out without the site's key; ``None`` for an empty one."""
    if not secret:
        return None
    purpose = b"openedx-learning-ext lti_provider secret: "
    return hmac.new(conf.SECRET_KEY().encode(), purpose + secret.encode(), hashlib.sha256).hexdigest()


def new_token() -> str:
    """Return a fresh random key or secret of 32 characters."""
    return secrets.token_hex(16)


class DigestField(models.CharField):
    """The digest of another field of the row, kept by every ``save`` (an ``update`` has to set both)."""

    def __init__(self, source: str = "", make: Callable[[str], str | None] = digest_of, **kwargs: Any) -> None:
        """Follow the field ``source``."""
        self.source, self.make = source, make
        super().__init__(**{"max_length": 64, "editable": False, **kwargs})

    def deconstruct(self) -> Any:
        """Hand on what makes another field of this kind."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {"source": self.source, "make": self.make, **kwargs}

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the digest of what is being saved; of a secret that cannot be read, the one that is there."""
        try:
            digest = self.make(getattr(model_instance, self.source))
        except SecretUnreadable:
            return getattr(model_instance, self.attname)
        setattr(model_instance, self.attname, digest)
        return digest


class LtiConsumer(models.Model):
    """
    A campus system that launches our content, and the key and secret it signs with.

    .. no_pii:
    """

    consumer_name = models.CharField(_("name"), max_length=255, unique=True)
    consumer_key = models.CharField(_("consumer key"), max_length=255, unique=True, default=new_token)
    consumer_secret = EncryptedTextField(_("shared secret"), blank=True, default=new_token)
    secret_digest = DigestField("consumer_secret", secret_digest_of, unique=True, null=True)
    secret_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    previous_secret = EncryptedTextField(_("previous secret"), blank=True, default="")
    previous_secret_until = models.DateTimeField(_("previous secret valid until"), null=True, blank=True)
    previous_secret_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    instance_guid = models.CharField(
        _("instance GUID"),
        max_length=255,
        unique=True,
        null=True,
        blank=True,
        default=None,
        help_text=_("What the campus system calls itself; learnt from its first launch."),
    )
    require_user_account = models.BooleanField(
        _("learners need an account"),
        default=False,
        help_text=_("A learner must be signed in here, with the e-mail address that the campus names."),
    )
    use_lti_pii = models.BooleanField(
        _("use what the campus tells about learners"),
        default=False,
        help_text=_("Accounts are found by the e-mail address that the campus names, or made with name and address."),
    )

    class Meta:
        """By name, as an operator looks for one."""

        verbose_name = _("LTI consumer")
        verbose_name_plural = _("LTI consumers")
        ordering = ("consumer_name",)

    def __str__(self) -> str:
        """Return the name."""
        return self.consumer_name

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"<LtiConsumer {self.pk}>"

    @property
    def takes_previous_secret(self) -> bool:
        """Tell whether the secret that was replaced is still good."""
        return self.previous_secret_until is not None and timezone.now() < self.previous_secret_until


class OutcomeService(models.Model):
    """
    Where one consumer takes grades, and how sending there goes: the destination of deliveries.

    .. no_pii:
    """

    lti_consumer = models.ForeignKey(LtiConsumer, on_delete=models.CASCADE, related_name="outcome_services")
    lis_outcome_service_url = models.TextField(_("address"))
    url_digest = DigestField("lis_outcome_service_url")
    # Closed while it is empty, open until it has passed, and then half-open: whoever holds the probe may try once.
    consecutive_failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True, blank=True)
    probe_until = models.DateTimeField(null=True, blank=True)
    held_back_until = models.DateTimeField(
        null=True, blank=True, help_text=_("The campus asked us to wait until then.")
    )
    is_paused = models.BooleanField(default=False, help_text=_("Somebody here said that nothing is to be sent there."))
    takes_no_grades = models.BooleanField(
        default=False, help_text=_("The campus said that it takes no grades; the next graded launch clears this.")
    )

    class Meta:
        """Many consumers share an address: each has its own row, since each signs with its own key."""

        verbose_name = _("outcome service")
        verbose_name_plural = _("outcome services")
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=("lti_consumer", "url_digest"), name="learning_ext_lti_provider_service_once"
            ),
        ]

    def __str__(self) -> str:
        """Return the id: the address may carry a token."""
        return f"outcome service {self.pk}"

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"<OutcomeService {self.pk}>"


class GradedAssignment(models.Model):
    """
    One learner at one graded place of a campus's course: whose grade of what goes where.

    .. pii: Links a person to a course and to the campus's id for their result.
    .. pii_types: id, external_service
    .. pii_retirement: local_api
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="learning_ext_graded_assignments"
    )
    course_key = CourseKeyField(max_length=255)
    usage_key = UsageKeyField(max_length=255)
    outcome_service = models.ForeignKey(OutcomeService, on_delete=models.CASCADE, related_name="assignments")
    lis_result_sourcedid = models.TextField()
    sourcedid_digest = DigestField("lis_result_sourcedid")
    resource_link_id = models.TextField(blank=True, default="")
    context_id = models.TextField(blank=True, default="")
    launched_at = models.DateTimeField(null=True, blank=True, db_index=True)
    checked_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was last compared with the host."))

    class Meta:
        """A result of a campus is of one learner at one place; the index is for a score that changes."""

        verbose_name = _("graded assignment")
        verbose_name_plural = _("graded assignments")
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=("outcome_service", "sourcedid_digest"), name="learning_ext_lti_provider_assignment_once"
            ),
        ]
        indexes = [
            models.Index(fields=("user", "course_key"), name="learning_ext_lti_provider_who"),
        ]

    def __str__(self) -> str:
        """Return the id: whose grade it is, is nobody's business here."""
        return f"graded assignment {self.pk}"

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"<GradedAssignment {self.pk}>"

    @property
    def version_number(self) -> int:
        """Return how often a grade was to be sent: the mailbox counts; 0 without one."""
        return getattr(getattr(self, "delivery", None), "wanted_version", 0)


class ScoreDelivery(AbstractDelivery):
    """
    The mailbox of a graded assignment: the newest score, how far it got, and what the campus has.

    .. pii: What a campus said about a learner's grade, in its own words.
    .. pii_types: external_service
    .. pii_retirement: local_api
    """

    key_field = "assignment"

    assignment = models.OneToOneField(GradedAssignment, on_delete=models.CASCADE, related_name="delivery")
    confirmed_score = models.FloatField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    is_unconfirmed = models.BooleanField(default=False)
    scored_at = models.DateTimeField(null=True, blank=True)
    last_http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_code_major = models.CharField(max_length=20, blank=True, default="")
    last_description = models.TextField(blank=True, default="")

    class Meta(AbstractDelivery.Meta):
        """One for each assignment; it goes when that goes."""

        verbose_name = _("delivery of a score")
        verbose_name_plural = _("deliveries of scores")

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"<ScoreDelivery {self.pk}>"


class LtiUser(models.Model):
    """
    Who a campus's user is here.

    .. pii: Links a person to the id under which a campus knows them.
    .. pii_types: id, external_service
    .. pii_retirement: local_api
    """

    lti_consumer = models.ForeignKey(LtiConsumer, on_delete=models.CASCADE, related_name="lti_users")
    lti_user_id = models.CharField(max_length=255)
    lti_user_digest = DigestField("lti_user_id")
    edx_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="learning_ext_lti_users"
    )

    class Meta:
        """A campus's user is one person here; a person may come from several campuses."""

        verbose_name = _("learner from a campus")
        verbose_name_plural = _("learners from campuses")
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=("lti_consumer", "lti_user_digest"), name="learning_ext_lti_provider_user_once"
            ),
        ]

    def __str__(self) -> str:
        """Return the id alone."""
        return f"LTI user {self.pk}"

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"<LtiUser {self.pk}>"


class LaunchNonce(models.Model):
    """
    A launch that was accepted: its timestamp, and a digest of consumer key and nonce.

    .. no_pii:
    """

    timestamp = models.BigIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        """The constraint that decides between two uses of one nonce; its index serves the purge."""

        constraints = [
            models.UniqueConstraint(fields=("timestamp", "digest"), name="learning_ext_lti_provider_nonce_once")
        ]

    def __str__(self) -> str:
        """Return the timestamp."""
        return str(self.timestamp)

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"<LaunchNonce {self.pk}>"
