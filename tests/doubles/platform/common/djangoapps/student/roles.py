from collections import defaultdict as _defaultdict

from tests.doubles.platform import scene as _scene


class GlobalStaff:
    def has_user(self, user):
        return bool(user and user.is_staff)  # Whether the account is active is not looked at.


class RoleCache:
    def __init__(self, user):
        if user.is_anonymous:
            raise TypeError("cannot look up the roles of an AnonymousUser")
        grouped = _defaultdict(set)
        for record in _scene.roles.get(user.id, []):  # Whether the account is active is not looked at either.
            grouped[record.course_id or "ungrouped"].add(record)
        self._roles_by_course_id = dict(grouped)

    @property
    def roles_by_course_id(self):
        return self._roles_by_course_id
