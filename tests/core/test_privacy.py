"""Tags for logs, and encrypted texts: with which key, and what happens when none fits."""

import re

import pytest
from django.core.exceptions import FieldError
from django.core.serializers import deserialize, serialize
from django.db import connection, transaction

from openedx_learning_ext.core import privacy
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiPlacement

OLD, NEW, OTHER = "the old key, long enough", "the new key, long enough", "a key of somebody else"
SECRET = "s3cr&t/+"


@pytest.fixture
def keys(settings):
    """Set the keys for secrets at rest."""

    def use(*values, secret_key="the secret key of a test"):
        settings.OPENEDX_LEARNING_EXT_SECRET_KEYS = list(values)
        settings.SECRET_KEY = secret_key
        settings.SECRET_KEY_FALLBACKS = []

    use(OLD)
    return use


def stored(configuration):
    """The bytes in the column, whatever the field makes of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lti_1p1_client_secret FROM learning_ext_lti_consumer_lticonfiguration WHERE id = %s",
            [configuration.pk],
        )
        return cursor.fetchone()[0]


def read(configuration):
    return LtiConfiguration.objects.get(pk=configuration.pk)


# -- tags --------------------------------------------------------------------------------------------------------------


def test_a_tag_is_twelve_hex_digits_and_the_same_each_time():
    tag = privacy.tag("ada@learners.example")

    assert re.fullmatch(r"[0-9a-f]{12}", tag)
    assert privacy.tag("ada@learners.example") == tag
    assert privacy.tag("bob@learners.example") != tag


def test_a_tag_differs_from_site_to_site(settings):
    settings.SECRET_KEY = "one site"
    here = privacy.tag("ada")
    settings.SECRET_KEY = "another site"

    assert privacy.tag("ada") != here


def test_a_tag_does_not_change_when_the_keys_for_secrets_do(keys):
    before = privacy.tag("ada")

    keys(NEW, OLD)

    assert privacy.tag("ada") == before


@pytest.mark.parametrize("value", [7, None, "", "ż\ud800", b"bytes", ("a", 1)])
def test_anything_has_a_tag(value):
    assert re.fullmatch(r"[0-9a-f]{12}", privacy.tag(value))


# -- traces ------------------------------------------------------------------------------------------------------------


def failing_deep_down():
    try:
        raise KeyError("ada@learners.example")
    except KeyError as error:
        raise RuntimeError("ada@learners.example, s3cr&t/+") from error


def test_a_trace_shows_where_and_of_which_kind_and_no_text_of_the_errors():
    with pytest.raises(RuntimeError) as caught:
        failing_deep_down()

    trace = privacy.trace_of(caught.value)

    assert "ada" not in trace
    assert SECRET not in trace
    assert "in failing_deep_down" in trace
    assert trace.index("builtins.KeyError") < trace.index("Then:") < trace.index("builtins.RuntimeError")


def test_a_trace_leaves_out_what_was_raised_from_none():
    def fail():
        try:
            raise KeyError("a")
        except KeyError:
            raise RuntimeError("b") from None

    with pytest.raises(RuntimeError) as caught:
        fail()

    assert "KeyError" not in privacy.trace_of(caught.value)


def test_an_error_that_was_never_raised_has_a_trace_too():
    assert privacy.trace_of(privacy.SecretUnreadable()) == "openedx_learning_ext.core.privacy.SecretUnreadable"


# -- encrypting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [SECRET, "żółw 🐢", " blanks ", "enc1:looks encrypted", "x" * 255, "a\nb\0c"])
def test_what_is_encrypted_is_decrypted_again(keys, plain):
    sealed = privacy.encrypt(plain)

    assert plain not in sealed
    assert privacy.decrypt(sealed) == plain
    assert privacy.is_current(sealed)


def test_the_same_text_is_encrypted_differently_each_time(keys):
    assert privacy.encrypt(SECRET) != privacy.encrypt(SECRET)


def test_an_empty_text_stays_empty(keys):
    assert privacy.encrypt("") == ""
    assert privacy.decrypt("") == ""
    assert privacy.is_current("")


@pytest.mark.parametrize("stored_text", ["plain", "enc1:", "enc1:%%%", "enc2:gAAAA", "enc1:żółw"])
def test_what_encrypt_did_not_make_is_unreadable(keys, stored_text):
    with pytest.raises(privacy.SecretUnreadable) as caught:
        privacy.decrypt(stored_text)

    assert stored_text not in str(caught.value)
    assert caught.value.__cause__ is None
    assert not privacy.is_current(stored_text)


def test_one_changed_character_makes_it_unreadable(keys):
    sealed = privacy.encrypt(SECRET)
    middle = len(sealed) // 2
    changed = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]

    with pytest.raises(privacy.SecretUnreadable):
        privacy.decrypt(changed)


def test_the_first_key_encrypts_and_all_decrypt(keys):
    with_old = privacy.encrypt(SECRET)
    keys(NEW, OLD)
    with_new = privacy.encrypt(SECRET)

    assert privacy.decrypt(with_old) == privacy.decrypt(with_new) == SECRET
    assert privacy.is_current(with_new)
    assert not privacy.is_current(with_old)

    keys(NEW)
    assert privacy.decrypt(with_new) == SECRET
    with pytest.raises(privacy.SecretUnreadable):
        privacy.decrypt(with_old)


def test_without_keys_of_their_own_secrets_hang_on_secret_key(keys):
    keys(secret_key="the first secret key")
    sealed = privacy.encrypt(SECRET)

    keys(secret_key="another secret key")

    with pytest.raises(privacy.SecretUnreadable):
        privacy.decrypt(sealed)


def test_a_site_that_brings_its_first_key_later_still_reads_what_it_has(keys):
    keys()
    sealed = privacy.encrypt(SECRET)

    keys(NEW)

    assert privacy.decrypt(sealed) == SECRET
    assert not privacy.is_current(sealed)


def test_a_former_secret_key_still_reads(keys, settings):
    keys(secret_key="the first secret key")
    sealed = privacy.encrypt(SECRET)

    keys(secret_key="another secret key")
    settings.SECRET_KEY_FALLBACKS = ["the first secret key"]

    assert privacy.decrypt(sealed) == SECRET


# -- the field ---------------------------------------------------------------------------------------------------------


def test_the_column_holds_no_plain_secret_and_the_attribute_does(keys, tool):
    assert SECRET not in stored(tool)
    assert stored(tool).startswith("enc1:")
    assert read(tool).lti_1p1_client_secret == SECRET


def test_saving_other_fields_leaves_the_ciphertext_untouched(keys, tool):
    before = stored(tool)
    row = read(tool)
    row.lti_1p1_client_key = "another key"

    row.save()

    assert stored(tool) == before


def test_an_unreadable_secret_can_be_listed_shown_and_mended(keys, tool):
    keys(OTHER)

    (row,) = LtiConfiguration.objects.all()
    assert str(row) == "tool.example"
    assert repr(row) == f"<LtiConfiguration {tool.pk}>"
    assert api.configuration_problems(row) == ["unreadable_secret"]
    with pytest.raises(privacy.SecretUnreadable):
        _ = row.lti_1p1_client_secret

    row.lti_1p1_client_secret = "a new one"
    row.save()

    assert read(tool).lti_1p1_client_secret == "a new one"


def test_saving_other_fields_keeps_an_unreadable_secret_for_the_day_its_key_is_back(keys, tool):
    keys(OTHER)
    row = read(tool)
    row.lti_1p1_client_key = "another key"
    row.save()

    keys(OTHER, OLD)

    assert read(tool).lti_1p1_client_secret == SECRET


def test_the_other_fields_of_a_row_whose_secret_is_unreadable_can_be_refreshed(keys, tool):
    keys(OTHER)
    LtiConfiguration.objects.update(lti_1p1_client_key="another key")

    tool.refresh_from_db(fields=["lti_1p1_client_key"])

    assert tool.lti_1p1_client_key == "another key"


def test_a_deferred_secret_is_read_when_asked_for(keys, tool):
    row = LtiConfiguration.objects.defer("lti_1p1_client_secret").get(pk=tool.pk)

    assert row.lti_1p1_client_secret == SECRET


def test_values_and_reprs_of_values_show_no_plain_secret(keys, tool):
    (row,) = LtiConfiguration.objects.values()

    assert SECRET not in repr(row)
    assert SECRET not in str(row["lti_1p1_client_secret"])
    assert "enc1:" not in repr(row)


def test_every_way_to_write_encrypts(keys, tool):
    LtiConfiguration.objects.filter(pk=tool.pk).update(lti_1p1_client_secret="by update")
    assert "by update" not in stored(tool)
    assert read(tool).lti_1p1_client_secret == "by update"

    row = read(tool)
    row.lti_1p1_client_secret = "by bulk update"
    LtiConfiguration.objects.bulk_update([row], ["lti_1p1_client_secret"])
    assert "by bulk update" not in stored(tool)
    assert read(tool).lti_1p1_client_secret == "by bulk update"

    (made,) = LtiConfiguration.objects.bulk_create([LtiConfiguration(lti_1p1_client_secret="by bulk create")])
    assert "by bulk create" not in stored(made)
    assert read(made).lti_1p1_client_secret == "by bulk create"


@pytest.mark.parametrize(
    "condition",
    [
        {"lti_1p1_client_secret": SECRET},
        {"lti_1p1_client_secret": ""},
        {"lti_1p1_client_secret__iexact": SECRET},
        {"lti_1p1_client_secret__startswith": "s"},
        {"lti_1p1_client_secret__in": [SECRET]},
        {"lti_1p1_client_secret__gt": "a"},
        {"lti_1p1_client_secret__regex": "."},
    ],
)
def test_looking_for_a_secret_is_refused(db, condition):
    with pytest.raises(FieldError, match="encrypted"):
        LtiConfiguration.objects.filter(**condition).exists()


def test_looking_for_a_secret_through_a_relation_is_refused(db):
    with pytest.raises(FieldError, match="encrypted"):
        LtiPlacement.objects.filter(configuration__lti_1p1_client_secret=SECRET).exists()


def test_asking_for_null_is_allowed(tool):
    assert not LtiConfiguration.objects.filter(lti_1p1_client_secret__isnull=True).exists()


# -- dumped and loaded -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "xml", "jsonl"])
@pytest.mark.parametrize("was_read", [True, False])
def test_a_dump_carries_no_plain_secret_and_brings_it_back(keys, tool, form, was_read):
    row = read(tool)
    if was_read:
        _ = row.lti_1p1_client_secret
    dump = serialize(form, [row])
    LtiConfiguration.objects.all().delete()

    for item in deserialize(form, dump):
        item.save()

    assert SECRET not in dump
    assert "s3cr&amp;t/+" not in dump
    assert SECRET not in stored(tool)
    assert read(tool).lti_1p1_client_secret == SECRET


def test_a_site_with_an_unreadable_secret_can_still_be_dumped(keys, tool):
    before = stored(tool)
    keys(OTHER)

    dump = serialize("json", LtiConfiguration.objects.all())

    assert before in dump


def load(dump):
    for item in deserialize("json", dump):
        item.save()


def test_a_dump_is_not_loaded_before_its_key_is_there_rather_than_loaded_wrong(keys, tool):
    dump = serialize("json", [read(tool)])
    LtiConfiguration.objects.all().delete()
    keys(OTHER)

    with pytest.raises(privacy.SecretUnreadable), transaction.atomic():
        load(dump)

    assert not LtiConfiguration.objects.exists()
    keys(OTHER, OLD)
    load(dump)
    assert read(tool).lti_1p1_client_secret == SECRET


def test_a_plain_secret_that_looks_encrypted_is_kept_as_it_is(keys, demo_course):
    row = api.create_configuration(
        course_key=demo_course.course_key,
        lti_1p1_launch_url="https://tool.example/launch",
        lti_1p1_client_key="key",
        lti_1p1_client_secret="enc1:no",
    )

    assert read(row).lti_1p1_client_secret == "enc1:no"


# -- rotation ----------------------------------------------------------------------------------------------------------


def rotated():
    return {column: (changed, unreadable) for column, changed, unreadable in privacy.reencrypt_all(page_size=2)}


COLUMN = "learning_ext_lti_consumer.LtiConfiguration.lti_1p1_client_secret"


def test_rotation_encrypts_everything_with_the_first_key_page_by_page(keys, tool):
    others = LtiConfiguration.objects.bulk_create(
        [LtiConfiguration(lti_1p1_client_secret=f"secret {number}") for number in range(6)]
    )
    empty = LtiConfiguration.objects.create()
    keys(NEW, OLD)

    assert rotated()[COLUMN] == (7, 0)
    assert rotated()[COLUMN] == (0, 0)

    keys(NEW)
    assert read(tool).lti_1p1_client_secret == SECRET
    assert [read(row).lti_1p1_client_secret for row in others] == [f"secret {number}" for number in range(6)]
    assert stored(empty) == ""


def test_rotation_leaves_unreadable_secrets_as_they_are_and_counts_them(keys, tool):
    lost = LtiConfiguration.objects.create(lti_1p1_client_secret="lost")
    keys(NEW)
    LtiConfiguration.objects.filter(pk=tool.pk).update(lti_1p1_client_secret="found")
    before = stored(lost)

    assert rotated()[COLUMN] == (0, 1)
    assert stored(lost) == before


def test_rotation_takes_over_what_the_derived_key_encrypted(keys, demo_course):
    keys()
    row = LtiConfiguration.objects.create(lti_1p1_client_secret=SECRET)
    keys(NEW)

    assert rotated()[COLUMN] == (1, 0)

    keys(NEW, secret_key="SECRET_KEY changed")
    assert read(row).lti_1p1_client_secret == SECRET


def test_an_edit_beside_the_rotation_wins(keys, tool):
    keys(NEW, OLD)
    edited = False

    def edit_first(execute, sql, params, many, context):
        nonlocal edited
        if sql.startswith("UPDATE") and not edited:
            edited = True
            LtiConfiguration.objects.filter(pk=tool.pk).update(lti_1p1_client_secret="edited meanwhile")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(edit_first):
        assert rotated()[COLUMN] == (0, 0)

    assert edited
    assert read(tool).lti_1p1_client_secret == "edited meanwhile"
