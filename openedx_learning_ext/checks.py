"""System checks over all apps: ``manage.py check --tag learning_ext``."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.host import STANDALONE_ADAPTER, find_host_path, get_host

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


@register(TAG)
def check_ways_out(**kwargs: Any) -> list[CheckMessage]:
    """``learning_ext.W002``: messages may go to this machine itself or without TLS, outside of the default host."""
    if find_host_path() == STANDALONE_ADAPTER:
        return []
    found: list[CheckMessage] = []
    if _is_loopback_open():
        found.append(
            Warning(
                f"{conf.OUTBOUND_ALLOWED_NETWORKS.name} lets messages go to this machine itself: whoever names an "
                "address for them can reach what listens here for nobody else.",
                hint="Name the network of the campus alone.",
                id="learning_ext.W002",
            )
        )
    if conf.LTI_OUTCOME_SERVICE_ALLOW_HTTP():
        found.append(
            Warning(
                f"{conf.LTI_OUTCOME_SERVICE_ALLOW_HTTP.name} lets scores go without TLS: anybody on the way can read "
                "them.",
                hint=f"Have the campus offer https, and take {conf.LTI_OUTCOME_SERVICE_ALLOW_HTTP.name} out.",
                id="learning_ext.W002",
            )
        )
    return found


def _is_loopback_open() -> bool:
    if conf.OUTBOUND_ALLOWED_NETWORKS.problem():
        return False  # learning_ext.E002 says so
    allowed = [ip_network(network) for network in conf.OUTBOUND_ALLOWED_NETWORKS()]
    loopback = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    return any(one.version == other.version and one.overlaps(other) for one in allowed for other in loopback)
