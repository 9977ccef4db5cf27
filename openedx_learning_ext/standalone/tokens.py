"""Tokens for the API: ``Authorization: JWT <token>`` says who somebody is, for one hour."""

from __future__ import annotations

import time
from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from edx_rest_framework_extensions.auth.jwt.decoder import jwt_decode_handler

LIFETIME_SECONDS = 3600


def make_token(user: AbstractUser) -> str:
    """Return a new signed token for this person; each call returns another one, all are good until they expire."""
    issuer = settings.LEARNING_EXT_JWT_ISSUER
    now = int(time.time())
    claims = {
        "iss": issuer["ISSUER"],
        "aud": issuer["AUDIENCE"],
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "preferred_username": user.get_username(),
        "scopes": ["user_id"],
        "version": "1.2.0",
    }
    return jwt.encode(claims, issuer["SECRET_KEY"], algorithm="HS256")


def read_token(token: str) -> dict[str, Any]:
    """
    Return what a token says, once its signature and its dates are good and its person still has an active account.

    The signature is checked here: without asymmetric keys the library's own handler has none to try, and takes that for
    a good signature. And the authentication class makes an account for a name it does not know, and does not ask
    whether a known one is active: a token that outlives its person would bring them back.

    Raises:
        jwt.InvalidTokenError: the token is not good, or its person is gone.
    """
    issuer = settings.LEARNING_EXT_JWT_ISSUER
    jwt.decode(
        token,
        issuer["SECRET_KEY"],
        algorithms=["HS256"],
        audience=issuer["AUDIENCE"],
        issuer=issuer["ISSUER"],
        options={"require": ["exp", "iat", "iss", "aud"]},
    )
    claims: dict[str, Any] = jwt_decode_handler(token)
    name = claims.get("preferred_username")
    if not get_user_model().objects.filter(username=name, is_active=True).exists():
        raise jwt.InvalidTokenError("The person of this token has no active account.")
    return claims
