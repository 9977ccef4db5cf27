"""
What a launch of a tool says, and the page that carries it (LTI 1.1, section 3).

``LaunchForm`` is the signed form; ``placement_parameters`` says who is launched where. A placement sends its ids plain.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote, urlsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from openedx_learning_ext.core import conf, errors, privacy
from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiPlacement

if TYPE_CHECKING:
    from openedx_learning_ext.core.host.ports import User

ROLE_MAP = {"student": "Student,Learner", "staff": "Administrator", "instructor": "Instructor"}
DEFAULT_ROLE = "Student,Learner"

#: What the codes of ``configuration_problems`` mean to course staff.
PROBLEM_TEXTS = {
    "not_configured": _("Nothing has been entered for this tool yet."),
    "missing_url": _("The launch URL is missing."),
    "invalid_url": _("The launch URL is not an absolute http or https address."),
    "missing_key": _("The consumer key is missing."),
    "missing_secret": _("The shared secret is missing."),
    "unreadable_secret": _("The stored shared secret cannot be read any more. Enter it again."),
    "unsupported_version": _("The tool is set up for LTI 1.3, which is not supported here."),
}

# What may stand between // and the path: nothing that would end a directive of a content security policy.
_NETLOC = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

CUSTOM_PARAMETER = re.compile(r"custom_[a-z0-9_]+")
MAX_CUSTOM_VALUE = 1024
MAX_LAUNCH_URL = 1023


class NotLaunchable(errors.Conflict):
    """The tool is not configured well enough to be launched; ``problems`` has the codes."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the codes."""
        super().__init__(f"the tool cannot be launched: {', '.join(problems)}")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class LaunchForm:
    """A signed launch: the address a browser posts to, and the fields. Personal and good once: never log or keep it."""

    url: str = field(repr=False)  # its query may be a token
    fields: Mapping[str, str] = field(repr=False)


def url_problem(url: str) -> str | None:
    """
    Return what is wrong with a launch URL, as a sentence, or ``None``.

    It must be absolute, http or https, without user name or control characters; blanks around it do not matter.
    """
    stripped = url.strip()
    if len(stripped) > MAX_LAUNCH_URL:
        return "The address is too long."
    if any(unicodedata.category(character) in ("Cc", "Zs", "Zl", "Zp") for character in stripped):
        return "The address has blanks or control characters in it."
    if not stripped.isascii():
        return "The address must be written in ASCII: percent-encode the path, use punycode for the host."
    try:
        parts = urlsplit(stripped)
        port_is_number = parts.port is None or parts.port >= 0
    except ValueError:
        return "This is not an address."
    if parts.scheme not in ("http", "https"):
        return "The address must begin with https:// or http://."
    if not parts.hostname or not port_is_number or not _NETLOC.fullmatch(parts.netloc.rpartition("@")[2]):
        return "The address names no host."
    if parts.username is not None or parts.password is not None:
        return "The address must not carry a user name or a password."
    return None


def configuration_problems(configuration: LtiConfiguration) -> list[str]:
    """
    Return why a tool cannot be launched, as codes; empty when it can.

    ``unsupported_version``, ``not_configured`` (nothing entered), ``missing_url``, ``invalid_url``, ``missing_key``,
    ``missing_secret``, ``unreadable_secret``.
    """
    if configuration.version != LtiConfiguration.LTI_1P1:
        return ["unsupported_version"]
    url, key, secret = (
        configuration.lti_1p1_launch_url.strip(),
        configuration.lti_1p1_client_key,
        secret_state(configuration),
    )
    if secret == "unreadable":
        return ["unreadable_secret"]
    if not (url or key or secret == "set"):
        return ["not_configured"]
    problems = []
    if not url:
        problems.append("missing_url")
    elif url_problem(url):
        problems.append("invalid_url")
    if not key:
        problems.append("missing_key")
    if secret == "unset":
        problems.append("missing_secret")
    return problems


def secret_state(configuration: LtiConfiguration) -> Literal["set", "unset", "unreadable"]:
    """Return whether a tool has a shared secret that can be used, for those who may know no more than that."""
    try:
        return "set" if configuration.lti_1p1_client_secret else "unset"
    except privacy.SecretUnreadable:
        return "unreadable"


def build_launch(*, configuration: LtiConfiguration, parameters: Mapping[str, str]) -> LaunchForm:
    """
    Return a freshly signed launch of a tool with these parameters; another one each time.

    Raises:
        NotLaunchable: the configuration does not allow a launch.
    """
    if problems := configuration_problems(configuration):
        raise NotLaunchable(problems)
    url = configuration.lti_1p1_launch_url.strip()
    fields = oauth.sign_form(
        url=url,
        fields=parameters,
        key=configuration.lti_1p1_client_key,
        secret=configuration.lti_1p1_client_secret,
    )
    return LaunchForm(url, fields)


def custom_parameters(configuration: LtiConfiguration) -> dict[str, str]:
    """Return those additional parameters that a launch may carry: named ``custom_...`` and not too long."""
    return {
        name: value
        for name, value in configuration.additional_parameters.items()
        if CUSTOM_PARAMETER.fullmatch(name) and isinstance(value, str) and len(value) <= MAX_CUSTOM_VALUE
    }


def make_sourced_id(*parts: str) -> str:
    """Return a sourcedid: the parts percent-encoded, nothing safe, joined by colons."""
    return ":".join(quote(part, safe="") for part in parts)


def read_sourced_id(sourced_id: str) -> tuple[str, str, str] | None:
    """Return context id, resource link id and user id, each decoded once; ``None`` when these are not three parts."""
    parts = sourced_id.split(":")
    if len(parts) != 3:
        return None
    try:
        context_id, resource_link_id, user_id = (unquote(part, errors="strict") for part in parts)
    except UnicodeDecodeError:
        return None
    if not user_id.isprintable():
        return None  # we issue no such id, and a database may not take it
    return context_id, resource_link_id, user_id


def placement_parameters(*, placement: LtiPlacement, user: User, outcome_url: str) -> dict[str, str]:
    """
    Return what the tool of a placement is told about the person and the place.

    A learner of a graded placement also gets the outcome service URL and a sourcedid. User name and e-mail address are
    told only where the course allows it and the tool asks for it.
    """
    host = get_host()
    configuration, course_key = placement.configuration, placement.course_key
    course = host.courses.get(course_key)
    role = host.roles.acting_role(user, course_key)
    user_id = host.identity.anonymous_id(user, course_key) or ""
    context_id = str(course_key)
    parameters = {
        "lti_message_type": "basic-lti-launch-request",
        "lti_version": "LTI-1p0",
        "oauth_callback": "about:blank",
        "launch_presentation_return_url": "",
        "launch_presentation_locale": to_locale(get_language() or "en"),
        "tool_consumer_info_product_family_code": conf.PLATFORM_NAME(),
        "user_id": user_id,
        "roles": ROLE_MAP.get(role, DEFAULT_ROLE),
        "context_id": context_id,
        "context_label": context_id,
        "context_title": f"{course.display_name} - {course.org}",
        "resource_link_id": placement.resource_link_id,
        "resource_link_title": placement.title,
    }
    if placement.graded and role == "student" and host.enrollments.is_active(user, course_key):
        parameters["lis_outcome_service_url"] = outcome_url
        parameters["lis_result_sourcedid"] = make_sourced_id(context_id, placement.resource_link_id, user_id)
    if host.flags.may_share_pii(course_key):
        if configuration.pii_share_username:
            parameters["lis_person_sourcedid"] = user.get_username()
        if configuration.pii_share_email:
            parameters["lis_person_contact_email_primary"] = getattr(user, "email", "")
    return {**custom_parameters(configuration), **parameters}


def track_launch(*, configuration: LtiConfiguration, roles: str, placement: LtiPlacement) -> None:
    """Record that a tool was launched. The query of its address stays out: it may be a token."""
    parts = urlsplit(configuration.lti_1p1_launch_url.strip())
    data = {
        "lti_version": configuration.version,
        "user_roles": roles,
        "launch_url": f"{parts.scheme}://{parts.netloc}{parts.path}",
    }
    get_host().tracking.emit("edx.lti.embed.launch_request", data, course_key=placement.course_key)


def public_url(path: str, request: HttpRequest | None) -> str:
    """Return the absolute address of a path of this site as tools reach it."""
    base = conf.LTI_CONSUMER_BASE_URL() or conf.LMS_ROOT_URL()
    if base:
        return f"{base.rstrip('/')}{path}"
    return request.build_absolute_uri(path) if request is not None else path


def outcome_path(placement: LtiPlacement) -> str:
    """Return the path to which a placement's tool posts grades."""
    return outcome_path_of(placement.uuid)


def outcome_path_of(placement_uuid: UUID) -> str:
    """Return the same for a placement that need not exist."""
    return reverse("learning_ext:lti_consumer:outcomes", args=[placement_uuid])


def launch_path(placement: LtiPlacement) -> str:
    """Return the path that launches a placement; it can be linked or framed from any page of the course."""
    return reverse("learning_ext:lti_consumer:launch", args=[placement.uuid])


def render_launch(request: HttpRequest, form: LaunchForm, *, title: str) -> HttpResponse:
    """
    Return the page that posts a launch by itself, with a button where scripts do not run.

    It is never stored, runs only its own script, and may be framed by this site and the learning front end. The form
    may post to any http(s) address: browsers hold a tool's redirects to the same rule, and tools do redirect.
    """
    nonce = secrets.token_urlsafe(16)
    context = {"launch": form, "title": title, "nonce": nonce}
    response = render(request, "openedx_learning_ext/lti_consumer/launch.html", context)
    _embed_headers(response, f"script-src 'nonce-{nonce}'; form-action https: http:")
    return response


def render_notice(request: HttpRequest, problems: list[str], *, title: str) -> HttpResponse:
    """Return the page that tells staff why a tool cannot be launched."""
    context = {"problems": [PROBLEM_TEXTS[code] for code in problems], "title": title}
    response = render(request, "openedx_learning_ext/lti_consumer/not_launchable.html", context)
    _embed_headers(response, "form-action 'none'")
    return response


def _embed_headers(response: HttpResponse, policy: str) -> None:
    ancestors = " ".join(["'self'", *filter(None, [_origin(conf.LEARNING_MICROFRONTEND_URL() or "")])])
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'unsafe-inline'; {policy}; base-uri 'none'; frame-ancestors {ancestors}"
    )
    response["Cache-Control"] = "no-store, private"
    response["Vary"] = "Cookie, Authorization"
    response["Referrer-Policy"] = "no-referrer-when-downgrade"
    response.xframe_options_exempt = True  # frame-ancestors says it better


def _origin(url: str) -> str:
    """Return scheme and host of an address as a source of a content security policy; empty when it is none."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    netloc = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{netloc}" if parts.scheme in ("http", "https") and _NETLOC.fullmatch(netloc) else ""
