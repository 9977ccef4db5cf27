"""What the fake platform holds: small tables, emptied before each test."""

from __future__ import annotations

from collections.abc import Mapping
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
    has_children: bool = False
    _parent: Block | None = None

    def get_parent(self) -> Block | None:
        """Return the block above this one; there is none above the course, nor above one that hangs nowhere."""
        return self._parent


@dataclass(frozen=True)
class LearnerRow:
    """What courseware keeps of a person on a block; also of one that was only looked at, and then without points."""

    grade: float | None
    max_grade: float | None


@dataclass(frozen=True)
class ProblemScore:
    """The weighed points of one person on one problem."""

    earned: float
    possible: float
    first_attempted: datetime | None


@dataclass(frozen=True)
class Structure:
    """The blocks of a course as one person has them."""

    _children: Mapping[Any, list[Any]]

    def get_children(self, usage_key: Any) -> list[Any]:
        """Return the keys directly below; none for a block the person does not have."""
        return self._children.get(usage_key, [])


@dataclass(frozen=True)
class CourseData:
    """What a course grade was made from."""

    structure: Structure


@dataclass(frozen=True)
class CourseGrade:
    """A person's grade in a course."""

    problem_scores: Mapping[Any, ProblemScore]
    course_data: CourseData

    def score_for_block(self, location: Any) -> tuple[float, float]:
        """Return earned and possible points of a problem, or the sums over those below a block."""
        if location in self.problem_scores:
            return self.problem_scores[location].earned, self.problem_scores[location].possible
        parts = [self.score_for_block(child) for child in self.course_data.structure.get_children(location)]
        return sum(earned for earned, _ in parts), sum(possible for _, possible in parts)


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
submissions: dict[tuple[int, Any], tuple[float, float]] = {}
ungraded: set[tuple[int, Any]] = set()
refused_blocks: set[Any] = set()
profiles: dict[int, str] = {}
retired_usernames: set[str] = set()
retired_emails: set[str] = set()
expected_user_changes: list[int | None] = []


def reset() -> None:
    """Empty every table."""
    for table in (
        overviews,
        public_courses,
        enrollments,
        roles,
        blocks,
        learner_rows,
        anonymous_ids,
        pii_courses,
        submissions,
        ungraded,
        refused_blocks,
        profiles,
        retired_usernames,
        retired_emails,
        expected_user_changes,
    ):
        table.clear()


def masquerade_of(user: Any, course_key: Any) -> str | None:
    """Return the role a person masquerades in, or ``None``."""
    masquerade = getattr(user, "masquerade_settings", {}).get(course_key)
    return None if masquerade is None else masquerade.role
