"""The app takes the label that the platform's own has."""

from django.apps import AppConfig


class BuiltinLtiProviderConfig(AppConfig):
    name = "tests.doubles.builtin_lti_provider"
    label = "lti_provider"
    default_auto_field = "django.db.models.AutoField"
