"""Start the host of this folder, look at it, and print what was found as one JSON object."""

import json
import os

import django
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

COURSE = "course-v1:OpenedX+Demo+2026"
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
PATHS = {
    "health": "/api/learning_ext/health/",
    "placements": f"/api/learning_ext/lti_consumer/v1/courses/{COURSE}/placements/",
    "outcomes": f"/api/learning_ext/lti_consumer/v1/outcomes/{UUID}/",
    "launch": f"/api/learning_ext/lti_provider/v1/courses/{COURSE}/block",
    "platform certificates": f"/certificates/{UUID}",
    "platform lti_provider": f"/lti_provider/courses/{COURSE}/block",
    "platform course_live": f"/api/course_live/course/{COURSE}/",
    "platform notifications": "/api/notifications/count/",
}
NAMES = {
    "learning_ext:health": [],
    "learning_ext:lti_consumer:placements": [COURSE],
    "learning_ext:lti_consumer:outcomes": [UUID],
}


def who_answers(path):
    """Name the built-in, or the module of ours, that a path leads to."""
    try:
        match = resolve(path)
    except Resolver404:
        return None
    return getattr(match.func, "built_in", None) or match.func.__module__


def address(name, arguments):
    """Answer the path of a URL name, or nothing."""
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return None


def look():
    """Everything the tests ask about."""
    from openedx_learning_ext.core.host import coexistence

    call_command("migrate", verbosity=0, run_syncdb=True)
    ours = ("notifications", "course_live", "lti_provider", "lti_consumer", "certificates")
    return {
        "labels": {config.label: config.name for config in apps.get_app_configs()},
        "checks": [message.id for message in run_checks(databases=["default"])],
        "tables": connection.introspection.table_names(),
        "answers": {label: who_answers(path) for label, path in PATHS.items()},
        "addresses": {name: address(name, arguments) for name, arguments in NAMES.items()},
        "backends": list(settings.AUTHENTICATION_BACKENDS),
        "has_builtin": [app for app in ours if coexistence.has_builtin(app)],
        "serves": [app for app in ours if coexistence.serves_platform_paths(app)],
        "acts": [app for app in ours if coexistence.acts(app)],
    }


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "lms_like.settings"
    django.setup()
    print(json.dumps(look()))
