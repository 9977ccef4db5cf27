"""``GET api/learning_ext/health/``: ok or degraded for everyone, details for staff."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.utils import Error as DatabaseError
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from openedx_learning_ext import __version__, sweeping
from openedx_learning_ext.core.host import coexistence, get_host
from openedx_learning_ext.core.host.ports import Host
from openedx_learning_ext.core.rest import ExtAPIView


def problems() -> list[str]:
    """Return what is wrong now, as codes: ``no_host``, ``database``, ``sweep_overdue``, ``sweep_failing:<name>``."""
    found = []
    if _find_host() is None:
        found.append("no_host")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if sweeping.is_overdue():
            found.append("sweep_overdue")
        found += [f"sweep_failing:{name}" for name in sweeping.failing()]
    except DatabaseError:
        found.append("database")
    return found


def _find_host() -> Host | None:
    try:
        return get_host()
    except ImproperlyConfigured:
        return None


class HealthView(ExtAPIView):
    """
    ``GET health/``: ``{"status": "ok"}`` or ``{"status": "degraded"}``, with 503 where database or host is missing.

    An overdue sweep degrades the status but not the code: the site still answers people. Site staff also get the
    version, the apps that act and stand aside, and the problems as codes. Nobody is refused: who signs in wrongly is
    answered like everybody.
    """

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer]
    throttle_classes = []

    def perform_authentication(self, request: Request) -> None:
        """Leave it for later: to look a session up, the database would have to be there."""

    def get(self, request: Request) -> Response:
        """Say how things are."""
        found = problems()
        answer: dict[str, object] = {"status": "degraded" if found else "ok"}
        fatal = {"no_host", "database"} & set(found)
        if not fatal and self._is_site_staff(request):
            active, aside = coexistence.describe()
            last = sweeping.last_run_at()
            answer["details"] = {
                "version": __version__,
                "active": active,
                "standing_aside": aside,
                "problems": found,
                "last_sweep_at": last.isoformat() if last else None,
            }
        return Response(answer, status=503 if fatal else 200, headers={"Cache-Control": "no-store"})

    def _is_site_staff(self, request: Request) -> bool:
        try:
            return get_host().roles.is_global_staff(request.user)
        except AuthenticationFailed:
            return False


# Outside the host's transaction for each request: to open one, the database would have to be there.
health = transaction.non_atomic_requests(HealthView.as_view())
