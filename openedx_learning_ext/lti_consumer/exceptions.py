"""The name under which users of this app catch a message that cannot be accepted."""

from openedx_learning_ext.core.lti.errors import LtiError

__all__ = ["LtiError"]
