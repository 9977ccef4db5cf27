"""Who serves the platform's paths and who acts: every mode, beside every set of built-ins."""

import pytest
from django.apps import AppConfig
from django.apps.registry import Apps

import openedx_learning_ext
from openedx_learning_ext.core import conf
from openedx_learning_ext.core.host import coexistence

WITH_BUILTIN = [app for app, name in coexistence.BUILTINS.items() if name]
MODES = ["auto", "always", "never"]


@pytest.fixture
def installed(monkeypatch):
    """Have the site consist of these apps."""

    def site(*names):
        registry = Apps()
        registry.app_configs = {name: AppConfig(name, openedx_learning_ext) for name in names}
        registry.apps_ready = registry.models_ready = registry.ready = True
        monkeypatch.setattr(coexistence, "apps", registry)

    site()
    return site


@pytest.mark.parametrize("app", WITH_BUILTIN)
@pytest.mark.parametrize(
    ("mode", "builtin", "serves", "acts"),
    [
        ("auto", True, False, False),
        ("auto", False, True, True),
        ("always", True, True, True),
        ("always", False, True, True),
        ("never", True, False, False),
        ("never", False, False, True),
    ],
)
@pytest.mark.parametrize("as_dict", [False, True])
def test_who_serves_and_who_acts(installed, settings, app, mode, builtin, serves, acts, as_dict):
    installed(*[coexistence.BUILTINS[app]] if builtin else [])
    settings.OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS = {app: mode} if as_dict else mode

    assert coexistence.has_builtin(app) is builtin
    assert coexistence.serves_platform_paths(app) is serves
    assert coexistence.acts(app) is acts


@pytest.mark.parametrize("mode", MODES)
def test_lti_consumer_has_no_built_in_and_always_acts(installed, settings, mode):
    installed("lti_consumer", *filter(None, coexistence.BUILTINS.values()))
    settings.OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS = mode

    assert not coexistence.has_builtin("lti_consumer")
    assert coexistence.acts("lti_consumer")


def test_one_built_in_says_nothing_about_the_other_apps(installed, settings):
    del settings.OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS
    installed("openedx.core.djangoapps.notifications")

    assert not coexistence.acts("notifications")
    assert [app for app in coexistence.BUILTINS if coexistence.acts(app)] == [
        app for app in coexistence.BUILTINS if app != "notifications"
    ]


def test_an_app_that_the_dict_does_not_name_is_auto(installed, settings):
    installed(*filter(None, coexistence.BUILTINS.values()))
    settings.OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS = {"notifications": "always"}

    assert coexistence.platform_path_mode("notifications") == "always"
    assert coexistence.platform_path_mode("certificates") == "auto"
    assert coexistence.serves_platform_paths("notifications")
    assert not coexistence.serves_platform_paths("certificates")


@pytest.mark.parametrize(
    "question",
    [
        coexistence.platform_path_mode,
        coexistence.has_builtin,
        coexistence.serves_platform_paths,
        coexistence.acts,
    ],
)
def test_an_app_that_is_not_ours_is_an_error_of_the_caller(installed, question):
    with pytest.raises(KeyError):
        question("forums")


def test_ours_are_described_as_acting_or_standing_aside(installed, settings):
    installed(
        "openedx_learning_ext.notifications", "openedx_learning_ext.lti_consumer", "openedx_learning_ext.certificates",
        "lms.djangoapps.certificates",
    )
    settings.OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS = "auto"

    assert coexistence.describe() == (["notifications", "lti_consumer"], ["certificates"])


@pytest.mark.parametrize(("urlconf", "studio"), [("cms.urls", True), ("lms.urls", False), ("my_site.urls", False)])
def test_studio_is_known_by_its_urls(settings, urlconf, studio):
    settings.ROOT_URLCONF = urlconf

    assert coexistence.in_studio() is studio


def test_the_settings_and_the_built_ins_name_the_same_apps():
    assert set(conf.APPS) == set(coexistence.BUILTINS)


def test_in_studio_an_app_that_is_there_for_its_tables_is_not_called_active(settings):
    settings.ROOT_URLCONF = "cms.urls"

    assert coexistence.describe() == ([], [])
