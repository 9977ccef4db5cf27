"""What the tool remembers of a launch: in its own cache, for the browser that was launched, until the tool restarts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from lti import ToolProvider

COOKIE = "learning_ext_tool"
SALT = "learning_ext_tool.browser"
LIFETIME_SECONDS = 8 * 3600


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A signed message as it went over the wire, so that it can be sent again unchanged."""

    url: str
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Launch:
    """Somebody came from a course: what the course told us, and the last message we sent back."""

    launch_id: str
    browser: str = field(repr=False)
    is_teacher: bool
    name: str = field(repr=False)
    told: dict[str, str] = field(repr=False)
    last_message: SentMessage | None = None
    answer: str = ""
    answer_is_good: bool = True

    @property
    def is_graded(self) -> bool:
        """Tell whether the course takes a score for this person."""
        return bool(self.told.get("lis_outcome_service_url") and self.told.get("lis_result_sourcedid"))


def begin(request: HttpRequest, provider: ToolProvider) -> Launch:
    """Remember a verified launch for the browser that brought it."""
    told = {name: value for name, value in provider.to_params().items() if not name.startswith("oauth_")}
    launch = Launch(
        launch_id=secrets.token_urlsafe(16),
        browser=_browser(request) or secrets.token_urlsafe(16),
        is_teacher=provider.is_instructor() or provider.has_role("Administrator"),
        name=provider.username() or told.get("lis_person_sourcedid", ""),
        told=told,
    )
    _keep(launch)
    return launch


def find(request: HttpRequest, launch_id: str) -> Launch | None:
    """Return a launch of this browser; somebody else's and a forgotten one look the same."""
    launch: Launch | None = caches["learning_ext_tool"].get(f"launch:{launch_id}")
    if launch is None or launch.browser != _browser(request):
        return None
    return launch


def note(launch: Launch, *, answer: str, is_good: bool, sent: SentMessage | None = None) -> Launch:
    """Remember what the course answered and the message that was sent, if any; return the launch as it is now."""
    changed = replace(launch, answer=answer, answer_is_good=is_good, last_message=sent or launch.last_message)
    _keep(changed)
    return changed


def set_cookie(response: HttpResponse, launch: Launch, *, secure: bool) -> None:
    """Give the browser its sign: the tool's own cookie, for the tool's own pages."""
    response.set_signed_cookie(
        COOKIE,
        launch.browser,
        salt=SALT,
        max_age=LIFETIME_SECONDS,
        path=reverse("tool:about"),
        httponly=True,
        samesite="Lax",
        secure=secure,
    )


def _keep(launch: Launch) -> None:
    caches["learning_ext_tool"].set(f"launch:{launch.launch_id}", launch, LIFETIME_SECONDS)


def _browser(request: HttpRequest) -> str | None:
    value = request.get_signed_cookie(COOKIE, default=None, salt=SALT, max_age=LIFETIME_SECONDS)
    return value or None
