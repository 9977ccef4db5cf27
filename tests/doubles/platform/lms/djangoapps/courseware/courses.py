from django.http import Http404 as _Http404
from django.utils import timezone as _timezone
from lms.djangoapps.courseware import access as _access
from lms.djangoapps.courseware import courseware_access_exception as _courseware_access_exception
from lms.djangoapps.courseware import exceptions as _exceptions

from tests.doubles.platform import scene as _scene


def get_course_with_access(
    user,
    action,
    course_key,
    depth=0,
    check_if_enrolled=False,
    check_survey_complete=True,
    check_if_authenticated=False,
    allow_not_started_courses=False,
):
    if action != "load":
        raise ValueError(f"Unknown action: '{action}'")
    overview = next((row for key, row in _scene.overviews.items() if str(key).lower() == str(course_key).lower()), None)
    if overview is None:
        raise _Http404(f"Course not found: {course_key}.")
    course = _scene.CourseBlock(overview.id)
    public = overview.id in _scene.public_courses
    redirect = None
    if overview.start is not None and overview.start > _timezone.now() and not allow_not_started_courses:
        refusal = _scene.AccessResponse("course_not_started")
        redirect = _exceptions.CourseAccessRedirect("/dashboard?notlive=later", refusal)
    elif not public and (
        (check_if_authenticated and not user.is_authenticated)
        or (check_if_enrolled and not _is_enrolled(user, overview.id))
    ):
        redirect = _exceptions.CourseAccessRedirect(f"/courses/{overview.id}/about")
    elif getattr(user, "_blocked_by_policy", False):
        redirect = _courseware_access_exception.CoursewareAccessException(_scene.AccessResponse("not_visible_to_user"))
    if redirect is None or _access.has_access(user, "staff", overview.id):
        return course
    raise redirect


def _is_enrolled(user, course_key):
    return user.is_authenticated and bool(_scene.enrollments.get((user.id, course_key)))
