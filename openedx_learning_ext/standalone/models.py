"""
The tables of the default host: just enough of an LMS to answer the ports.

``host.StandaloneHost`` is the one reader that the library's apps know; pages, seed and admin of the default host use
the tables directly. Keys are stored as text without regard to case, as the platform stores them.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
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


def validate_exercise(content: Any) -> None:
    """Raise :class:`~django.core.exceptions.ValidationError` unless this is one question with its options."""
    if not isinstance(content, dict) or set(content) != {"question", "options", "right"}:
        raise ValidationError('An exercise has "question", "options" and "right".', code="parts")
    question, options, right = content["question"], content["options"], content["right"]
    if not isinstance(question, str) or not question.strip():
        raise ValidationError("The question is missing.", code="question")
    if not isinstance(options, list) or not all(isinstance(option, str) and option.strip() for option in options):
        raise ValidationError("The options must be a list of texts.", code="options")
    if len(options) < 2 or len(set(options)) < len(options):
        raise ValidationError("There must be two options or more, each another.", code="options")
    if not isinstance(right, list) or not right or not all(type(number) is int for number in right):
        raise ValidationError("The right ones must be a list of places in the options, counted from 0.", code="right")
    if len(set(right)) < len(right) or not set(right) <= set(range(len(options))):
        raise ValidationError("Each right one must be the place of an option, named once.", code="right")


class Block(models.Model):
    """
    A piece of a course's content; a block without a parent stands at the top of its course.

    One with content is an exercise: it works its score out from the learner's answer.

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
    weight = models.FloatField(
        null=True, blank=True, help_text="The points to be had here; empty where each score says that itself."
    )
    content = models.JSONField(
        null=True,
        blank=True,
        validators=[validate_exercise],
        help_text='An exercise: {"question": "...", "options": ["...", "..."], "right": [0]}, counted from 0.',
    )

    class Meta:
        ordering = ("course_key", "id")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(weight__isnull=True) | models.Q(weight__gte=0),
                name="learning_ext_host_block_weight_not_negative",
                violation_error_message="There cannot be fewer points than none.",
            ),
            models.CheckConstraint(
                condition=models.Q(content__isnull=True) | models.Q(scores_itself=True, weight__isnull=False),
                name="learning_ext_host_block_exercise_scores_itself",
                violation_error_message="An exercise scores itself, and says how many points there are.",
            ),
        ]

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
