"""The system checks of the app, each by its id."""

import pytest
from django.core.checks import run_checks


def found():
    return [message.id for message in run_checks(tags=["learning_ext"]) if "lti_consumer" in message.id]


@pytest.mark.parametrize(
    ("base", "root", "warns"),
    [
        (None, "https://lms.example.org", False),
        (None, "http://lms.example.org", True),
        ("https://lms.example.org", "http://lms", False),
        ("HTTP://lms.example.org", "https://lms.example.org", True),
        (None, None, False),
    ],
)
def test_learning_ext_lti_consumer_W001(settings, base, root, warns):
    settings.OPENEDX_LEARNING_EXT_HOST = "openedx_learning_ext.core.host.openedx.OpenedxHost"
    settings.OPENEDX_LEARNING_EXT_LTI_CONSUMER_BASE_URL = base
    settings.LMS_ROOT_URL = root

    assert found() == (["learning_ext_lti_consumer.W001"] if warns else [])


def test_learning_ext_lti_consumer_W001_is_silent_on_the_default_host(settings):
    settings.LMS_ROOT_URL = "http://127.0.0.1:8000"

    assert found() == []
