"""Default settings, given to the host in the plugin manager's stage ``common``: what the operator sets later wins."""

from types import ModuleType

from openedx_learning_ext.core import conf


def plugin_settings(settings: ModuleType) -> None:
    """Set what is not set yet. Calling it again changes nothing."""
    # URL patterns of the platform, which a host of another kind does not have.
    defaults = {
        "COURSE_KEY_PATTERN": conf.COURSE_ID_PATTERN.default.replace("<course_id>", "<course_key_string>"),
        "COURSE_ID_PATTERN": conf.COURSE_ID_PATTERN.default,
        "USAGE_KEY_PATTERN": r"(?P<usage_key_string>(?:i4x://?[^/]+/[^/]+/[^/]+/[^@]+(?:@[^/]+)?)|(?:[^/]+))",
        "USAGE_ID_PATTERN": r"(?P<usage_id>(?:i4x://?[^/]+/[^/]+/[^/]+/[^@]+(?:@[^/]+)?)|(?:[^/]+))",
    }
    for name, value in defaults.items():
        if not hasattr(settings, name):
            setattr(settings, name, value)
