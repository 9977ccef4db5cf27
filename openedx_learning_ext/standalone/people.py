"""How people are shown to each other: by their names."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser, User

RETIRED_PREFIX = "retired__user_"


def retired_username(username: str) -> str:
    """Return what a person is called after being retired: the same each time, in whatever letter case it is asked."""
    return f"{RETIRED_PREFIX}{_digest(username)}"


def retired_address(email: str) -> str:
    """Return which address a person has after being retired: the same each time, in whatever letter case."""
    return f"{RETIRED_PREFIX}{_digest(email)}@retired.invalid"


def _digest(value: str) -> str:
    meaning = f"retired|{value.lower()}"
    return hmac.new(settings.SECRET_KEY.encode(), meaning.encode(), hashlib.sha256).hexdigest()[:32]


class PersonalRequest(HttpRequest):
    """A request behind ``login_required``: somebody is signed in."""

    user: User


def display_name(user: AbstractUser) -> str:
    """Return a person's full name, the user name where there is none, and no name at all once they are retired."""
    if user.get_username().startswith(RETIRED_PREFIX):
        return _("A former member")
    try:
        name: str = user.learning_ext_host_profile.name  # type: ignore[attr-defined]
    except ObjectDoesNotExist:
        name = ""
    return name or user.get_username()
