"""System checks of this app, under the umbrella's tag: ``manage.py check --tag learning_ext``."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning, register

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.host import STANDALONE_ADAPTER, find_host_path


@register("learning_ext")
def check_outcome_address(**kwargs: Any) -> list[CheckMessage]:
    """``learning_ext_lti_consumer.W001``: tools are told to post grades over plain http."""
    base = conf.LTI_CONSUMER_BASE_URL() or conf.LMS_ROOT_URL() or ""
    if find_host_path() in (None, STANDALONE_ADAPTER) or not base.lower().startswith("http:"):
        return []
    return [
        Warning(
            "Tools are told to post grades to an address that is not https, so grades can be read on the way.",
            hint=f"Set {conf.LTI_CONSUMER_BASE_URL.name} to the https address of the site.",
            id="learning_ext_lti_consumer.W001",
        )
    ]
