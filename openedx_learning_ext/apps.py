"""
The umbrella plugin: the always-on prefix, default settings, system checks, health, retirement and the sweep.

This module is imported while the host's settings are still being made: it imports nothing but ``django.apps`` and asks
nothing about the host outside of ``ready()``.
"""

import logging

from django.apps import AppConfig


class LearningExtConfig(AppConfig):
    """The umbrella over the five apps; found by the platform's plugin manager through its entry point."""

    name = "openedx_learning_ext"
    label = "learning_ext"
    verbose_name = "Learning extensions"
    default_auto_field = "django.db.models.BigAutoField"

    _urls = {"namespace": "learning_ext", "regex": r"^api/learning_ext/", "relative_path": "urls"}
    _settings = {"common": {"relative_path": "settings.common"}}
    plugin_app = {
        "url_config": {"lms.djangoapp": dict(_urls), "cms.djangoapp": dict(_urls)},
        "settings_config": {"lms.djangoapp": dict(_settings), "cms.djangoapp": dict(_settings)},
    }

    def ready(self) -> None:
        """Register the system checks, listen for retirements, and say once what is active. Never fails for the host."""
        from openedx_learning_ext import checks, retirement, tasks  # noqa: F401  # both register on import

        retirement.connect()
        self._announce()

    def _announce(self) -> None:
        from openedx_learning_ext import __version__
        from openedx_learning_ext.core.host import coexistence, find_host_path

        active, aside = coexistence.describe()
        logging.getLogger(self.name).info(
            "openedx-learning-ext %s: active: %s; standing aside: %s; host: %s",
            __version__,
            ", ".join(active) or "none",
            ", ".join(aside) or "none",
            find_host_path() or "none",
        )
