"""``learning_ext_rotate_secrets``: what it says and how it ends."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from openedx_learning_ext.lti_consumer.models import LtiConfiguration

OLD, NEW, OTHER = "the old key, long enough", "the new key, long enough", "a key of somebody else"
COLUMN = "learning_ext_lti_consumer.LtiConfiguration.lti_1p1_client_secret"
OTHERS = "".join(
    f"learning_ext_lti_provider.LtiConsumer.{column}: 0 re-encrypted, 0 unreadable\n"
    for column in ("consumer_secret", "previous_secret")
)


@pytest.fixture
def keys(settings):
    """Set the keys for secrets at rest."""

    def use(*values):
        settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = list(values)

    use(OLD)
    return use


def rotate():
    out = StringIO()
    try:
        call_command("learning_ext_rotate_secrets", stdout=out)
    except CommandError as error:
        return out.getvalue(), error
    return out.getvalue(), None


def test_it_says_how_many_were_changed_in_each_column(keys, tool):
    keys(NEW, OLD)

    first, second = rotate(), rotate()

    assert first == (f"{COLUMN}: 1 re-encrypted, 0 unreadable\n{OTHERS}", None)
    assert second == (f"{COLUMN}: 0 re-encrypted, 0 unreadable\n{OTHERS}", None)
    keys(NEW)
    assert LtiConfiguration.objects.get().lti_1p1_client_secret == "s3cr&t/+"


def test_it_does_the_others_and_fails_when_one_cannot_be_read(keys, tool):
    keys(OTHER)
    lost = LtiConfiguration.objects.create(lti_1p1_client_secret="lost")
    keys(NEW, OLD)

    out, error = rotate()

    assert out == f"{COLUMN}: 1 re-encrypted, 1 unreadable\n{OTHERS}"
    assert error.returncode == 1
    assert "OPENEDX_LEARNING_EXT_SECRET_KEYS" in str(error)
    keys(NEW, OTHER)
    assert LtiConfiguration.objects.get(pk=tool.pk).lti_1p1_client_secret == "s3cr&t/+"
    assert LtiConfiguration.objects.get(pk=lost.pk).lti_1p1_client_secret == "lost"


def test_neither_output_nor_error_shows_a_key_or_a_secret(keys, tool):
    keys(OTHER)

    out, error = rotate()

    for hidden in (OLD, OTHER, "s3cr&t/+", "enc1:"):
        assert hidden not in out + str(error)
