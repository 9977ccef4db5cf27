"""Which adapter is taken, and when it is chosen anew."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from openedx_learning_ext.core import host as border
from openedx_learning_ext.core.host import bases, find_host_path, get_host
from openedx_learning_ext.standalone.host import StandaloneHost


class AnotherHost:
    """An adapter of a site of its own."""


def test_the_default_host_is_found_by_its_app():
    assert find_host_path() == border.STANDALONE_ADAPTER
    assert isinstance(get_host(), StandaloneHost)


@pytest.mark.parametrize("urlconf", ["lms.urls", "cms.urls"])
def test_the_platform_is_found_by_its_urls(settings, urlconf):
    settings.ROOT_URLCONF = urlconf

    assert find_host_path() == border.PLATFORM_ADAPTER


def test_what_the_operator_says_wins(settings):
    settings.ROOT_URLCONF = "lms.urls"
    settings.OPENEDX_LEARNING_EXT_HOST = "my_site.host.MyHost"

    assert find_host_path() == "my_site.host.MyHost"


def test_a_site_that_is_neither_has_no_host(settings):
    settings.INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]

    assert find_host_path() is None
    with pytest.raises(ImproperlyConfigured, match="OPENEDX_LEARNING_EXT_HOST"):
        get_host()


def test_the_same_host_is_answered_each_time():
    assert get_host() is get_host()


def test_another_setting_gives_another_host_and_taking_it_back_the_first_kind():
    first = get_host()

    with override_settings(OPENEDX_LEARNING_EXT_HOST=f"{AnotherHost.__module__}.AnotherHost"):
        other = get_host()
    back = get_host()

    assert type(other).__name__ == "AnotherHost"
    assert type(back) is type(first)


@pytest.mark.parametrize("path", ["nowhere.at.AllHost", "openedx_learning_ext.core.host.NoSuchHost"])
def test_an_adapter_that_cannot_be_imported_is_said_with_the_name_of_the_setting(settings, path):
    settings.OPENEDX_LEARNING_EXT_HOST = path

    with pytest.raises(ImproperlyConfigured, match="OPENEDX_LEARNING_EXT_HOST"):
        get_host()


@pytest.mark.parametrize("value", [5, "os.path", "django.conf.settings"])
def test_a_host_that_is_no_class_is_said_with_the_name_of_the_setting(settings, value):
    settings.OPENEDX_LEARNING_EXT_HOST = value

    with pytest.raises(ImproperlyConfigured, match="OPENEDX_LEARNING_EXT_HOST"):
        get_host()


def test_a_failure_is_not_remembered(settings):
    settings.OPENEDX_LEARNING_EXT_HOST = "nowhere.at.AllHost"
    with pytest.raises(ImproperlyConfigured):
        get_host()

    del settings.OPENEDX_LEARNING_EXT_HOST

    assert isinstance(get_host(), StandaloneHost)


def test_away_from_the_platform_the_api_takes_tokens_and_sessions():
    names = [cls.__name__ for cls in bases.api_authentication_classes()]

    assert names == ["JwtAuthentication", "SessionAuthenticationAllowInactiveUser"]
