"""
One suite, two adapters: every test takes ``host`` and ``given``, and runs on the default host and on the platform.

``given`` sets the scene in words. The platform is played by the fakes in ``tests/doubles/platform``, which are on
``sys.path`` for the one test only.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.test import RequestFactory
from edx_django_utils.cache import RequestCache
from eventtracking import tracker
from opaque_keys.edx.keys import CourseKey, UsageKey

from openedx_learning_ext.core.host.openedx import OpenedxHost
from openedx_learning_ext.standalone import models, signals
from openedx_learning_ext.standalone.host import StandaloneHost
from tests.doubles.platform import scene

FAKES = Path(scene.__file__).parent
FAKE_PACKAGES = ("lms", "common", "openedx", "xmodule", "xblock", "lti_consumer")


class Listener:
    """A receiver that keeps what it hears, and fails when told to."""

    def __init__(self, failing_with: Exception | None = None) -> None:
        self.heard: list[dict] = []
        self.failing_with = failing_with

    def __call__(self, **kwargs) -> None:
        kwargs.pop("signal", None)
        kwargs.pop("sender", None)
        self.heard.append(kwargs)
        if self.failing_with is not None:
            raise self.failing_with


class StandaloneScene:
    """Sets the scene on the default host."""

    def course(self, course_id="course-v1:OpenedX+Contract+2026", **columns):
        key = CourseKey.from_string(course_id)
        models.Course.objects.create(course_key=key, org=key.org, number=key.course, **columns)
        return key

    def enrolled(self, user, course, *, is_active=True):
        models.Enrollment.objects.create(user=user, course_key=course, is_active=is_active)

    def role(self, user, course, role):
        models.CourseRole.objects.create(user=user, course_key=course, org=course.org, role=role)

    def organisation_role(self, user, org, role):
        models.CourseRole.objects.create(user=user, org=org, role=role)

    def block(
        self, usage_id, *, parent=None, display_name="", is_graded=False, due=None, scores_itself=False, weight=None
    ):
        key = UsageKey.from_string(usage_id)
        models.Block.objects.create(
            usage_key=key,
            course_key=key.course_key,
            parent=None if parent is None else models.Block.objects.get(usage_key=parent),
            display_name=display_name,
            is_graded=is_graded,
            due=due,
            scores_itself=scores_itself,
            weight=weight,
        )
        return key

    def removed(self, usage_key):
        models.Block.objects.filter(usage_key=usage_key).delete()

    def scored(self, user, usage_key, earned, possible):
        models.Score.objects.update_or_create(
            user=user, usage_key=usage_key, defaults={"earned": earned, "possible": possible}
        )

    def score(self, user, usage_key):
        """Return the points a person has on a block, or ``None``."""
        return models.Score.objects.filter(user=user, usage_key=usage_key).values_list("earned", "possible").first()

    def shares_pii(self, course):
        models.Course.objects.filter(course_key=course).update(may_share_pii=True)

    def listener_to_scores(self, listener):
        self._connect(signals.SCORE_CHANGED, listener)

    def retired(self, user):
        """Retire somebody as the host does it, to the end."""
        call_command("retire", user.username, verbosity=0)

    def has_profile(self, user, name):
        return models.Profile.objects.filter(user=user, name=name).exists()

    def retires(self, user):
        signals.USER_RETIRED.send(sender=None, user=user)

    def events(self, host):
        return list(host.tracking.recent)

    def __init__(self):
        self._connected = []

    def _connect(self, signal, listener):
        signal.connect(listener, weak=False)
        self._connected.append((signal, listener))

    def forget(self):
        for signal, listener in self._connected:
            signal.disconnect(listener)
        signals.USER_RETIRED.disconnect(dispatch_uid="contract")
        signals.SCORE_CHANGED.disconnect(dispatch_uid="contract")


class PlatformScene:
    """Sets the scene on the fake platform."""

    def __init__(self, settings):
        self._settings = settings
        self._tracker_before = dict(tracker.TRACKERS)
        self._events = []
        tracker.TRACKERS.clear()
        tracker.register_tracker(tracker.Tracker(backends={"memory": self}))

    def course(self, course_id="course-v1:OpenedX+Contract+2026", **columns):
        key = CourseKey.from_string(course_id)
        scene.overviews[key] = scene.Overview(
            id=key, display_org_with_default=key.org, display_number_with_default=key.course, **columns
        )
        return key

    def enrolled(self, user, course, *, is_active=True):
        scene.enrollments[user.id, course] = is_active

    def role(self, user, course, role):
        scene.roles.setdefault(user.id, []).append(scene.RoleRecord(role, course.org, str(course)))

    def organisation_role(self, user, org, role):
        scene.roles.setdefault(user.id, []).append(scene.RoleRecord(role, org, None))

    def block(
        self, usage_id, *, parent=None, display_name="", is_graded=False, due=None, scores_itself=False, weight=1.0
    ):
        key = UsageKey.from_string(usage_id)
        above = scene.blocks[parent] if parent else self._course_block(key.course_key)
        above.has_children = True
        block_class = scene.Block
        if scores_itself:
            from xblock.scorable import ScorableXBlockMixin

            block_class = type("ScoringBlock", (scene.Block, ScorableXBlockMixin), {})
        scene.blocks[key] = block_class(
            location=key, display_name=display_name or None, graded=is_graded, due=due, weight=weight, _parent=above
        )
        return key

    def _course_block(self, course):
        key = course.make_usage_key("course", "course")
        return scene.blocks.setdefault(key, scene.Block(location=key))

    def removed(self, usage_key):
        del scene.blocks[usage_key]

    def scored(self, user, usage_key, earned, possible):
        scene.learner_rows[user.id, usage_key] = (earned, possible)

    def score(self, user, usage_key):
        """Return the points a person has on a block, or ``None``."""
        row = scene.learner_rows.get((user.id, usage_key))
        return None if row is None or None in row else row

    def shares_pii(self, course):
        self.with_lti_xblock()
        scene.pii_courses.add(course)

    def with_lti_xblock(self):
        if "lti_consumer" not in self._settings.INSTALLED_APPS:
            self._settings.INSTALLED_APPS = [*self._settings.INSTALLED_APPS, "lti_consumer"]

    def listener_to_scores(self, listener):
        from lms.djangoapps.grades.api import signals as grades_signals

        grades_signals.PROBLEM_WEIGHTED_SCORE_CHANGED.connect(listener, weak=False)

    def retired(self, user):
        """Retire somebody as the host does it, to the end."""
        scene.retired_usernames.add(user.username)
        scene.retired_emails.add(user.email)
        user.username, user.email = f"retired__user_{user.id}", f"retired__user_{user.id}@retired.invalid"
        user.save()

    def has_profile(self, user, name):
        return scene.profiles.get(user.id) == name

    def retires(self, user):
        from openedx.core.djangoapps.user_api.accounts import signals as account_signals

        account_signals.USER_RETIRE_LMS_MISC.send(sender=None, user=user)
        account_signals.USER_RETIRE_LMS_CRITICAL.send(sender=None, user=user, retired_username="r", retired_email="r")

    def events(self, host):
        return [
            {"name": event["name"], "data": event["data"], "course_id": event["context"].get("course_id")}
            for event in self._events
        ]

    def masquerades(self, user, course, role):
        user.masquerade_settings = {course: scene.Masquerade(role)}

    def send(self, event):
        """Take an event from the tracker, as a backend of it."""
        self._events.append(event)

    def forget(self):
        tracker.TRACKERS.clear()
        tracker.TRACKERS.update(self._tracker_before)


@pytest.fixture
def fake_packages(monkeypatch):
    """Put the fakes where the adapter's imports find them, for one test."""
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in FAKE_PACKAGES}
    monkeypatch.syspath_prepend(str(FAKES))
    importlib.invalidate_caches()
    scene.reset()
    yield
    for name in list(sys.modules):
        if name.split(".")[0] in FAKE_PACKAGES:
            del sys.modules[name]
    sys.modules.update(before)
    importlib.invalidate_caches()


@pytest.fixture
def platform(db, fake_packages, settings):
    """Return the scene of the fake platform."""
    RequestCache.clear_all_namespaces()
    given = PlatformScene(settings)
    yield given
    given.forget()
    RequestCache.clear_all_namespaces()


@pytest.fixture
def platform_host(platform):
    """Return the platform's adapter."""
    return OpenedxHost()


@pytest.fixture
def standalone(db):
    """Return the scene of the default host."""
    given = StandaloneScene()
    yield given
    given.forget()


@pytest.fixture(params=["standalone", "platform"])
def given(request):
    """Return what sets the scene on the host under test."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def host(given):
    """Return the adapter under test."""
    return StandaloneHost() if isinstance(given, StandaloneScene) else OpenedxHost()


@pytest.fixture
def request_of(db):
    """Return a function that makes a request of a person, with a session."""

    def make(user, method="get", **headers):
        request = getattr(RequestFactory(headers=headers), method)("/launch")
        request.user = user
        request.session = SessionStore()
        return request

    return make


@pytest.fixture
def listener():
    """Return a receiver that keeps what it hears."""
    return Listener()


@pytest.fixture
def ada(db):
    """Ada, who has nothing to do with any course yet."""
    return get_user_model().objects.create_user("ada", "ada@example.com", "ada")


@pytest.fixture
def bob(db):
    """Bob, who has nothing to do with any course yet."""
    return get_user_model().objects.create_user("bob", "bob@example.com", "bob")


@pytest.fixture
def admin(db):
    """The administrator, staff of the whole site."""
    return get_user_model().objects.create_superuser("admin", "admin@example.com", "admin")


@pytest.fixture
def nobody():
    """Somebody who is not signed in."""
    return AnonymousUser()
