"""The default host's tables in the administration: here people edit by hand what Studio does on the platform."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Field
from django.forms import Select
from django.http import HttpRequest
from opaque_keys.edx.django.models import CourseKeyField

from openedx_learning_ext.standalone import models

admin.site.site_header = admin.site.site_title = settings.PLATFORM_NAME


class ByCourse(admin.ModelAdmin):
    """Rows that belong to a course: it is chosen by its name."""

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form field; for a course key, one that lists the courses."""
        if isinstance(db_field, CourseKeyField):
            courses = [(str(course.course_key), str(course)) for course in models.Course.objects.all()]
            kwargs["widget"] = Select(choices=[("", "---------"), *courses])
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(models.Course)
class CourseAdmin(admin.ModelAdmin):
    """Courses, with the switch that lets tools learn names."""

    list_display = ("display_name", "org", "number", "start", "end", "may_share_pii")
    list_filter = ("org", "may_share_pii")
    search_fields = ("display_name", "course_key")


@admin.register(models.Enrollment)
class EnrollmentAdmin(ByCourse):
    """Who learns where."""

    list_display = ("user", "course_key", "mode", "is_active", "created")
    list_filter = ("is_active", "mode")
    search_fields = ("user__username", "course_key")
    autocomplete_fields = ("user",)
    list_select_related = ("user",)


@admin.register(models.CourseRole)
class CourseRoleAdmin(ByCourse):
    """Who teaches where."""

    list_display = ("user", "role", "course_key", "org")
    list_filter = ("role",)
    search_fields = ("user__username", "course_key")
    autocomplete_fields = ("user",)
    list_select_related = ("user",)


@admin.register(models.Block)
class BlockAdmin(ByCourse):
    """The content of courses."""

    list_display = ("display_name", "course_key", "is_graded", "scores_itself", "due")
    list_filter = ("is_graded", "scores_itself")
    search_fields = ("display_name", "usage_key")
    autocomplete_fields = ("parent",)


@admin.register(models.Score)
class ScoreAdmin(admin.ModelAdmin):
    """Scores, to look at: one edited here would reach nobody."""

    list_display = ("user", "usage_key", "earned", "possible", "modified")
    search_fields = ("user__username", "usage_key")
    list_select_related = ("user",)

    def has_add_permission(self, request: object) -> bool:
        """Nobody adds a score by hand."""
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        """Nobody changes a score by hand."""
        return False


@admin.register(models.Profile)
class ProfileAdmin(admin.ModelAdmin):
    """Names and languages of people."""

    list_display = ("user", "name", "language")
    search_fields = ("user__username", "name")
    autocomplete_fields = ("user",)
    list_select_related = ("user",)
