"""A score: a number from 0 to 1, how it is read and how it is written (LTI 1.1, section 6.1.1)."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from openedx_learning_ext.core.lti.errors import LtiError

OUT_OF_RANGE = "score value outside the permitted range of 0.0-1.0"
NOT_A_NUMBER = "score value is not a decimal number"

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_ZERO, _ONE = Decimal(0), Decimal(1)
_NAMED = frozenset({"nan", "inf", "infinity"})


def parse_score(text: str) -> float:
    """
    Return the score that a text says, from 0.0 to 1.0.

    ASCII digits with an optional sign, point and exponent, blanks around trimmed. The comparison is exact: what is
    above 1 by one digit is outside, and a number too small for a float is 0.0. ``-0`` is 0.0.

    Raises:
        LtiError: no such number, or outside of 0 to 1 (NaN and the infinities are called outside).
    """
    trimmed = text.strip(" \t\r\n")
    if not _NUMBER.fullmatch(trimmed):
        raise LtiError(OUT_OF_RANGE if trimmed.lstrip("+-").lower() in _NAMED else NOT_A_NUMBER)
    value = Decimal(trimmed)
    if not _ZERO <= value <= _ONE:
        raise LtiError(OUT_OF_RANGE)
    return float(value) + 0.0


def format_score(score: float) -> str:
    """
    Return the shortest decimal that reads back to the same float, never in exponent form; outside of 0 to 1 is clamped.

    Raises:
        ValueError: NaN.
    """
    if math.isnan(score):
        raise ValueError("NaN is no score")
    clamped = min(max(float(score), 0.0), 1.0) + 0.0
    text = repr(clamped)
    return format(Decimal(text), "f") if "e" in text else text
