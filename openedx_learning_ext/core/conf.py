"""
The one place that reads Django settings: name, default, check and one sentence each.

A setting is read when it is used, never at import, so that ``override_settings`` works::

    from openedx_learning_ext.core import conf

    window = conf.LTI_CONSUMER_WINDOW_SECONDS()

Ours are flat names with the prefix ``OPENEDX_LEARNING_EXT_``. Names that the platform owns are read where they exist
and never assigned. ``docs/references/settings.rst`` is generated from the declarations below.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
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


def has_feature(name: str, *, default: bool) -> bool:
    """Return a switch of the platform: the setting of this name, in older releases its place in ``FEATURES``."""
    value = getattr(settings, name, _UNSET)
    if value is _UNSET:
        value = (getattr(settings, "FEATURES", None) or {}).get(name, default)
    return bool(value)


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

# -- core.delivery -----------------------------------------------------------------------------------------------------


def _is_schedule(value: Any) -> str | None:
    if isinstance(value, (list, tuple)) and value and all(_is_number(step) and step >= 1 for step in value):
        return None
    return "must be a list of seconds, each 1 or more"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_time_scale(value: Any) -> str | None:
    if not _is_number(value) or not 0 < value <= 1:
        return "must be a number above 0, at most 1"
    return None if value == 1 or TESTING() else "is for tests only"


TESTING: Setting[bool] = Setting(
    "OPENEDX_LEARNING_EXT_TESTING", False, "Set by the tests of this library alone: fault points work.", _is_bool
)
DELIVERY_TIME_SCALE: Setting[float] = Setting(
    "OPENEDX_LEARNING_EXT_DELIVERY_TIME_SCALE",
    1,
    "By how much the tests shorten schedule, rests and leases of deliveries, all together; 1 everywhere else.",
    _is_time_scale,
)
DELIVERY_RETRY_SCHEDULE: Setting[Sequence[float]] = Setting(
    "OPENEDX_LEARNING_EXT_DELIVERY_RETRY_SCHEDULE",
    (5, 30, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 24 * 3600, 24 * 3600),
    "Seconds from each attempt of a delivery to the next; after the last one it is parked.",
    _is_schedule,
)
DELIVERY_IN_FLIGHT_PER_DESTINATION: Setting[int] = Setting(
    "OPENEDX_LEARNING_EXT_DELIVERY_IN_FLIGHT_PER_DESTINATION",
    4,
    "How many workers may be sending to one destination at a time.",
    _whole_number(1, 100),
)
DELIVERY_BELL: Setting[bool] = Setting(
    "OPENEDX_LEARNING_EXT_DELIVERY_BELL",
    True,
    "Whether a change has its delivery begun at once by a Celery task; else the sweep begins it.",
    _is_bool,
)

# -- core.delivery.http ------------------------------------------------------------------------------------------------


def _is_network_list(value: Any) -> str | None:
    if not isinstance(value, (list, tuple)) or not all(isinstance(network, str) for network in value):
        return "must be a list of networks as texts"
    try:
        for network in value:
            ip_network(network)
    except ValueError:
        return 'has an entry that is no network such as "10.1.0.0/16"'
    return None


def _is_port_list(value: Any) -> str | None:
    is_port = _whole_number(1, 65_535)
    if isinstance(value, (list, tuple)) and all(is_port(port) is None for port in value):
        return None
    return "must be a list of port numbers"


def _is_file_or_none(value: Any) -> str | None:
    return None if value is None or (isinstance(value, str) and os.path.isfile(value)) else "must be a file, or None"


def _is_text_list_or_none(value: Any) -> str | None:
    if value is None or (isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)):
        return None
    return "must be a list of texts, or None"


def _is_timeout(value: Any) -> str | None:
    return None if _is_number(value) and value > 0 else "must be a number of seconds above 0"


def _is_exchange_limit(value: Any) -> str | None:
    return None if _is_number(value) and 0 < value <= 15 else "must be a number of seconds above 0, at most 15"


OUTBOUND_ALLOWED_NETWORKS: Setting[Sequence[str]] = Setting(
    "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS",
    [],
    "Networks (CIDR) that messages may be sent to although they are not public, such as the one of a campus.",
    _is_network_list,
)
OUTBOUND_ALLOWED_PORTS: Setting[Sequence[int]] = Setting(
    "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_PORTS",
    [],
    "The only ports that messages may be sent to; an empty list allows any.",
    _is_port_list,
)
OUTBOUND_CA_FILE: Setting[str | None] = Setting(
    "OPENEDX_LEARNING_EXT_OUTBOUND_CA_FILE",
    None,
    "A file (PEM) of certificate authorities that are trusted beside those of the system, such as the one of a campus.",
    _is_file_or_none,
)
DELIVERY_EXCHANGE_SECONDS: Setting[float] = Setting(
    "OPENEDX_LEARNING_EXT_DELIVERY_EXCHANGE_SECONDS",
    15,
    "How long name look-up, connection, TLS, message and answer may take together; leases count on at most 15.",
    _is_exchange_limit,
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

# -- lti_provider: launches --------------------------------------------------------------------------------------------

LTI_PROVIDER_CHECK_REPLAY: Setting[bool] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_CHECK_REPLAY",
    True,
    "Whether a launch is good once; False also lets a form in that was posted before, within the window.",
    _is_bool,
)
LTI_PROVIDER_LAUNCH_BASE_URL: Setting[str | None] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_LAUNCH_BASE_URL",
    None,
    "Scheme and host for which campuses sign their launches, where a proxy hides it; the request's own is tried too.",
    _is_origin_or_none,
)
LTI_PROVIDER_ALLOW_HMAC_SHA256: Setting[bool] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_ALLOW_HMAC_SHA256",
    False,
    "Whether launches may be signed with HMAC-SHA256 beside HMAC-SHA1.",
    _is_bool,
)
LTI_PROVIDER_FAILED_LAUNCH_RATE_LIMIT: Setting[str | None] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_FAILED_LAUNCH_RATE_LIMIT",
    "60/m",
    "How many incomplete or unauthentic launches one address may send before it is answered 429.",
    _is_rate_or_none,
)
LTI_PROVIDER_SHOW_GRADE_STATE: Setting[bool] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_SHOW_GRADE_STATE",
    True,
    "Whether a launched page gets our line that says whether the campus has the grade.",
    _is_bool,
)

LTI_PROVIDER_LEAF_DELAY_SECONDS: Setting[float] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_LEAF_DELAY_SECONDS",
    0,
    "How long a changed score of one exercise waits for a newer one before it is sent to the campus.",
    lambda value: None if _is_number(value) and 0 <= value <= 5 else "must be a number from 0 to 5",
)
LTI_PROVIDER_RECONCILE_HOURS: Setting[int] = Setting(
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_RECONCILE_HOURS",
    48,
    "For how long after a launch or a change the sweep compares a grade with the host's.",
    _whole_number(1, 24 * 365),
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
LTI_AGGREGATE_SCORE_PASSBACK_DELAY: Setting[float] = Setting(
    "LTI_AGGREGATE_SCORE_PASSBACK_DELAY",
    900,
    "How many seconds the score of a part of a course waits for further changes before it is sent.",
    lambda value: None if _is_number(value) and value >= 0 else "must be a number of seconds",
    owner="platform",
)
PLATFORM_NAME: Setting[str] = Setting(
    "PLATFORM_NAME", "Open edX", "The name of the site, told to tools.", _is_text, owner="platform"
)
LTI_OUTCOME_SERVICE_ALLOWED_HOSTS: Setting[Sequence[str] | None] = Setting(
    "LTI_OUTCOME_SERVICE_ALLOWED_HOSTS",
    None,
    "Hosts that scores may be sent to, those below them included; none named allows any public one.",
    _is_text_list_or_none,
    owner="platform",
)
LTI_OUTCOME_SERVICE_ALLOW_HTTP: Setting[bool] = Setting(
    "LTI_OUTCOME_SERVICE_ALLOW_HTTP", False, "Whether scores may be sent without TLS.", _is_bool, owner="platform"
)
LTI_OUTCOME_SERVICE_TIMEOUT: Setting[float] = Setting(
    "LTI_OUTCOME_SERVICE_TIMEOUT",
    5,
    "For how many seconds one read of a campus's answer to a score may keep silent.",
    _is_timeout,
    owner="platform",
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
USAGE_ID_PATTERN: Setting[str] = Setting(
    "USAGE_ID_PATTERN",
    r"(?P<usage_id>(?:i4x://?[^/]+/[^/]+/[^/]+/[^@]+(?:@[^/]+)?)|(?:[^/]+))",
    "How a block's key looks in a path (group usage_id).",
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
LTI_NONCE_WINDOW_SECONDS: Setting[int] = Setting(
    "LTI_NONCE_WINDOW_SECONDS",
    300,
    "How old the timestamp of a launch may be.",
    _whole_number(1, 86_400),
    owner="platform",
)
LTI_USER_EMAIL_DOMAIN: Setting[str] = Setting(
    "LTI_USER_EMAIL_DOMAIN",
    "lti.example.com",
    "The domain of the addresses that accounts made by launches are given.",
    _is_text,
    owner="platform",
)
LTI_CUSTOM_PARAMS: Setting[Sequence[str]] = Setting(
    "LTI_CUSTOM_PARAMS",
    (),
    "Names of further launch parameters to hand on with the launch event.",
    lambda value: None,
    owner="platform",
)
AUTHENTICATION_BACKENDS: Setting[Sequence[str]] = Setting(
    "AUTHENTICATION_BACKENDS",
    (),
    "Who may sign people in, and keep them signed in.",
    lambda value: None,
    owner="django",
)
