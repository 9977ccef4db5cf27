"""Every setting: its default, what it refuses, and that it is read when it is used."""

import pytest
from django.test import override_settings

from openedx_learning_ext.core import conf

MARK = "hunter2-do-not-show"

DEFAULTS = {
    "OPENEDX_LEARNING_EXT_HOST": None,
    "OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS": "auto",
    "OPENEDX_LEARNING_EXT_SECRET_KEYS": [],
    "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS": [],
    "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_PORTS": [],
    "OPENEDX_LEARNING_EXT_OUTBOUND_CA_FILE": None,
    "OPENEDX_LEARNING_EXT_DELIVERY_EXCHANGE_SECONDS": 15,
    "OPENEDX_LEARNING_EXT_TESTING": False,
    "OPENEDX_LEARNING_EXT_DELIVERY_TIME_SCALE": 1,
    "OPENEDX_LEARNING_EXT_DELIVERY_RETRY_SCHEDULE": (5, 30, 300, 1800, 7200, 18000, 36000, 86400, 86400),
    "OPENEDX_LEARNING_EXT_DELIVERY_IN_FLIGHT_PER_DESTINATION": 4,
    "OPENEDX_LEARNING_EXT_DELIVERY_BELL": True,
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_CHECK_REPLAY": True,
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_LAUNCH_BASE_URL": None,
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_ALLOW_HMAC_SHA256": False,
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_FAILED_LAUNCH_RATE_LIMIT": "60/m",
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_SHOW_GRADE_STATE": True,
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_LEAF_DELAY_SECONDS": 0,
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_RECONCILE_HOURS": 48,
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_BASE_URL": None,
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_WINDOW_SECONDS": 5400,
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_ALLOW_HMAC_SHA256": False,
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT": "60/m",
}

GOOD = {
    "OPENEDX_LEARNING_EXT_HOST": ["my_site.host.MyHost"],
    "OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS": [
        "always", "never", {}, {"notifications": "always", "certificates": "never", "lti_provider": "auto"},
    ],
    "OPENEDX_LEARNING_EXT_SECRET_KEYS": [["x" * 16], ("x" * 64, "y" * 64)],
    "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS": [["10.1.0.0/16"], ("127.0.0.1", "::1/128", "fd00::/8")],
    "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_PORTS": [[443], (1, 65_535)],
    "OPENEDX_LEARNING_EXT_OUTBOUND_CA_FILE": [__file__],
    "OPENEDX_LEARNING_EXT_DELIVERY_EXCHANGE_SECONDS": [0.1, 1, 15],
    "OPENEDX_LEARNING_EXT_TESTING": [True],
    "OPENEDX_LEARNING_EXT_DELIVERY_TIME_SCALE": [1, 0.001],
    "OPENEDX_LEARNING_EXT_DELIVERY_RETRY_SCHEDULE": [[1], (5, 30.5)],
    "OPENEDX_LEARNING_EXT_DELIVERY_IN_FLIGHT_PER_DESTINATION": [1, 100],
    "OPENEDX_LEARNING_EXT_DELIVERY_BELL": [False],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_CHECK_REPLAY": [False],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_LAUNCH_BASE_URL": ["https://lms.example.org"],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_ALLOW_HMAC_SHA256": [True],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_FAILED_LAUNCH_RATE_LIMIT": [None, "1/s"],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_SHOW_GRADE_STATE": [False],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_LEAF_DELAY_SECONDS": [0.5, 5],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_RECONCILE_HOURS": [1, 8760],
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_BASE_URL": [
        "https://lms.example.org", "http://localhost:8000", "https://lms.example.org/",
    ],
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_WINDOW_SECONDS": [1, 300, 86_400],
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_ALLOW_HMAC_SHA256": [True],
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT": [None, "1/s", "3/h", "100000/d"],
}

BAD = {
    "OPENEDX_LEARNING_EXT_HOST": [MARK, 5, "", f"{MARK}..Host", ["my_site.host.MyHost"]],
    "OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS": [
        MARK, None, True, ["always"], {"notifications": MARK}, {"notifications": ["always"]}, {"forums": "always"},
        {1: "always"},
    ],
    "OPENEDX_LEARNING_EXT_SECRET_KEYS": [MARK, None, [MARK[:15]], [MARK, 5], [MARK, ""], {MARK: 1}, [MARK.encode()]],
    "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS": [
        MARK, None, "127.0.0.0/8", [MARK], ["10.0.0.1/8"], ["10.0.0.0/33"], [2130706433], ["localhost"], [""],
        {MARK: 1},
    ],
    "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_PORTS": [MARK, None, 443, [0], [65_536], ["443"], [True], [443.0]],
    "OPENEDX_LEARNING_EXT_OUTBOUND_CA_FILE": [f"/{MARK}.pem", "", "/", 5, __file__.encode()],
    "OPENEDX_LEARNING_EXT_DELIVERY_EXCHANGE_SECONDS": [0, -1, 15.1, 16, None, True, "15", MARK, float("nan")],
    "OPENEDX_LEARNING_EXT_TESTING": [MARK, 1, None],
    "OPENEDX_LEARNING_EXT_DELIVERY_TIME_SCALE": [MARK, 0, -1, 2, None, True],
    "OPENEDX_LEARNING_EXT_DELIVERY_RETRY_SCHEDULE": [MARK, [], [0.5], [MARK], None, 5, [True]],
    "OPENEDX_LEARNING_EXT_DELIVERY_IN_FLIGHT_PER_DESTINATION": [MARK, 0, 101, 1.5, None, True],
    "OPENEDX_LEARNING_EXT_DELIVERY_BELL": [MARK, 0, None],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_CHECK_REPLAY": [MARK, 0, None],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_LAUNCH_BASE_URL": [MARK, "", 5, f"https://u:{MARK}@lms.example.org"],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_ALLOW_HMAC_SHA256": [MARK, 1, None],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_FAILED_LAUNCH_RATE_LIMIT": [MARK, 60, "60", "0/m"],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_SHOW_GRADE_STATE": [MARK, 1, None],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_LEAF_DELAY_SECONDS": [MARK, -1, 6, None, True],
    "OPENEDX_LEARNING_EXT_LTI_PROVIDER_RECONCILE_HOURS": [MARK, 0, 8761, 1.5, None],
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_BASE_URL": [
        "https://lms.example.org/sub",
        MARK, "", 5, f"//{MARK}", f"ftp://{MARK}", f"https://u:{MARK}@lms.example.org", f"https://lms.example.org/?{MARK}",
        f"https://lms.example.org/#{MARK}", "https://", f"https://[{MARK}",
    ],
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_WINDOW_SECONDS": [0, -1, 86_401, 5400.0, "5400", None, True, MARK],
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_ALLOW_HMAC_SHA256": [1, 0, None, "False", MARK],
    "OPENEDX_LEARNING_EXT_LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT": [
        "0/m", "60", "60/w", "60 / m", "-1/m", "1.5/m", 60, "", f"60/m {MARK}", "60/m\n", "٦٠/m",
    ],
}


def pairs(table):
    return [pytest.param(name, value, id=f"{name}-{i}") for name in table for i, value in enumerate(table[name])]


def ours():
    return {setting.name: setting for setting in conf.all_settings() if setting.owner == "us"}


def test_the_tables_of_this_file_name_every_setting_of_ours():
    assert set(ours()) == set(DEFAULTS) == set(GOOD) == set(BAD)


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_a_setting_that_nobody_set_has_its_default_and_no_problem(name, settings):
    if hasattr(settings, name):
        delattr(settings, name)
    setting = ours()[name]

    assert setting() == DEFAULTS[name]
    assert setting.problem() is None


@pytest.mark.parametrize(("name", "value"), pairs(GOOD))
def test_a_good_value_is_answered_and_has_no_problem(name, value, settings):
    setattr(settings, name, value)
    setting = ours()[name]

    assert setting() == value
    assert setting.problem() is None


@pytest.mark.parametrize(("name", "value"), pairs(BAD))
def test_a_bad_value_is_a_problem_that_does_not_quote_it(name, value, settings):
    setattr(settings, name, value)
    setting = ours()[name]

    problem = setting.problem()

    assert problem
    assert MARK not in problem
    assert MARK not in repr(setting)


def test_an_app_that_is_none_of_ours_is_a_problem_that_lists_ours(settings):
    settings.OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS = {"notification": "always"}

    problem = conf.SERVE_PLATFORM_PATHS.problem()

    assert all(app in problem for app in conf.APPS)


def test_none_is_a_value_and_not_an_absence(settings):
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT = None

    assert conf.LTI_CONSUMER_FAILED_MESSAGE_RATE_LIMIT() is None


def test_a_setting_is_read_when_it_is_used():
    with override_settings(OPENEDX_LEARNING_EXT_LTI_CONSUMER_WINDOW_SECONDS=60):
        assert conf.LTI_CONSUMER_WINDOW_SECONDS() == 60
    with override_settings(OPENEDX_LEARNING_EXT_LTI_CONSUMER_WINDOW_SECONDS=61):
        assert conf.LTI_CONSUMER_WINDOW_SECONDS() == 61


def test_every_declaration_has_a_sentence_and_an_owner_and_ours_have_our_prefix():
    for setting in conf.all_settings():
        assert setting.sentence.endswith(".")
        assert setting.owner in {"us", "platform", "django"}
        assert setting.name.startswith("OPENEDX_LEARNING_EXT_") == (setting.owner == "us")


def test_all_settings_are_answered_by_name_without_repetition():
    names = [setting.name for setting in conf.all_settings()]

    assert names == sorted(set(names))


@pytest.mark.parametrize("setting", conf.all_settings(), ids=lambda setting: setting.name)
def test_the_values_of_the_default_host_are_good(setting):
    assert setting.problem() is None


def test_a_repr_shows_the_name_alone(settings):
    settings.SECRET_KEY = MARK

    assert repr(conf.SECRET_KEY) == "<Setting SECRET_KEY>"
