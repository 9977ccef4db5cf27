"""The plugin ``learning_ext_lti_consumer``. Imports nothing but ``django.apps``: settings are not ready yet."""

from django.apps import AppConfig


class LtiConsumerConfig(AppConfig):
    """External tools in our courses. Its URLs stand under the umbrella's prefix, so its own manifest is empty."""

    name = "openedx_learning_ext.lti_consumer"
    label = "learning_ext_lti_consumer"
    verbose_name = "LTI tools in courses"
    default_auto_field = "django.db.models.BigAutoField"

    plugin_app: dict[str, object] = {}

    def ready(self) -> None:
        """Register the system checks and what the sweep does for this app."""
        from openedx_learning_ext.core import sweep
        from openedx_learning_ext.lti_consumer import checks, nonces  # noqa: F401  # checks register on import

        sweep.register("lti_consumer.nonces", nonces.purge)
