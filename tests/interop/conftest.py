"""A running server whose tools are told its own address."""

from __future__ import annotations

import pytest

from openedx_learning_ext.lti_consumer import api


@pytest.fixture
def running(live_server, settings):
    """The base address of the server. Tools get outcome addresses below it."""
    settings.LMS_ROOT_URL = live_server.url
    return live_server.url


@pytest.fixture
def launch(running, ada, placement):
    """A launch of ada, made by us."""
    return api.launch_placement(
        user=ada, placement=placement, outcome_url=api.public_url(api.outcome_path(placement), None)
    )
