"""The system checks: one test an id, in both directions."""

import pytest
from django.core.checks import run_checks

KEYS = "OPENEDX_LEARNING_EXT_SECRET_KEYS"


def found():
    """What the umbrella's own checks say."""
    return [message for message in run_checks(tags=["learning_ext"]) if message.id.startswith("learning_ext.")]


def ids():
    return [message.id for message in found()]


def test_the_default_host_has_nothing_to_complain_about():
    assert ids() == []


def test_learning_ext_E001_no_adapter_fits(settings):
    settings.INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "openedx_learning_ext"]

    (message,) = [message for message in found() if message.id == "learning_ext.E001"]

    assert "OPENEDX_LEARNING_EXT_HOST" in message.msg
    assert "OPENEDX_LEARNING_EXT_HOST" in message.hint


def test_learning_ext_E001_the_adapter_cannot_be_imported(settings):
    settings.OPENEDX_LEARNING_EXT_HOST = "nowhere.at.AllHost"

    assert "learning_ext.E001" in ids()


@pytest.mark.parametrize("value", ["os.path", 5])
def test_learning_ext_E001_the_adapter_is_no_class(settings, value):
    settings.OPENEDX_LEARNING_EXT_HOST = value

    assert "learning_ext.E001" in ids()


def test_learning_ext_E002_a_setting_means_nothing(settings):
    settings.OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS = "sometimes"
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_WINDOW_SECONDS = 0

    messages = found()

    assert [message.id for message in messages] == ["learning_ext.E002", "learning_ext.E002"]
    assert sorted(message.msg.split()[0] for message in messages) == [
        "OPENEDX_LEARNING_EXT_LTI_CONSUMER_WINDOW_SECONDS", "OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS",
    ]


def test_learning_ext_E002_shows_no_key(settings):
    setattr(settings, KEYS, ["short", "and another"])

    (message,) = found()

    assert message.id == "learning_ext.E002"
    assert "short" not in str(message)
    assert "another" not in str(message)


@pytest.mark.parametrize("value", ["one long text instead of a list", None])
def test_learning_ext_E002_keys_that_are_no_list(settings, value):
    setattr(settings, KEYS, value)

    assert "learning_ext.E002" in ids()


def test_learning_ext_E002_leaves_the_settings_of_others_alone(settings):
    settings.PLATFORM_NAME = 5

    assert ids() == []


def test_learning_ext_W001_there_are_no_keys_for_secrets(settings):
    setattr(settings, KEYS, [])

    (message,) = found()

    assert message.id == "learning_ext.W001"
    assert KEYS in message.msg
    assert "learning_ext_rotate_secrets" in message.hint


NETWORKS = "OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS"
ALLOW_HTTP = "LTI_OUTCOME_SERVICE_ALLOW_HTTP"


@pytest.fixture
def another_host(settings):
    """A site of some kind whose messages go to public addresses alone, with TLS."""
    settings.OPENEDX_LEARNING_EXT_HOST = "openedx_learning_ext.core.host.bases.Part"
    setattr(settings, NETWORKS, ["10.1.0.0/16", "fd00::/8"])
    setattr(settings, ALLOW_HTTP, False)
    return settings


def ways_out():
    return [message.msg.split()[0] for message in found() if message.id == "learning_ext.W002"]


def test_learning_ext_W002_the_network_of_a_campus_is_no_reason_to_warn(another_host):
    assert ways_out() == []


@pytest.mark.parametrize("network", ["127.0.0.0/8", "127.0.0.1", "::1", "::/0", "0.0.0.0/0", "126.0.0.0/7"])
def test_learning_ext_W002_messages_may_go_to_this_machine_itself(another_host, network):
    setattr(another_host, NETWORKS, ["10.1.0.0/16", network])

    assert ways_out() == [NETWORKS]


def test_learning_ext_W002_scores_may_go_without_tls(another_host):
    setattr(another_host, ALLOW_HTTP, True)

    assert ways_out() == [ALLOW_HTTP]


def test_learning_ext_W002_both(another_host):
    setattr(another_host, ALLOW_HTTP, True)
    setattr(another_host, NETWORKS, ["::1/128"])

    assert ways_out() == [NETWORKS, ALLOW_HTTP]


def test_learning_ext_W002_leaves_networks_that_are_none_to_E002(another_host):
    setattr(another_host, NETWORKS, ["localhost"])

    assert ways_out() == []
    assert "learning_ext.E002" in ids()
