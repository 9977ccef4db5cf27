"""
Settings of the default host: a small Django project that looks to plugins like the LMS.

What lives on disk lives in one folder (``LEARNING_EXT_DATA``, default ``./var``): the database, the two keys that are
made on first use, and the log of analytics events. Deleting the folder resets everything. Nothing else is written.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from edx_django_utils.plugins import add_plugins, get_plugin_apps

BASE_DIR = Path(__file__).resolve().parent
DATA_DIR = Path(os.environ.get("LEARNING_EXT_DATA") or "var").resolve()


def _make_data_folder() -> None:
    try:
        DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder (LEARNING_EXT_DATA) cannot be made at {DATA_DIR}: {error.strerror}."
        ) from error


def _kept_key(name: str) -> str:
    """Return the key of this name, making it on first use; two processes that start together get the same one."""
    path = DATA_DIR / name
    if not path.exists():
        descriptor, unfinished = tempfile.mkstemp(dir=DATA_DIR)  # mode 600 from the first byte on
        try:
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(64))
            os.link(unfinished, path)
        except FileExistsError:
            pass  # another process was first: its key counts
        finally:
            os.unlink(unfinished)
    return path.read_text(encoding="ascii").strip()


_make_data_folder()
SECRET_KEY = _kept_key("secret_key")
OPENEDX_LEARNING_EXT_SECRET_KEYS = [_kept_key("encryption_key")]

DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"

# -- where it answers --------------------------------------------------------------------------------------------------

LMS_ROOT_URL = (os.environ.get("LEARNING_EXT_PUBLIC_URL") or "http://127.0.0.1:8000").rstrip("/")
_public = urlsplit(LMS_ROOT_URL)
if _public.scheme not in ("http", "https") or not _public.hostname:
    raise ImproperlyConfigured("LEARNING_EXT_PUBLIC_URL must be an absolute http or https URL.")
_is_https = _public.scheme == "https"

SITE_NAME = _public.netloc
PLATFORM_NAME = "Learning extensions demo"
ALLOWED_HOSTS = sorted({_public.hostname, "127.0.0.1", "localhost", "[::1]"})
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]

ROOT_URLCONF = "openedx_learning_ext.standalone.urls"
WSGI_APPLICATION = "openedx_learning_ext.standalone.wsgi.application"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
CSRF_FAILURE_VIEW = "openedx_learning_ext.standalone.views.errors.csrf_failure"

# -- what runs ---------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "waffle",
    "rest_framework",
    "eventtracking.django.apps.EventTrackingConfig",
    "openedx_events",
    "openedx_learning_ext.standalone",
]

MIDDLEWARE = [
    "edx_django_utils.cache.middleware.RequestCacheMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "openedx_learning_ext.standalone.middleware.ContentSecurityPolicyMiddleware",
    "openedx_learning_ext.standalone.middleware.OneAddressMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "crum.CurrentRequestUserMiddleware",
    "waffle.middleware.WaffleMiddleware",
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
                "openedx_learning_ext.standalone.context.site",
            ],
        },
    },
]

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True

# -- where it keeps things ---------------------------------------------------------------------------------------------

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "db.sqlite3",
        "OPTIONS": {
            # Readers never wait for the writer, and a transaction that will write takes its turn at the start:
            # otherwise two of them that read first and write then refuse each other at once, whatever the timeout.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "default"},
    # Where the demonstration tool remembers nonces and launches. Apart, so that a busy host cannot push a nonce out.
    "learning_ext_tool": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "learning_ext_tool",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}

# Tasks run at once, in the process that starts them: there is no broker.
CELERY_TASK_ALWAYS_EAGER = True
CELERY_BROKER_URL = "memory://localhost"  # never used, but Celery warns where it has no host to look for

# -- security ----------------------------------------------------------------------------------------------------------

# The demo's accounts have their names as passwords. Whoever changes one gets Django's ordinary rules.
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# The campus and the tool of the demonstration answer on this machine, without TLS.
LTI_OUTCOME_SERVICE_ALLOW_HTTP = True
OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]

# -- campuses ----------------------------------------------------------------------------------------------------------

ENABLE_LTI_PROVIDER = True

# -- the API -----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "edx_rest_framework_extensions.auth.jwt.authentication.JwtAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
# The same at every address: a token is often made by a command that does not know at which port the site is served.
LEARNING_EXT_JWT_ISSUER = {"ISSUER": "learning-ext-host", "AUDIENCE": "learning-ext", "SECRET_KEY": SECRET_KEY}
JWT_AUTH = {
    "JWT_ALGORITHM": "HS256",
    "JWT_AUTH_HEADER_PREFIX": "JWT",
    "JWT_ISSUER": LEARNING_EXT_JWT_ISSUER["ISSUER"],
    "JWT_AUDIENCE": LEARNING_EXT_JWT_ISSUER["AUDIENCE"],
    "JWT_SECRET_KEY": LEARNING_EXT_JWT_ISSUER["SECRET_KEY"],
    "JWT_ISSUERS": [LEARNING_EXT_JWT_ISSUER],
    "JWT_VERIFY_EXPIRATION": True,
    "JWT_VERIFY_AUDIENCE": True,
    "JWT_LEEWAY": 1,
    "JWT_DECODE_HANDLER": "openedx_learning_ext.standalone.tokens.read_token",
}
# A token says who somebody is; it changes nothing about them.
EDX_DRF_EXTENSIONS: dict[str, dict[str, str]] = {"JWT_PAYLOAD_USER_ATTRIBUTE_MAPPING": {}}

# -- what is written down ----------------------------------------------------------------------------------------------

OPENEDX_TELEMETRY: list[str] = []  # the default is a service that is not installed, and the log would say so
EVENT_TRACKING_ENABLED = True
EVENT_TRACKING_BACKENDS = {
    "logger": {
        "ENGINE": "eventtracking.backends.logger.LoggerBackend",
        "OPTIONS": {"name": "tracking", "max_event_size": 50_000},
    },
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "tracking": {"class": "logging.FileHandler", "filename": DATA_DIR / "tracking.log", "delay": True},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "openedx_learning_ext": {"level": os.environ.get("LEARNING_EXT_LOG_LEVEL", "INFO")},
        # Names every event; what happened stands in the tracking log and in the pages.
        "openedx_learning_ext.standalone.host": {"level": "WARNING"},
        # The same answers stand in the access log of whoever serves this; only errors of ours are news.
        "django.request": {"level": "ERROR"},
        # Whoever comes by a name that is not ours is told so; strangers must not fill the log.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # It would write down whom it signs for, and the signature.
        "oauthlib": {"level": "WARNING"},
        "requests_oauthlib": {"level": "WARNING"},
        "tracking": {"handlers": ["tracking"], "level": "INFO", "propagate": False},
    },
}

# -- plugins: last, and directly after each other, as in the platform's own settings -----------------------------------

INSTALLED_APPS.extend(get_plugin_apps("lms.djangoapp"))
add_plugins(__name__, "lms.djangoapp", "common")
