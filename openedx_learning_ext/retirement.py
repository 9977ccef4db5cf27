"""When the platform retires a person, every app forgets them."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from openedx_learning_ext.core import privacy
from openedx_learning_ext.core.host import coexistence, get_host

log = logging.getLogger(__name__)


def connect() -> None:
    """
    Listen to the host's retirement signal; a second call changes nothing.

    Skipped where no host adapter fits or the configured one cannot be loaded: the system check says so.
    """
    try:
        host = get_host()
    except ImproperlyConfigured:
        return
    host.accounts.connect_retirement_receiver(forget_person, dispatch_uid="learning_ext.retirement")


def forget_person(*, user: Any, **kwargs: Any) -> None:
    """
    Call ``retire_user`` of every installed app of ours; a second time there is nothing left to do.

    Every app is tried before the first error is raised: it must reach the host, or the retirement would count as done.
    """
    first_error: Exception | None = None
    for app in coexistence.BUILTINS:
        if not apps.is_installed(f"openedx_learning_ext.{app}"):
            continue
        try:
            import_module(f"openedx_learning_ext.{app}.api").retire_user(user.pk)
        except Exception as error:  # noqa: BLE001  # raised below, once every app was tried
            facts = {"app": app, "user_id": user.pk, "error": type(error).__name__}
            log.error("retirement failed\n%s", privacy.trace_of(error), extra=facts)
            first_error = first_error or error
    if first_error is not None:
        raise first_error
