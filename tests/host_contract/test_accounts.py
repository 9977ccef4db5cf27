"""The contract of ``ports.Accounts``."""

import logging

import pytest
from django.contrib.auth import SESSION_KEY, get_user_model
from django.db import IntegrityError, transaction
from django.db.models.signals import post_save

from openedx_learning_ext.core.host import ports


def test_an_account_is_answered_by_its_id(host, given, ada):
    assert host.accounts.get(ada.id) == ada


def test_an_unknown_account_is_not_found_and_the_text_says_which_id(host, given):
    with pytest.raises(ports.AccountNotFound, match="4711"):
        host.accounts.get(4711)


def test_a_retirement_is_told_with_the_person(host, given, ada, listener):
    host.accounts.connect_retirement_receiver(listener, dispatch_uid="contract")

    given.retires(ada)

    assert listener.heard
    assert all(told["user"] == ada for told in listener.heard)


def test_a_receiver_connected_twice_is_not_told_more_often(host, given, ada, bob, listener):
    host.accounts.connect_retirement_receiver(listener, dispatch_uid="contract")
    given.retires(ada)
    once = len(listener.heard)

    host.accounts.connect_retirement_receiver(listener, dispatch_uid="contract")
    given.retires(bob)

    assert len(listener.heard) == 2 * once


def test_a_receiver_nobody_else_holds_is_still_told(host, given, ada):
    told = []

    def connect() -> None:
        def receiver(**kwargs):
            told.append(kwargs["user"])

        host.accounts.connect_retirement_receiver(receiver, dispatch_uid="contract")

    connect()

    given.retires(ada)

    assert set(told) == {ada}


def test_an_error_of_the_receiver_stops_the_retirement(host, given, ada, listener):
    listener.failing_with = RuntimeError("not everything was forgotten")
    host.accounts.connect_retirement_receiver(listener, dispatch_uid="contract")

    with pytest.raises(RuntimeError, match="not everything was forgotten"):
        given.retires(ada)


# -- finding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["ada@example.com", "ADA@example.com", "Ada@Example.COM"])
def test_an_address_is_found_in_any_letter_case(host, given, ada, bob, address):
    assert host.accounts.find_by_email(address) == ada


@pytest.mark.parametrize(
    "address",
    ["", "nobody@example.com", "ada@example.co", "a_a@example.com", "%@example.com", " ada@example.com",
     "ada@example.com ", "\u00e1da@example.com"],
)  # fmt: skip
def test_an_address_that_only_looks_alike_is_nobodys(host, given, ada, address):
    get_user_model().objects.create_user("mailless", email="")

    assert host.accounts.find_by_email(address) is None


def test_letters_that_only_a_database_takes_for_one_another_are_different_mailboxes(host, given, db):
    get_user_model().objects.create_user("mike", email="m\u0131ke@example.com")

    assert host.accounts.find_by_email("mike@example.com") is None
    assert host.accounts.find_by_email("MIKE@example.com") is None


def test_an_address_of_two_accounts_is_nobodys_and_the_log_names_ids_alone(host, given, ada, bob, caplog):
    get_user_model().objects.filter(pk=bob.pk).update(email="ADA@example.com")

    with caplog.at_level(logging.WARNING):
        assert host.accounts.find_by_email("ada@example.com") is None

    (record,) = caplog.records
    assert record.user_ids == sorted([ada.id, bob.id])
    assert "example" not in str(vars(record))


def test_a_user_name_is_found_as_it_is_written_and_not_otherwise(host, given, ada):
    assert host.accounts.find_by_username("ada") == ada
    for other in ("Ada", "ad", "", "adam"):
        assert host.accounts.find_by_username(other) is None


@pytest.mark.parametrize("username", ["ab", "ada", "Ada-Lovelace_1815", "x" * 30])
def test_a_user_name_of_2_to_30_letters_numerals_and_dashes_is_valid(host, given, username):
    assert host.accounts.is_valid_username(username) is True


@pytest.mark.parametrize("username", ["", "a", "x" * 31, "ada lovelace", "ada@example.com", "\u00e1da", "ada\n", "a.b"])
def test_any_other_user_name_is_not(host, given, username):
    assert host.accounts.is_valid_username(username) is False


def test_whether_a_name_is_valid_does_not_depend_on_whether_it_is_free(host, given, ada):
    assert host.accounts.is_valid_username("ada") is True


# -- making ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def first(host, given):
    """An account that was made through the port."""
    return host.accounts.create(username="first", email="first@example.com", name="The First")


def test_a_new_account_is_active_and_ordinary_and_has_a_profile(host, given, first):
    assert host.accounts.get(first.id) == first == host.accounts.find_by_username("first")
    assert host.accounts.find_by_email("first@example.com") == first
    assert (first.is_active, first.is_staff, first.is_superuser) == (True, False, False)
    assert given.has_profile(first, "The First")


def test_nobody_knows_the_password_of_a_new_account(host, given, first):
    second = host.accounts.create(username="second", email="second@example.com", name="")

    assert first.has_usable_password() and second.has_usable_password()
    assert not any(first.check_password(guess) for guess in ("", "first", "first@example.com", "The First"))
    assert first.password != second.password


@pytest.mark.parametrize(
    ("username", "email", "field"),
    [
        ("first", "other@example.com", "username"),
        ("FIRST", "other@example.com", "username"),
        ("other", "first@example.com", "email"),
        ("other", "FIRST@Example.com", "email"),
        ("first", "first@example.com", "username"),
    ],
)
def test_what_is_taken_is_refused_with_the_field_and_without_the_value(host, given, first, username, email, field):
    with pytest.raises(ports.AccountTaken) as refusal:
        host.accounts.create(username=username, email=email, name="Another")

    assert refusal.value.field == field
    assert str(refusal.value) == f"this {field} is taken"
    assert get_user_model().objects.count() == 1


def test_what_a_retired_person_had_is_taken_for_good(host, given, first):
    given.retired(first)

    for username, email, field in [("first", "new@example.com", "username"), ("new", "first@example.com", "email")]:
        with pytest.raises(ports.AccountTaken) as refusal:
            host.accounts.create(username=username, email=email, name="Another")
        assert refusal.value.field == field
    assert host.accounts.find_by_email("first@example.com") is None
    assert host.accounts.find_by_username("first") is None


def test_the_empty_address_is_given_once_as_any_other(host, given, db):
    assert host.accounts.create(username="one", email="", name="").email == ""

    with pytest.raises(ports.AccountTaken) as refusal:
        host.accounts.create(username="two", email="", name="")

    assert refusal.value.field == "email"


@pytest.mark.parametrize(
    ("faster", "field"),
    [
        ({"username": "new", "email": "x@example.com"}, "username"),
        ({"username": "x", "email": "new@example.com"}, "email"),
    ],
)
def test_somebody_faster_is_found_out_and_the_callers_transaction_goes_on(host, given, faster, field, monkeypatch):
    """The database refuses the second account, and is asked again which of the two it was."""
    users = get_user_model()

    def refuse(sender, instance, **kwargs):
        if instance.username == "new":
            raise IntegrityError("Duplicate entry 'new' for key 'auth_user'")

    leave = transaction.Atomic.__exit__

    def leave_late(self, kind, error, trace):
        leave(self, kind, error, trace)
        if kind is IntegrityError:  # What the other one did is seen from here on.
            users.objects.create_user(**faster)

    post_save.connect(refuse, sender=users)
    monkeypatch.setattr(transaction.Atomic, "__exit__", leave_late)
    try:
        with transaction.atomic(), pytest.raises(ports.AccountTaken) as refusal:
            host.accounts.create(username="new", email="new@example.com", name="New")
    finally:
        post_save.disconnect(refuse, sender=users)

    assert refusal.value.field == field
    assert refusal.value.__suppress_context__  # The words of the database name the person.
    assert users.objects.count() == 1


def test_a_refusal_of_the_database_that_is_neither_stays_what_it_is(host, given, db):
    def refuse(sender, **kwargs):
        raise IntegrityError("something of somebody else")

    post_save.connect(refuse, sender=get_user_model())
    try:
        with pytest.raises(IntegrityError, match="somebody else"):
            host.accounts.create(username="new", email="new@example.com", name="New")
    finally:
        post_save.disconnect(refuse, sender=get_user_model())

    assert not get_user_model().objects.exists()


# -- signing in and out ------------------------------------------------------------------------------------------------

BACKEND = "django.contrib.auth.backends.ModelBackend"


def test_somebody_signed_in_is_the_person_of_the_request_and_of_the_session(host, given, ada, nobody, request_of):
    request = request_of(nobody)

    host.accounts.log_in(request, ada, backend=BACKEND)

    assert request.user == ada
    assert request.session[SESSION_KEY] == str(ada.pk)
    assert request.session["_auth_user_backend"] == BACKEND


def test_signing_in_gives_the_session_a_new_key(host, given, ada, nobody, request_of):
    request = request_of(nobody)
    request.session["kept"] = True
    request.session.save()
    before = request.session.session_key

    host.accounts.log_in(request, ada, backend=BACKEND)

    assert request.session.session_key != before
    assert request.session["kept"] is True


def test_the_session_of_somebody_else_is_emptied(host, given, ada, bob, nobody, request_of):
    request = request_of(nobody)
    host.accounts.log_in(request, ada, backend=BACKEND)
    request.session["of_ada"] = True

    host.accounts.log_in(request, bob, backend=BACKEND)

    assert request.user == bob
    assert "of_ada" not in request.session


def test_somebody_signed_out_is_nobody_also_the_second_time(host, given, ada, nobody, request_of):
    request = request_of(nobody)
    host.accounts.log_in(request, ada, backend=BACKEND)
    request.session["of_ada"] = True

    host.accounts.log_out(request)
    host.accounts.log_out(request)

    assert request.user.is_anonymous
    assert list(request.session.keys()) == []
