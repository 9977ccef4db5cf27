"""Installs the app and makes its tables, inside the transaction of one test."""

from django.apps import apps
from django.db import connection

APP = "tests.doubles.builtin_lti_provider.apps.BuiltinLtiProviderConfig"


def install(settings):
    """Return the app's models by name, their tables made; pytest-django's ``settings`` takes the app out again."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, APP]
    models = {model.__name__: model for model in apps.get_app_config("lti_provider").get_models()}
    # Not as a context manager: that switches foreign keys off, which SQLite cannot inside a transaction.
    editor = connection.SchemaEditorClass(connection)
    editor.deferred_sql = []
    with connection.cursor() as cursor:
        for model in models.values():
            sql, parameters = editor.table_sql(model)
            cursor.execute(sql, parameters or None)
    return models
