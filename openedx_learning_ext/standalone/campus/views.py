"""The pages of the campus. None of them asks who is signed in to the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from openedx_learning_ext.standalone.campus import credentials, gradebook, launching, visits
from openedx_learning_ext.standalone.campus.people import LEARNERS, Learner
from openedx_learning_ext.standalone.campus.service import Behaviour, service
from openedx_learning_ext.standalone.campus.visits import Visit
from openedx_learning_ext.standalone.middleware import content_security_policy

TEMPLATES = "openedx_learning_ext/standalone/campus/"
#: What the exercise is worth in the campus's course.
POINTS = 10

#: What a button says, and what the page says while it is so.
BEHAVIOURS: dict[Behaviour, tuple[str | Promise, str | Promise]] = {
    Behaviour.WELL: (
        pgettext_lazy("button", "Answer as it should"),
        gettext_lazy("It takes scores as it should."),
    ),
    Behaviour.FAILS: (
        pgettext_lazy("button", "Fail with status 500"),
        gettext_lazy("It takes no scores: it fails with status 500."),
    ),
    Behaviour.HANGS: (
        pgettext_lazy("button", "Hang and never answer"),
        gettext_lazy("It takes no scores: it hangs and never answers."),
    ),
    Behaviour.GARBAGE: (
        pgettext_lazy("button", "Answer garbage"),
        gettext_lazy("It takes no scores: it answers garbage."),
    ),
}

#: How a message was answered, in words.
ANSWERS: dict[str, str | Promise] = {
    "taken": gettext_lazy("taken into the gradebook"),
    Behaviour.FAILS.value: gettext_lazy("answered with status 500"),
    Behaviour.HANGS.value: gettext_lazy("left without an answer"),
    Behaviour.GARBAGE.value: gettext_lazy("answered with garbage"),
    "refused: signature": gettext_lazy("refused: not signed by this site, or not now"),
    "refused: body hash": gettext_lazy("refused: changed on its way"),
    "refused: nonce": gettext_lazy("refused: it was here before"),
    "refused: nobody": gettext_lazy("refused: it is for nobody who learns here"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A learner or an arrival, as the gradebook's page shows it."""

    name: str = field(repr=False)
    points: float | None
    at: datetime | None
    words: str | Promise = ""
    possible: int = POINTS


def _page(
    request: HttpRequest, visit: Visit, template: str, context: Mapping[str, object] | None = None, status: int = 200
) -> HttpResponse:
    response = render(request, TEMPLATES + template, {"visit": visit, **(context or {})}, status=status)
    visits.set_cookie(response, visit, secure=request.is_secure())
    return response


@require_safe
@never_cache
def about(request: HttpRequest) -> HttpResponse:
    """What the campus is, as whom one may come in, and what was typed into either side."""
    context = {
        "learners": LEARNERS.values(),
        "launch_url": credentials.launch_url(),
        "key": credentials.KEY,
        "secret": credentials.secret(),
    }
    return _page(request, visits.of(request), "about.html", context)


@csrf_exempt  # the campus seals its own forms, see visits.py
@require_POST
@never_cache
def enter(request: HttpRequest) -> HttpResponse:
    """Come in as one of the learners, who is then shown the course; a second time, as somebody else."""
    visit = visits.of(request)
    learner = LEARNERS.get(request.POST.get("learner", ""))
    if learner is None or not visit.is_sealed(request.POST.get("seal", "")):
        return _stale(request, visit)
    response = redirect("campus:course")
    response.status_code = 303
    visits.set_cookie(response, visit.enter(learner), secure=request.is_secure())
    return response


@require_safe
@never_cache
def course(request: HttpRequest) -> HttpResponse:
    """Show the campus's course with the exercise in a frame, and what the gradebook has for the learner."""
    visit = visits.of(request)
    if visit.learner is None:
        return redirect("campus:about")
    context = {"title": launching.COURSE_TITLE, "is_on": service.is_on, "row": _own_row(visit)}
    return _page(request, visit, "course.html", context)


@require_safe
@never_cache
def grade(request: HttpRequest) -> HttpResponse:
    """Return the line with the learner's grade, for the page that shows it; empty for nobody."""
    visit = visits.of(request)
    if visit.learner is None:
        return HttpResponse(status=204)
    return render(request, TEMPLATES + "_grade.html", {"row": _own_row(visit)})


@require_safe
@never_cache
@xframe_options_sameorigin
def launch(request: HttpRequest) -> HttpResponse:
    """Return the page in the frame that sends the learner over, by a form that is signed anew each time."""
    visit = visits.of(request)
    if visit.learner is None:
        response = _stale(request, visit)
    else:
        fields = launching.signed_form(
            visit.learner,
            outcome_service_url=service.url,
            return_url=f"{settings.LMS_ROOT_URL}{reverse('campus:course')}",
        )
        context = {"launch_url": credentials.launch_url(), "fields": fields}
        response = render(request, TEMPLATES + "launch.html", context)
    response.headers["Content-Security-Policy"] = content_security_policy(framed_by="'self'")
    return response


@require_safe
@never_cache
def gradebook_page(request: HttpRequest) -> HttpResponse:
    """Show the gradebook, everything that arrived in order, and the outcome service with its switches."""
    behaviours = [(each.value, words[0], each is service.behaviour) for each, words in BEHAVIOURS.items()]
    context = {
        **_rows(),
        "is_on": service.is_on,
        "service_url": service.url,
        "words": BEHAVIOURS[service.behaviour][1],
        "behaviours": behaviours,
        "could_not_listen": "port" in request.GET and not service.is_on,
    }
    return _page(request, visits.of(request), "gradebook.html", context)


@require_safe
@never_cache
def rows(request: HttpRequest) -> HttpResponse:
    """Return the tables alone, for the page that shows them."""
    return render(request, TEMPLATES + "_rows.html", _rows())


@csrf_exempt  # the campus seals its own forms, see visits.py
@require_POST
@never_cache
def change_service(request: HttpRequest) -> HttpResponse:
    """Switch the outcome service on or off, or tell it how to answer."""
    visit = visits.of(request)
    if not visit.is_sealed(request.POST.get("seal", "")):
        return _stale(request, visit)
    told = {each.value: each for each in Behaviour}
    said, trouble = request.POST.get("behaviour", ""), ""
    if said in told:
        service.behave(told[said])
    elif said == "off":
        service.switch_off()
    elif said == "on":
        try:
            service.switch_on()
        except OSError:
            trouble = "?port"
    else:
        return _stale(request, visit)
    response = redirect(reverse("campus:gradebook") + trouble)
    response.status_code = 303
    return response


def _own_row(visit: Visit) -> Row:
    if visit.learner is None:
        return Row("", None, None)
    return _row_of(visit.learner, gradebook.grades().get(visit.learner.learner_id))


def _row_of(learner: Learner, found: gradebook.Grade | None) -> Row:
    return Row(learner.name, None, None) if found is None else Row(learner.name, found.score * POINTS, found.at)


def _rows() -> dict[str, list[Row]]:
    found = gradebook.grades()
    return {
        "grades": [_row_of(learner, found.get(learner_id)) for learner_id, learner in LEARNERS.items()],
        "arrivals": [
            Row(
                LEARNERS[each.learner_id].name if each.learner_id in LEARNERS else _("unknown"),
                None if each.score is None else each.score * POINTS,
                each.at,
                ANSWERS.get(each.answer, _("refused: not understood")),
            )
            for each in gradebook.arrivals()
        ],
    }


def _stale(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Return 403: the form was shown to another browser, or long ago, or nobody came in."""
    return _page(request, visit, "stale.html", status=403)
