"""
A campus's user becomes an account of ours: looked up, linked or made, and signed in.

What a campus says about a person counts as much as its secret is kept. So nobody is ever linked to an account with
powers over the site, and roles that a launch claims grant nothing.
"""

from __future__ import annotations

import logging
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from openedx_learning_ext.core import conf, errors
from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.host.ports import AccountTaken, is_same_address
from openedx_learning_ext.lti_provider.models import LtiConsumer, LtiUser, digest_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

log = logging.getLogger("edx.lti_provider")

BACKEND = "openedx_learning_ext.lti_provider.users.LtiBackend"

MAX_TRIES = 5
MAX_EMAIL = 254


class AccountNeeded(errors.Forbidden):
    """The launch needs an account that is not there; ``code`` says which."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(f"no account for this launch: {code}")
        self.code = code


class NoAccountMade(errors.Unavailable):
    """No free user name was found for a new learner."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a campus says that the learner is. Personal: never log it."""

    user_id: str = field(repr=False)
    email: str = field(default="", repr=False)
    name: str = field(default="", repr=False)

    @property
    def usable_email(self) -> str:
        """Return the address, empty when it is none."""
        try:
            validate_email(self.email)
        except ValidationError:
            return ""
        return self.email if len(self.email) <= MAX_EMAIL else ""


class LtiBackend(BaseBackend):
    """
    Signs in whoever a launch was mapped to.

    It must stay in ``AUTHENTICATION_BACKENDS``: Django forgets a signed-in person whose backend is no longer listed.
    """

    def authenticate(  # type: ignore[override]  # who signs in by this backend is known by these three
        self,
        request: HttpRequest | None,
        username: str | None = None,
        lti_user_id: str | None = None,
        lti_consumer: LtiConsumer | None = None,
        **kwargs: Any,
    ) -> AbstractUser | None:
        """Return the active account of this name that this user of this campus is mapped to; ``None`` otherwise."""
        if not username or not lti_user_id or lti_consumer is None:
            return None
        mapping = find_mapping(lti_consumer, lti_user_id)
        if mapping is None or mapping.edx_user.get_username() != username:
            return None
        return mapping.edx_user if mapping.edx_user.is_active else None

    def get_user(self, user_id: int) -> Any:
        """Return the account of a session, or ``None`` when it is gone or not active any more."""
        return get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()


def enter(request: HttpRequest, *, consumer: LtiConsumer, identity: Identity) -> AbstractUser:
    """
    Return the account of a campus's user, signed in with this request; the second time it is the same one.

    A session of this very person is left as it is; anybody else's ends.

    Raises:
        AccountNeeded: the consumer wants learners to have an account, and this one has not the right one; or the
            account may not be entered from a campus.
        NoAccountMade: five names were taken; a chance so small that something is wrong.
    """
    mapping = find_mapping(consumer, identity.user_id) or _map(request, consumer, identity)
    account = LtiBackend().authenticate(
        request, username=mapping.edx_user.get_username(), lti_user_id=identity.user_id, lti_consumer=consumer
    )
    if account is None:
        raise AccountNeeded("not_active")
    if not request.user.is_authenticated or request.user.pk != account.pk:
        host = get_host()
        if request.user.is_authenticated:
            host.accounts.log_out(request)
        host.accounts.log_in(request, account, backend=BACKEND)
    return account


def find_mapping(consumer: LtiConsumer, lti_user_id: str, *, lock: bool = False) -> LtiUser | None:
    """Return who a campus's user is here, or ``None``; letter case counts."""
    # A locking read also sees what was committed after this transaction began.
    rows = LtiUser.objects.select_for_update() if lock else LtiUser.objects.select_related("edx_user")
    return rows.filter(lti_consumer=consumer, lti_user_digest=digest_of(lti_user_id)).first()


def _map(request: HttpRequest, consumer: LtiConsumer, identity: Identity) -> LtiUser:
    """Link or make an account, in a savepoint: of two launches at once, the later takes the mapping of the earlier."""
    is_email_taken = False
    for username in islice(_usernames(consumer, identity), MAX_TRIES):
        try:
            with transaction.atomic():
                account = _find_account(request, consumer, identity) or _make_account(consumer, identity, username)
                return LtiUser.objects.create(
                    lti_consumer=consumer, lti_user_id=identity.user_id, edx_user_id=account.pk
                )
        except AccountTaken as error:
            # Another name will not help an address that is taken, but the launch beside this one may have taken it.
            if error.field == "email" and is_email_taken:
                raise AccountNeeded("email_taken") from None
            is_email_taken = error.field == "email"
        except IntegrityError:
            pass
        mapping = find_mapping(consumer, identity.user_id, lock=True)
        if mapping is not None:
            return mapping
    log.error("lti_launch_no_account", extra={"consumer_id": consumer.pk, "tries": MAX_TRIES})
    raise NoAccountMade


def _find_account(request: HttpRequest, consumer: LtiConsumer, identity: Identity) -> AbstractUser | None:
    """Return the account to link, ``None`` when one is to be made."""
    account: AbstractUser | None
    if consumer.require_user_account:
        if not request.user.is_authenticated:
            raise AccountNeeded("not_signed_in")
        account = get_host().accounts.get(request.user.pk)
        if not account.email or not is_same_address(account.email, identity.email):
            raise AccountNeeded("another_account")
    elif consumer.use_lti_pii and identity.usable_email:
        account = get_host().accounts.find_by_email(identity.email)
        if account is None:
            return None
    else:
        return None
    if account.is_staff or account.is_superuser:
        raise AccountNeeded("privileged")
    return account


def _make_account(consumer: LtiConsumer, identity: Identity, username: str) -> AbstractUser:
    email = identity.usable_email if consumer.use_lti_pii else ""
    return get_host().accounts.create(
        username=username,
        email=email or f"{username}@{conf.LTI_USER_EMAIL_DOMAIN()}",
        name=identity.name if consumer.use_lti_pii else "",
    )


def _usernames(consumer: LtiConsumer, identity: Identity) -> Iterator[str]:
    """Yield names to try: the campus's user id where that may be used and is a name, then random ones."""
    if consumer.use_lti_pii and get_host().accounts.is_valid_username(identity.user_id):
        yield identity.user_id
    while True:
        yield "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(30))

