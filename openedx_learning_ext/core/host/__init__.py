"""
The border to the host. ``get_host()`` answers the adapter; ``ports`` says what may be asked.

The adapter is built on first use, never in ``ready()``: a site whose host does not fit still starts, and the system
check ``learning_ext.E001`` says what is wrong.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from openedx_learning_ext.core import conf

if TYPE_CHECKING:
    from openedx_learning_ext.core.host.ports import Host

PLATFORM_ADAPTER = "openedx_learning_ext.core.host.openedx.OpenedxHost"
# Known by its path only: the default host stands above this package.
STANDALONE_ADAPTER = "openedx_learning_ext.standalone.host.StandaloneHost"


def find_host_path() -> str | None:
    """Return the dotted path of the adapter that fits this site, or ``None``."""
    if configured := conf.HOST():
        return configured
    if conf.ROOT_URLCONF() in ("lms.urls", "cms.urls"):
        return PLATFORM_ADAPTER
    if apps.is_installed("openedx_learning_ext.standalone"):
        return STANDALONE_ADAPTER
    return None


@cache
def get_host() -> Host:
    """
    Return the adapter to the host, the same object each time.

    Raises:
        ImproperlyConfigured: no adapter fits, or the configured one cannot be loaded; the text names the setting.
    """
    path = find_host_path()
    if path is None:
        raise ImproperlyConfigured(
            f"{conf.HOST.name} is not set, and neither the Open edX platform nor the default host is running."
        )
    try:
        adapter = import_string(path) if isinstance(path, str) else None
    except ImportError as error:
        raise ImproperlyConfigured(f"{conf.HOST.name}: the host adapter {path} cannot be imported.") from error
    if not isinstance(adapter, type):
        raise ImproperlyConfigured(f"{conf.HOST.name} must be the dotted path of a class.")
    try:
        host: Host = adapter()
    except TypeError as error:
        raise ImproperlyConfigured(f"{conf.HOST.name}: the host adapter {path} cannot be built.") from error
    return host


def _forget_host(*, setting: str, **kwargs: Any) -> None:
    if setting in (conf.HOST.name, conf.ROOT_URLCONF.name, "INSTALLED_APPS"):
        get_host.cache_clear()


setting_changed.connect(_forget_host, dispatch_uid="openedx_learning_ext.core.host.forget")
