"""
What the JSON APIs share: our errors become one HTTP status and one envelope, pages, course staff, limits on refusals.

The envelope is ``{"error": "<name of the error>"}``; where fields are wrong, DRF's own form ``{"field": ["text"]}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import cache
from django.http import Http404, HttpRequest
from edx_django_utils.ip import get_safest_client_ip
from edx_rest_framework_extensions.paginators import DefaultPagination
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey
from rest_framework import exceptions, permissions
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from openedx_learning_ext.core import errors, privacy
from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.host.bases import api_authentication_classes

STATUS_OF = (
    (errors.Invalid, 400),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Unavailable, 503),
)


@contextmanager
def sends_errors() -> Iterator[None]:
    """Turn an ``Invalid`` that names fields into DRF's validation error, so that a form can show them."""
    try:
        yield
    except errors.Invalid as error:
        if not error.fields:
            raise
        raise exceptions.ValidationError(error.fields) from error


class StrictJSONParser(JSONParser):
    """JSON, and an error of the sender's for a document nested beyond what can be read."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Read the document."""
        try:
            return super().parse(stream, media_type=media_type, parser_context=parser_context)
        except RecursionError:
            raise exceptions.ParseError("JSON parse error - nested too deeply") from None


class ExtAPIView(APIView):
    """A view that answers our errors: kind to status, name of the error as ``{"error": ...}``."""

    permission_classes = [permissions.IsAuthenticated]
    pagination_class = DefaultPagination
    # JSON only: in a form an absent checkbox reads as "no", and would switch off what nobody named.
    parser_classes = [StrictJSONParser]

    def get_authenticators(self) -> list[Any]:
        """Return the host's authentication classes, in the platform's order."""
        return [authenticator() for authenticator in api_authentication_classes()]

    def handle_exception(self, exc: Exception) -> Response:
        """Return an error of ours; leave the others to DRF."""
        if isinstance(exc, errors.LearningExtError):
            for kind, status in STATUS_OF:
                if isinstance(exc, kind):
                    set_rollback()
                    response = Response({"error": type(exc).__name__}, status=status)
                    if isinstance(exc, errors.Unavailable) and exc.retry_after_seconds:
                        response["Retry-After"] = str(exc.retry_after_seconds)
                    return response
        return super().handle_exception(exc)


class IsCourseTeam(permissions.BasePermission):
    """Site staff, staff and instructors of the course in the address. Everybody else gets 403, whatever is there."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Ask the host."""
        return get_host().roles.is_course_team(request.user, view.course_key)  # type: ignore[attr-defined]


class CourseTeamView(ExtAPIView):
    """A view below ``courses/<course>/`` for those who run the course; 404 where site staff names an unknown course."""

    permission_classes = [permissions.IsAuthenticated, IsCourseTeam]

    @property
    def course_key(self) -> CourseKey:
        """Return the course of the address; 404 when that is no key of a course."""
        try:
            return CourseKey.from_string(self.kwargs["course_id"])
        except InvalidKeyError:
            raise Http404 from None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the person first, then that there is such a course."""
        super().initial(request, *args, **kwargs)
        get_host().courses.get(self.course_key)

    def get_serializer_context(self) -> dict[str, Any]:
        """Hand the course to the serializer."""
        return {**super().get_serializer_context(), "course_key": self.course_key}  # type: ignore[misc]


_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class FailureRate:
    """
    Counts what one address got refused, in the cache, by atomic increments; a limit of ``None`` counts nothing.

    Only refusals count: a whole class, or a campus, may stand behind one address.
    """

    def __init__(self, scope: str, request: HttpRequest, limit: str | None) -> None:
        """Count for this scope and the address of this request; ``limit`` is such as ``"60/m"``."""
        number, _, span = (limit or "0/s").partition("/")
        self._most = int(number)
        self.span_seconds = _SPANS[span]
        address = get_safest_client_ip(request) if self._most else ""
        self._key = f"openedx_learning_ext.refused.{scope}.{privacy.tag(address)}"

    def is_over(self) -> bool:
        """Tell whether the limit is reached."""
        return bool(self._most) and int(cache.get(self._key) or 0) >= self._most

    def count(self) -> None:
        """Count one refusal. The span begins with the first."""
        if not self._most or cache.add(self._key, 1, self.span_seconds):
            return
        try:
            cache.incr(self._key)
        except ValueError:  # it ran out in between: this refusal begins the next span
            cache.add(self._key, 1, self.span_seconds)
