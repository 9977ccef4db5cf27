"""HTTP to ``api`` and back: the launch with its pages, and the learner's question after the grade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from opaque_keys import InvalidKeyError
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.rest import ExtAPIView, FailureRate
from openedx_learning_ext.lti_provider import api
from openedx_learning_ext.lti_provider.api import parse_course_and_usage_keys
from openedx_learning_ext.lti_provider.serializers import (
    FailedLaunchSerializer,
    StatusQuestionSerializer,
    StatusSerializer,
)

__all__ = ["GradeStateView", "StatusView", "lti_launch", "parse_course_and_usage_keys"]

#: Campuses frame these pages, and we do not know their addresses.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors *"


@dataclass(frozen=True, slots=True)
class _Page:
    """What somebody is told who was not let in."""

    title: str | Promise
    texts: tuple[str | Promise, ...]


_SUPPORT = _("If it happens every time, tell the support of your campus. They need the line below.")
_BROKEN = _Page(
    _("This link does not work"),
    (
        _("Your campus and this site could not agree on who you are. You have done nothing wrong."),
        _("Go back to your course and open the link again."),
        _SUPPORT,
    ),
)
_EXPIRED = _Page(
    _("This link has expired"),
    (
        _("Go back to your course and open it again; a page that is reloaded, or was open for long, does not work."),
        _("If it happens every time, tell the support of your campus: a clock may be wrong, or a page is cached."),
    ),
)
_NOT_ENABLED = _Page(_("Not available"), (_("This site does not take launches from other learning systems."),))
_TOO_MANY = _Page(_("Too many attempts"), (_("Wait a minute, go back to your course and open the link again."),))
_NOT_ADMITTED = _Page(
    _("This course is not open to you"),
    (_("The course does not let you in now. It may not have begun, or it is over."), _SUPPORT),
)
_ACCOUNT_TEXTS = {
    "not_signed_in": _("You need an account on this site, with the e-mail address that your campus has of you."),
    "another_account": _(
        "You are signed in on this site with another e-mail address than the one that your campus has of you. Sign out "
        "here, and sign in with the account that has that address."
    ),
    "privileged": _("Your account on this site has special powers and cannot be used from a campus. Use another one."),
    "email_taken": _("The e-mail address that your campus has of you cannot be used for an account on this site."),
    "not_active": _("Your account on this site is not active."),
}


@csrf_exempt
@xframe_options_exempt
@transaction.non_atomic_requests
@never_cache
def lti_launch(request: HttpRequest, course_id: str, usage_id: str) -> HttpResponse:
    """
    ``POST courses/<course>/<usage>``: a campus launches a learner into a block (LTI 1.1, section 3).

    The block's page, as the host makes it. Otherwise a page that says what to tell whom: 400 for what is no launch, 403
    for one that is not authentic, has expired, or needs an account, 404 for an address that names nothing, 429 for an
    address that was refused too often, 405 for other methods.
    """
    if not api.is_enabled():
        return _page(request, _NOT_ENABLED, 403)
    if request.method != "POST":
        text = "This address takes LTI launches from a learning system, by POST.\n"
        return HttpResponse(text, status=405, content_type="text/plain; charset=utf-8", headers={"Allow": "POST"})
    failures = FailureRate("lti_provider.launch", request, conf.LTI_PROVIDER_FAILED_LAUNCH_RATE_LIMIT())
    if failures.is_over():
        response = _page(request, _TOO_MANY, 429)
        response["Retry-After"] = str(failures.span_seconds)
        return response
    try:
        launch = api.accept_launch(request, course_id=course_id, usage_id=usage_id)
        response = api.render_launch(request, launch)
    except (api.LaunchIncomplete, api.LaunchNotAuthentic) as refusal:
        failures.count()
        return _refused(request, refusal)
    except api.LaunchRefused as refusal:
        return _refused(request, refusal)
    response.headers.setdefault("P3P", 'CP="This is not a P3P policy."')
    return response


def _refused(request: HttpRequest, refusal: api.LaunchRefused) -> HttpResponse:
    match refusal:
        case api.LaunchExpired():
            return _page(request, _EXPIRED, 403, reference=refusal.reference)
        case api.LaunchNeedsAccount():
            page = _Page(_("You need another account"), (_ACCOUNT_TEXTS[refusal.code], _SUPPORT))
            if refusal.code == "not_signed_in":
                page = _Page(_("You need an account"), page.texts)
            return _page(request, page, 403, reference=refusal.reference, login_url=conf.LOGIN_URL())
        case api.LaunchNotAdmitted():
            return _page(request, _NOT_ADMITTED, 403, reference=refusal.reference)
        case api.LaunchIncomplete():
            return _page(request, _BROKEN, 400, reference=refusal.reference)
        case api.LaunchedNowhere():
            return _page(request, _BROKEN, 404, reference=refusal.reference)
    return _page(request, _BROKEN, 403, reference=refusal.reference)


def _page(request: HttpRequest, page: _Page, status: int, **context: Any) -> HttpResponse:
    context = {"page": page, "at": timezone.now(), **context}
    response = render(request, "openedx_learning_ext/lti_provider/refused.html", context, status=status)
    response["Content-Security-Policy"] = POLICY
    response["Referrer-Policy"] = "no-referrer"
    return response


class GradeStateView(ExtAPIView):
    """
    ``GET grade/<course>/<usage>/``: how far the learner's own grade got.

    ``{"state": "sent" | "waiting" | "staff_needed" | "none", "sent_at": ...}``; 401 when the session did not come back.
    """

    def get(self, request: Request, course_id: str, usage_id: str) -> Response:
        """Say it."""
        try:
            course_key, usage_key = api.parse_course_and_usage_keys(course_id, usage_id)
        except InvalidKeyError:
            raise Http404 from None
        user_id: int = request.user.pk  # type: ignore[assignment]  # nobody anonymous gets here
        found = api.find_grade_state(user_id=user_id, course_key=course_key, usage_key=usage_key)
        sent_at = found.sent_at.isoformat() if found.sent_at else None
        return Response({"state": found.state, "sent_at": sent_at}, headers={"Cache-Control": "no-store"})


class IsSiteStaff(BasePermission):
    """Staff of the whole site."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Ask the host."""
        return get_host().roles.is_global_staff(request.user)


class StatusView(ExtAPIView):
    """
    ``GET status/``: how sending grades goes, by campus and service, for site staff; 403 for others.

    ``?consumer=<id>``, ``?course=<key>`` and ``?user=<id>`` narrow it; 400 for what is none. ``failed_launches`` are
    the recent ones with keys that no consumer has, or those of the consumer. No learner is named.
    """

    permission_classes = [IsAuthenticated, IsSiteStaff]
    renderer_classes = [JSONRenderer]

    def get(self, request: Request) -> Response:
        """Say it."""
        question = StatusQuestionSerializer(data=request.query_params)
        question.is_valid(raise_exception=True)
        asked = question.validated_data
        consumer_id = asked.get("consumer")
        found = api.find_status(
            consumer_id=consumer_id, course_key=asked.get("course"), user_id=asked.get("user")
        )
        launches = api.list_failed_launches(consumer_id=consumer_id)
        answer = {**StatusSerializer(found).data, "failed_launches": FailedLaunchSerializer(launches, many=True).data}
        return Response(answer, headers={"Cache-Control": "no-store"})
