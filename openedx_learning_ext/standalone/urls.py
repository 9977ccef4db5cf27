"""
Addresses of the default host: its own pages, then those of the plugins, as on the platform.

Its own names are in the namespace ``host``.
"""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, include, path, register_converter
from edx_django_utils.plugins import get_plugin_url_patterns
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey, UsageKey

from openedx_learning_ext.standalone.campus.urls import urlpatterns as campus_patterns
from openedx_learning_ext.standalone.tool.urls import urlpatterns as tool_patterns
from openedx_learning_ext.standalone.views import exercises, manage, pages


class CourseKeyConverter:
    """A course key in a path. What is no course key is no page."""

    regex = "[^/]+"

    def to_python(self, value: str) -> CourseKey:
        """Read the key; ``ValueError``, which means 404, when it is none."""
        try:
            return CourseKey.from_string(value)
        except InvalidKeyError as error:
            raise ValueError("no course key") from error

    def to_url(self, value: CourseKey) -> str:
        """Write the key."""
        return str(value)


class UsageKeyConverter:
    """The key of a block in a path. What is no such key is no page."""

    regex = "[^/]+"

    def to_python(self, value: str) -> UsageKey:
        """Read the key; ``ValueError``, which means 404, when it is none."""
        try:
            return UsageKey.from_string(value)
        except InvalidKeyError as error:
            raise ValueError("no usage key") from error

    def to_url(self, value: UsageKey) -> str:
        """Write the key."""
        return str(value)


register_converter(CourseKeyConverter, "course_key")
register_converter(UsageKeyConverter, "usage_key")

manage_patterns: list[URLPattern | URLResolver] = [
    path("", manage.tools, name="manage-tools"),
    path("configurations/add/", manage.edit_configuration, name="add-configuration"),
    path("configurations/<int:configuration_id>/", manage.edit_configuration, name="edit-configuration"),
    path("configurations/<int:configuration_id>/delete/", manage.delete_configuration, name="delete-configuration"),
    path("placements/add/", manage.edit_placement, name="add-placement"),
    path("placements/<uuid:placement_uuid>/", manage.edit_placement, name="edit-placement"),
    path("placements/<uuid:placement_uuid>/delete/", manage.delete_placement, name="delete-placement"),
    path("placements/<uuid:placement_uuid>/results/", manage.results, name="placement-results"),
]

host_patterns: list[URLPattern | URLResolver] = [
    path("", pages.dashboard, name="dashboard"),
    path(
        "login/",
        LoginView.as_view(
            template_name="openedx_learning_ext/standalone/login.html", redirect_authenticated_user=True
        ),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("courses/<course_key:course_key>/", pages.course, name="course"),
    path("courses/<course_key:course_key>/tools/<uuid:placement_uuid>/", pages.tool, name="course-tool"),
    path("courses/<course_key:course_key>/tools/<uuid:placement_uuid>/score/", pages.tool_score, name="tool-score"),
    path(
        "courses/<course_key:course_key>/exercises/<usage_key:usage_key>/",
        exercises.in_course,
        name="course-exercise",
    ),
    path("courses/<course_key:course_key>/manage/tools/", include(manage_patterns)),
    path("exercises/<usage_key:usage_key>/", exercises.answer, name="answer-exercise"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((host_patterns, "host"))),
    path("campus/", include((campus_patterns, "campus"))),
    path("tool/", include((tool_patterns, "tool"))),
    path("admin/", admin.site.urls),
    *get_plugin_url_patterns("lms.djangoapp"),
]

handler400 = "openedx_learning_ext.standalone.views.errors.bad_request"
handler403 = "openedx_learning_ext.standalone.views.errors.permission_denied"
handler404 = "openedx_learning_ext.standalone.views.errors.page_not_found"
handler500 = "openedx_learning_ext.standalone.views.errors.server_error"
