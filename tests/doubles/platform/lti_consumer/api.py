from tests.doubles.platform import scene as _scene


def get_lti_pii_sharing_state_for_course(course_key):
    return course_key in _scene.pii_courses
