"""
The door of this app: launches by campuses, the secrets they sign with, and what happened to launches and grades.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from openedx_learning_ext.core import conf, errors, privacy
from openedx_learning_ext.core.delivery.engine import DeliveryBusy, DeliveryNotFound
from openedx_learning_ext.lti_provider import failures, grade_state, importing, passback, resending, status
from openedx_learning_ext.lti_provider import launch as launches
from openedx_learning_ext.lti_provider.failures import FailedLaunch
from openedx_learning_ext.lti_provider.grade_state import GradeState, script_tag
from openedx_learning_ext.lti_provider.importing import Imported, NothingToImport
from openedx_learning_ext.lti_provider.launch import (
    Launch,
    LaunchedNowhere,
    LaunchExpired,
    LaunchIncomplete,
    LaunchNeedsAccount,
    LaunchNotAdmitted,
    LaunchNotAuthentic,
    LaunchRefused,
    is_enabled,
    parse_course_and_usage_keys,
)
from openedx_learning_ext.lti_provider.models import (
    GradedAssignment,
    LtiConsumer,
    LtiUser,
    OutcomeService,
    ScoreDelivery,
    new_token,
    secret_digest_of,
)
from openedx_learning_ext.lti_provider.resending import RESEND_STATES, Resent, Selection
from openedx_learning_ext.lti_provider.status import ServiceStatus, Status

if TYPE_CHECKING:
    from opaque_keys.edx.keys import CourseKey, UsageKey

__all__ = [
    "MAX_SECRET",
    "PREVIOUS_SECRET_KEPT",
    "RESEND_STATES",
    "ConsumerNotFound",
    "DeliveryBusy",
    "DeliveryNotFound",
    "FailedLaunch",
    "GradeState",
    "Imported",
    "Launch",
    "LaunchExpired",
    "LaunchIncomplete",
    "LaunchNeedsAccount",
    "LaunchNotAdmitted",
    "LaunchNotAuthentic",
    "LaunchRefused",
    "LaunchedNowhere",
    "NothingToImport",
    "Resent",
    "SecretInvalid",
    "Selection",
    "ServiceStatus",
    "Status",
    "accept_launch",
    "deliver_due",
    "find_grade_state",
    "find_status",
    "forget",
    "import_existing",
    "is_enabled",
    "list_consumers",
    "list_deliveries",
    "list_failed_launches",
    "parse_course_and_usage_keys",
    "pause_services",
    "reconcile",
    "record_score_change",
    "render_launch",
    "replace_secret",
    "resend",
    "resend_scores",
    "retire_user",
    "script_tag",
    "secret_problem",
    "send_outcome",
    "try_now",
]

#: How long a campus may go on signing with the secret that was replaced.
PREVIOUS_SECRET_KEPT = timedelta(days=7)

MAX_SECRET = 255


class ConsumerNotFound(errors.NotFound):
    """No such LTI consumer."""


class SecretInvalid(errors.Invalid):
    """This cannot be the secret of a consumer."""


# -- launches ----------------------------------------------------------------------------------------------------------


def accept_launch(request: HttpRequest, *, course_id: str, usage_id: str) -> Launch:
    """
    Return a launch whose learner is now signed in with this request; the same form a second time is refused.

    Runs a transaction of its own, so call it outside of one.

    Raises:
        LaunchRefused: one of its kinds. It was logged, and kept for operators under its ``reference``.
    """
    launch = launches.accept(request, course_id, usage_id)
    if launch.graded is not None:
        passback.greet_graded_launch(launch.graded.assignment, is_superseded=launch.graded.change == "superseded")
    return launch


def render_launch(request: HttpRequest, launch: Launch) -> HttpResponse:
    """
    Return the page of a launched block, with our line about the grade unless the operator switched that off.

    Raises:
        LaunchRefused: there is no such block, or the course does not let the learner in.
    """
    response = launches.open_block(request, launch)
    if conf.LTI_PROVIDER_SHOW_GRADE_STATE():
        tag = script_tag(
            course_key=launch.course_key, usage_key=launch.usage_key, return_url=launches.return_url_of(launch)
        )
        grade_state.add_script(response, tag)
    return response


def list_failed_launches(*, consumer_id: int | None) -> list[FailedLaunch]:
    """Return the last launches of a consumer that were not let in, newest first; with ``None`` those of no consumer."""
    return failures.recent(consumer_id)


def find_grade_state(*, user_id: int, course_key: CourseKey, usage_key: UsageKey) -> GradeState:
    """Return how far a learner's grade of a launched block got; the worst of all places it goes to."""
    return grade_state.find_state(user_id=user_id, course_key=course_key, usage_key=usage_key)


# -- grades ------------------------------------------------------------------------------------------------------------


def record_score_change(facts: Mapping[str, Any]) -> int:
    """
    Have every campus that wants it told of a changed score, by the keywords of the host's signal; return how many.

    In the caller's transaction: nothing is sent for what is rolled back. The same again is a newer want of the same
    score. An error in one place is logged and leaves the others and the caller alone.
    """
    change = passback.read_change(facts)
    return 0 if change is None else passback.record_change(change)


def deliver_due(*, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Send whatever is due to campuses; return the attempts made. Safe beside another process that does the same."""
    return passback.engine.sweep(should_stop=should_stop)


def send_outcome(
    *, points_possible: float, points_earned: float, user_id: int, course_id: str, usage_id: str
) -> int:
    """
    Deliver what the mailboxes of a learner's graded launches of a block hold; return the attempts made.

    The points are recorded only where no score was ever recorded. Texts that are no keys are none of ours.
    """
    change = passback.read_change(
        {
            "points_possible": points_possible,
            "points_earned": points_earned,
            "user_id": user_id,
            "course_id": course_id,
            "usage_id": usage_id,
        }
    )
    return 0 if change is None else passback.send_outcome(change)


def reconcile() -> int:
    """Compare recent grades with the host's and want what differs; return how many. The sweep does it by itself."""
    return passback.reconcile()


def find_status(
    *, consumer_id: int | None = None, course_key: CourseKey | None = None, user_id: int | None = None
) -> Status:
    """Return how sending grades goes by campus and service, for one consumer, course or learner if said."""
    return status.find_status(consumer_id=consumer_id, course_key=course_key, user_id=user_id)


def list_deliveries() -> QuerySet[ScoreDelivery]:
    """Return the mailboxes in which a score was ever put, newest first, with where they go; lazy."""
    return status.list_deliveries()


def try_now(*, assignment_id: int) -> None:
    """
    Want the score that the mailbox holds sent at once, from the first attempt on; a rest after doubt still holds.

    A second time is one more attempt at most.

    Raises:
        DeliveryNotFound: nothing was ever to be sent, or the host cannot tell the score.
    """
    passback.engine.try_now(assignment_id)


def resend(*, assignment_id: int) -> bool:
    """Want the host's score of now sent, also one that the campus has; return whether there is one."""
    assignment = GradedAssignment.objects.select_related("user").filter(pk=assignment_id).first()
    return assignment is not None and passback.put_current(assignment, force=True)


def forget(*, assignment_id: int) -> None:
    """
    Give a grade up until the learner's score changes or staff has it sent again; a second time changes nothing.

    Raises:
        DeliveryNotFound: nothing was ever to be sent.
        DeliveryBusy: it is being sent right now.
    """
    passback.engine.park(assignment_id, passback.FORGOTTEN)


def pause_services(*, service_ids: Collection[int], is_paused: bool) -> int:
    """Send nothing more to these services, or send again what waits for them; return how many that changed."""
    with transaction.atomic():
        services = OutcomeService.objects.filter(pk__in=service_ids).exclude(is_paused=is_paused)
        changed = services.update(is_paused=is_paused)
        if changed and not is_paused:
            transaction.on_commit(passback.engine.ring)
    return changed


def resend_scores(
    selection: Selection, *, force: bool = False, dry_run: bool = False, after_each: Callable[[], None] = lambda: None
) -> Resent:
    """
    Compare the host's scores with what is wanted or confirmed, whenever launched, and want what differs; return counts.

    With ``force`` also what does not differ, and what staff gave up. A dry run takes each back. Can be run again.
    """
    return resending.resend(selection, force=force, dry_run=dry_run, after_each=after_each)


def import_existing(*, dry_run: bool = False) -> Mapping[str, Imported]:
    """
    Take over what the platform's own LTI provider knows; return what became of its rows, by kind.

    Ours stay as they are, so a second time adds only what is new there. Nothing is sent for it.

    Raises:
        NothingToImport: the platform's own LTI provider is not installed.
    """
    return importing.import_existing(dry_run=dry_run)


# -- consumers ---------------------------------------------------------------------------------------------------------


def list_consumers() -> QuerySet[LtiConsumer]:
    """Return all consumers, by name; lazy."""
    return LtiConsumer.objects.order_by("consumer_name")


def replace_secret(
    *, consumer_id: int, secret: str | None = None, keep_previous_for: timedelta = PREVIOUS_SECRET_KEPT
) -> str:
    """
    Give a consumer a new secret, a random one unless given, and return it: it is shown this once.

    Launches signed with the old one are let in for as long as said; what we send is signed with the new one at once.
    Replacing again drops the one before. The secret that is there already changes nothing.

    Raises:
        ConsumerNotFound: there is no such consumer.
        SecretInvalid: it is empty, too long, or another consumer's.
    """
    new = new_token() if secret is None else secret
    with transaction.atomic():
        consumer = LtiConsumer.objects.select_for_update().filter(pk=consumer_id).first()
        if consumer is None:
            raise ConsumerNotFound
        if problem := secret_problem(new, consumer_id=consumer_id):
            raise SecretInvalid(fields={"consumer_secret": [problem]})
        _put_secret(consumer, new, keep_previous_for)
        try:
            with transaction.atomic():
                consumer.save()
        except IntegrityError:
            raise SecretInvalid(fields={"consumer_secret": [_TAKEN]}) from None
    return new


def _put_secret(consumer: LtiConsumer, new: str, keep_previous_for: timedelta) -> None:
    try:
        old = consumer.consumer_secret
    except privacy.SecretUnreadable:
        old = ""  # nobody can sign with it here any more
    if old == new:
        return
    consumer.consumer_secret, consumer.secret_used_at = new, None
    is_kept = bool(old) and keep_previous_for > timedelta(0)
    consumer.previous_secret = old if is_kept else ""
    consumer.previous_secret_until = timezone.now() + keep_previous_for if is_kept else None
    consumer.previous_secret_used_at = None


_TAKEN = "Another consumer has this secret."


def secret_problem(secret: str, *, consumer_id: int | None = None) -> str | None:
    """Return why a text cannot be a consumer's secret, as a sentence, or ``None``."""
    if not secret:
        return "The secret must not be empty."
    if len(secret) > MAX_SECRET:
        return f"The secret must be at most {MAX_SECRET} characters."
    others = LtiConsumer.objects.filter(secret_digest=secret_digest_of(secret))
    if (others if consumer_id is None else others.exclude(pk=consumer_id)).exists():
        return _TAKEN
    return None


# -- people ------------------------------------------------------------------------------------------------------------


def retire_user(user_id: int) -> None:
    """
    Forget a person: who they are at which campus, and where their grades went.

    A second time there is nothing left to do; nor is there for an id that is nobody's.
    """
    with transaction.atomic():
        LtiUser.objects.filter(edx_user_id=user_id).delete()
        GradedAssignment.objects.filter(user_id=user_id).delete()
