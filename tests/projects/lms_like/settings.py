"""
Settings as the platform makes them: built-ins first, then the plugins from the installed entry points.

The tests choose a variant by environment variables: ``LMS_LIKE_PROJECT`` (lms, cms, or elsewhere for a site that is
neither), ``LMS_LIKE_BUILTINS`` (1 or 0), ``LMS_LIKE_DATABASE``, and ``LMS_LIKE_OVERRIDES``, a JSON object of settings
that the operator's file would hold.
"""

import json
import os

from edx_django_utils.plugins import add_plugins, get_plugin_apps

PROJECT = os.environ.get("LMS_LIKE_PROJECT", "lms")
PROJECT_TYPE = "cms.djangoapp" if PROJECT == "cms" else "lms.djangoapp"
ROOT_URLCONF = {"lms": "lms.urls", "cms": "cms.urls", "elsewhere": "lms_like.elsewhere_urls"}[PROJECT]

SECRET_KEY = "only for a test that starts a process and ends it"
DEBUG = False
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True
LOGIN_URL = "/login"
LMS_ROOT_URL = "https://lms.example.org"
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"  # the platform's

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("LMS_LIKE_DATABASE", ":memory:"),
        "ATOMIC_REQUESTS": True,
    }
}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "waffle",
]
if os.environ.get("LMS_LIKE_BUILTINS", "1") == "1":
    INSTALLED_APPS += [
        "lms.djangoapps.certificates",
        "lms.djangoapps.lti_provider",
        "openedx.core.djangoapps.course_live",
        "openedx.core.djangoapps.notifications",
        "lti_consumer",
    ]
INSTALLED_APPS += ["openedx.core.djangoapps.plugins"]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
OPENEDX_LEARNING_EXT_SECRET_KEYS = ["the one key of a host that is gone in a moment"]

# The stage "common" of the plugins ...
INSTALLED_APPS.extend(get_plugin_apps(PROJECT_TYPE))
add_plugins(__name__, PROJECT_TYPE, "common")

# ... then the operator's file ...
vars().update(json.loads(os.environ.get("LMS_LIKE_OVERRIDES", "{}")))

# ... then the stage "production".
add_plugins(__name__, PROJECT_TYPE, "production")
