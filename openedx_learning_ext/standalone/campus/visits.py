"""
Who somebody is at the campus: a cookie of its own, for its own pages.

Its forms carry a seal of that visit instead of Django's token. A launch signs the learner in to the host within the
frame, which gives the browser a new token and would make the forms of the page around the frame stale.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from openedx_learning_ext.standalone.campus.people import LEARNERS, Learner

COOKIE = "learning_ext_campus"
SALT = "learning_ext_campus.visit"
LIFETIME_SECONDS = 8 * 3600


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser at the campus, and who came in with it, if anybody did."""

    browser: str = field(repr=False)
    learner: Learner | None = field(default=None, repr=False)

    @property
    def seal(self) -> str:
        """Return what every form of this visit carries."""
        return salted_hmac(SALT, self.browser, algorithm="sha256").hexdigest()

    def is_sealed(self, value: str) -> bool:
        """Tell whether a form was shown to this browser."""
        return constant_time_compare(value, self.seal)

    def enter(self, learner: Learner) -> Visit:
        """Return the visit with somebody who has come in."""
        return replace(self, learner=learner)


def of(request: HttpRequest) -> Visit:
    """Return the visit of a browser; one that has no sign yet, or one of yesterday, begins anew."""
    value = request.get_signed_cookie(COOKIE, default="", salt=SALT, max_age=LIFETIME_SECONDS) or ""
    browser, _, learner_id = value.partition(" ")
    if not browser:
        return Visit(secrets.token_urlsafe(16))
    return Visit(browser, LEARNERS.get(learner_id))


def set_cookie(response: HttpResponse, visit: Visit, *, secure: bool) -> None:
    """Give the browser its sign."""
    response.set_signed_cookie(
        COOKIE,
        f"{visit.browser} {visit.learner.learner_id if visit.learner else ''}",
        salt=SALT,
        max_age=LIFETIME_SECONDS,
        path=reverse("campus:about"),
        httponly=True,
        samesite="Lax",
        secure=secure,
    )
