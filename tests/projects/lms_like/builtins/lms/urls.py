"""The LMS's order: most built-ins, then the plugins, then the rest."""

from answers import built_in
from django.apps import apps
from django.contrib import admin
from django.urls import path
from edx_django_utils.plugins import get_plugin_url_patterns

urlpatterns = [path("admin/", admin.site.urls), path("login", built_in("login"))]
if apps.is_installed("lms.djangoapps.certificates"):
    urlpatterns += [
        path("certificates/<uuid:certificate>", built_in("certificates"), name="render_cert_by_uuid"),
        path("lti_provider/courses/<course_id>/<path:usage_id>", built_in("lti_provider"), name="lti_provider_launch"),
        path("api/course_live/course/<course_id>/", built_in("course_live"), name="course_live"),
    ]
urlpatterns += get_plugin_url_patterns("lms.djangoapp")
if apps.is_installed("openedx.core.djangoapps.notifications"):
    urlpatterns += [
        path("api/notifications/count/", built_in("notifications"), name="notifications-count"),
    ]
