from opaque_keys.edx.keys import CourseKey as _CourseKey


def course_context_from_course_id(course_id):
    if not isinstance(course_id, _CourseKey):
        raise AssertionError("a course key, not a text")
    return {"course_id": str(course_id), "org_id": course_id.org}
