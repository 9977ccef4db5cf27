"""
What a learner is told below a launched exercise: whether the campus has the grade.

One line, written by one script of ours that the launched page gets. It never says what the campus answered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from openedx_learning_ext.lti_provider.models import ScoreDelivery

if TYPE_CHECKING:
    from opaque_keys.edx.keys import CourseKey, UsageKey

State = Literal["none", "sent", "waiting", "staff_needed"]

SCRIPT = "openedx_learning_ext/lti_provider/grade_state.js"

TEXTS = {
    "sent": _("Your grade was sent to your campus ({when})."),
    "waiting": _("Your grade will be sent to your campus by itself. You need not do anything."),
    "staff_needed": _("Your campus did not take your grade. Your score is kept here; tell your course team."),
    "no_cookies": _(
        "Your browser blocks cookies in this frame, so your answers may not be kept. If a new window does not help, "
        "tell your campus's support that cookies are blocked in the frame of this exercise."
    ),
    "new_window": _("Open the course in a new window"),
}

#: From good to bad: of several campuses or places the worst is told.
_WORSE: tuple[State, ...] = ("none", "sent", "waiting", "staff_needed")
_STATE_OF: dict[str, State] = {"delivered": "sent", "waiting": "waiting", "parked": "staff_needed"}


@dataclass(frozen=True, slots=True)
class GradeState:
    """How far a learner's grade got, and since when the campus has it."""

    state: State
    sent_at: datetime | None = None


def find_state(*, user_id: int, course_key: CourseKey, usage_key: UsageKey) -> GradeState:
    """Return how far the learner's grade of a block got, the worst of all places it goes to; ``none`` for nowhere."""
    rows = ScoreDelivery.objects.filter(
        assignment__user_id=user_id,
        assignment__course_key=course_key,
        assignment__usage_key=usage_key,
        wanted_version__gt=0,
    )
    states = [_state_of(row) for row in rows]
    return max(states, key=lambda state: _WORSE.index(state.state), default=GradeState("none"))


def _state_of(row: ScoreDelivery) -> GradeState:
    state = _STATE_OF[row.state]
    return GradeState(state, row.confirmed_at if state == "sent" else None)


def script_tag(*, course_key: CourseKey, usage_key: UsageKey, return_url: str = "") -> str:
    """Return the HTML that shows the line on a page; ``return_url`` is offered where the browser blocks cookies."""
    return format_html(
        '<script src="{}" defer data-state-url="{}" data-return-url="{}" data-texts="{}"></script>',
        static(SCRIPT),
        reverse("learning_ext:lti_provider:grade", args=[str(course_key), str(usage_key)]),
        return_url,
        json.dumps({name: str(text) for name, text in TEXTS.items()}),
    )


def add_script(response: HttpResponseBase, tag: str) -> None:
    """Put the script at the end of a page; what is no finished HTML page is left as it is."""
    is_page = response.headers.get("Content-Type", "").startswith("text/html") and "Content-Encoding" not in response
    if not is_page or not isinstance(response, HttpResponse) or response.status_code != 200:
        return
    head, end, tail = response.content.rpartition(b"</body>")
    script = tag.encode(response.charset)
    response.content = head + script + end + tail if end else tail + script
    if "Content-Length" in response:
        response["Content-Length"] = str(len(response.content))
