"""
People and secrets: tags for logs, and secrets encrypted at rest.

A log line, an error or a repr never shows a person or a secret; where one value must be told from another, it shows
``tag(value)``. A secret that we must be able to use again is kept in an :class:`EncryptedTextField`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import traceback
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.apps import apps
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from openedx_learning_ext.core import conf, errors

_MARK = "enc1:"
# What ``encrypt`` makes: the mark and a Fernet token, which begins with its version and the high bytes of the time.
_STORED_FORM = re.compile(re.escape(_MARK) + r"gAAAA[A-Za-z0-9_-]{90,}={0,2}")


class SecretUnreadable(errors.Unavailable):
    """A stored secret cannot be decrypted with any of the configured keys."""


def tag(value: object) -> str:
    """
    Return twelve hex digits that stand for a value in a log.

    The same value has the same tag on one site; nobody without the site's key can tell the value from it.
    """
    key = _derive(conf.SECRET_KEY(), b"openedx-learning-ext tag")
    return hmac.digest(key, str(value).encode("utf-8", "surrogatepass"), "sha256").hex()[:12]


def trace_of(error: BaseException) -> str:
    """
    Return the stack of an error with the kinds of the errors in it, and without their texts: those may quote people.

    What led to the error (its cause or context) comes first, as in Python's own traces.
    """
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [trace_of(earlier), "\nThen:\n"] if earlier is not None else []
    frames = traceback.extract_tb(error.__traceback__)
    lines += [f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n' for frame in frames]
    lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
    return "".join(lines)


def encrypt(plain: str) -> str:
    """Return a text that ``decrypt`` turns back; another one each time. An empty text stays empty."""
    return _MARK + _cipher().encrypt(plain.encode()).decode() if plain else ""


def decrypt(stored: str) -> str:
    """
    Return the plain text of what ``encrypt`` made, with whichever configured key fits.

    Raises:
        SecretUnreadable: no configured key fits.
    """
    if not stored:
        return ""
    if not stored.startswith(_MARK):
        raise SecretUnreadable
    try:
        return _cipher().decrypt(stored[len(_MARK) :].encode()).decode()
    except InvalidToken:
        raise SecretUnreadable from None


def is_current(stored: str) -> bool:
    """Tell whether a stored secret is encrypted with the first key, the one that encrypts now."""
    if not stored:
        return True
    try:
        Fernet(_fernet_key(_keys()[0])).decrypt(stored[len(_MARK) :].encode())
    except InvalidToken:
        return False
    return stored.startswith(_MARK)


def _keys() -> tuple[str, ...]:
    # SECRET_KEY stays good for reading, so that a site which starts without keys of its own can bring them later.
    return (*conf.SECRET_KEYS(), conf.SECRET_KEY(), *conf.SECRET_KEY_FALLBACKS())


def _cipher() -> MultiFernet:
    return _multi_fernet(_keys())


@lru_cache(maxsize=8)
def _multi_fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_fernet_key(key)) for key in keys])


@lru_cache(maxsize=8)
def _fernet_key(key: str) -> bytes:
    return base64.urlsafe_b64encode(_derive(key, b"openedx-learning-ext secrets at rest"))


@lru_cache(maxsize=16)
def _derive(key: str, purpose: bytes) -> bytes:
    # The configured texts are long random ones, not passwords: HKDF fits, a slow hash would only cost.
    salt = hashlib.sha256(purpose).digest()
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose).derive(key.encode())


class _Sealed(str):
    """The encrypted text as it is stored, not opened yet."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<sealed>"


class _OpensOnRead(DeferredAttribute):
    """Decrypts when the attribute is read, so that a row whose secret is unreadable can still be listed and mended."""

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        value = super().__get__(instance, cls)
        if instance is not None and isinstance(value, _Sealed):
            value = decrypt(value)
            instance.__dict__[self.field.attname] = value
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        # With this method Python asks the descriptor before it looks at the instance.
        instance.__dict__[self.field.attname] = value


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """
    A text that is encrypted in the database; the attribute reads and takes the plain value.

    Reading the attribute raises :class:`SecretUnreadable` when no configured key fits; writing a new value mends that.
    The column cannot be searched, and a serialised row carries the encrypted form.
    """

    descriptor_class = _OpensOnRead

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        """Keep what is stored until somebody reads it."""
        return value if value is None else _Sealed(value)

    def to_python(self, value: Any) -> Any:
        """Take a plain text, or the encrypted form that a serialised row carries."""
        if isinstance(value, str) and _STORED_FORM.fullmatch(value):
            return _Sealed(value)
        return super().to_python(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Hand on what is stored untouched when nobody has read or changed it."""
        value = model_instance.__dict__.get(self.attname)
        return value if isinstance(value, _Sealed) else super().pre_save(model_instance, add)

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt a plain value with the first key."""
        if value is None or isinstance(value, _Sealed):
            return value if value is None else str(value)
        return encrypt(str(value))

    def value_from_object(self, obj: models.Model) -> Any:
        """Return what the row holds: the encrypted form, unless somebody has read or set the value."""
        return obj.__dict__.get(self.attname)

    def value_to_string(self, obj: models.Model) -> str:
        """Return the encrypted form, for serialised rows."""
        value = obj.__dict__.get(self.attname) or ""
        return str(value) if isinstance(value, _Sealed) else encrypt(value)

    def get_lookup(self, lookup_name: str) -> Any:
        """Refuse every look-up but "is null": the same text is encrypted differently each time."""
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(f"{self.model.__name__}.{self.name} is encrypted and cannot be searched.")


def reencrypt_all(*, page_size: int = 500) -> Iterator[tuple[str, int, int]]:
    """
    Encrypt every stored secret with the first key; answer (table and column, changed, unreadable) as each is done.

    Can be stopped and run again: what is current already is left alone. A secret that is changed meanwhile keeps the
    change. Unreadable ones are left as they are.
    """
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField):
                changed, unreadable = _reencrypt_column(model, field.attname, page_size)
                yield f"{model._meta.label}.{field.attname}", changed, unreadable


def _reencrypt_column(model: type[models.Model], column: str, page_size: int) -> tuple[int, int]:
    changed = unreadable = 0
    after: Any = None
    rows = model._base_manager.order_by("pk").annotate(stored=models.functions.Cast(column, models.TextField()))
    while page := list((rows if after is None else rows.filter(pk__gt=after)).values_list("pk", "stored")[:page_size]):
        for pk, stored in page:
            after = pk
            if not stored or is_current(stored):
                continue
            try:
                renewed = _Sealed(encrypt(decrypt(stored)))
            except SecretUnreadable:
                unreadable += 1
                continue
            # Only if it still is what was read: an edit in between wins.
            unchanged = rows.filter(pk=pk, stored=stored)
            changed += unchanged.update(**{column: renewed})
    return changed, unreadable
