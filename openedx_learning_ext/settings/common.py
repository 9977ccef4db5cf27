"""Default settings, given to the host in the plugin manager's stage ``common``: what the operator sets later wins."""

from types import ModuleType

from openedx_learning_ext.core import conf

#: Known by its path only: no app can be imported while settings are made.
LTI_BACKEND = "openedx_learning_ext.lti_provider.users.LtiBackend"


def plugin_settings(settings: ModuleType) -> None:
    """Set what is not set yet, and list the backend of LTI launches in the LMS. Calling it again changes nothing."""
    # URL patterns of the platform, which a host of another kind does not have.
    defaults = {
        "COURSE_KEY_PATTERN": conf.COURSE_ID_PATTERN.default.replace("<course_id>", "<course_key_string>"),
        "COURSE_ID_PATTERN": conf.COURSE_ID_PATTERN.default,
        "USAGE_KEY_PATTERN": conf.USAGE_ID_PATTERN.default.replace("<usage_id>", "<usage_key_string>"),
        "USAGE_ID_PATTERN": conf.USAGE_ID_PATTERN.default,
    }
    for name, value in defaults.items():
        if not hasattr(settings, name):
            setattr(settings, name, value)
    if getattr(settings, "ROOT_URLCONF", None) != "cms.urls":
        _list_backend(settings)


def _list_backend(settings: ModuleType) -> None:
    """Django asks only listed backends, and forgets a signed-in person whose backend is no longer listed."""
    listed = getattr(settings, "AUTHENTICATION_BACKENDS", ["django.contrib.auth.backends.ModelBackend"])
    # The platform may still have to derive the list from other settings: then the system check says what to do.
    if isinstance(listed, (list, tuple)) and LTI_BACKEND not in listed:
        settings.AUTHENTICATION_BACKENDS = [*listed, LTI_BACKEND]  # type: ignore[attr-defined]
