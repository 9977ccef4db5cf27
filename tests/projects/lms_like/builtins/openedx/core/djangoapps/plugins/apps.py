"""The platform's app that connects the plugins' receivers."""

from django.apps import AppConfig
from django.conf import settings
from edx_django_utils.plugins import connect_plugin_receivers


class PluginsConfig(AppConfig):
    """Takes the LMS by its URLconf, and Studio otherwise, as the platform does."""

    name = "openedx.core.djangoapps.plugins"

    def ready(self):
        """Connect what the manifests declare."""
        connect_plugin_receivers("lms.djangoapp" if settings.ROOT_URLCONF == "lms.urls" else "cms.djangoapp")
