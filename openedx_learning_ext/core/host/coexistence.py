"""
Which built-in apps of the platform stand beside ours, who serves the platform's paths, and who acts.

The questions are asked late (in ``ready()``, in ``urls.py``, in a receiver), never in a class body: before the app
registry is complete the answer would be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.apps import apps

from openedx_learning_ext.core import conf

#: Our app -> ``AppConfig.name`` of the platform's app of that purpose. ``lti_consumer`` serves no path of the platform.
BUILTINS: Mapping[str, str | None] = {
    "notifications": "openedx.core.djangoapps.notifications",
    "course_live": "openedx.core.djangoapps.course_live",
    "lti_provider": "lms.djangoapps.lti_provider",
    "lti_consumer": None,
    "certificates": "lms.djangoapps.certificates",
}

#: Apps that do something in Studio; others of ours are there for their tables only.
STUDIO_APPS = ("notifications", "course_live")


def in_studio() -> bool:
    """Tell whether this process is Studio (the platform's CMS)."""
    return conf.ROOT_URLCONF() == "cms.urls"


def platform_path_mode(app: str) -> str:
    """Return ``"auto"``, ``"always"`` or ``"never"`` for one app. Raises ``KeyError`` for an app that is not ours."""
    if app not in BUILTINS:
        raise KeyError(app)
    value = conf.SERVE_PLATFORM_PATHS()
    return value.get(app, "auto") if isinstance(value, Mapping) else value


def has_builtin(app: str) -> bool:
    """Tell whether the platform's own app of this purpose is installed. Raises ``KeyError`` for an app not ours."""
    name = BUILTINS[app]
    return name is not None and apps.is_installed(name)


def serves_platform_paths(app: str) -> bool:
    """Tell whether our app answers the platform's own paths. Raises ``KeyError`` for an app that is not ours."""
    mode = platform_path_mode(app)
    return mode == "always" or (mode == "auto" and not has_builtin(app))


def acts(app: str) -> bool:
    """
    Tell whether our app does the work where doing it twice would hurt.

    We do, unless the built-in is installed and the operator did not say ``"always"``. So ``"never"`` without a
    built-in acts, under our own prefix only. Raises ``KeyError`` for an app that is not ours.
    """
    return platform_path_mode(app) == "always" or not has_builtin(app)


def describe() -> tuple[list[str], list[str]]:
    """
    Return the names of our installed apps that act, and of those that stand aside for a built-in.

    An app that is in Studio for its tables only does neither there.
    """
    here = STUDIO_APPS if in_studio() else tuple(BUILTINS)
    ours = [app for app in here if apps.is_installed(f"openedx_learning_ext.{app}")]
    return [app for app in ours if acts(app)], [app for app in ours if not acts(app)]
