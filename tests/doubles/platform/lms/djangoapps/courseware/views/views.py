from django.http import Http404 as _Http404
from django.http import HttpResponse as _HttpResponse
from django.http import HttpResponseBadRequest as _HttpResponseBadRequest
from django.utils.html import escape as _escape
from django.views.decorators.clickjacking import xframe_options_exempt as _xframe_options_exempt
from django.views.decorators.csrf import ensure_csrf_cookie as _ensure_csrf_cookie
from django.views.decorators.http import require_http_methods as _require_http_methods
from lms.djangoapps.courseware import courses as _courses
from lms.djangoapps.courseware import exceptions as _exceptions
from opaque_keys.edx.keys import UsageKey as _UsageKey
from xmodule.modulestore.django import modulestore as _modulestore
from xmodule.modulestore.exceptions import ItemNotFoundError as _ItemNotFoundError

from tests.doubles.platform import scene as _scene


@_require_http_methods(["GET", "POST"])
@_xframe_options_exempt
@_ensure_csrf_cookie
def render_xblock(request, usage_key_string, check_if_enrolled=True, disable_staff_debug_info=False):
    usage_key = _UsageKey.from_string(usage_key_string)
    if request.GET.get("view", "student_view") not in ("student_view", "public_view"):
        return _HttpResponseBadRequest("Rendering of the xblock view is not supported.")
    try:
        block = _modulestore().get_item(usage_key)
    except _ItemNotFoundError as error:
        raise _Http404(f"Block not found: {usage_key}.") from error
    try:
        _courses.get_course_with_access(
            request.user, "load", block.location.course_key, check_if_enrolled=check_if_enrolled
        )
    except _exceptions.CourseAccessRedirect as error:
        raise _Http404("Course not found.") from error
    if block.location in _scene.refused_blocks:
        raise _Http404(f"Block not found: {usage_key}.")
    staff_debug = "" if disable_staff_debug_info else "<button>Staff Debug Info</button>"
    return _HttpResponse(f"<main><h1>{_escape(block.display_name or '')}</h1>{staff_debug}</main>")
