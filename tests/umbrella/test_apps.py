"""What the umbrella does when the site starts."""

import logging

import pytest
from django.apps import apps

from openedx_learning_ext import __version__
from openedx_learning_ext.core import sweep


@pytest.fixture
def umbrella():
    """The umbrella's configuration."""
    return apps.get_app_config("learning_ext")


def test_it_says_once_what_is_active(umbrella, caplog):
    with caplog.at_level(logging.INFO, logger="openedx_learning_ext"):
        umbrella.ready()

    (line,) = [record.getMessage() for record in caplog.records if record.name == "openedx_learning_ext"]
    assert line == (
        f"openedx-learning-ext {__version__}: active: lti_provider, lti_consumer; standing aside: none; "
        "host: openedx_learning_ext.standalone.host.StandaloneHost"
    )


@pytest.mark.parametrize("value", ["nowhere.at.AllHost", "os.path", 5])
def test_a_host_that_cannot_be_loaded_does_not_keep_the_site_from_starting(umbrella, settings, value):
    settings.OPENEDX_LEARNING_EXT_HOST = value

    umbrella.ready()


@pytest.mark.parametrize("value", ["sometimes", None, 5, {"notifications": "sometimes"}])
def test_a_mode_that_means_nothing_does_not_keep_the_site_from_starting(umbrella, settings, value):
    settings.OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS = value

    umbrella.ready()


def test_starting_again_registers_nothing_twice(umbrella):
    before = sweep.names()

    umbrella.ready()
    for label in ("learning_ext_lti_consumer", "learning_ext_lti_provider"):
        apps.get_app_config(label).ready()

    assert sweep.names() == before == [
        "lti_consumer.nonces", "lti_provider.nonces", "lti_provider.reconcile", "lti_provider.scores",
    ]  # fmt: skip
