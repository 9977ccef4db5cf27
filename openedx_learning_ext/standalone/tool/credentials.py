"""The consumer key and the shared secret that the tool shares with the courses that launch it."""

import hashlib
import hmac

from django.conf import settings
from django.urls import reverse

KEY = "demo-tool"


def secret() -> str:
    """Return the secret, the same one as long as the data folder stays."""
    return hmac.new(settings.SECRET_KEY.encode(), b"learning_ext_tool secret", hashlib.sha256).hexdigest()[:40]


def launch_url() -> str:
    """Return where the tool is launched, as one types it into a course."""
    return f"{settings.LMS_ROOT_URL}{reverse('tool:launch')}"
