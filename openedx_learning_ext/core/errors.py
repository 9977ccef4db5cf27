"""
The errors of the library: one base and five kinds.

Apps subclass a *kind* next to the function that raises it, never the base. A kind is turned into an HTTP status in one
place (``core.rest``). Texts are plain English, made of our own words, keys and ids: never a name, an address, a secret
or what somebody sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class LearningExtError(Exception):
    """Something this library refuses or cannot do."""

    def __str__(self) -> str:
        """Return the message given, else the sentence that documents the class."""
        if self.args:
            return super().__str__()
        return (self.__doc__ or "").strip().split("\n", 1)[0]


class Invalid(LearningExtError):
    """What was asked is wrong, and asking again will not help."""

    def __init__(self, *args: object, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        """Remember what is wrong with which field, where fields were sent."""
        super().__init__(*args)
        self.fields: dict[str, list[str]] = {name: list(texts) for name, texts in (fields or {}).items()}


class Forbidden(LearningExtError):
    """The one who asks may not do this."""


class NotFound(LearningExtError):
    """There is no such thing, or not for the one who asks."""


class Conflict(LearningExtError):
    """The state of things does not allow this now."""


class Unavailable(LearningExtError):
    """This does not work at the moment; the same request may work later."""

    def __init__(self, *args: object, retry_after_seconds: int | None = None) -> None:
        """Remember when it makes sense to ask again, if that is known."""
        super().__init__(*args)
        self.retry_after_seconds = retry_after_seconds
