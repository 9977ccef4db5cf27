"""Studio's order: its own pages, then the plugins."""

from answers import built_in
from django.contrib import admin
from django.urls import path
from edx_django_utils.plugins import get_plugin_url_patterns

urlpatterns = [path("admin/", admin.site.urls), path("home/", built_in("home"))]
urlpatterns += get_plugin_url_patterns("cms.djangoapp")
