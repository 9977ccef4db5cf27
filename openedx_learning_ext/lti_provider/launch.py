"""
A launch by a campus (LTI 1.1, sections 3 and 4): from the posted form to a signed-in learner at a block of a course.

Nothing is read but the form until its signature is good; strangers learn nothing about consumers, courses or people.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.utils import timezone
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey, UsageKey

from openedx_learning_ext.core import conf, errors, privacy
from openedx_learning_ext.core.host import get_host, ports
from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.lti_provider import assignments, failures, nonces, users
from openedx_learning_ext.lti_provider.models import LtiConsumer, new_token

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

log = logging.getLogger("edx.lti_provider")

FEATURE = "ENABLE_LTI_PROVIDER"
MESSAGE_TYPE = "basic-lti-launch-request"
FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 64 * 1024
MAX_USER_ID = MAX_GUID = MAX_KEY = 255

REQUIRED = (
    "roles",
    "context_id",
    "oauth_version",
    "oauth_consumer_key",
    "oauth_signature",
    "oauth_signature_method",
    "oauth_timestamp",
    "oauth_nonce",
    "user_id",
)
OPTIONAL = (
    "context_title",
    "context_label",
    "lis_result_sourcedid",
    "lis_outcome_service_url",
    "tool_consumer_instance_guid",
    "lis_person_name_full",
    "lis_person_name_given",
    "lis_person_name_family",
    "lis_person_contact_email_primary",
    "resource_link_id",
    "tool_consumer_info_product_family_code",
    "ext_outcome_data_values_accepted",
    "ext_outcome_result_total_score_accepted",
    "launch_presentation_return_url",
)

#: How often at most it is written down that a secret was used, while two of them are good.
SECRET_USE_NOTED_EVERY_SECONDS = 60

_QUOTED_SLASH = re.compile(";[;_]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class LaunchRefused(Exception):
    """
    What all refusals have beside their kind: the step, a code for operators, the number that the learner is shown.

    To be caught; each refusal that is raised is an error of one of the five kinds.
    """

    def __init__(self, step: int, code: str) -> None:
        """Say where and why; who notes it down gives it its number."""
        super().__init__(f"launch refused at step {step}: {code}")
        self.step, self.code, self.reference = step, code, ""


class LaunchIncomplete(LaunchRefused, errors.Invalid):
    """This is not a whole launch form."""


class LaunchNotAuthentic(LaunchRefused, errors.Forbidden):
    """The form is not signed by a campus that we know."""


class LaunchExpired(LaunchNotAuthentic):
    """The form is a campus's, and too old, too early, or posted before."""


class LaunchedNowhere(LaunchRefused, errors.NotFound):
    """The address of the launch names nothing that we have."""


class LaunchNeedsAccount(LaunchRefused, errors.Forbidden):
    """The learner cannot be given an account, or not this one; ``code`` says which is missing."""


class LaunchNotAdmitted(LaunchRefused, errors.Forbidden):
    """The course does not let the learner in."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch that was let in: who is launched where, and what else the campus said. Personal: never log it."""

    user: AbstractUser = field(repr=False)
    consumer_id: int
    course_key: CourseKey
    usage_key: UsageKey
    parameters: Mapping[str, str] = field(repr=False)
    graded: assignments.Stored | None


_LOGGED = ("reference", "step", "code", "path", "consumer_id", "skew_seconds")


@dataclass(slots=True)
class _Seen:
    """What is known of a launch so far, for those who have to find out why it failed."""

    path: str
    sent_key: str = ""
    consumer_id: int | None = None
    urls: tuple[str, ...] = ()
    skew_seconds: int | None = None


def is_enabled() -> bool:
    """Tell whether the operator lets campuses launch."""
    return get_host().flags.has_feature(FEATURE, default=False)


def parse_course_and_usage_keys(course_id: str, usage_id: str) -> tuple[CourseKey, UsageKey]:
    """
    Return the keys of a course and of a block in it; the usage id may have its slashes quoted as the platform does.

    Raises:
        InvalidKeyError: one of them is no key, or they do not go together.
    """
    course_key = CourseKey.from_string(course_id)
    unquoted = _QUOTED_SLASH.sub(lambda match: "/" if match.group() == ";_" else ";", usage_id)
    try:
        usage_key = UsageKey.from_string(unquoted).map_into_course(course_key)
    except ValueError:  # a key that belongs into no course
        raise InvalidKeyError(UsageKey, unquoted) from None
    return course_key, usage_key


def accept(request: HttpRequest, course_id: str, usage_id: str) -> Launch:
    """
    Return a launch whose learner is now signed in with this request, and whose grade we know where to send.

    The same form a second time is refused. A refusal after the signature keeps the form's nonce and changes nothing
    else; an error of ours takes the nonce back, so that the form may come again. Runs a transaction of its own.

    Raises:
        LaunchRefused: one of its kinds; it was logged and kept for operators under its ``reference``.
    """
    seen = _Seen(path=request.path)
    try:
        return _accept(request, course_id, usage_id, seen)
    except LaunchRefused as refusal:
        _note(refusal, seen)
        raise


def _note(refusal: LaunchRefused, seen: _Seen) -> None:
    failure = failures.FailedLaunch(
        reference=failures.new_reference(),
        at=timezone.now(),
        consumer_id=seen.consumer_id,
        step=refusal.step,
        code=refusal.code,
        path=seen.path,
        urls=tuple(url.partition("?")[0] for url in seen.urls),
        skew_seconds=seen.skew_seconds,
    )
    refusal.reference = failure.reference
    failures.note(failure)
    facts = {"consumer_key": seen.sent_key, **{name: getattr(failure, name) for name in _LOGGED}}
    log.warning("lti_launch_refused", extra=facts)


def _accept(request: HttpRequest, course_id: str, usage_id: str, seen: _Seen) -> Launch:
    message = _read(request, seen)
    consumer = _verify(request, message, seen)
    parameters = _kept(message.parameters)
    with transaction.atomic():
        if conf.LTI_PROVIDER_CHECK_REPLAY():
            _use_nonce(message)
        # A refusal is raised outside: it must not roll the nonce back.
        try:
            course_key, usage_key = _keys(course_id, usage_id)
            user = users.enter(request, consumer=consumer, identity=_identity(parameters))
        except (LaunchRefused, users.AccountNeeded) as error:
            refusal = error
        else:
            _learn_guid(consumer, parameters.get("tool_consumer_instance_guid", ""))
            graded = assignments.store(
                consumer=consumer, user=user, course_key=course_key, usage_key=usage_key, parameters=parameters
            )
            return Launch(user, consumer.pk, course_key, usage_key, parameters, graded)
    if isinstance(refusal, users.AccountNeeded):
        raise LaunchNeedsAccount(7, refusal.code) from None
    raise refusal


# -- steps 3 to 5: the form and its signature --------------------------------------------------------------------------


def _read(request: HttpRequest, seen: _Seen) -> oauth.SignedMessage:
    fields = _fields_of(request)
    try:
        message = oauth.read_form(
            fields=fields, authorization=request.headers.get("Authorization"), required=REQUIRED, rules=_rules()
        )
        if any(name.startswith("oauth_") for name in request.GET):
            raise LtiError("OAuth parameter oauth_* is repeated.", code="repeated:oauth_*")
    except oauth.MissingParameter as error:
        raise LaunchIncomplete(3, error.code) from None
    except LtiError as error:
        raise LaunchNotAuthentic(5, error.code) from None
    seen.sent_key = message.consumer_key
    parameters = message.parameters
    if parameters.get("lti_message_type", MESSAGE_TYPE) != MESSAGE_TYPE:
        raise LaunchIncomplete(3, "message_type")
    user_id = parameters["user_id"]
    if not user_id or len(user_id) > MAX_USER_ID or "\x00" in user_id:
        raise LaunchIncomplete(3, "user_id")
    return message


def _fields_of(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the pairs of the posted form; a body of another type has none."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise LaunchIncomplete(3, "unreadable") from None
    if length > MAX_FORM_BYTES:
        raise LaunchIncomplete(3, "too_large")
    if request.content_type != FORM_TYPE:
        return []
    try:
        return [(name, value) for name, values in request.POST.lists() for value in values]
    except (BadRequest, SuspiciousOperation, UnreadablePostError):  # another encoding, too many fields, cut off
        raise LaunchIncomplete(3, "unreadable") from None


def _rules() -> oauth.OAuthRules:
    sha256 = conf.LTI_PROVIDER_ALLOW_HMAC_SHA256()
    return oauth.OAuthRules(
        methods=(oauth.HMAC_SHA1, oauth.HMAC_SHA256) if sha256 else (oauth.HMAC_SHA1,),
        max_nonce=oauth.LAUNCH_RULES.max_nonce,
        max_age_seconds=conf.LTI_NONCE_WINDOW_SECONDS(),
        max_ahead_seconds=oauth.LAUNCH_RULES.max_ahead_seconds,
    )


def _verify(request: HttpRequest, message: oauth.SignedMessage, seen: _Seen) -> LtiConsumer:
    """
    Return the consumer that signed the form, inside the window.

    A key that nobody has costs what a wrong signature costs and is answered alike: a look-up, a base string, an HMAC.
    """
    consumer = _find_consumer(message)
    seen.consumer_id = None if consumer is None else consumer.pk
    seen.urls = _urls_of(request)
    signed = _find_signature(message, _secrets_of(consumer), seen.urls)
    if consumer is None:
        raise LaunchNotAuthentic(4, "unknown_key")
    if signed is None:
        raise LaunchNotAuthentic(5, "signature")
    which, candidate = signed
    if candidate:
        log.info("lti_launch_signed_for_another_url", extra={"consumer_id": consumer.pk, "candidate": candidate})
    now = time.time()
    try:
        oauth.check_timestamp(message.parameters, now=now, rules=_rules())
    except LtiError:
        # The field's limit is 20 digits; nobody needs to read more than a year of them.
        skew = round(now) - int(message.parameters["oauth_timestamp"])
        seen.skew_seconds = max(-31_536_000, min(skew, 31_536_000))
        raise LaunchExpired(5, "timestamp") from None
    if consumer.takes_previous_secret:
        _note_secret_use(consumer, is_previous=which > 0)
    return consumer


def _find_consumer(message: oauth.SignedMessage) -> LtiConsumer | None:
    consumer = LtiConsumer.objects.filter(consumer_key=message.consumer_key).first()
    # A database may find a key in another letter case; that is another key.
    return consumer if consumer is not None and consumer.consumer_key == message.consumer_key else None


def _secrets_of(consumer: LtiConsumer | None) -> list[str]:
    """Return the secrets to try, the current one first; an empty one stands for none and fits nothing."""
    try:
        if consumer is None:
            privacy.decrypt(_nobodys_secret())  # as much work as somebody's
            return [""]
        current = consumer.consumer_secret
        previous = consumer.previous_secret if consumer.takes_previous_secret else ""
    except privacy.SecretUnreadable:
        log.error("lti_launch_secret_unreadable", extra={"consumer_id": consumer and consumer.pk})
        return [""]
    return [current, previous] if previous else [current]


@cache
def _nobodys_secret() -> str:
    return privacy.encrypt(new_token())


def _find_signature(message: oauth.SignedMessage, secrets: list[str], urls: Sequence[str]) -> tuple[int, int] | None:
    """
    Return with which of the secrets the form was signed, and for which of the addresses.

    While a campus changes its secret, a wrong signature costs one HMAC more; nobody else's launches are like that.
    """
    for which, secret in enumerate(secrets):
        try:
            return which, oauth.find_signed_url(message, secret, urls)
        except LtiError:
            continue
    return None


def _urls_of(request: HttpRequest) -> tuple[str, ...]:
    """Return for which addresses the form may be signed: the configured one, the request's, with the other scheme."""
    raw_path = request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or request.get_full_path()
    if not raw_path.startswith("/"):
        raw_path = request.get_full_path()
    base, host = conf.LTI_PROVIDER_LAUNCH_BASE_URL(), request.get_host()
    urls = [f"{base.rstrip('/')}{raw_path}"] if base else []
    urls.append(f"{request.scheme}://{host}{raw_path}")
    if conf.SECURE_PROXY_SSL_HEADER():
        urls.append(f"{'http' if request.scheme == 'https' else 'https'}://{host}{raw_path}")
    return tuple(dict.fromkeys(urls))


def _use_nonce(message: oauth.SignedMessage) -> None:
    parameters = message.parameters
    try:
        nonces.use(
            consumer_key=message.consumer_key,
            timestamp=int(parameters["oauth_timestamp"]),
            nonce=parameters["oauth_nonce"],
        )
    except nonces.NonceUsed:
        raise LaunchExpired(5, "replay") from None


def _note_secret_use(consumer: LtiConsumer, *, is_previous: bool) -> None:
    """Note which of two good secrets is used, so that the operator sees when the old one can go."""
    name = "previous_secret_used_at" if is_previous else "secret_used_at"
    now = timezone.now()
    # Not at every launch: a whole class would wait for this one row.
    stale = now - timedelta(seconds=SECRET_USE_NOTED_EVERY_SECONDS)
    LtiConsumer.objects.filter(Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__lt": stale}), pk=consumer.pk).update(
        **{name: now}
    )


# -- steps 6 to 9: who, where, and what the campus told ----------------------------------------------------------------


def _keys(course_id: str, usage_id: str) -> tuple[CourseKey, UsageKey]:
    try:
        course_key, usage_key = parse_course_and_usage_keys(course_id, usage_id)
    except InvalidKeyError:
        raise LaunchedNowhere(6, "not_a_key") from None
    if max(len(str(course_key)), len(str(usage_key))) > MAX_KEY:
        raise LaunchedNowhere(6, "not_a_key")
    return course_key, usage_key


def _kept(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return what is kept of the form; no ``oauth_`` parameter is."""
    wanted = (*REQUIRED, *OPTIONAL, *conf.LTI_CUSTOM_PARAMS())
    return {name: parameters[name] for name in wanted if name in parameters and not name.startswith("oauth_")}


def _identity(parameters: Mapping[str, str]) -> users.Identity:
    get = parameters.get
    parts = (get("lis_person_name_given", ""), get("lis_person_name_family", ""))
    name = get("lis_person_name_full", "").strip() or " ".join(part.strip() for part in parts if part.strip())
    return users.Identity(
        user_id=parameters["user_id"],
        email=get("lis_person_contact_email_primary", "").strip(),
        name=_CONTROL.sub(" ", name)[:255],
    )


def _learn_guid(consumer: LtiConsumer, guid: str) -> None:
    """Keep what a campus calls itself, once and if nobody else is called so; anything else changes nothing."""
    if not guid or consumer.instance_guid == guid:
        return
    facts = {"consumer_id": consumer.pk, "guid": privacy.tag(guid)}
    if consumer.instance_guid is not None or len(guid) > MAX_GUID or "\x00" in guid:
        log.warning("lti_launch_other_guid", extra=facts)
        return
    try:
        with transaction.atomic():
            LtiConsumer.objects.filter(pk=consumer.pk, instance_guid=None).update(instance_guid=guid)
    except IntegrityError:
        log.warning("lti_launch_guid_of_another", extra=facts)


# -- step 10: what follows ---------------------------------------------------------------------------------------------


def open_block(request: HttpRequest, launch: Launch) -> HttpResponse:
    """
    Return the page of the launched block, as the host makes it, and tell the platform that there was a launch.

    Raises:
        LaunchRefused: there is no such block, or the course does not let the learner in; noted like the others.
    """
    _announce(launch)
    # The campus's query is none of the host's.
    request.META["QUERY_STRING"] = ""
    request.GET = QueryDict()
    try:
        return get_host().blocks.render_launched(request, launch.usage_key)
    except (ports.BlockNotFound, ports.CourseNotFound):
        refusal: LaunchRefused = LaunchedNowhere(10, "no_such_block")
    except ports.CourseAccessDenied as error:
        refusal = LaunchNotAdmitted(10, error.reason)
    _note(refusal, _Seen(path=request.path, consumer_id=launch.consumer_id))
    raise refusal


def _announce(launch: Launch) -> None:
    """Send the platform's event of a successful launch, on hosts that have it."""
    try:
        from openedx_events.learning.data import (
            LtiProviderLaunchData,
            LtiProviderLaunchParamsData,
            UserData,
            UserPersonalData,
        )
        from openedx_events.learning.signals import LTI_PROVIDER_LAUNCH_SUCCESS
    except ImportError:  # an older host
        return
    user, said = launch.user, dict(launch.parameters)
    LTI_PROVIDER_LAUNCH_SUCCESS.send_event(
        launch_data=LtiProviderLaunchData(
            user=UserData(
                pii=UserPersonalData(username=user.get_username(), email=user.email, name=user.get_full_name()),
                id=user.pk,
                is_active=user.is_active,
            ),
            course_key=launch.course_key,
            usage_key=launch.usage_key,
            launch_params=LtiProviderLaunchParamsData(
                roles=said.pop("roles"),
                context_id=said.pop("context_id"),
                user_id=said.pop("user_id"),
                extra_params=said,
            ),
        )
    )


def return_url_of(launch: Launch) -> str:
    """Return the campus's page to go back to, empty when it named none that a browser may be sent to."""
    url = launch.parameters.get("launch_presentation_return_url", "").strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""
