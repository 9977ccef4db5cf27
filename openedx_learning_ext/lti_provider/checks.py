"""System checks of this app."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from openedx_learning_ext.core import conf
from openedx_learning_ext.lti_provider import launch, users


@register("learning_ext")
def check_backend(**kwargs: Any) -> list[CheckMessage]:
    """``learning_ext_lti_provider.E001``: launched learners are forgotten at once: their backend is not listed."""
    try:
        is_needed = launch.is_enabled()
    except ImproperlyConfigured:  # no host: learning_ext.E001 says so
        is_needed = False
    if not is_needed or users.BACKEND in conf.AUTHENTICATION_BACKENDS():
        return []
    return [
        Error(
            f"{users.BACKEND} is not in AUTHENTICATION_BACKENDS: launched learners are forgotten at once.",
            hint="Our default settings add it; the site's own settings replace the list. Add it there.",
            id="learning_ext_lti_provider.E001",
        )
    ]
