"""The always-on prefix: which addresses there are, and where."""

import importlib.util
import uuid

import pytest
from django.urls import resolve, reverse

from openedx_learning_ext import urls
from openedx_learning_ext.health import health
from openedx_learning_ext.lti_consumer import views

COURSE = "course-v1:OpenedX+Demo+2026"
UUID = uuid.UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
PREFIX = "/api/learning_ext/lti_consumer/v1/"
ALL = ["health/", "lti_consumer/v1/", "lti_provider/v1/"]


@pytest.mark.parametrize(
    ("name", "arguments", "path"),
    [
        ("learning_ext:health", [], "/api/learning_ext/health/"),
        ("learning_ext:lti_consumer:launch", [UUID], f"{PREFIX}launch/{UUID}/"),
        ("learning_ext:lti_consumer:outcomes", [UUID], f"{PREFIX}outcomes/{UUID}/"),
        ("learning_ext:lti_consumer:configurations", [COURSE], f"{PREFIX}courses/{COURSE}/configurations/"),
        ("learning_ext:lti_consumer:configuration", [COURSE, 7], f"{PREFIX}courses/{COURSE}/configurations/7/"),
        ("learning_ext:lti_consumer:placements", [COURSE], f"{PREFIX}courses/{COURSE}/placements/"),
        ("learning_ext:lti_consumer:placement", [COURSE, UUID], f"{PREFIX}courses/{COURSE}/placements/{UUID}/"),
    ],
)
def test_an_address_has_its_name_below_the_prefix(name, arguments, path):
    names = ("course_id", "configuration_id" if "configuration" in name else "placement_uuid")
    given = dict(zip(names, arguments, strict=False)) if COURSE in arguments else None

    found = reverse(name, kwargs=given) if given else reverse(name, args=arguments)

    assert found == path
    assert resolve(path).view_name == name


def test_the_views_are_ours():
    assert resolve("/api/learning_ext/health/").func is health
    assert resolve(f"{PREFIX}launch/{UUID}/").func is views.launch
    assert resolve(f"{PREFIX}outcomes/{UUID}/").func is views.outcomes


def patterns_where(settings, urlconf):
    """Evaluate the umbrella's URLs anew, as a process with this root URLconf does."""
    settings.ROOT_URLCONF = urlconf
    spec = importlib.util.spec_from_file_location("umbrella_urls_elsewhere", urls.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [str(pattern.pattern) for pattern in module.urlpatterns]


@pytest.mark.parametrize(
    ("urlconf", "expected"),
    [
        ("lms.urls", ALL),
        ("my_site.urls", ALL),
        ("cms.urls", ["health/"]),
    ],
)
def test_studio_has_health_and_none_of_the_lti_apps(settings, urlconf, expected):
    assert patterns_where(settings, urlconf) == expected


def test_a_site_without_the_app_has_none_of_its_addresses(settings):
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if "lti_consumer" not in name]

    assert patterns_where(settings, "lms.urls") == ["health/", "lti_provider/v1/"]


@pytest.mark.parametrize("mode", ["auto", "always", "never"])
def test_the_prefix_does_not_ask_who_serves_the_platforms_paths(settings, mode):
    settings.OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS = mode

    assert patterns_where(settings, "lms.urls") == ALL
