"""What the apps answer as codes and addresses, in words for people."""

from __future__ import annotations

from django.utils.translation import gettext as _

from openedx_learning_ext.lti_consumer import api as lti_consumer


def configuration_problems(configuration: lti_consumer.LtiConfiguration) -> list[str]:
    """Return why a tool cannot be launched, a sentence each; nothing when it can."""
    return [str(lti_consumer.PROBLEM_TEXTS[code]) for code in lti_consumer.configuration_problems(configuration)]


def tool_name(configuration: lti_consumer.LtiConfiguration) -> str:
    """Return what a tool is called where people choose one: its address without the scheme."""
    address: str = configuration.lti_1p1_launch_url
    return (address.partition("://")[2] or address).rstrip("/") or _("A tool without an address")
