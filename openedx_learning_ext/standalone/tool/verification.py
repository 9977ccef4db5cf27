"""Is this launch from a course that knows our secret, fresh, and the first of its kind?"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterable
from enum import Enum
from typing import Any

from django.core.cache import caches
from lti import InvalidLTIRequestError, ToolProvider
from lti.launch_params import InvalidLaunchParamError
from oauthlib.oauth1 import RequestValidator

from openedx_learning_ext.standalone.tool import credentials

WINDOW_SECONDS = 300
# A message stamped at the end of the future half of the window is good until twice the window has passed.
REMEMBER_SECONDS = 2 * WINDOW_SECONDS + 60


class Refusal(Enum):
    """Why a launch is refused."""

    INCOMPLETE = "incomplete"
    NOT_A_LAUNCH = "not_a_launch"
    TIMESTAMP = "timestamp"
    SIGNATURE = "signature"
    REPLAY = "replay"


class LaunchRefused(Exception):
    """The launch is not accepted; ``reason`` says why."""

    def __init__(self, reason: Refusal) -> None:
        """Keep the reason; nothing that was sent."""
        super().__init__(reason.value)
        self.reason = reason


class LaunchValidator(RequestValidator):
    """Answers oauthlib's questions about a launch."""

    enforce_ssl = False  # The demonstration runs on loopback; behind https the page is https anyway.
    timestamp_lifetime = WINDOW_SECONDS
    dummy_client = "dummy"

    @property
    def allowed_signature_methods(self) -> tuple[str, ...]:
        """LTI 1.1 has one method."""
        return ("HMAC-SHA1",)

    def check_client_key(self, client_key: str) -> bool:
        """Tell whether this looks like a key."""
        return 1 <= len(client_key) <= 255

    def check_nonce(self, nonce: str) -> bool:
        """Tell whether this looks like a nonce; senders are freer here than oauthlib's default."""
        return 1 <= len(nonce) <= 255

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        """Tell whether the key is ours, without telling by time."""
        return hmac.compare_digest(client_key.encode(), credentials.KEY.encode())

    def get_client_secret(self, client_key: str, request: Any) -> str:
        """Return the secret; for an unknown key the check goes on and fails at its end."""
        return credentials.secret()

    def validate_timestamp_and_nonce(
        self,
        client_key: str,
        timestamp: str,
        nonce: str,
        request: Any,
        request_token: str | None = None,
        access_token: str | None = None,
    ) -> bool:
        """Tell whether this was not seen before. It is written down by :func:`verify`, once the signature is good."""
        return bool(caches["learning_ext_tool"].get(_nonce_key(client_key, timestamp, nonce)) is None)


def _nonce_key(client_key: str, timestamp: str, nonce: str) -> str:
    seen = hmac.new(credentials.secret().encode(), f"{client_key}\n{timestamp}\n{nonce}".encode(), "sha256")
    return f"nonce:{seen.hexdigest()}"


def verify(urls: Iterable[str], fields: dict[str, list[str]]) -> ToolProvider:
    """
    Return the launch that was posted, once it is certain who sent it.

    It must be signed for one of ``urls``: behind a proxy the address that the sender knows is not the one the request
    came in by. The same message is accepted once.

    Raises:
        LaunchRefused: something is missing, wrong, too old or was here before.
    """
    if any(len(values) != 1 for name, values in fields.items() if name.startswith("oauth_")):
        raise LaunchRefused(Refusal.INCOMPLETE)
    params = {name: values[-1] for name, values in fields.items()}
    if params.get("lti_message_type") != "basic-lti-launch-request" or params.get("lti_version") != "LTI-1p0":
        raise LaunchRefused(Refusal.NOT_A_LAUNCH)
    timestamp = params.get("oauth_timestamp", "")
    if not params.get("oauth_nonce") or not (timestamp.isascii() and timestamp.isdigit()):
        raise LaunchRefused(Refusal.INCOMPLETE)
    if abs(int(timestamp) - time.time()) > WINDOW_SECONDS:
        raise LaunchRefused(Refusal.TIMESTAMP)
    try:
        launches = [ToolProvider.from_unpacked_request(credentials.secret(), params, url, None) for url in urls]
    except (InvalidLTIRequestError, InvalidLaunchParamError) as error:
        raise LaunchRefused(Refusal.INCOMPLETE) from error
    nonce_key = _nonce_key(params["oauth_consumer_key"], timestamp, params["oauth_nonce"])
    launch = next((launch for launch in launches if launch.is_valid_request(LaunchValidator())), None)
    if launch is None:
        was_here = caches["learning_ext_tool"].get(nonce_key) is not None
        raise LaunchRefused(Refusal.REPLAY if was_here else Refusal.SIGNATURE)
    # `add` is one step: of two that arrive together one is the first.
    if not caches["learning_ext_tool"].add(nonce_key, True, REMEMBER_SECONDS):
        raise LaunchRefused(Refusal.REPLAY)
    return launch
