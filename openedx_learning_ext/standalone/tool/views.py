"""The pages of the tool. None of them asks who is signed in to the host."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from openedx_learning_ext.standalone.middleware import content_security_policy
from openedx_learning_ext.standalone.tool import credentials, launches, outcomes, verification

TEMPLATES = "openedx_learning_ext/standalone/tool/"

REFUSALS = {
    verification.Refusal.INCOMPLETE: gettext_lazy("Something is missing in what the course sent."),
    verification.Refusal.NOT_A_LAUNCH: gettext_lazy("This is no LTI 1.1 launch."),
    verification.Refusal.TIMESTAMP: gettext_lazy("The launch is too old, or its clock is wrong."),
    verification.Refusal.SIGNATURE: gettext_lazy("The consumer key or the shared secret is not the one of this tool."),
    verification.Refusal.REPLAY: gettext_lazy("This launch was used before. Launch the tool from the course again."),
}


class ScoreForm(forms.Form):
    """The score a learner gives themselves: this is a demonstration."""

    score = forms.FloatField(label=gettext_lazy("Score in percent"), min_value=0, max_value=100, initial=80)


def _page(request: HttpRequest, template: str, context: Mapping[str, object], status: int = 200) -> HttpResponse:
    """Return a page that a course on this site may frame."""
    response = render(request, TEMPLATES + template, context, status=status)
    response.headers["Content-Security-Policy"] = content_security_policy(framed_by="'self'")
    return response


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """What the tool is, and what to type into a course to use it."""
    context = {"launch_url": credentials.launch_url(), "key": credentials.KEY, "secret": credentials.secret()}
    return _page(request, "about.html", context)


@csrf_exempt  # A launch comes from another site by nature; its signature stands in for the token.
@require_POST
@never_cache
@xframe_options_sameorigin
def launch(request: HttpRequest) -> HttpResponse:
    """Take a launch: verify it, remember it, and show the room."""
    fields = {name: request.POST.getlist(name) for name in request.POST}
    try:
        provider = verification.verify({request.build_absolute_uri(), credentials.launch_url()}, fields)
    except verification.LaunchRefused as refused:
        return _page(request, "refused.html", {"reason": REFUSALS[refused.reason]}, status=403)
    begun = launches.begin(request, provider)
    response = redirect("tool:room", launch_id=begun.launch_id)
    response.status_code = 303
    launches.set_cookie(response, begun, secure=request.is_secure())
    return response


@require_safe
@never_cache
@xframe_options_sameorigin
def room(request: HttpRequest, launch_id: str) -> HttpResponse:
    """Greet who came, show what the course told, and offer what can be done."""
    found = launches.find(request, launch_id)
    if found is None:
        return _over(request)
    return _page(request, "room.html", {"launch": found, "form": ScoreForm()})


@require_POST
@never_cache
@xframe_options_sameorigin
def act(request: HttpRequest, launch_id: str, action: str) -> HttpResponse:
    """Send one message to the course, and show its answer."""
    found = launches.find(request, launch_id)
    if found is None:
        return _over(request)
    if not found.is_graded:
        raise Http404(_("The course takes no score here."))
    if action == "score":
        form = ScoreForm(request.POST)
        if not form.is_valid():
            return _page(request, "room.html", {"launch": found, "form": form}, status=422)
        answer = outcomes.replace_result(found, form.cleaned_data["score"] / 100)
    elif action == "read":
        answer = outcomes.read_result(found)
    elif action == "delete":
        answer = outcomes.delete_result(found)
    elif found.last_message is not None:
        answer = outcomes.send_again(found.last_message)
    else:
        raise Http404(_("Nothing was sent yet."))
    launches.note(found, answer=answer.words, is_good=answer.is_good, sent=answer.sent)
    response = redirect("tool:room", launch_id=launch_id)
    response.status_code = 303
    return response


def _over(request: HttpRequest) -> HttpResponse:
    """Say, inside of the frame, that the tool does not know this visit: another browser's and a forgotten one alike."""
    reason = _("This visit is over. Launch the tool from the course again.")
    return _page(request, "refused.html", {"reason": reason}, status=404)
