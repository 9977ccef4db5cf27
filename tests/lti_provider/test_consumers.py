"""``lti.md`` 2.1 and 8.9: consumers, their secrets at rest, and the change of a secret."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from openedx_learning_ext.core import privacy
from openedx_learning_ext.lti_provider import api
from openedx_learning_ext.lti_provider.models import LtiConsumer
from tests.doubles.campusside import KEY, SECRET

NEW = "the next secret of the campus"


def stored_text():
    """Everything that stands in the table of consumers, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM learning_ext_lti_provider_lticonsumer")
        return str(cursor.fetchall())


def test_a_consumer_gets_a_random_key_and_secret():
    one, other = LtiConsumer(consumer_name="One"), LtiConsumer(consumer_name="Other")

    assert len(one.consumer_key) == len(one.consumer_secret) == 32
    assert len({one.consumer_key, one.consumer_secret, other.consumer_key, other.consumer_secret}) == 4


def test_a_secret_is_encrypted_and_its_digest_says_nothing_without_the_key(consumer, settings):
    text = stored_text()
    digest = consumer.secret_digest

    assert SECRET not in text
    settings.SECRET_KEY = "another key of another site, as long as one should be"
    consumer.save()
    assert consumer.secret_digest != digest


def test_neither_key_nor_secret_is_in_a_repr(consumer):
    for shown in (repr(consumer), str(consumer)):
        assert SECRET not in shown
        assert KEY not in shown


@pytest.mark.django_db
@pytest.mark.parametrize("same", ["consumer_name", "consumer_key", "consumer_secret", "instance_guid"])
def test_name_key_secret_and_guid_are_a_consumers_own(same):
    values = {"consumer_name": "A", "consumer_key": "k", "consumer_secret": "a secret", "instance_guid": "g"}
    LtiConsumer.objects.create(**values)
    other = {"consumer_name": "B", "consumer_key": "l", "consumer_secret": "b secret", "instance_guid": "h"}

    with pytest.raises(IntegrityError), transaction.atomic():
        LtiConsumer.objects.create(**{**other, same: values[same]})


@pytest.mark.django_db
def test_two_consumers_may_have_no_secret_and_no_guid_yet():
    for name in "AB":
        LtiConsumer.objects.create(consumer_name=name, consumer_key=name, consumer_secret="")

    assert list(LtiConsumer.objects.values_list("secret_digest", "instance_guid")) == [(None, None)] * 2


@pytest.mark.django_db
def test_keys_and_secrets_may_be_long():
    made = LtiConsumer.objects.create(consumer_name="Long", consumer_key="k" * 255, consumer_secret="s" * 255)

    made.refresh_from_db()
    assert (len(made.consumer_key), len(made.consumer_secret)) == (255, 255)


def test_the_rotation_of_the_sites_keys_finds_the_secrets(consumer, campus, client, settings):
    api.replace_secret(consumer_id=consumer.pk, secret=NEW)
    old = settings.OPENEDX_LEARNING_EXT_SECRET_KEYS
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["a fresh key for all secrets", *old]
    call_command("learning_ext_rotate_secrets", verbosity=0)
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["a fresh key for all secrets"]

    assert campus.launch(client).status_code == 200
    assert campus.launch(client, signing={"secret": NEW}).status_code == 200


def test_a_row_whose_secret_cannot_be_read_can_be_saved_and_mended(consumer, settings):
    digest = consumer.secret_digest
    settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = ["another key, and nothing else"]
    row = LtiConsumer.objects.get()
    row.consumer_name = "Renamed"
    row.save()
    assert LtiConsumer.objects.get().secret_digest == digest
    with pytest.raises(privacy.SecretUnreadable):
        _ = LtiConsumer.objects.get().consumer_secret

    api.replace_secret(consumer_id=consumer.pk, secret=NEW)

    row = LtiConsumer.objects.get()
    assert (row.consumer_name, row.consumer_secret, row.previous_secret) == ("Renamed", NEW, "")


# -- 8.9 ---------------------------------------------------------------------------------------------------------------


def test_8_9_for_seven_days_either_secret_is_good(campus, client, consumer):
    before = timezone.now()

    assert api.replace_secret(consumer_id=consumer.pk, secret=NEW) == NEW

    row = LtiConsumer.objects.get()
    assert timedelta(days=7) <= row.previous_secret_until - before < timedelta(days=7, minutes=1)
    assert campus.launch(client, signing={"secret": SECRET}).status_code == 200
    assert campus.launch(client, signing={"secret": NEW}).status_code == 200
    assert campus.launch(client, signing={"secret": "neither"}).status_code == 403


def test_8_9_then_only_the_new_one(campus, client, consumer):
    api.replace_secret(consumer_id=consumer.pk, secret=NEW)
    LtiConsumer.objects.update(previous_secret_until=timezone.now() - timedelta(seconds=1))

    assert campus.launch(client, signing={"secret": SECRET}).status_code == 403
    assert campus.launch(client, signing={"secret": NEW}).status_code == 200


@pytest.mark.parametrize("kept", [timedelta(0), timedelta(seconds=-1)])
def test_8_9_the_old_one_can_be_stopped_at_once(campus, client, consumer, kept):
    api.replace_secret(consumer_id=consumer.pk, secret=NEW, keep_previous_for=kept)

    assert campus.launch(client, signing={"secret": SECRET}).status_code == 403
    assert LtiConsumer.objects.get().previous_secret == ""


def test_8_9_replacing_again_drops_the_one_before(campus, client, consumer):
    api.replace_secret(consumer_id=consumer.pk, secret=NEW)
    third = api.replace_secret(consumer_id=consumer.pk)

    assert len(third) == 32
    assert campus.launch(client, signing={"secret": SECRET}).status_code == 403
    assert campus.launch(client, signing={"secret": NEW}).status_code == 200
    assert campus.launch(client, signing={"secret": third}).status_code == 200


def test_8_9_the_secret_that_is_there_already_changes_nothing(consumer):
    api.replace_secret(consumer_id=consumer.pk, secret=NEW)
    until = LtiConsumer.objects.get().previous_secret_until

    api.replace_secret(consumer_id=consumer.pk, secret=NEW)

    row = LtiConsumer.objects.get()
    assert (row.consumer_secret, row.previous_secret, row.previous_secret_until) == (NEW, SECRET, until)


def test_8_9_it_is_noted_which_one_is_used_but_not_at_every_launch(campus, client, consumer):
    campus.launch(client)
    assert LtiConsumer.objects.values_list("secret_used_at", "previous_secret_used_at").get() == (None, None)
    api.replace_secret(consumer_id=consumer.pk, secret=NEW)

    campus.launch(client, signing={"secret": SECRET})
    _, old_used = LtiConsumer.objects.values_list("secret_used_at", "previous_secret_used_at").get()
    campus.launch(client, signing={"secret": SECRET})
    campus.launch(client, signing={"secret": NEW})

    new_used, old_again = LtiConsumer.objects.values_list("secret_used_at", "previous_secret_used_at").get()
    assert new_used is not None
    assert old_used == old_again is not None


@pytest.mark.parametrize("secret", ["", "s" * 256, "the other's secret"])
def test_8_9_what_cannot_be_a_secret_is_refused_and_changes_nothing(consumer, secret):
    LtiConsumer.objects.create(consumer_name="Other", consumer_key="other", consumer_secret="the other's secret")

    with pytest.raises(api.SecretInvalid) as caught:
        api.replace_secret(consumer_id=consumer.pk, secret=secret)

    assert caught.value.fields["consumer_secret"]
    assert "the other's" not in str(caught.value)
    assert LtiConsumer.objects.get(pk=consumer.pk).consumer_secret == SECRET


@pytest.mark.django_db
def test_8_9_a_consumer_that_is_not_there():
    with pytest.raises(api.ConsumerNotFound):
        api.replace_secret(consumer_id=10**9)


def test_consumers_are_listed_by_name_in_one_query(consumer):
    LtiConsumer.objects.create(consumer_name="A campus", consumer_key="a")

    with CaptureQueriesContext(connection) as queries:
        names = [one.consumer_name for one in api.list_consumers()]

    assert names == ["A campus", "Campus"]
    assert len(queries) == 1
