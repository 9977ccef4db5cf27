"""
Every question this library may ask its host, with the records it answers and the errors it raises.

Two adapters satisfy :class:`Host`: ``core.host.openedx.OpenedxHost`` on the Open edX platform and
``standalone.host.StandaloneHost`` on the default host. One suite of contract tests runs against both.

Arguments are opaque keys, plain values and, for one person, the user object (anonymous is allowed and gets the answer
"no"). Answers are the frozen records below, plain values or the user object; never another object of the host.
``find_*`` answers ``None`` where there is nothing, ``get_*`` raises, ``is_*``, ``has_*`` and ``may_*`` answer a real
``bool``. Nothing is cached by an adapter. The ports grow with the apps that need them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from openedx_learning_ext.core import errors

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser, AnonymousUser
    from opaque_keys.edx.keys import CourseKey, UsageKey

    User: TypeAlias = AbstractUser | AnonymousUser


class CourseNotFound(errors.NotFound, LookupError):
    """The host has no such course run."""


class BlockNotFound(errors.NotFound):
    """The host has no such block, or it cannot take a score."""


class AccountNotFound(errors.NotFound):
    """The host has no user with this id."""


class CourseAccessDenied(errors.Forbidden):
    """Courseware refuses this person; ``reason`` is a short code, ``redirect_url`` where the host would send them."""

    def __init__(self, reason: str, redirect_url: str | None = None) -> None:
        """Keep the host's reason as a code, never as a text about the person."""
        super().__init__(f"access to the course is refused: {reason}")
        self.reason = reason
        self.redirect_url = redirect_url


@dataclass(frozen=True, slots=True)
class Course:
    """A course run, as much of it as the apps ask for."""

    id: CourseKey
    org: str
    number: str
    display_name: str  # "" when the host has none
    start: datetime | None
    end: datetime | None
    self_paced: bool
    language: str | None
    certificate_available_date: datetime | None
    certificates_display_behavior: str | None


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a course: its key with the run, its title, whether it is graded and when it is due."""

    usage_key: UsageKey
    display_name: str
    is_graded: bool
    due: datetime | None


class Courses(Protocol):
    """Course runs and who may enter them."""

    def find(self, course_key: CourseKey) -> Course | None:
        """Return the course run, or ``None``."""

    def get(self, course_key: CourseKey) -> Course:
        """Return the course run; :class:`CourseNotFound` otherwise."""

    def check_access(self, user: User, course_key: CourseKey, *, require_enrollment: bool) -> None:
        """Return when the person may enter; else :class:`CourseNotFound` or :class:`CourseAccessDenied`."""


class Enrollments(Protocol):
    """Who learns where."""

    def is_active(self, user: User, course_key: CourseKey) -> bool:
        """Tell whether the person has an active enrolment."""


class Roles(Protocol):
    """Who teaches and who runs what."""

    def is_global_staff(self, user: User) -> bool:
        """Tell whether the person is staff of the whole site."""

    def is_course_team(self, user: User, course_key: CourseKey) -> bool:
        """Tell whether the person is global staff, course staff or course instructor; limited staff is not."""

    def has_staff_access(self, user: User, course_key: CourseKey) -> bool:
        """Tell whether courseware treats the person as staff: masquerade and organisation roles count."""

    def acting_role(self, user: User, course_key: CourseKey) -> Literal["instructor", "staff", "student"]:
        """Return the role the person acts in now, masquerade first."""


class Grades(Protocol):
    """Scores of blocks."""

    def publish_score(self, user: User, usage_key: UsageKey, *, earned: float | None, possible: float) -> None:
        """
        Store a score on a block, in the caller's transaction; ``earned=None`` withdraws it.

        Publishing the same score again changes nothing but the time. The host's receivers run at once and their errors
        reach the caller. Raises :class:`BlockNotFound`.
        """


class Blocks(Protocol):
    """The content of courses."""

    def find(self, usage_key: UsageKey) -> Block | None:
        """Return the block, or ``None``."""


class Accounts(Protocol):
    """People's accounts."""

    def get(self, user_id: int) -> AbstractUser:
        """Return the user object; :class:`AccountNotFound` otherwise."""

    def connect_retirement_receiver(self, receiver: Callable[..., None], *, dispatch_uid: str) -> None:
        """
        Have ``receiver(user=..., **kwargs)`` called when a person is retired; it may be called more than once.

        This is the one receiver whose errors travel to the host: a retirement must not count as done when it is not.
        """


class Identity(Protocol):
    """The ids under which people are known outside."""

    def anonymous_id(self, user: User, course_key: CourseKey | None) -> str | None:
        """
        Return the person's id for one course, or for the site with ``None``; ``None`` for somebody anonymous.

        May store a row: ask outside of a transaction of your own. The same person gets the same id the second time.
        """

    def find_by_anonymous_id(self, anonymous_id: str) -> AbstractUser | None:
        """Return whom an id stands for. It does not say for which course the id was made."""


class Flags(Protocol):
    """What the operator has switched on."""

    def may_share_pii(self, course_key: CourseKey) -> bool:
        """Tell whether tools launched from this course may be told learners' names and addresses."""


class Tracking(Protocol):
    """Analytics events."""

    def emit(self, name: str, data: Mapping[str, Any], *, course_key: CourseKey | None = None) -> None:
        """Record an event with JSON data. Never raises into the caller."""


class Host(Protocol):
    """The host: one attribute a topic."""

    courses: Courses
    enrollments: Enrollments
    roles: Roles
    grades: Grades
    blocks: Blocks
    accounts: Accounts
    identity: Identity
    flags: Flags
    tracking: Tracking
