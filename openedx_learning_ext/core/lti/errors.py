"""The one error of the protocol core."""

from __future__ import annotations

from openedx_learning_ext.core.errors import Invalid


class LtiError(Invalid):
    """
    An LTI message that cannot be accepted.

    Its text is the reason that the sender is told. It never quotes a secret, and of what was sent only what the XML
    parser names. ``code`` is for logs: it may tell apart what the sender must not.
    """

    def __init__(self, reason: str, *, code: str = "unreadable") -> None:
        """Keep the reason for the sender and the code for the log."""
        super().__init__(reason)
        self.code = code
