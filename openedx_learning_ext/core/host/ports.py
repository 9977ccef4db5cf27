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

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from openedx_learning_ext.core import errors

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser, AnonymousUser
    from django.http import HttpRequest, HttpResponse
    from opaque_keys.edx.keys import CourseKey, UsageKey

    User: TypeAlias = AbstractUser | AnonymousUser


class CourseNotFound(errors.NotFound, LookupError):
    """The host has no such course run."""


class BlockNotFound(errors.NotFound):
    """The host has no such block, or it cannot take a score."""


class AccountNotFound(errors.NotFound):
    """The host has no user with this id."""


class AccountTaken(errors.Conflict):
    """Somebody has, or had before being retired, this name or address; ``field`` is ``username`` or ``email``."""

    def __init__(self, field: Literal["username", "email"]) -> None:
        """Keep which of the two it is, and neither of them."""
        super().__init__(f"this {field} is taken")
        self.field = field


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


@dataclass(frozen=True, slots=True)
class BlockScore:
    """The points a person has on a block now, its own or the sum of those below it."""

    earned: float
    possible: float  # 0 where no score can be had
    is_composite: bool


def is_same_address(first: str, second: str) -> bool:
    """
    Tell whether two e-mail addresses differ in the case of ASCII letters at most.

    Databases find more alike than that (accents, a dotless i, blanks at the end), and each of those is another mailbox.
    """
    return first.encode().lower() == second.encode().lower()


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

    def current_score(self, user: User, usage_key: UsageKey) -> BlockScore | None:
        """
        Return the score a person has on a block now; ``None`` where the host cannot tell or nothing was answered yet.

        Points may be weighed or not: compare what share was earned. The score of a block with others below it may cost
        the host a whole course, so ask for it in a task. Raises :class:`BlockNotFound`.
        """

    def publish_score(self, user: User, usage_key: UsageKey, *, earned: float | None, possible: float) -> None:
        """
        Store a score on a block, in the caller's transaction; ``earned=None`` withdraws it.

        Publishing the same score again changes nothing but the time. The host's receivers run at once and their errors
        reach the caller. Raises :class:`BlockNotFound`.
        """

    def connect_score_receiver(self, receiver: Callable[..., None], *, dispatch_uid: str) -> None:
        """
        Have ``receiver(**kwargs)`` called in the transaction of every score that changes, or is stored again unchanged.

        It gets ``user_id``, ``course_id`` and ``usage_id`` as text, ``weighted_earned`` and ``weighted_possible`` (each
        may be ``None``), mostly ``modified``, and whatever else the host says. It must not raise: its errors would
        reach the host's code. Connecting it again changes nothing.
        """


class Blocks(Protocol):
    """The content of courses."""

    def find(self, usage_key: UsageKey) -> Block | None:
        """Return the block, or ``None``."""

    def ancestors(self, usage_key: UsageKey) -> tuple[UsageKey, ...]:
        """
        Return the blocks above a block, the nearest first, without the block itself.

        Raises :class:`BlockNotFound`, also for a block that hangs nowhere in its course.
        """

    def render_launched(self, request: HttpRequest, usage_key: UsageKey) -> HttpResponse:
        """
        Return the page of a block on its own, which may stand in anybody's frame; nobody has to be enrolled.

        Ask outside of a transaction, with a request whose query string is empty; the host may exchange
        ``request.user``. Raises :class:`BlockNotFound` and :class:`CourseAccessDenied`.
        """


class Accounts(Protocol):
    """People's accounts."""

    def get(self, user_id: int) -> AbstractUser:
        """Return the user object; :class:`AccountNotFound` otherwise."""

    def find_by_email(self, address: str) -> AbstractUser | None:
        """Return whose address this is, in any case of ASCII letters; ``None`` when it is nobody's or two people's."""

    def find_by_username(self, username: str) -> AbstractUser | None:
        """Return whose user name this is, or ``None``; in another letter case it is another name."""

    def is_valid_username(self, username: str) -> bool:
        """Tell whether the host would take this as a user name, by length and characters; it may be taken."""

    def create(self, *, username: str, email: str, name: str) -> AbstractUser:
        """
        Return a new active account with a profile and a password that nobody knows.

        Works in a savepoint of its own, so that the caller's transaction goes on after a refusal. The second time,
        and for a retired person's name or address, raises :class:`AccountTaken`.
        """

    def log_in(self, request: HttpRequest, user: AbstractUser, *, backend: str) -> None:
        """
        Sign the person in, in the session of the request, under the authentication backend at this dotted path.

        The session gets a new key, and is emptied when it was somebody else's.
        """

    def log_out(self, request: HttpRequest) -> None:
        """Sign out whoever is signed in, and empty the session; the second time there is nobody."""

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

    def has_feature(self, name: str, *, default: bool) -> bool:
        """Tell whether a feature is on: the setting of this name, else its place in ``FEATURES``, else the default."""

    def may_share_pii(self, course_key: CourseKey) -> bool:
        """Tell whether tools launched from this course may be told learners' names and addresses."""


class Tracking(Protocol):
    """Analytics events."""

    def emit(self, name: str, data: Mapping[str, Any], *, course_key: CourseKey | None = None) -> None:
        """Record an event with JSON data. Never raises into the caller."""


class Existing(Protocol):
    """
    Rows of the platform's own apps, for commands that import them.

    A ``kind`` is ``<label>.<Model>``, such as ``lti_provider.LtiConsumer``. A row tells of people, and some rows hold
    secrets: never log one.
    """

    def has(self, kind: str) -> bool:
        """Tell whether there is such a table here."""

    def iter_rows(self, kind: str, *, after: int = 0, page_size: int = 500) -> Iterator[Mapping[str, Any]]:
        """
        Yield the rows whose ``id`` is above ``after``, by ``id``, as their columns; nothing where there is no table.

        The columns are read from the model, so an older or newer one answers too; a key of a course or block is text.
        """


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
    existing: Existing
