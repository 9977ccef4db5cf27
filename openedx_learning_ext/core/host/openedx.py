"""
The platform's answers to the ports. The only file of this library that imports the Open edX platform.

Every import of the platform stands inside the function that needs it, so that this module loads anywhere and a missing
piece of the platform is an ``ImportError`` where it is used. A method here is a translation and nothing more: what is
asked of the platform, with which arguments, is written down in ``docs/references/host.rst``, and fakes limited to that
page run the contract tests.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from django.apps import apps
from django.contrib.auth import get_user_model
from django.http import Http404

from openedx_learning_ext.core import privacy
from openedx_learning_ext.core.host import coexistence, ports

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser
    from opaque_keys.edx.keys import CourseKey, UsageKey

log = logging.getLogger(__name__)


def bearer_authentication_class() -> type:
    """Return the platform's class for OAuth bearer tokens; it needs the platform's own token tables."""
    from openedx.core.lib.api.authentication import BearerAuthenticationAllowInactiveUser

    answer: type = BearerAuthenticationAllowInactiveUser
    return answer


class OpenedxCourses:
    """Course runs of the platform and who may enter them."""

    def __init__(self, roles: ports.Roles) -> None:
        """Ask ``roles`` in Studio, where courseware's own answer does not exist."""
        self._roles = roles

    def find(self, course_key: CourseKey) -> ports.Course | None:
        """Return the course run, or ``None``; the platform logs a warning for each key it does not know."""
        from openedx.core.djangoapps.content.course_overviews.api import get_course_overview_or_none

        overview = get_course_overview_or_none(course_key)
        # MySQL finds a key in any letter case; another case is another course.
        if overview is None or overview.id != course_key:
            return None
        return ports.Course(
            id=overview.id,
            org=overview.display_org_with_default,
            number=overview.display_number_with_default,
            display_name=overview.display_name or "",
            start=overview.start,
            end=overview.end,
            self_paced=bool(overview.self_paced),
            language=overview.language or None,
            certificate_available_date=overview.certificate_available_date,
            certificates_display_behavior=overview.certificates_display_behavior or None,
        )

    def get(self, course_key: CourseKey) -> ports.Course:
        """Return the course run; :class:`~openedx_learning_ext.core.host.ports.CourseNotFound` otherwise."""
        course = self.find(course_key)
        if course is None:
            raise ports.CourseNotFound(f"no course {course_key}")
        return course

    def check_access(self, user: ports.User, course_key: CourseKey, *, require_enrollment: bool) -> None:
        """
        Return when courseware lets the person in; in Studio, when the person is of the course team.

        Somebody anonymous enters public courses only. The reason of a refusal is the platform's own code where it
        gives one (``course_not_started``), else ``redirected`` or ``refused``; in Studio it is ``not_course_team``.

        Raises:
            CourseNotFound: there is no such course run.
            CourseAccessDenied: courseware refuses.
        """
        if coexistence.in_studio():
            self.get(course_key)
            if not self._roles.has_staff_access(user, course_key):
                raise ports.CourseAccessDenied("not_course_team")
            return

        from lms.djangoapps.courseware.courses import get_course_with_access
        from lms.djangoapps.courseware.courseware_access_exception import CoursewareAccessException
        from lms.djangoapps.courseware.exceptions import CourseAccessRedirect

        try:
            course = get_course_with_access(
                user, "load", course_key, check_if_enrolled=require_enrollment, check_if_authenticated=True
            )
        except CourseAccessRedirect as error:
            reason = getattr(error.access_error, "error_code", None) or "redirected"
            raise ports.CourseAccessDenied(reason, error.url) from error
        except CoursewareAccessException as error:  # Before Http404, which it is a kind of.
            raise ports.CourseAccessDenied(error.access_response.error_code or "refused") from error
        except Http404 as error:
            raise ports.CourseNotFound(f"no course {course_key}") from error
        if course.id != course_key:
            raise ports.CourseNotFound(f"no course {course_key}")


class OpenedxEnrollments:
    """Who learns where."""

    def is_active(self, user: ports.User, course_key: CourseKey) -> bool:
        """Tell whether the person has an active enrolment. (``student.api``'s own function logs every question.)"""
        from common.djangoapps.student.models import CourseEnrollment

        return bool(CourseEnrollment.is_enrolled(user, course_key))


class OpenedxRoles:
    """Who teaches and who runs what. Someone inactive or anonymous has no role, not even that of global staff."""

    def is_global_staff(self, user: ports.User) -> bool:
        """Tell whether the person is staff of the whole site."""
        from common.djangoapps.student.roles import GlobalStaff

        return bool(user.is_active and GlobalStaff().has_user(user))

    def is_course_team(self, user: ports.User, course_key: CourseKey) -> bool:
        """Tell whether the person is global staff, course staff or course instructor; limited staff is not."""
        return self.is_global_staff(user) or bool(_course_roles(user, course_key) & {"staff", "instructor"})

    def has_staff_access(self, user: ports.User, course_key: CourseKey) -> bool:
        """Tell whether courseware treats the person as staff; in Studio, whether the person is of the course team."""
        if coexistence.in_studio():
            return self.is_course_team(user, course_key)
        if not user.is_active:
            return False

        from lms.djangoapps.courseware.access import has_access

        return bool(has_access(user, "staff", course_key))

    def acting_role(self, user: ports.User, course_key: CourseKey) -> Literal["instructor", "staff", "student"]:
        """Return the role the person acts in now, masquerade first; Studio knows no masquerade."""
        if not user.is_active:
            return "student"
        if coexistence.in_studio():
            roles = _course_roles(user, course_key)
            if self.is_global_staff(user) or "instructor" in roles:
                return "instructor"
            return "staff" if "staff" in roles else "student"

        from lms.djangoapps.courseware.access import get_user_role

        role = get_user_role(user, course_key)
        if role == "instructor":
            return "instructor"
        return "staff" if role == "staff" else "student"  # A masquerade may have a word of its own.


class OpenedxGrades:
    """Scores of blocks."""

    def publish_score(
        self, user: ports.User, usage_key: UsageKey, *, earned: float | None, possible: float
    ) -> None:
        """
        Store a score on a block, in the caller's transaction; ``earned=None`` withdraws it.

        Publishing the same score again changes nothing but the time. The platform's receivers run at once and their
        errors reach the caller.

        Raises:
            BlockNotFound: there is no such block, or it works its scores out itself.
            AccountNotFound: the person is anonymous and can have no score.
        """
        from lms.djangoapps.grades.api import signals
        from xblock.scorable import ScorableXBlockMixin

        if not user.is_authenticated:
            raise ports.AccountNotFound("somebody anonymous has no scores")
        block = _find_block(usage_key)
        # The receiver would also write into such a block, which would have to be bound to the learner first.
        if block is None or isinstance(block, ScorableXBlockMixin):
            raise ports.BlockNotFound(f"no block that takes a score at {usage_key}")
        signals.SCORE_PUBLISHED.send(
            sender=None,
            block=block,
            user=user,
            raw_earned=earned,
            # Both or none: the platform weighs every score that says what was possible, also one that is no number.
            raw_possible=None if earned is None else possible,
            only_if_higher=False,
            score_deleted=earned is None,
            grader_response=False,
        )


class OpenedxBlocks:
    """The published content of courses."""

    def find(self, usage_key: UsageKey) -> ports.Block | None:
        """Return the block, or ``None``; a key of the old form, without a run, is completed."""
        block = _find_block(usage_key)
        if block is None:
            return None
        return ports.Block(
            usage_key=usage_key.map_into_course(block.location.course_key),
            display_name=block.display_name or "",
            is_graded=bool(block.graded),
            due=block.due,
        )


class OpenedxAccounts:
    """People's accounts."""

    def get(self, user_id: int) -> AbstractUser:
        """Return the user object; :class:`~openedx_learning_ext.core.host.ports.AccountNotFound` otherwise."""
        user: AbstractUser | None = get_user_model()._default_manager.filter(pk=user_id).first()
        if user is None:
            raise ports.AccountNotFound(f"no account {user_id}")
        return user

    def connect_retirement_receiver(self, receiver: Callable[..., None], *, dispatch_uid: str) -> None:
        """
        Have ``receiver(user=..., **kwargs)`` called when a person is retired, once for each of two signals.

        Connecting it again changes nothing. Only the LMS retires people: in Studio there is nothing to connect to.
        """
        if coexistence.in_studio():
            return

        from openedx.core.djangoapps.user_api.accounts.signals import USER_RETIRE_LMS_CRITICAL, USER_RETIRE_LMS_MISC

        for signal in (USER_RETIRE_LMS_MISC, USER_RETIRE_LMS_CRITICAL):
            signal.connect(receiver, dispatch_uid=dispatch_uid, weak=False)


class OpenedxIdentity:
    """The ids under which people are known outside."""

    def anonymous_id(self, user: ports.User, course_key: CourseKey | None) -> str | None:
        """Return the person's id for one course, or for the site with ``None``; may store a row the first time."""
        from common.djangoapps.student.models import anonymous_id_for_user

        answer: str | None = anonymous_id_for_user(user, course_key)
        return answer

    def find_by_anonymous_id(self, anonymous_id: str) -> AbstractUser | None:
        """Return whom an id stands for; the platform remembers "nobody" for the rest of the request."""
        from common.djangoapps.student.models import user_by_anonymous_id

        answer: AbstractUser | None = user_by_anonymous_id(anonymous_id)
        return answer


class OpenedxFlags:
    """What the operator has switched on."""

    def may_share_pii(self, course_key: CourseKey) -> bool:
        """Tell whether tools may be told names and addresses: the LTI XBlock's own switch, off where it is missing."""
        if not apps.is_installed("lti_consumer"):
            return False

        from lti_consumer.api import get_lti_pii_sharing_state_for_course

        return bool(get_lti_pii_sharing_state_for_course(course_key))


class OpenedxTracking:
    """Analytics events."""

    def __init__(self) -> None:
        """Nothing has been dropped yet."""
        self._warned = False

    def emit(self, name: str, data: Mapping[str, Any], *, course_key: CourseKey | None = None) -> None:
        """
        Record an event with JSON data, in the course's context where there is one. Never raises.

        Without a tracker events are dropped with one warning; one with other data than JSON is dropped with a warning.
        """
        from common.djangoapps.track.contexts import course_context_from_course_id
        from eventtracking import tracker

        try:
            # The tracker copies what it is given, and raises for what cannot be copied.
            copy = json.loads(json.dumps(dict(data)))
        except (TypeError, ValueError):
            log.warning("event_not_json", extra={"event_name": name})
            return
        try:
            platform_tracker = tracker.get_tracker()
        except KeyError:
            if not self._warned:
                self._warned = True
                log.warning("no_event_tracker", extra={"event_name": name})
            return
        try:
            context = {} if course_key is None else course_context_from_course_id(course_key)
            with platform_tracker.context(name, context):
                tracker.emit(name, copy)
        except Exception as error:  # noqa: BLE001  # an operator's analytics backend must not stop a learner
            log.error("event %s was not recorded\n%s", name, privacy.trace_of(error))


class OpenedxHost:
    """The Open edX platform behind the ports."""

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
        """Put the topics together; nothing of the platform is imported yet."""
        self.enrollments = OpenedxEnrollments()
        self.roles = OpenedxRoles()
        self.courses = OpenedxCourses(self.roles)
        self.grades = OpenedxGrades()
        self.blocks = OpenedxBlocks()
        self.accounts = OpenedxAccounts()
        self.identity = OpenedxIdentity()
        self.flags = OpenedxFlags()
        self.tracking = OpenedxTracking()


def _course_roles(user: ports.User, course_key: CourseKey) -> frozenset[str]:
    """Return the exact roles; the platform's role classes also say yes to roles that inherit from the one asked for."""
    if not user.is_active:
        return frozenset()

    from common.djangoapps.student.roles import RoleCache

    roles = getattr(user, "_roles", None) or RoleCache(user)
    return frozenset(record.role for record in roles.roles_by_course_id.get(str(course_key), ()))


def _find_block(usage_key: UsageKey) -> Any:
    """Return the platform's block object, or ``None``. It does not leave this module."""
    from xmodule.modulestore.django import modulestore
    from xmodule.modulestore.exceptions import ItemNotFoundError

    try:
        return modulestore().get_item(usage_key)
    except ItemNotFoundError:
        return None


if TYPE_CHECKING:
    _satisfies: ports.Host = OpenedxHost()
