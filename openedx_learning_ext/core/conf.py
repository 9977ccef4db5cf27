"""
The one place that reads Django settings: name, default, check and one sentence each.

A setting is read when it is used, never at import, so that ``override_settings`` works::

    from openedx_learning_ext.core import conf

    window = conf.LTI_CONSUMER_WINDOW_SECONDS()

Ours are flat names with the prefix ``OPENEDX_LEARNING_EXT_``. Names that the platform owns are read where they exist
and never assigned. ``docs/references/settings.rst`` is generated from the declarations below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from django.conf import settings

T = TypeVar("T")

#: What a check answers: a sentence about what is wrong, or ``None``.
Check = Callable[[Any], str | None]

_UNSET = object()


class Setting(Generic[T]):
    """One setting. Calling it answers its value now; ``problem()`` says what is wrong with that value, if anything."""

    registry: dict[str, Setting[Any]] = {}

    def __init__(self, name: str, default: T, sentence: str, check: Check, *, owner: str = "us") -> None:
        """Declare a setting; ``owner`` is ``"us"``, ``"platform"`` or ``"django"``."""
        self.name = name
        self.default = default
        self.sentence = sentence
        self.check = check
        self.owner = owner
        self.registry[name] = self

    def __call__(self) -> T:
        """Return the host's value, or the default."""
        value = getattr(settings, self.name, _UNSET)
        return self.default if value is _UNSET else value  # type: ignore[return-value]

    def problem(self) -> str | None:
        """Return what is wrong with the value, in words that do not quote it, or ``None``."""
        return self.check(self())

    def __repr__(self) -> str:
        """Show the name alone: the value may be a secret."""
        return f"<Setting {self.name}>"


def all_settings() -> list[Setting[Any]]:
    """Return every declared setting, by name."""
    return [Setting.registry[name] for name in sorted(Setting.registry)]


# -- checks ------------------------------------------------------------------------------------------------------------


def _is_bool(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be True or False"


def _is_text(value: Any) -> str | None:
    return None if isinstance(value, str) else "must be a text"


def _is_text_or_none(value: Any) -> str | None:
    return None if value is None or isinstance(value, str) else "must be a text or None"


def _is_dotted_path_or_none(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and re.fullmatch(r"\w+(\.\w+)+", value)):
        return None
    return "must be the dotted path of a class, or None"


def _whole_number(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            return f"must be a whole number from {low} to {high}"
        return None

    return check


def _is_rate_or_none(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and re.fullmatch(r"[1-9]\d{0,8}/[smhd]", value)):
        return None
    return 'must be a number and a span such as "60/m" (s, m, h or d), or None for no limit'


def _is_origin_or_none(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            parts = urlsplit(value)
        except ValueError:
            return "is no URL"
        extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
        if parts.scheme in ("http", "https") and parts.hostname and not extra:
            return None
    return "must be an http(s) scheme and host without a path, or None"


APPS = ("notifications", "course_live", "lti_provider", "lti_consumer", "certificates")
PLATFORM_PATH_MODES = ("auto", "always", "never")


def _is_platform_paths(value: Any) -> str | None:
    if isinstance(value, Mapping):
        if unknown := sorted(str(key) for key in value if key not in APPS):
            return f"names {', '.join(unknown)}; the apps are {', '.join(APPS)}"
        modes = list(value.values())
    else:
        modes = [value]
    if all(mode in PLATFORM_PATH_MODES for mode in modes):
        return None
    return f"must be one of {', '.join(PLATFORM_PATH_MODES)}, or a dict from app to one of them"


def _is_key_list(value: Any) -> str | None:
    if not isinstance(value, (list, tuple)) or not all(isinstance(key, str) for key in value):
        return "must be a list of texts"
    if any(len(key) < 16 for key in value):
        return "has a key of fewer than 16 characters"
    return None


# -- settings of ours that concern all apps ----------------------------------------------------------------------------

HOST: Setting[str | None] = Setting(
    "OPENEDX_LEARNING_EXT_HOST",
    None,
    "Dotted path of the adapter to the host; None chooses by what is running: the platform or the default host.",
    _is_dotted_path_or_none,
)
SERVE_PLATFORM_PATHS: Setting[str | Mapping[str, str]] = Setting(
    "OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS",
    "auto",
    'Whether our apps answer the platform\'s own paths: "auto" where the platform has no built-in of that name, '
    '"always", "never", or a dict from app to one of these (an app not named is "auto").',
    _is_platform_paths,
)
SECRET_KEYS: Setting[list[str]] = Setting(
    "OPENEDX_LEARNING_EXT_SECRET_KEYS",
    [],
    "Keys for secrets at rest: the first encrypts, all decrypt, and so does one derived from SECRET_KEY; that one "
    "encrypts while the list is empty (with a warning).",
    _is_key_list,
)

# -- lti_consumer ------------------------------------------------------------------------------------------------------

LTI_CONSUMER_BASE_URL: Setting[str | None] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_BASE_URL",
    None,
    "Scheme and host under which tools reach this site; None takes LMS_ROOT_URL, and without that the request's own.",
    _is_origin_or_none,
)
LTI_CONSUMER_WINDOW_SECONDS: Setting[int] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_WINDOW_SECONDS",
    5400,
    "How old the timestamp of an inbound outcome message may be.",
    _whole_number(1, 86_400),
)
LTI_CONSUMER_ALLOW_HMAC_SHA256: Setting[bool] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_ALLOW_HMAC_SHA256",
    False,
    "Whether inbound outcome messages may be signed with HMAC-SHA256 beside HMAC-SHA1.",
    _is_bool,
)
LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT: Setting[str | None] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT",
    "60/m",
    "How many unreadable or unauthentic outcome messages one address may send before it is answered 429.",
    _is_rate_or_none,
)

# -- names of the platform and of Django that we read and never assign -------------------------------------------------

LMS_ROOT_URL: Setting[str | None] = Setting(
    "LMS_ROOT_URL", None, "Where the LMS answers.", _is_text_or_none, owner="platform"
)
LEARNING_MICROFRONTEND_URL: Setting[str | None] = Setting(
    "LEARNING_MICROFRONTEND_URL",
    None,
    "Where the learning front end is served; it may frame our launch pages.",
    _is_text_or_none,
    owner="platform",
)
PLATFORM_NAME: Setting[str] = Setting(
    "PLATFORM_NAME", "Open edX", "The name of the site, told to tools.", _is_text, owner="platform"
)
ROOT_URLCONF: Setting[str] = Setting(
    "ROOT_URLCONF", "", "Tells the LMS (lms.urls) from Studio (cms.urls).", _is_text, owner="django"
)
COURSE_ID_PATTERN: Setting[str] = Setting(
    "COURSE_ID_PATTERN",
    r"(?P<course_id>[^/+]+(/|\+)[^/+]+(/|\+)[^/?]+)",
    "How a course key looks in a path (group course_id).",
    _is_text,
    owner="platform",
)
LOGIN_URL: Setting[str] = Setting("LOGIN_URL", "/login/", "Where people sign in.", _is_text, owner="django")
SECRET_KEY: Setting[str] = Setting("SECRET_KEY", "", "The root of derived keys.", _is_text, owner="django")
SECRET_KEY_FALLBACKS: Setting[list[str]] = Setting(
    "SECRET_KEY_FALLBACKS", [], "Former SECRET_KEYs, still good for reading.", lambda value: None, owner="django"
)
SECURE_PROXY_SSL_HEADER: Setting[Any] = Setting(
    "SECURE_PROXY_SSL_HEADER",
    None,
    "The header by which a trusted proxy tells the scheme.",
    lambda value: None,
    owner="django",
)
