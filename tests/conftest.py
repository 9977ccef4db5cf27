"""People and courses by name, for every test."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.standalone import models as host_models

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
OTHER = CourseKey.from_string("course-v1:OpenedX+Other+2026")


def make_person(name, *, full_name, **flags):
    """Return an account whose password is its name, with a profile."""
    user = get_user_model().objects.create_user(name, f"{name}@learners.example", name, **flags)
    host_models.Profile.objects.create(user=user, name=full_name)
    return user


@pytest.fixture(autouse=True)
def _nothing_remembered():
    """No test inherits what another left in the cache of the process, such as counted refusals."""
    cache.clear()
    get_host.cache_clear()


@pytest.fixture
def demo_course(db):
    """The course in which ada and bob learn and grace teaches. It lets tools know who its learners are."""
    return host_models.Course.objects.create(
        course_key=DEMO,
        org="OpenedX",
        number="Demo",
        display_name="Demonstration Course",
        start=datetime(2026, 1, 1, tzinfo=UTC),
        may_share_pii=True,
    )


@pytest.fixture
def other_course(db):
    """A course in which only bob learns."""
    return host_models.Course.objects.create(
        course_key=OTHER,
        org="OpenedX",
        number="Other",
        display_name="Another Course",
        start=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def ada(demo_course):
    """A learner of the demo course."""
    user = make_person("ada", full_name="Ada Lovelace")
    host_models.Enrollment.objects.create(user=user, course_key=DEMO)
    return user


@pytest.fixture
def bob(demo_course, other_course):
    """A learner of both courses."""
    user = make_person("bob", full_name="Bob Noyce")
    host_models.Enrollment.objects.create(user=user, course_key=DEMO)
    host_models.Enrollment.objects.create(user=user, course_key=OTHER)
    return user


@pytest.fixture
def grace(demo_course):
    """Staff of the demo course."""
    user = make_person("grace", full_name="Grace Hopper")
    host_models.CourseRole.objects.create(user=user, course_key=DEMO, org="OpenedX", role="staff")
    return user


@pytest.fixture
def grace_elsewhere(other_course):
    """Staff of the other course only."""
    user = make_person("greta", full_name="Greta Elsewhere")
    host_models.CourseRole.objects.create(user=user, course_key=OTHER, org="OpenedX", role="staff")
    return user


@pytest.fixture
def admin(db):
    """The superuser."""
    return make_person("admin", full_name="The Administrator", is_staff=True, is_superuser=True)


@pytest.fixture
def client_of():
    """Return a browser in which a person is signed in."""

    def sign_in(user):
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def host():
    """The adapter to the default host."""
    return get_host()


@pytest.fixture
def quiz_block(demo_course):
    """A graded block without an answer of its own: it takes its score from a tool."""
    usage_key = DEMO.make_usage_key("problem", "quiz")
    return host_models.Block.objects.create(
        usage_key=usage_key, course_key=DEMO, display_name="The quiz", is_graded=True
    )


@pytest.fixture
def tool(demo_course):
    """A tool of the demo course."""
    return api.create_configuration(
        course_key=DEMO,
        lti_1p1_launch_url="https://tool.example/launch?room=1",
        lti_1p1_client_key="key-1",
        lti_1p1_client_secret="s3cr&t/+",
    )


@pytest.fixture
def placement(tool):
    """A graded placement of the tool, worth ten points, tied to no block."""
    return api.create_placement(
        course_key=DEMO, configuration_id=tool.pk, title="The quiz", graded=True, max_score=10.0
    )


@pytest.fixture
def block_placement(tool, quiz_block):
    """A graded placement whose scores are published on a block of ten points."""
    return api.create_placement(
        course_key=DEMO,
        configuration_id=tool.pk,
        title="The quiz on a block",
        usage_key=quiz_block.usage_key,
        graded=True,
        max_score=10.0,
    )
