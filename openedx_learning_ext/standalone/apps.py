"""The default host as a Django app. No entry point names it: only the default host's own settings install it."""

from django.apps import AppConfig


class StandaloneConfig(AppConfig):
    """The app that owns the default host's tables and connects the receivers of the plugins."""

    name = "openedx_learning_ext.standalone"
    label = "learning_ext_host"
    verbose_name = "Default host"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make tasks run here, and connect the receivers that plugins declare, as the platform does at this moment."""
        from edx_django_utils.plugins import connect_plugin_receivers

        from openedx_learning_ext.standalone import celery  # noqa: F401

        connect_plugin_receivers("lms.djangoapp")
