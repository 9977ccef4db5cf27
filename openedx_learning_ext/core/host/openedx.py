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
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from django.apps import apps
from django.contrib import auth
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import CharField, ExpressionWrapper, F, Model
from django.http import Http404
from opaque_keys.edx.django.models import OpaqueKeyField

from openedx_learning_ext.core import conf, privacy
from openedx_learning_ext.core.host import coexistence, ports

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser, User
    from django.http import HttpRequest, HttpResponse
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

    def current_score(self, user: ports.User, usage_key: UsageKey) -> ports.BlockScore | None:
        """
        Return the score a person has on a block now; ``None`` where the platform cannot tell or nothing was answered.

        The learner's own row answers for a single block, in points that are not weighed. Any other score is taken from
        the course grade, which costs a whole course structure; until the platform has stored that grade for the first
        time, minutes after the first answer, nobody can tell.

        Raises:
            BlockNotFound: there is no such block.
        """
        block = _find_block(usage_key)
        if block is None:
            raise ports.BlockNotFound(f"no block {usage_key}")
        if not user.is_authenticated:
            return None
        usage_key = usage_key.map_into_course(block.location.course_key)
        if not block.has_children:
            from lms.djangoapps.courseware.model_data import get_score

            row = get_score(user.pk, usage_key)
            # A block scored by the submissions service, or only looked at, has a row without points.
            if row is not None and row.grade is not None and row.max_grade is not None:
                if getattr(block, "weight", None) == 0:  # The row says what was earned, and none of it counts.
                    return ports.BlockScore(earned=0.0, possible=0.0, is_composite=False)
                return ports.BlockScore(earned=row.grade, possible=row.max_grade, is_composite=False)

        from lms.djangoapps.grades.api import CourseGradeFactory

        grade = CourseGradeFactory().read(user, course_key=usage_key.course_key)
        # Without this, whoever has not begun has the same 0 as somebody who got everything wrong.
        if grade is None or not _is_attempted(grade, usage_key):
            return None
        earned, possible = grade.score_for_block(usage_key)
        return ports.BlockScore(earned=earned, possible=possible, is_composite=bool(block.has_children))

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

    def connect_score_receiver(self, receiver: Callable[..., None], *, dispatch_uid: str) -> None:
        """
        Have ``receiver(**kwargs)`` called when a score changes, or is stored again unchanged. It must not raise.

        Connecting it again changes nothing. Learners answer in the LMS: in Studio there is nothing to connect to.
        """
        if coexistence.in_studio():
            return

        from lms.djangoapps.grades.api import signals

        signals.PROBLEM_WEIGHTED_SCORE_CHANGED.connect(receiver, dispatch_uid=dispatch_uid, weak=False)


class OpenedxBlocks:
    """The published content of courses."""

    def __init__(self, courses: ports.Courses) -> None:
        """Ask ``courses`` who may enter."""
        self._courses = courses

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

    def ancestors(self, usage_key: UsageKey) -> tuple[UsageKey, ...]:
        """
        Return the blocks above a block, the nearest first; the last one is the course's own block.

        Raises:
            BlockNotFound: there is no such block, or it hangs nowhere in its course.
        """
        from xmodule.modulestore.django import modulestore

        above = []
        with modulestore().bulk_operations(usage_key.course_key):  # One read of the course, however deep.
            block = _find_block(usage_key)
            if block is None:
                raise ports.BlockNotFound(f"no block {usage_key}")
            course_key = block.location.course_key
            while (parent := block.get_parent()) is not None:
                block = parent
                above.append(block.location.map_into_course(course_key))
        if block.location.block_type != "course":
            raise ports.BlockNotFound(f"no place in its course for {usage_key}")
        return tuple(above)

    def render_launched(self, request: HttpRequest, usage_key: UsageKey) -> HttpResponse:
        """
        Return the platform's page of a block on its own, without header and footer; nobody has to be enrolled.

        The platform may exchange ``request.user`` (masquerade), reads the query string, and may answer a redirect, a
        400 or a 403 of its own.

        Raises:
            BlockNotFound: there is no such block.
            CourseAccessDenied: courseware refuses, the course or the block.
        """
        from lms.djangoapps.courseware.views.views import render_xblock

        block = _find_block(usage_key)
        if block is None:
            raise ports.BlockNotFound(f"no block {usage_key}")
        usage_key = usage_key.map_into_course(block.location.course_key)
        try:
            # Asked first, because the page turns every refusal into a 404.
            self._courses.check_access(request.user, usage_key.course_key, require_enrollment=False)
            response: HttpResponse = render_xblock(
                request, str(usage_key), check_if_enrolled=False, disable_staff_debug_info=True
            )
        except ports.CourseNotFound as error:
            raise ports.BlockNotFound(f"no course for {usage_key}") from error
        except Http404 as error:
            raise ports.CourseAccessDenied("refused") from error
        return response


class OpenedxAccounts:
    """People's accounts."""

    def get(self, user_id: int) -> AbstractUser:
        """Return the user object; :class:`~openedx_learning_ext.core.host.ports.AccountNotFound` otherwise."""
        user: AbstractUser | None = get_user_model()._default_manager.filter(pk=user_id).first()
        if user is None:
            raise ports.AccountNotFound(f"no account {user_id}")
        return user

    def find_by_email(self, address: str) -> AbstractUser | None:
        """Return whose address this is, in any case of ASCII letters; ``None`` when it is nobody's or two people's."""
        found = [user for user in _with_address(address) if ports.is_same_address(user.email, address)]
        if len(found) > 1:
            log.warning("address_of_two_accounts", extra={"user_ids": sorted(user.pk for user in found)})
        return found[0] if len(found) == 1 else None

    def find_by_username(self, username: str) -> AbstractUser | None:
        """Return whose user name this is, or ``None``; in another letter case it is another name."""
        user: AbstractUser | None = get_user_model()._default_manager.filter(username=username).first()
        # MySQL finds a name in any letter case.
        return user if user is not None and user.get_username() == username else None

    def is_valid_username(self, username: str) -> bool:
        """Tell whether the registration form would take this as a user name; it may be taken."""
        from openedx.core.djangoapps.user_api.accounts.api import get_username_validation_error

        return not get_username_validation_error(username)

    def create(self, *, username: str, email: str, name: str) -> AbstractUser:
        """
        Return a new active account with a profile and a password that nobody knows.

        No mail is sent and no registration announced; the platform enrols the person where this address was invited.

        Raises:
            AccountTaken: somebody has, or had before being retired, this name or address, in any letter case.
        """
        from common.djangoapps.student.models import UserProfile

        if taken := _find_taken(username, email):
            raise taken
        try:
            with transaction.atomic():
                user: AbstractUser = get_user_model()._default_manager.create_user(
                    username=username, email=email, password=secrets.token_urlsafe(32)
                )
                UserProfile(user=user, name=name).save()
        except IntegrityError:
            if taken := _find_taken(username, email):  # Somebody was faster.
                raise taken from None  # The database's own words quote the name.
            raise
        return user

    def log_in(self, request: HttpRequest, user: AbstractUser, *, backend: str) -> None:
        """
        Sign the person in; the session gets a new key, and is emptied when it was somebody else's.

        The platform is told that this is meant: it takes a user who changes within a request for an attack.
        """
        from openedx.core.djangoapps.safe_sessions.middleware import mark_user_change_as_expected

        auth.login(request, cast("User", user), backend=backend)
        mark_user_change_as_expected(user.pk)

    def log_out(self, request: HttpRequest) -> None:
        """Sign out whoever is signed in, and empty the session; the platform is told that this is meant."""
        from openedx.core.djangoapps.safe_sessions.middleware import mark_user_change_as_expected

        auth.logout(request)
        mark_user_change_as_expected(None)

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

    def has_feature(self, name: str, *, default: bool) -> bool:
        """Tell whether a feature is on: the setting of this name, else its place in ``FEATURES``, else the default."""
        return conf.has_feature(name, default=default)

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


class OpenedxExisting:
    """Rows of the platform's own apps. They are found in the app registry, so nothing is imported for them."""

    def has(self, kind: str) -> bool:
        """Tell whether the app is installed and has this model."""
        return _find_model(kind) is not None

    def iter_rows(self, kind: str, *, after: int = 0, page_size: int = 500) -> Iterator[Mapping[str, Any]]:
        """Yield the rows whose ``id`` is above ``after``, a page a query; nothing where there is no such model."""
        model = _find_model(kind)
        if model is None:
            return
        # Keys as they are stored: of a broken one the caller decides, and the rows beside it come all the same.
        keys = [field.attname for field in model._meta.concrete_fields if isinstance(field, OpaqueKeyField)]
        plain = [field.attname for field in model._meta.concrete_fields if field.attname not in keys]
        texts = {f"text_of_{name}": ExpressionWrapper(F(name), output_field=CharField()) for name in keys}
        rows = model._base_manager.order_by("pk").values(*plain, **texts)
        # By pages and not by a cursor: rows are written between two of them.
        while page := list(rows.filter(pk__gt=after)[:page_size]):
            yield from ({name.removeprefix("text_of_"): value for name, value in row.items()} for row in page)
            after = page[-1]["id"]


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
    existing: ports.Existing

    def __init__(self) -> None:
        """Put the topics together; nothing of the platform is imported yet."""
        self.enrollments = OpenedxEnrollments()
        self.roles = OpenedxRoles()
        self.courses = OpenedxCourses(self.roles)
        self.grades = OpenedxGrades()
        self.blocks = OpenedxBlocks(self.courses)
        self.accounts = OpenedxAccounts()
        self.identity = OpenedxIdentity()
        self.flags = OpenedxFlags()
        self.tracking = OpenedxTracking()
        self.existing = OpenedxExisting()


def _find_model(kind: str) -> type[Model] | None:
    """Return the model of a kind of existing rows, or ``None``."""
    try:
        return apps.get_model(kind)
    except LookupError:
        return None


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


def _is_attempted(grade: Any, usage_key: UsageKey) -> bool:
    """Tell whether the person has answered a block, or one below it."""
    score = grade.problem_scores.get(usage_key)
    if score is not None:
        return score.first_attempted is not None
    return any(_is_attempted(grade, child) for child in grade.course_data.structure.get_children(usage_key))


def _with_address(address: str) -> list[AbstractUser]:
    """Return the accounts whose address the database finds alike; nobody has an empty one."""
    if not address:
        return []
    return list(get_user_model()._default_manager.filter(email__iexact=address).order_by("pk"))


def _find_taken(username: str, email: str) -> ports.AccountTaken | None:
    """
    Return why no account can have this name and address, or ``None``.

    The platform's own questions know who was retired, and leave it to the database whether letter case counts.
    """
    from common.djangoapps.student.models import email_exists_or_retired, username_exists_or_retired

    users = get_user_model()._default_manager
    if username_exists_or_retired(username) or users.filter(username__iexact=username).exists():
        return ports.AccountTaken("username")
    if email_exists_or_retired(email) or _with_address(email):
        return ports.AccountTaken("email")
    return None


if TYPE_CHECKING:
    _satisfies: ports.Host = OpenedxHost()
