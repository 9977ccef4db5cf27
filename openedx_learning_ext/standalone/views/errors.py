"""What people see when a page cannot be shown."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

TEMPLATE = "openedx_learning_ext/standalone/error.html"


def _page(request: HttpRequest, status: int, title: str, explanation: str) -> HttpResponse:
    return render(request, TEMPLATE, {"title": title, "explanation": explanation}, status=status)


def _own_words(exception: Exception | None, otherwise: str) -> str:
    """Return the sentence our own code gave with the error; Django's own ones are about routes, not for people."""
    text = exception.args[0] if exception is not None and exception.args else None
    return text if isinstance(text, str) and text else otherwise


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: something in the request cannot be understood."""
    return _page(request, 400, _("That did not work"), _("The request could not be understood."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: the person may not do this, with the reason where our code gave one."""
    return _page(request, 403, _("Not for you"), _own_words(exception, _("You may not see this page.")))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: nothing is here, or nothing for this person."""
    otherwise = _("There is nothing at this address, or it is not for you.")
    return _page(request, 404, _("Nothing here"), _own_words(exception, otherwise))


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault. Rendered without context processors: whatever failed might be one of theirs."""
    from django.template.loader import render_to_string

    words = {"title": _("Our mistake"), "explanation": _("Something went wrong here. It has been written down.")}
    return HttpResponse(render_to_string(TEMPLATE, words), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form came without its secret, most often because the page was open for very long."""
    explanation = _("This form was out of date. Go back, reload the page and send it again.")
    return _page(request, 403, _("Please try again"), explanation)
