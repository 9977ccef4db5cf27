"""``GET api/learning_ext/health/``: ok or degraded for everyone, details for staff."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from openedx_learning_ext import __version__, sweeping
from openedx_learning_ext.core.host import coexistence, get_host
from openedx_learning_ext.core.host.ports import Host


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


# Outside the host's transaction for each request: to open one, the database would have to be there.
@transaction.non_atomic_requests
@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """
    Return ``{"status": "ok"}`` or ``{"status": "degraded"}``, the latter with 503 where database or host is missing.

    An overdue sweep degrades the status but not the code: the site still answers people. Site staff also get the
    version, the apps that act and stand aside, and the problems as codes.
    """
    found = problems()
    answer: dict[str, object] = {"status": "degraded" if found else "ok"}
    fatal = {"no_host", "database"} & set(found)
    host = None if "database" in found else _find_host()
    if host is not None and host.roles.is_global_staff(request.user):
        active, aside = coexistence.describe()
        last = sweeping.last_run_at()
        answer["details"] = {
            "version": __version__,
            "active": active,
            "standing_aside": aside,
            "problems": found,
            "last_sweep_at": last.isoformat() if last else None,
        }
    return JsonResponse(answer, status=503 if fatal else 200)
