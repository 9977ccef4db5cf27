"""System checks over all apps: ``manage.py check --tag learning_ext``."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.host import get_host

TAG = "learning_ext"


@register(TAG)
def check_host(**kwargs: Any) -> list[CheckMessage]:
    """``learning_ext.E001``: no host adapter fits, or it cannot be loaded."""
    try:
        get_host()
    except ImproperlyConfigured as error:
        return [
            Error(
                str(error),
                hint=f"Set {conf.HOST.name} to the dotted path of a host adapter.",
                id="learning_ext.E001",
            )
        ]
    return []


@register(TAG)
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """``learning_ext.E002``: a setting of ours has a value that means nothing."""
    return [
        Error(f"{setting.name} {problem}.", hint=setting.sentence, id="learning_ext.E002")
        for setting in conf.all_settings()
        if setting.owner == "us" and (problem := setting.problem())
    ]


@register(TAG)
def check_secret_keys(**kwargs: Any) -> list[CheckMessage]:
    """``learning_ext.W001``: secrets at rest hang on SECRET_KEY, so changing that would lose them."""
    if conf.SECRET_KEYS():
        return []
    return [
        Warning(
            f"{conf.SECRET_KEYS.name} is empty: tool and consumer secrets are encrypted with a key derived from "
            "SECRET_KEY and become unreadable when that changes.",
            hint=f"Set {conf.SECRET_KEYS.name} to a list with one long random text, then run "
            "'manage.py learning_ext_rotate_secrets'.",
            id="learning_ext.W001",
        )
    ]
