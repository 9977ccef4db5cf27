"""``lti.md`` 1.5 and edge cases 1 and 2: who a campus's user is here."""

from __future__ import annotations

import re
import threading

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.test import Client

from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.host.ports import AccountTaken
from openedx_learning_ext.lti_provider import users
from openedx_learning_ext.lti_provider.models import LtiConsumer, LtiUser
from openedx_learning_ext.lti_provider.users import LtiBackend
from openedx_learning_ext.standalone import models as host_models
from openedx_learning_ext.standalone.host import StandaloneHost
from tests.doubles.campusside import Campus

ADA_SAYS = {
    "user_id": "ada-from-campus",
    "lis_person_contact_email_primary": "ada@learners.example",
    "lis_person_name_full": "Ada Lovelace",
}


def who(browser):
    """The account that is signed in in a browser, or nothing."""
    return get_user_model().objects.filter(pk=browser.session.get("_auth_user_id")).first()


def codes(caplog):
    return [record.code for record in caplog.records if record.msg == "lti_launch_refused"]


@pytest.fixture
def pii(consumer):
    """The campus's record, when it uses what the campus tells about people."""
    LtiConsumer.objects.update(use_lti_pii=True)


@pytest.fixture
def strict(consumer):
    """The campus's record, when learners need an account."""
    LtiConsumer.objects.update(require_user_account=True)


# -- known -------------------------------------------------------------------------------------------------------------


def test_a_known_learner_is_the_same_person_in_every_browser(campus, browsers):
    people = set()
    for _ in range(3):
        browser = next(browsers)
        assert campus.launch(browser).status_code == 200
        people.add(who(browser))

    assert len(people) == 1
    assert LtiUser.objects.count() == 1


def test_a_session_of_that_very_person_is_left_alone(campus, client):
    campus.launch(client)
    key = client.session.session_key

    campus.launch(client)

    assert client.session.session_key == key


def test_somebody_elses_session_ends(campus, ada, client_of):
    browser = client_of(ada)
    session = browser.session
    session["basket"] = "ada's"
    session.save()

    campus.launch(browser)

    assert who(browser) == LtiUser.objects.get().edx_user != ada
    assert "basket" not in browser.session


@pytest.mark.parametrize("other", ["CAMPUS-USER-1", "campus-user-1 ", "campus-usér-1", "campus-user-10"])
def test_a_user_id_in_another_spelling_is_another_learner(campus, browsers, other):
    campus.launch(next(browsers))
    campus.launch(next(browsers), user_id=other)

    assert LtiUser.objects.values("edx_user").distinct().count() == 2


def test_the_same_user_id_at_another_campus_is_another_learner(campus, browsers, exercise):
    LtiConsumer.objects.create(consumer_name="Other", consumer_key="other", consumer_secret="other secret")
    campus.launch(next(browsers))
    Campus(exercise.usage_key, key="other", secret="other secret").launch(next(browsers))

    assert LtiUser.objects.values("edx_user").distinct().count() == 2


def test_an_account_may_come_from_two_campuses(campus, ada, browsers, exercise, pii):
    LtiConsumer.objects.create(
        consumer_name="Other", consumer_key="other", consumer_secret="other secret", use_lti_pii=True
    )
    campus.launch(next(browsers), **ADA_SAYS)
    Campus(exercise.usage_key, key="other", secret="other secret").launch(next(browsers), **ADA_SAYS)

    assert list(LtiUser.objects.values_list("edx_user_id", flat=True)) == [ada.pk, ada.pk]


def test_an_account_that_is_not_active_is_not_entered(campus, client, caplog):
    campus.launch(client)
    get_user_model().objects.update(is_active=False)

    response = campus.launch(Client())

    assert response.status_code == 403
    assert codes(caplog) == ["not_active"]
    assert who(Client()) is None


# -- require_user_account ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["ada@learners.example", "Ada@Learners.EXAMPLE", " ada@learners.example "])
def test_a_signed_in_learner_with_the_campuss_address_is_linked(campus, strict, ada, client_of, address):
    browser = client_of(ada)

    response = campus.launch(browser, lis_person_contact_email_primary=address)

    assert response.status_code == 200
    assert LtiUser.objects.get().edx_user == ada == who(browser)


@pytest.mark.parametrize("address", ["bob@learners.example", "", "ádá@learners.example"])
def test_a_signed_in_learner_with_another_address_is_refused_and_stays_signed_in(
    campus, strict, ada, client_of, caplog, address
):
    browser = client_of(ada)

    assert campus.launch(browser, lis_person_contact_email_primary=address).status_code == 403

    assert codes(caplog) == ["another_account"]
    assert who(browser) == ada
    assert not LtiUser.objects.exists()


def test_two_empty_addresses_are_not_the_same_address(campus, strict, ada, client_of):
    get_user_model().objects.update(email="")

    assert campus.launch(client_of(ada), lis_person_contact_email_primary="").status_code == 403


def test_it_beats_the_other_flag(campus, strict, pii, ada, client, caplog):
    assert campus.launch(client, **ADA_SAYS).status_code == 403
    assert codes(caplog) == ["not_signed_in"]


def test_whoever_is_linked_needs_no_session_the_second_time(campus, strict, ada, client_of, client):
    campus.launch(client_of(ada), **ADA_SAYS)

    assert campus.launch(client, **ADA_SAYS).status_code == 200
    assert who(client) == ada


# -- use_lti_pii -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", ["ada@learners.example", "Ada@Learners.Example"])
def test_2_an_address_on_file_in_whatever_letter_case_is_linked(campus, pii, ada, client, stored):
    get_user_model().objects.filter(pk=ada.pk).update(email=stored)

    response = campus.launch(client, **{**ADA_SAYS, "lis_person_contact_email_primary": "ADA@learners.example"})

    assert response.status_code == 200
    assert who(client) == ada
    assert get_user_model().objects.count() == 1


def test_an_address_that_is_not_on_file_makes_an_account_with_name_and_address(campus, pii, client):
    campus.launch(client, **ADA_SAYS)

    account = who(client)
    assert (account.username, account.email) == ("ada-from-campus", "ada@learners.example")
    assert host_models.Profile.objects.get(user=account).name == "Ada Lovelace"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"lis_person_name_full": "Ada Lovelace", "lis_person_name_given": "A"}, "Ada Lovelace"),
        ({"lis_person_name_given": "Ada", "lis_person_name_family": "Lovelace"}, "Ada Lovelace"),
        ({"lis_person_name_given": "Ada"}, "Ada"),
        ({"lis_person_name_full": " ", "lis_person_name_family": "Lovelace"}, "Lovelace"),
        ({}, ""),
        ({"lis_person_name_full": "A\x00d\na"}, "A d a"),
        ({"lis_person_name_full": "a" * 300}, "a" * 255),
    ],
)
def test_the_name_is_the_full_one_or_given_and_family(campus, pii, client, said, name):
    campus.launch(client, **said)

    assert host_models.Profile.objects.get().name == name


@pytest.mark.parametrize("user_id", ["a b", "ада", "x" * 200, "a/b", "42@campus"])
def test_a_user_id_that_is_no_user_name_becomes_a_random_one(campus, pii, client, user_id, host):
    campus.launch(client, user_id=user_id)

    account = who(client)
    if host.accounts.is_valid_username(user_id):
        assert account.username == user_id
    else:
        assert re.fullmatch("[A-Za-z0-9]{30}", account.username)


def test_a_user_name_that_is_taken_becomes_a_random_one(campus, pii, ada, client):
    campus.launch(client, user_id="ada", lis_person_contact_email_primary="another@campus.example")

    assert re.fullmatch("[A-Za-z0-9]{30}", who(client).username)


@pytest.mark.parametrize("address", ["", "no address", "a@b", "x" * 260 + "@campus.example", "a\n@b.example"])
def test_without_a_usable_address_one_is_made_up(campus, pii, client, settings, address):
    settings.LTI_USER_EMAIL_DOMAIN = "made-up.example"

    campus.launch(client, user_id="newcomer", lis_person_contact_email_primary=address)

    assert who(client).email == "newcomer@made-up.example"


@pytest.mark.parametrize("power", ["is_staff", "is_superuser"])
@pytest.mark.parametrize("flag", ["use_lti_pii", "require_user_account"])
def test_an_account_with_powers_is_never_linked(campus, consumer, ada, client_of, caplog, power, flag):
    LtiConsumer.objects.update(**{flag: True})
    get_user_model().objects.filter(pk=ada.pk).update(**{power: True})
    browser = client_of(ada) if flag == "require_user_account" else Client()

    assert campus.launch(browser, **ADA_SAYS).status_code == 403

    assert codes(caplog) == ["privileged"]
    assert not LtiUser.objects.exists()


def test_an_address_that_two_people_have_is_refused_without_an_endless_loop(campus, pii, ada, bob, client, caplog):
    get_user_model().objects.update(email="ada@learners.example")

    assert campus.launch(client, **ADA_SAYS).status_code == 403
    assert codes(caplog) == ["email_taken"]
    assert get_user_model().objects.count() == 2


# -- neither -----------------------------------------------------------------------------------------------------------


def test_the_account_of_a_learner_we_are_told_nothing_about(campus, client, settings):
    settings.LTI_USER_EMAIL_DOMAIN = "made-up.example"

    campus.launch(client, **ADA_SAYS)

    account = who(client)
    assert re.fullmatch("[A-Za-z0-9]{30}", account.username)
    assert account.email == f"{account.username}@made-up.example"
    assert host_models.Profile.objects.get(user=account).name == ""
    assert account.has_usable_password()
    assert "Lovelace" not in str(vars(account))


class Crowded(StandaloneHost):
    """A host on which every name is taken."""

    tried = 0

    def __init__(self):
        super().__init__()

        def create(**account):
            Crowded.tried += 1
            raise AccountTaken("username")

        self.accounts.create = create


def test_the_search_for_a_name_ends(campus, settings, caplog, rows):
    settings.OPENEDX_LEARNING_EXT_HOST = f"{__name__}.Crowded"
    get_host.cache_clear()
    Crowded.tried, before = 0, rows()

    assert campus.launch(Client(raise_request_exception=False)).status_code == 500

    assert Crowded.tried == 5
    assert "lti_launch_no_account" in caplog.messages
    assert rows() == before


# -- 1: two at once ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("flag", [None, "use_lti_pii"])
def test_1_two_launches_of_a_new_learner_at_once_make_one_account(campus, consumer, flag):
    if flag:
        LtiConsumer.objects.update(**{flag: True})
    before, start, answers = get_user_model().objects.count(), threading.Barrier(4), []

    def launch():
        start.wait()
        try:
            answers.append(campus.launch(Client(), **ADA_SAYS).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=launch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 4
    assert LtiUser.objects.count() == 1
    assert get_user_model().objects.count() == before + 1


class Overtaken(StandaloneHost):
    """A host on which another launch of the same learner ends between our look and our write."""

    #: The address that the other launch was told.
    email = ""

    def __init__(self):
        super().__init__()
        really = self.accounts.is_valid_username

        def is_valid(username):
            if not LtiUser.objects.exists():
                winner = self.accounts.create(username="winner", email=Overtaken.email, name="")
                consumer = LtiConsumer.objects.get()
                LtiUser.objects.create(lti_consumer=consumer, lti_user_id=username, edx_user=winner)
            return really(username)

        self.accounts.is_valid_username = is_valid


@pytest.mark.parametrize("email", ["ada@learners.example", "elsewhere@learners.example"])
def test_1_the_later_of_two_takes_the_mapping_of_the_earlier(campus, pii, client, settings, monkeypatch, email):
    monkeypatch.setattr(Overtaken, "email", email)
    settings.OPENEDX_LEARNING_EXT_HOST = f"{__name__}.Overtaken"
    get_host.cache_clear()

    assert campus.launch(client, **ADA_SAYS).status_code == 200

    assert who(client).username == "winner"
    assert list(get_user_model().objects.values_list("username", flat=True)) == ["winner"]
    assert LtiUser.objects.count() == 1


def test_1_a_second_mapping_of_one_campus_user_is_impossible(consumer, ada, bob):
    LtiUser.objects.create(lti_consumer=consumer, lti_user_id="x", edx_user=ada)

    with pytest.raises(IntegrityError), transaction.atomic():
        LtiUser.objects.create(lti_consumer=consumer, lti_user_id="x", edx_user=bob)


# -- the backend -------------------------------------------------------------------------------------------------------


@pytest.fixture
def mapping(consumer, ada):
    """Ada, as the campus knows her."""
    return LtiUser.objects.create(lti_consumer=consumer, lti_user_id="42", edx_user=ada)


def test_the_backend_takes_the_triple(mapping, consumer, ada):
    assert LtiBackend().authenticate(None, username="ada", lti_user_id="42", lti_consumer=consumer) == ada


@pytest.mark.parametrize(
    "changes",
    [
        {"username": "bob"}, {"username": "ADA"}, {"username": None}, {"username": ""}, {"lti_user_id": "43"},
        {"lti_user_id": None}, {"lti_user_id": ""}, {"lti_consumer": None}, {"lti_consumer": "other"},
    ],
)  # fmt: skip
def test_the_backend_refuses_any_part_that_is_missing_or_wrong(mapping, consumer, ada, bob, changes):
    other = LtiConsumer.objects.create(consumer_name="Other", consumer_key="other")
    triple = {"username": "ada", "lti_user_id": "42", "lti_consumer": consumer, **changes}
    if triple["lti_consumer"] == "other":
        triple["lti_consumer"] = other

    assert LtiBackend().authenticate(None, **triple) is None


def test_the_backend_forgets_somebody_who_is_gone_or_not_active(mapping, ada):
    assert LtiBackend().get_user(ada.pk) == ada
    assert LtiBackend().get_user(10**9) is None

    get_user_model().objects.update(is_active=False)

    assert LtiBackend().get_user(ada.pk) is None


def test_the_backend_grants_no_permissions(mapping, ada):
    assert LtiBackend().get_all_permissions(ada) == set()
    assert not LtiBackend().has_perm(ada, "auth.change_user")


def test_an_identity_shows_nobody_in_its_repr():
    identity = users.Identity(user_id="campus-42", email="ada@learners.example", name="Ada")

    assert repr(identity) == "Identity()"
