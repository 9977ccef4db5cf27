from opaque_keys.edx.keys import CourseKey as _CourseKey

from tests.doubles.platform import scene as _scene

_DENIED = _scene.AccessResponse()


def has_access(user, action, obj, course_key=None):
    if not isinstance(obj, _CourseKey):
        raise TypeError(f"Unknown object type in has_access(): '{type(obj)}'")
    if action not in ("staff", "instructor"):
        raise ValueError(f"Unknown action for object type '{type(obj)}': '{action}'")
    if not user.is_authenticated or _scene.masquerade_of(user, obj) == "student":
        return _DENIED
    if user.is_staff:
        return _scene.GRANTED
    wanted = {"instructor"} if action == "instructor" else {"instructor", "staff", "limited_staff"}
    for record in _scene.roles.get(user.id, []) if user.is_active else []:
        here = record.course_id == str(obj)
        organisation = record.course_id is None and record.org == obj.org
        if record.role in wanted and (here or organisation):
            return _scene.GRANTED
    return _DENIED


def get_user_role(user, course_key):
    if role := _scene.masquerade_of(user, course_key):
        return role
    if has_access(user, "instructor", course_key):
        return "instructor"
    return "staff" if has_access(user, "staff", course_key) else "student"
