"""The host's own middleware."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

#: Everything comes from this site, and nobody frames it. A page that needs more says so itself.
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors {ancestors}; frame-src {frames}"
)


def content_security_policy(*, framed_by: str = "'none'", frames: str = "'self'") -> str:
    """Return the policy of a page: who may frame it, and what it may frame itself."""
    return POLICY.format(ancestors=framed_by, frames=frames)


class OneAddressMiddleware:
    """
    Sends people who came by another name of this computer to the address that tools know, ``LMS_ROOT_URL``.

    A page at http://localhost could not frame a tool that lives at http://127.0.0.1. Only the name may differ: where
    the scheme or the port does too, a proxy stands in between and would send the browser round and round. Forms and the
    API are answered where they came in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next in line, as Django asks."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return a redirection for who came by another name, else what the view returns."""
        if request.method in ("GET", "HEAD") and not request.path.startswith("/api/"):
            here, root = urlsplit(f"{request.scheme}://{request.get_host()}"), urlsplit(settings.LMS_ROOT_URL)
            if (here.scheme, here.port) == (root.scheme, root.port) and here.hostname != root.hostname:
                return HttpResponseRedirect(f"{settings.LMS_ROOT_URL}{request.get_full_path()}")
        return self.get_response(request)


class ContentSecurityPolicyMiddleware:
    """Gives every response the strict policy, unless its view has set one of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next in line, as Django asks."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return what the view returns, with the header."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", content_security_policy())
        return response
