"""HTTP to ``api`` and back: the outcomes service, the launch page, and tools and placements for course staff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.request import RawPostDataException
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET
from rest_framework import generics

from openedx_learning_ext.core import conf, errors
from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.rest import CourseTeamView, FailureRate
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.serializers import ConfigurationSerializer, PlacementSerializer


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """What the outcomes service asks of a request."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    other_urls: tuple[str, ...] = ()


@csrf_exempt
@transaction.non_atomic_requests
@never_cache
def outcomes(request: HttpRequest, placement_uuid: UUID) -> HttpResponse:
    """
    ``POST outcomes/<placement uuid>/``: a tool's outcome message (LTI 1.1, section 6).

    200 with an XML reply, whatever it says; 405 in plain words for other methods, 429 for an address that has sent too
    many messages that could not be read or were not authentic.
    """
    if request.method != "POST":
        text = "This address takes LTI outcome messages from a tool, by POST. There is nothing to see in a browser.\n"
        return HttpResponse(text, status=405, content_type="text/plain; charset=utf-8", headers={"Allow": "POST"})
    failures = FailureRate("lti_consumer.outcomes", request, conf.LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT())
    if failures.is_over():
        text = "Too many refused messages from this address.\n"
        headers = {"Retry-After": str(failures.span_seconds)}
        return HttpResponse(text, status=429, content_type="text/plain; charset=utf-8", headers=headers)
    service = api.outcome_service(placement_uuid=placement_uuid)
    url, others = _urls_of(request)
    reply = service.handle_request(InboundMessage("POST", url, request.headers, _body_of(request), others))
    if service.was_refused:
        failures.count()
    return HttpResponse(reply, content_type="application/xml")


def _body_of(request: HttpRequest) -> bytes:
    """Return the raw body; of one that is too large, just enough to tell that it is."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > api.MAX_MESSAGE_BYTES:
        return bytes(api.MAX_MESSAGE_BYTES + 1)
    try:
        return request.body
    except RequestDataTooBig:
        return bytes(api.MAX_MESSAGE_BYTES + 1)
    except (RawPostDataException, UnreadablePostError):
        # Somebody before us has read the stream as a form, or the sender hung up: there are no raw bytes to check.
        return b""


def _urls_of(request: HttpRequest) -> tuple[str, tuple[str, ...]]:
    """Return the request's own URL as it was on the wire, and the one with the other scheme behind a trusted proxy."""
    raw_path = request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or request.get_full_path()
    if not raw_path.startswith("/"):
        raw_path = request.get_full_path()
    url = f"{request.scheme}://{request.get_host()}{raw_path}"
    if not conf.SECURE_PROXY_SSL_HEADER():
        return url, ()
    scheme = "http" if request.scheme == "https" else "https"
    return url, (f"{scheme}://{request.get_host()}{raw_path}",)


@never_cache
@require_GET
def launch(request: HttpRequest, placement_uuid: UUID) -> HttpResponse:
    """
    ``GET launch/<placement uuid>/``: the page that launches a placement's tool for the person signed in.

    Somebody anonymous is sent to sign in; who is neither enrolled nor course staff gets 404. A tool that cannot be
    launched is 404 for learners, and for course staff a page that says why.
    """
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path(), conf.LOGIN_URL())
    placement = api.find_placement(placement_uuid=placement_uuid)
    if placement is None or not api.may_launch(user=request.user, placement=placement):
        raise Http404("There is no such tool.")
    outcome_url = api.public_url(api.outcome_path(placement), request)
    try:
        form = api.launch_placement(user=request.user, placement=placement, outcome_url=outcome_url)
    except api.NotLaunchable as error:
        if get_host().roles.is_course_team(request.user, placement.course_key):
            return api.render_notice(request, error.problems, title=placement.title)
        raise Http404("There is no such tool.") from None
    except errors.NotFound:  # the course is gone, or the person
        raise Http404("There is no such tool.") from None
    return api.render_launch(request, form, title=placement.title)


class ConfigurationListView(CourseTeamView, generics.ListCreateAPIView):
    """``GET, POST courses/<course>/configurations/``: the tools of a course, for its staff."""

    serializer_class = ConfigurationSerializer

    def get_queryset(self) -> QuerySet[Any]:
        """Return the course's tools."""
        return api.list_configurations(course_key=self.course_key)


class ConfigurationView(CourseTeamView, generics.RetrieveUpdateDestroyAPIView):
    """``GET, PUT, PATCH, DELETE courses/<course>/configurations/<id>/``; 409 for deleting one that is in use."""

    serializer_class = ConfigurationSerializer

    def get_object(self) -> Any:
        """Return the tool of this course."""
        return api.get_configuration(course_key=self.course_key, configuration_id=int(self.kwargs["configuration_id"]))

    def perform_destroy(self, instance: Any) -> None:
        """Remove the tool."""
        api.delete_configuration(course_key=self.course_key, configuration_id=instance.pk)


class PlacementListView(CourseTeamView, generics.ListCreateAPIView):
    """``GET, POST courses/<course>/placements/``: the placements of a course, for its staff."""

    serializer_class = PlacementSerializer

    def get_queryset(self) -> QuerySet[Any]:
        """Return the course's placements."""
        return api.list_placements(course_key=self.course_key)


class PlacementView(CourseTeamView, generics.RetrieveUpdateDestroyAPIView):
    """``GET, PUT, PATCH, DELETE courses/<course>/placements/<uuid>/``."""

    serializer_class = PlacementSerializer

    def get_object(self) -> Any:
        """Return the placement of this course."""
        return api.get_placement(course_key=self.course_key, placement_uuid=UUID(self.kwargs["placement_uuid"]))

    def perform_destroy(self, instance: Any) -> None:
        """Remove the placement and its results."""
        api.delete_placement(course_key=self.course_key, placement_uuid=instance.uuid)
