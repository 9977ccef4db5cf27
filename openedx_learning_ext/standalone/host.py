"""
The default host's answers to the ports, from its own tables and nothing else.

The rules that a caller can notice are the platform's: an inactive person has no role, organisation-wide staff may enter
a course without being of its team, an id once given out stays.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from django.conf import settings
from django.contrib import auth
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.shortcuts import resolve_url
from django.utils import timezone
from opaque_keys.edx.django.models import CourseKeyField

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.host import ports
from openedx_learning_ext.standalone import blocks, exercise, models, people, scores, signals

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser, User
    from django.http import HttpRequest, HttpResponse
    from opaque_keys.edx.keys import CourseKey, UsageKey

log = logging.getLogger(__name__)

#: What the platform takes as a user name, unless its operator allows more.
_USERNAME = re.compile(r"[A-Za-z0-9_-]{2,30}")


class StandaloneCourses:
    """Course runs of the default host."""

    def __init__(self, enrollments: ports.Enrollments, roles: ports.Roles) -> None:
        """Ask these who learns and who teaches."""
        self._enrollments = enrollments
        self._roles = roles

    def find(self, course_key: CourseKey) -> ports.Course | None:
        """Return the course run, or ``None``; a key in another letter case is another course."""
        row = models.Course.objects.filter(course_key=course_key).first()
        if row is None or row.course_key != course_key:
            return None
        return ports.Course(
            id=row.course_key,
            org=row.org,
            number=row.number,
            display_name=row.display_name,
            start=row.start,
            end=row.end,
            self_paced=row.self_paced,
            language=row.language or None,
            certificate_available_date=row.certificate_available_date,
            certificates_display_behavior=row.certificates_display_behavior,
        )

    def get(self, course_key: CourseKey) -> ports.Course:
        """Return the course run; :class:`~openedx_learning_ext.core.host.ports.CourseNotFound` otherwise."""
        course = self.find(course_key)
        if course is None:
            raise ports.CourseNotFound(f"no course {course_key}")
        return course

    def check_access(self, user: ports.User, course_key: CourseKey, *, require_enrollment: bool) -> None:
        """
        Return when the person may enter; staff may always.

        Raises:
            CourseNotFound: there is no such course run.
            CourseAccessDenied: ``not_signed_in``, ``not_active``, ``not_enrolled`` or ``not_started``.
        """
        course = self.get(course_key)
        if not user.is_authenticated:
            raise ports.CourseAccessDenied("not_signed_in", resolve_url(settings.LOGIN_URL))
        if not user.is_active:
            raise ports.CourseAccessDenied("not_active")
        if self._roles.has_staff_access(user, course_key):
            return
        if require_enrollment and not self._enrollments.is_active(user, course_key):
            raise ports.CourseAccessDenied("not_enrolled")
        if course.start is not None and course.start > timezone.now():
            raise ports.CourseAccessDenied("not_started")


class StandaloneEnrollments:
    """Who learns where."""

    def is_active(self, user: ports.User, course_key: CourseKey) -> bool:
        """Tell whether the person has an active enrolment."""
        if not user.is_authenticated:
            return False
        return models.Enrollment.objects.filter(user_id=user.pk, course_key=course_key, is_active=True).exists()


class StandaloneRoles:
    """Who teaches and who runs what. Nobody can masquerade on the default host."""

    def is_global_staff(self, user: ports.User) -> bool:
        """Tell whether the person is staff of the whole site."""
        return bool(user.is_active and user.is_staff)

    def is_course_team(self, user: ports.User, course_key: CourseKey) -> bool:
        """Tell whether the person is global staff, course staff or course instructor; limited staff is not."""
        return self.is_global_staff(user) or bool(self._roles(user, course_key) & {"staff", "instructor"})

    def has_staff_access(self, user: ports.User, course_key: CourseKey) -> bool:
        """Tell whether courseware treats the person as staff: limited staff and organisation roles count."""
        return self.acting_role(user, course_key) != "student"

    def acting_role(self, user: ports.User, course_key: CourseKey) -> Literal["instructor", "staff", "student"]:
        """Return the role the person acts in; whoever is staff of the whole site acts as an instructor."""
        if self.is_global_staff(user):
            return "instructor"
        roles = self._roles(user, course_key, with_organisation=True)
        if "instructor" in roles:
            return "instructor"
        return "staff" if roles & {"staff", "limited_staff"} else "student"

    def _roles(self, user: ports.User, course_key: CourseKey, *, with_organisation: bool = False) -> set[str]:
        if not (user.is_authenticated and user.is_active):
            return set()
        where = Q(course_key=course_key)
        if with_organisation:
            where |= Q(course_key=CourseKeyField.Empty, org=course_key.org)
        return set(models.CourseRole.objects.filter(where, user_id=user.pk).values_list("role", flat=True))


class StandaloneGrades:
    """Scores of blocks."""

    def current_score(self, user: ports.User, usage_key: UsageKey) -> ports.BlockScore | None:
        """
        Return the score a person has on a block now; ``None`` before the first answer.

        A block with others below it has the sum of what the lowest of them have; of one that was not answered yet, the
        points to be had there count.

        Raises:
            BlockNotFound: there is no such block.
        """
        block, below = blocks.subtree(usage_key)
        if not user.is_authenticated:
            return None
        parents = {row.parent_id for row in below}
        leaves = [row for row in below if row.pk not in parents]
        found = scores.of_blocks(user_id=user.pk, usage_keys=[row.usage_key for row in (block, *leaves)])
        if own := found.pop(block.usage_key, None):
            return ports.BlockScore(earned=own.earned, possible=own.possible, is_composite=False)
        if not found:
            return None
        open_points = sum(row.weight or 0.0 for row in leaves if row.usage_key not in found)
        return ports.BlockScore(
            earned=sum(score.earned for score in found.values()),
            possible=sum(score.possible for score in found.values()) + open_points,
            is_composite=True,
        )

    def publish_score(
        self, user: ports.User, usage_key: UsageKey, *, earned: float | None, possible: float
    ) -> None:
        """
        Store a score on a block, in the caller's transaction; ``earned=None`` withdraws it.

        Publishing the same score again changes nothing but the time. Receivers of ``SCORE_CHANGED`` run at once and
        their errors reach the caller, who gets neither score nor signal then.

        Raises:
            BlockNotFound: there is no such block, or it works its scores out itself.
            AccountNotFound: the person is anonymous and can have no score.
        """
        if not user.is_authenticated:
            raise ports.AccountNotFound("somebody anonymous has no scores")
        block = models.Block.objects.filter(usage_key=usage_key).first()
        if block is None or block.usage_key != usage_key or block.scores_itself:
            raise ports.BlockNotFound(f"no block that takes a score at {usage_key}")
        if earned is None:
            scores.withdraw(user_id=user.pk, block=block)
        else:
            scores.store(user_id=user.pk, block=block, earned=earned, possible=possible)

    def connect_score_receiver(self, receiver: Callable[..., None], *, dispatch_uid: str) -> None:
        """
        Have ``receiver(**kwargs)`` called when a score changes, or is stored again unchanged. It must not raise.

        Connecting it again changes nothing.
        """
        signals.SCORE_CHANGED.connect(receiver, dispatch_uid=dispatch_uid, weak=False)


class StandaloneBlocks:
    """The content of courses."""

    def __init__(self, courses: ports.Courses) -> None:
        """Ask ``courses`` who may enter."""
        self._courses = courses

    def find(self, usage_key: UsageKey) -> ports.Block | None:
        """Return the block, or ``None``."""
        row = models.Block.objects.filter(usage_key=usage_key).first()
        if row is None or row.usage_key != usage_key:
            return None
        return ports.Block(
            usage_key=row.usage_key, display_name=row.display_name, is_graded=row.is_graded, due=row.due
        )

    def ancestors(self, usage_key: UsageKey) -> tuple[UsageKey, ...]:
        """
        Return the blocks above a block, the nearest first; one without a parent stands at the top of its course.

        Raises:
            BlockNotFound: there is no such block.
        """
        block, rows = blocks.with_its_course(usage_key)
        by_id: dict[int | None, models.Block] = {row.pk: row for row in rows if row.pk != block.pk}
        above = []
        # Taking each out on the way, so that blocks which an administrator put in a circle come to an end.
        while (parent := by_id.pop(block.parent_id, None)) is not None:
            above.append(parent.usage_key)
            block = parent
        return tuple(above)

    def render_launched(self, request: HttpRequest, usage_key: UsageKey) -> HttpResponse:
        """
        Return a page with the exercise, or the exercises below a block, and nothing else; nobody has to be enrolled.

        Raises:
            BlockNotFound: there is no such block.
            CourseAccessDenied: ``not_signed_in``, ``not_active`` or ``not_started``.
        """
        block, below = blocks.subtree(usage_key)
        try:
            self._courses.check_access(request.user, block.course_key, require_enrollment=False)
        except ports.CourseNotFound as error:
            raise ports.BlockNotFound(f"no course for {usage_key}") from error
        user_id = cast("int", request.user.pk)  # Nobody anonymous comes this far.
        return exercise.page(request, block, exercise.tasks(user_id, block, [block, *below]))


class StandaloneAccounts:
    """People's accounts."""

    def get(self, user_id: int) -> AbstractUser:
        """Return the user object; :class:`~openedx_learning_ext.core.host.ports.AccountNotFound` otherwise."""
        user: AbstractUser | None = get_user_model()._default_manager.filter(pk=user_id).first()
        if user is None:
            raise ports.AccountNotFound(f"no account {user_id}")
        return user

    def find_by_email(self, address: str) -> AbstractUser | None:
        """Return whose address this is, in any case of ASCII letters; ``None`` when it is nobody's or two people's."""
        if not address:
            return None
        found = [
            user
            for user in get_user_model()._default_manager.filter(email__iexact=address).order_by("pk")
            if ports.is_same_address(user.email, address)
        ]
        if len(found) > 1:
            log.warning("address_of_two_accounts", extra={"user_ids": [user.pk for user in found]})
        return found[0] if len(found) == 1 else None

    def find_by_username(self, username: str) -> AbstractUser | None:
        """Return whose user name this is, or ``None``; in another letter case it is another name."""
        user: AbstractUser | None = get_user_model()._default_manager.filter(username=username).first()
        return user if user is not None and user.get_username() == username else None

    def is_valid_username(self, username: str) -> bool:
        """Tell whether the platform would take this as a user name; it may be taken."""
        return _USERNAME.fullmatch(username) is not None

    def create(self, *, username: str, email: str, name: str) -> AbstractUser:
        """
        Return a new active account with a profile and a password that nobody knows.

        Raises:
            AccountTaken: somebody has, or had before being retired, this name or address, in any letter case.
        """
        if taken := _find_taken(username, email):
            raise taken
        try:
            with transaction.atomic():
                user: AbstractUser = get_user_model()._default_manager.create_user(
                    username=username, email=email, password=secrets.token_urlsafe(32)
                )
                models.Profile.objects.create(user_id=user.pk, name=name)
        except IntegrityError:
            if taken := _find_taken(username, email):  # Somebody was faster.
                raise taken from None  # The database's own words quote the name.
            raise
        return user

    def log_in(self, request: HttpRequest, user: AbstractUser, *, backend: str) -> None:
        """Sign the person in; the session gets a new key, and is emptied when it was somebody else's."""
        auth.login(request, cast("User", user), backend=backend)

    def log_out(self, request: HttpRequest) -> None:
        """Sign out whoever is signed in, and empty the session."""
        auth.logout(request)

    def connect_retirement_receiver(self, receiver: Callable[..., None], *, dispatch_uid: str) -> None:
        """Have ``receiver(user=..., **kwargs)`` called when a person is retired; connecting again changes nothing."""
        signals.USER_RETIRED.connect(receiver, dispatch_uid=dispatch_uid, weak=False)


class StandaloneIdentity:
    """The ids under which people are known outside."""

    def anonymous_id(self, user: ports.User, course_key: CourseKey | None) -> str | None:
        """
        Return the person's id for one course, or for the site with ``None``; ``None`` for somebody anonymous.

        The id is stored the first time and stays, whatever happens to ``SECRET_KEY``.
        """
        if not user.is_authenticated:
            return None
        where = CourseKeyField.Empty if course_key is None else course_key
        given = models.AnonymousId.objects.filter(user_id=user.pk, course_key=where).order_by("-id").first()
        if given is None:
            given, _ = models.AnonymousId.objects.get_or_create(
                anonymous_id=self._derive(user.pk, course_key),
                defaults={"user_id": user.pk, "course_key": course_key},
            )
        return given.anonymous_id

    def find_by_anonymous_id(self, anonymous_id: str) -> AbstractUser | None:
        """Return whom an id stands for, also an older one of several."""
        row = models.AnonymousId.objects.select_related("user").filter(anonymous_id=anonymous_id).first()
        return None if row is None else row.user

    @staticmethod
    def _derive(user_id: int, course_key: CourseKey | None) -> str:
        meaning = f"learning_ext_host anonymous id|{user_id}|{course_key or ''}"
        return hmac.new(conf.SECRET_KEY().encode(), meaning.encode(), hashlib.sha256).hexdigest()[:32]


class StandaloneFlags:
    """What the operator has switched on."""

    def has_feature(self, name: str, *, default: bool) -> bool:
        """Tell whether a feature is on: the setting of this name, else its place in ``FEATURES``, else the default."""
        return conf.has_feature(name, default=default)

    def may_share_pii(self, course_key: CourseKey) -> bool:
        """Tell whether tools launched from this course may be told learners' names and addresses."""
        return models.Course.objects.filter(course_key=course_key, may_share_pii=True).exists()


class StandaloneTracking:
    """Analytics events: the log names them, and ``recent`` keeps the last ones of this process."""

    def __init__(self) -> None:
        """Start with no events."""
        self.recent: deque[dict[str, Any]] = deque(maxlen=200)

    def emit(self, name: str, data: Mapping[str, Any], *, course_key: CourseKey | None = None) -> None:
        """Record an event with JSON data; one with other data is dropped with a warning. Never raises."""
        course_id = None if course_key is None else str(course_key)
        try:
            copy = json.loads(json.dumps(dict(data)))
        except (TypeError, ValueError):
            log.warning("event_not_json", extra={"event_name": name})
            return
        self.recent.append({"name": name, "data": copy, "course_id": course_id})
        # Without the data: it is about people.
        log.info("event_emitted", extra={"event_name": name, "course_id": course_id})


class StandaloneExisting:
    """Rows of the platform's own apps, of which the default host has none."""

    def has(self, kind: str) -> bool:
        """Tell that there is no such table here."""
        return False

    def iter_rows(self, kind: str, *, after: int = 0, page_size: int = 500) -> Iterator[Mapping[str, Any]]:
        """Yield nothing."""
        yield from ()


class StandaloneHost:
    """The default host behind the ports."""

    courses: ports.Courses
    enrollments: ports.Enrollments
    roles: ports.Roles
    grades: ports.Grades
    blocks: ports.Blocks
    accounts: ports.Accounts
    identity: ports.Identity
    flags: ports.Flags
    tracking: ports.Tracking
    existing: ports.Existing

    def __init__(self) -> None:
        """Put the topics together; nothing is asked of the database yet."""
        self.enrollments = StandaloneEnrollments()
        self.roles = StandaloneRoles()
        self.courses = StandaloneCourses(self.enrollments, self.roles)
        self.grades = StandaloneGrades()
        self.blocks = StandaloneBlocks(self.courses)
        self.accounts = StandaloneAccounts()
        self.identity = StandaloneIdentity()
        self.flags = StandaloneFlags()
        self.tracking = StandaloneTracking()
        self.existing = StandaloneExisting()


def _find_taken(username: str, email: str) -> ports.AccountTaken | None:
    """Return why no account can have this name and address, or ``None``; whoever was retired still has them."""
    users = get_user_model()._default_manager
    if users.filter(Q(username__iexact=username) | Q(username=people.retired_username(username))).exists():
        return ports.AccountTaken("username")
    if users.filter(Q(email__iexact=email) | Q(email=people.retired_address(email))).exists():
        return ports.AccountTaken("email")
    return None


if TYPE_CHECKING:
    _satisfies: ports.Host = StandaloneHost()
