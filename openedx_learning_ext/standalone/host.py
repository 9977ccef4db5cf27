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
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.shortcuts import resolve_url
from django.utils import timezone
from opaque_keys.edx.django.models import CourseKeyField

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.host import ports
from openedx_learning_ext.standalone import models, signals

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser
    from opaque_keys.edx.keys import CourseKey, UsageKey

log = logging.getLogger(__name__)

#: The word by which the platform says that a score is on the learner's row of a block.
LEARNER_ROW = "csm"


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
        with transaction.atomic():
            modified = timezone.now()
            if earned is None:
                models.Score.objects.filter(user_id=user.pk, usage_key=usage_key).delete()
            else:
                score, _ = models.Score.objects.update_or_create(
                    user_id=user.pk, usage_key=usage_key, defaults={"earned": earned, "possible": possible}
                )
                modified = score.modified
            signals.SCORE_CHANGED.send(
                sender=None,
                user_id=user.pk,
                course_id=str(block.course_key),
                usage_id=str(usage_key),
                weighted_earned=earned,
                weighted_possible=None if earned is None else possible,
                only_if_higher=False,
                modified=modified,
                score_db_table=LEARNER_ROW,
                score_deleted=earned is None,
                grader_response=False,
            )


class StandaloneBlocks:
    """The content of courses."""

    def find(self, usage_key: UsageKey) -> ports.Block | None:
        """Return the block, or ``None``."""
        row = models.Block.objects.filter(usage_key=usage_key).first()
        if row is None or row.usage_key != usage_key:
            return None
        return ports.Block(
            usage_key=row.usage_key, display_name=row.display_name, is_graded=row.is_graded, due=row.due
        )


class StandaloneAccounts:
    """People's accounts."""

    def get(self, user_id: int) -> AbstractUser:
        """Return the user object; :class:`~openedx_learning_ext.core.host.ports.AccountNotFound` otherwise."""
        user: AbstractUser | None = get_user_model()._default_manager.filter(pk=user_id).first()
        if user is None:
            raise ports.AccountNotFound(f"no account {user_id}")
        return user

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

    def __init__(self) -> None:
        """Put the topics together; nothing is asked of the database yet."""
        self.enrollments = StandaloneEnrollments()
        self.roles = StandaloneRoles()
        self.courses = StandaloneCourses(self.enrollments, self.roles)
        self.grades = StandaloneGrades()
        self.blocks = StandaloneBlocks()
        self.accounts = StandaloneAccounts()
        self.identity = StandaloneIdentity()
        self.flags = StandaloneFlags()
        self.tracking = StandaloneTracking()


if TYPE_CHECKING:
    _satisfies: ports.Host = StandaloneHost()
