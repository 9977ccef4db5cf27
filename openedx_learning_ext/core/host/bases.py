"""Classes that must exist at import time: the platform's own where it is there, small ones of ours elsewhere."""

from __future__ import annotations

from importlib.util import find_spec

from edx_rest_framework_extensions.auth.jwt.authentication import JwtAuthentication
from edx_rest_framework_extensions.auth.session.authentication import SessionAuthenticationAllowInactiveUser


def api_authentication_classes() -> tuple[type, ...]:
    """Return the platform's authentication classes in its order (JWT, bearer, session), without bearer elsewhere."""
    if find_spec("xmodule") is None:
        return (JwtAuthentication, SessionAuthenticationAllowInactiveUser)
    from openedx_learning_ext.core.host.openedx import bearer_authentication_class

    return (JwtAuthentication, bearer_authentication_class(), SessionAuthenticationAllowInactiveUser)
