import hashlib as _hashlib

from django.conf import settings as _settings
from django.contrib.auth import get_user_model as _get_user_model
from django.db import IntegrityError as _IntegrityError
from edx_django_utils.cache import RequestCache as _RequestCache
from opaque_keys.edx.keys import CourseKey as _CourseKey

from tests.doubles.platform import scene as _scene


class CourseEnrollment:
    @classmethod
    def is_enrolled(cls, user, course_key):
        if user.is_anonymous:
            return False
        return _scene.enrollments.get((user.id, course_key)) or False


class UserProfile:
    def __init__(self, user, name=""):
        self._user, self._name = user, name

    def save(self):
        if self._user.id in _scene.profiles:
            raise _IntegrityError(f"Duplicate entry '{self._user.id}'")
        _scene.profiles[self._user.id] = self._name


def username_exists_or_retired(username):
    return _get_user_model().objects.filter(username=username).exists() or username in _scene.retired_usernames


def email_exists_or_retired(email):
    return _get_user_model().objects.filter(email=email).exists() or email in _scene.retired_emails


def anonymous_id_for_user(user, course_id):
    if user.is_anonymous:
        return None
    if not (course_id is None or isinstance(course_id, _CourseKey)):
        raise AssertionError("a course key, not a text")
    if not hasattr(user, "_anonymous_id"):
        user._anonymous_id = {}
    kept = user._anonymous_id
    if course_id in kept:
        return kept[course_id]
    mine = [text for user_id, key, text in _scene.anonymous_ids if (user_id, key) == (user.id, course_id)]
    if not mine:
        meaning = f"{_settings.SECRET_KEY}{user.id}{course_id or ''}"
        mine = [_hashlib.shake_128(meaning.encode()).hexdigest(16)]
        _scene.anonymous_ids.append((user.id, course_id, mine[0]))
    kept[course_id] = mine[-1]
    return mine[-1]


def user_by_anonymous_id(uid):
    cache = _RequestCache("user_by_anonymous_id")
    remembered = cache.get_cached_response(uid)
    if remembered.is_found:
        return remembered.value
    user_id = next((user_id for user_id, _, text in _scene.anonymous_ids if text == uid), None)
    user = _get_user_model().objects.filter(id=user_id).first()
    cache.set(uid, user)  # Nobody is remembered as well.
    return user
