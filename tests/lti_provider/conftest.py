"""A campus, its record here, and what it launches."""

from __future__ import annotations

import itertools

import pytest
from django.test import Client
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.lti_provider import models
from openedx_learning_ext.standalone import models as host_models
from tests.doubles.campusside import KEY, SECRET, Campus

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")


@pytest.fixture
def consumer(db):
    """The record of the campus: its learners get accounts that say nothing about them."""
    return models.LtiConsumer.objects.create(consumer_name="Campus", consumer_key=KEY, consumer_secret=SECRET)


@pytest.fixture
def exercise(demo_course):
    """A graded exercise: one question."""
    return host_models.Block.objects.create(
        usage_key=DEMO.make_usage_key("problem", "exercise"),
        course_key=DEMO,
        display_name="The exercise",
        is_graded=True,
        scores_itself=True,
        weight=1.0,
        content={"question": "What is 6 times 7?", "options": ["41", "42"], "right": [1]},
    )


@pytest.fixture
def campus(consumer, exercise):
    """The campus, about to launch the exercise."""
    return Campus(exercise.usage_key)


@pytest.fixture
def browsers():
    """As many fresh browsers as one asks for."""
    return (Client() for _ in itertools.count())


@pytest.fixture
def rows():
    """Return what every table of this app, and the table of accounts, holds now."""

    def read():
        from django.contrib.auth import get_user_model

        tables = (
            models.LtiConsumer, models.OutcomeService, models.GradedAssignment, models.LtiUser, models.LaunchNonce,
            get_user_model(), host_models.Profile,
        )  # fmt: skip
        return {model.__name__: list(model.objects.order_by("pk").values()) for model in tables}

    return read
