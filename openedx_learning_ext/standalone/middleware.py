"""The host's own middleware."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

#: Everything comes from this site, and nobody frames it. A page that needs more says so itself.
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors {ancestors}; frame-src {frames}"
)


def content_security_policy(*, framed_by: str = "'none'", frames: str = "'self'") -> str:
    """Return the policy of a page: who may frame it, and what it may frame itself."""
    return POLICY.format(ancestors=framed_by, frames=frames)


class ContentSecurityPolicyMiddleware:
    """Gives every answer the strict policy, unless its view has set one of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next in line, as Django asks."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return what the view answers, with the header."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", content_security_policy())
        return response
