"""What every template of the default host may say."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, str]:
    """Return the name of the site."""
    return {"platform_name": settings.PLATFORM_NAME}
