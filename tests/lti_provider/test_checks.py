"""The system checks of this app: one test an id, in both directions; and what the default settings insert."""

from __future__ import annotations

from types import ModuleType

import pytest
from django.core.checks import run_checks

from openedx_learning_ext.lti_provider.users import BACKEND, LtiBackend
from openedx_learning_ext.settings import common


def ids():
    return [message.id for message in run_checks(tags=["learning_ext"])]


def test_the_default_host_has_nothing_to_complain_about():
    assert ids() == []


def test_learning_ext_lti_provider_E001_the_backend_was_taken_out(settings):
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]

    assert ids() == ["learning_ext_lti_provider.E001"]


def test_learning_ext_lti_provider_E001_is_of_no_interest_where_nobody_launches(settings):
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    settings.ENABLE_LTI_PROVIDER = False

    assert ids() == []


def test_learning_ext_lti_provider_E001_says_nothing_where_no_host_fits(settings):
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    settings.OPENEDX_LEARNING_EXT_HOST = "nowhere.at.AllHost"

    assert "learning_ext.E001" in ids()
    assert "learning_ext_lti_provider.E001" not in ids()


def test_the_settings_know_the_backend_by_its_path():
    assert common.LTI_BACKEND == BACKEND == f"{LtiBackend.__module__}.{LtiBackend.__qualname__}"


@pytest.mark.parametrize("kind", [list, tuple])
def test_the_backend_is_put_last_and_once(kind):
    host = ModuleType("settings")
    host.AUTHENTICATION_BACKENDS = kind(["a.Backend"])

    common.plugin_settings(host)
    common.plugin_settings(host)

    assert list(host.AUTHENTICATION_BACKENDS) == ["a.Backend", BACKEND]


def test_a_site_that_says_nothing_keeps_djangos_own_backend():
    host = ModuleType("settings")

    common.plugin_settings(host)

    assert host.AUTHENTICATION_BACKENDS == ["django.contrib.auth.backends.ModelBackend", BACKEND]


def test_studio_is_left_alone():
    host = ModuleType("settings")
    host.ROOT_URLCONF, host.AUTHENTICATION_BACKENDS = "cms.urls", ["a.Backend"]

    common.plugin_settings(host)

    assert host.AUTHENTICATION_BACKENDS == ["a.Backend"]
