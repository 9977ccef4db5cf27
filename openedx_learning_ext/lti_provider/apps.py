"""The plugin ``learning_ext_lti_provider``. Imports nothing but ``django.apps``: settings are not ready yet."""

from django.apps import AppConfig


class LtiProviderConfig(AppConfig):
    """Our content in the courses of a campus. LMS only: nobody is launched into Studio."""

    name = "openedx_learning_ext.lti_provider"
    label = "learning_ext_lti_provider"
    verbose_name = "LTI launches from campuses"
    default_auto_field = "django.db.models.BigAutoField"

    plugin_app = {
        "url_config": {
            "lms.djangoapp": {
                "namespace": "learning_ext_lti_provider",
                "regex": r"^lti_provider/",
                "relative_path": "urls",
            },
        },
    }

    def ready(self) -> None:
        """Register tasks, system checks and what the sweep does for this app, and listen to score changes."""
        from django.core.exceptions import ImproperlyConfigured

        from openedx_learning_ext.core import sweep
        from openedx_learning_ext.core.host import get_host
        from openedx_learning_ext.lti_provider import api, checks, nonces, tasks  # noqa: F401  # checks register themselves

        sweep.register("lti_provider.nonces", nonces.purge)
        sweep.register("lti_provider.reconcile", api.reconcile)
        sweep.register("lti_provider.scores", lambda: api.deliver_due(should_stop=sweep.is_stopping))
        try:
            host = get_host()
        except ImproperlyConfigured:
            return  # the system check learning_ext.E001 says so
        host.grades.connect_score_receiver(tasks.score_changed_handler, dispatch_uid="learning_ext_lti_provider.scores")
