"""What the apps answer as codes and addresses, in words for people."""

from __future__ import annotations

from django.utils.translation import gettext as _

from openedx_learning_ext.lti_consumer import api as lti_consumer

#: Stands for a secret that is there: its length tells nothing.
MASK = "••••"


def configuration_problems(configuration: lti_consumer.LtiConfiguration) -> list[str]:
    """Return why a tool cannot be launched, a sentence each; nothing when it can."""
    return [str(lti_consumer.PROBLEM_TEXTS[code]) for code in lti_consumer.configuration_problems(configuration)]


def tool_name(configuration: lti_consumer.LtiConfiguration) -> str:
    """Return what a tool is called where people choose one: its launch URL without the scheme, and its consumer key."""
    url: str = configuration.lti_1p1_launch_url
    name = (url.partition("://")[2] or url).rstrip("/") or _("A tool without a launch URL")
    # Two groups of one course often have a key each at the same tool.
    return f"{name} · {configuration.lti_1p1_client_key}" if configuration.lti_1p1_client_key else name


def shared_secret(configuration: lti_consumer.LtiConfiguration) -> str:
    """Return what is shown in the place of a tool's shared secret, never the secret."""
    words = {
        "set": MASK,
        "unset": _("Not set"),
        "unreadable": _("Unreadable: enter it again"),
    }
    return words[lti_consumer.secret_state(configuration)]


def shared_secret_help(configuration: lti_consumer.LtiConfiguration | None) -> str:
    """Return what a form says beside the field of the shared secret; ``None`` stands for a new tool."""
    state = "unset" if configuration is None else lti_consumer.secret_state(configuration)
    if state == "set":
        return _("Now: %(mask)s. Leave this empty to keep it; it is never shown again.") % {"mask": MASK}
    if state == "unreadable":
        return _("The stored shared secret cannot be read any more: the encryption key has changed. Enter it again.")
    return _("Now: Not set. It is kept encrypted and never shown again.")
