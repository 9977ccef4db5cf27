"""What the fake platform holds: small tables, emptied before each test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass
class Overview:
    """What the platform answers about a course run."""

    id: Any
    display_org_with_default: str
    display_number_with_default: str
    display_name: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    self_paced: bool = False
    language: str | None = None
    certificate_available_date: datetime | None = None
    certificates_display_behavior: str | None = None


@dataclass(frozen=True)
class CourseBlock:
    """The course as courseware's access check answers it."""

    id: Any


@dataclass(frozen=True)
class RoleRecord:
    """One role of a person; without a course it holds in the whole organisation."""

    role: str
    org: str
    course_id: str | None


@dataclass
class Block:
    """A published block."""

    location: Any
    display_name: str | None = None
    graded: bool | None = False
    due: datetime | None = None
    weight: float | None = None


@dataclass(frozen=True)
class AccessResponse:
    """Courseware's answer: true or false, and no ``bool``."""

    error_code: str | None = None
    _has_access: bool = False

    def __bool__(self) -> bool:
        return self._has_access


GRANTED = AccessResponse(None, True)


@dataclass(frozen=True)
class Masquerade:
    """The role in which a member of the team looks at a course; kept on the user object for one request."""

    role: str


overviews: dict[Any, Overview] = {}
public_courses: set[Any] = set()
enrollments: dict[tuple[int, Any], bool] = {}
roles: dict[int, list[RoleRecord]] = {}
blocks: dict[Any, Any] = {}
learner_rows: dict[tuple[int, Any], tuple[float | None, float | None]] = {}
anonymous_ids: list[tuple[int, Any, str]] = []
pii_courses: set[Any] = set()


def reset() -> None:
    """Empty every table."""
    for table in (overviews, public_courses, enrollments, roles, blocks, learner_rows, anonymous_ids, pii_courses):
        table.clear()


def masquerade_of(user: Any, course_key: Any) -> str | None:
    """Return the role a person masquerades in, or ``None``."""
    masquerade = getattr(user, "masquerade_settings", {}).get(course_key)
    return None if masquerade is None else masquerade.role
