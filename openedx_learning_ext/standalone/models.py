"""
The tables of the default host: just enough of an LMS to answer the ports.

``host.StandaloneHost`` is the one reader that the library's apps know; pages, seed and admin of the default host use
the tables directly. Keys are stored as text without regard to case, as the platform stores them.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.lookups import Exact
from opaque_keys.edx.django.models import CourseKeyField, UsageKeyField


class Course(models.Model):
    """
    A course run.

    .. no_pii:
    """

    class CertificatesDisplay(models.TextChoices):
        """When certificates are shown: the platform's own words."""

        EARLY = "early_no_info", "as soon as they are earned"
        END = "end", "after the end of the course"
        END_WITH_DATE = "end_with_date", "on the date given"

    course_key = CourseKeyField(max_length=255, unique=True)
    org = models.CharField(max_length=255)
    number = models.CharField(max_length=255)
    display_name = models.CharField(max_length=255, blank=True)
    start = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)
    self_paced = models.BooleanField(default=False)
    language = models.CharField(max_length=16, blank=True)
    certificate_available_date = models.DateTimeField(null=True, blank=True)
    certificates_display_behavior = models.CharField(
        max_length=32, choices=CertificatesDisplay.choices, default=CertificatesDisplay.END
    )
    may_share_pii = models.BooleanField(
        default=False, help_text="Whether tools launched from this course may be told learners' names and addresses."
    )

    class Meta:
        ordering = ("course_key",)

    def __str__(self) -> str:
        return self.display_name or str(self.course_key)


class Enrollment(models.Model):
    """
    Who learns where, and whether still.

    .. pii: Links a person to a course. Ended, not deleted, when the person is retired.
    .. pii_types: id
    .. pii_retirement: retained
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="learning_ext_host_enrollments"
    )
    course_key = CourseKeyField(max_length=255, db_index=True)
    mode = models.CharField(max_length=100, default="honor")
    is_active = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("course_key", "user_id")
        constraints = [
            models.UniqueConstraint(fields=("user", "course_key"), name="learning_ext_host_enrollment_once"),
        ]

    def __str__(self) -> str:
        return f"enrolment of user {self.user_id} in {self.course_key}"


class CourseRole(models.Model):
    """
    A role of a person in one course run or, without a course, in all runs of an organisation.

    .. pii: Links a person to a course or an organisation. Deleted when the person is retired.
    .. pii_types: id
    .. pii_retirement: local_api
    """

    class Role(models.TextChoices):
        """The platform's exact words."""

        STAFF = "staff", "staff"
        INSTRUCTOR = "instructor", "instructor"
        LIMITED_STAFF = "limited_staff", "limited staff"
        BETA_TESTER = "beta_testers", "beta tester"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="learning_ext_host_roles"
    )
    course_key = CourseKeyField(max_length=255, blank=True, default="", db_index=True)
    org = models.CharField(max_length=64, blank=True, help_text="Needed where there is no course.")
    role = models.CharField(max_length=64, choices=Role.choices)

    class Meta:
        ordering = ("course_key", "org", "role", "user_id")
        constraints = [
            models.UniqueConstraint(
                fields=("user", "course_key", "org", "role"), name="learning_ext_host_role_once"
            ),
            models.CheckConstraint(
                # The field refuses "" as a value to look for, and its own marker for it cannot stand in a migration.
                condition=~models.Q(Exact(models.F("course_key"), models.Value("")), org=""),
                name="learning_ext_host_role_course_or_org",
                violation_error_message="A role belongs to a course or to an organisation.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} of user {self.user_id} in {self.course_key or self.org}"


class Block(models.Model):
    """
    A piece of a course's content; a block without a parent stands at the top of its course.

    .. no_pii:
    """

    usage_key = UsageKeyField(max_length=255, unique=True)
    course_key = CourseKeyField(max_length=255, db_index=True)
    parent = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="children"
    )
    display_name = models.CharField(max_length=255, blank=True)
    is_graded = models.BooleanField(default=False)
    due = models.DateTimeField(null=True, blank=True)
    scores_itself = models.BooleanField(
        default=False,
        help_text="Whether the block works its score out from the learner's answers: then none may come from outside.",
    )

    class Meta:
        ordering = ("course_key", "id")

    def __str__(self) -> str:
        return self.display_name or str(self.usage_key)


class Score(models.Model):
    """
    The score a person has on a block now; no row, no score.

    .. pii: What a person achieved. Kept until the account or the row is deleted.
    .. pii_types: id
    .. pii_retirement: retained
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="learning_ext_host_scores"
    )
    usage_key = UsageKeyField(max_length=255, db_index=True)
    earned = models.FloatField()
    possible = models.FloatField()
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("usage_key", "user_id")
        constraints = [
            models.UniqueConstraint(fields=("user", "usage_key"), name="learning_ext_host_score_once"),
            models.CheckConstraint(
                condition=models.Q(earned__gte=0, possible__gte=0), name="learning_ext_host_score_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"score of user {self.user_id} on {self.usage_key}"


class Profile(models.Model):
    """
    What is known about a person beside the account.

    .. pii: The full name and the language of a person. The name is emptied when the person is retired.
    .. pii_types: name
    .. pii_retirement: local_api
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="learning_ext_host_profile"
    )
    name = models.CharField(max_length=255, blank=True)
    language = models.CharField(max_length=16, blank=True)

    def __str__(self) -> str:
        return f"profile of user {self.user_id}"


class AnonymousId(models.Model):
    """
    The id under which a person is known outside, for one course or, with an empty key, for the whole site.

    A person may have several for one course, after a change of ``SECRET_KEY``: the newest is answered, all resolve.

    .. pii: Links a person to the id that tools know. Kept, so that what tools report late still finds its way.
    .. pii_types: id
    .. pii_retirement: retained
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="learning_ext_host_anonymous_ids"
    )
    course_key = CourseKeyField(max_length=255, blank=True, default="")
    anonymous_id = models.CharField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=("anonymous_id",), name="learning_ext_host_anonymous_id_once"),
        ]
        indexes = [
            models.Index(fields=("user", "course_key"), name="learning_ext_host_anon_whose"),
        ]

    def __str__(self) -> str:
        return f"anonymous id of user {self.user_id}"
