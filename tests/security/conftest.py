"""Chance that can be repeated, and a watched outcomes service."""

from __future__ import annotations

import os
import random

import pytest

from tests.security.support import Desk

SEED_VARIABLE = "LEARNING_EXT_TEST_SEED"


@pytest.fixture
def seed(request):
    """
    The seed of this test's chance: the environment's, else a fixed one; a new one each time in the reliability runs.

    It is printed, so that the report of a failure says how to see it again.
    """
    fixed = os.environ.get(SEED_VARIABLE)
    is_long_run = request.node.get_closest_marker("reliability") is not None
    number = int(fixed) if fixed else random.SystemRandom().randrange(2**32) if is_long_run else 20_261_122
    print(f"seed {number}; the same again: {SEED_VARIABLE}={number}")
    return number


@pytest.fixture
def dice(seed):
    """A source of chance that runs the same for the same seed."""
    return random.Random(seed)


@pytest.fixture
def desk(placement, ada, monkeypatch):
    """The outcomes service of the placement, watched, with ada as the learner it is about."""
    return Desk(placement, ada, monkeypatch)
