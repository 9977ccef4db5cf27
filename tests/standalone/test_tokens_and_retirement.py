"""Scripts use the API with a token; whoever is retired is nobody any more."""

from __future__ import annotations

import time
from io import StringIO

import jwt
import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from openedx_learning_ext.lti_consumer.models import LtiResult
from openedx_learning_ext.standalone import models, signals
from openedx_learning_ext.standalone.management.commands.seed_demo import DEMO
from openedx_learning_ext.standalone.people import display_name


def token_of(name):
    """Return a token as the command prints it."""
    out = StringIO()
    call_command("make_jwt", name, stdout=out)
    return out.getvalue().strip()


def ask(token):
    """Ask the API for the tools of the demo course with a token."""
    address = reverse("learning_ext:lti_consumer:configurations", kwargs={"course_id": str(DEMO)})
    return Client().get(address, headers={"Authorization": f"JWT {token}"})


def test_a_token_lets_its_person_use_the_api(seeded):
    assert ask(token_of("grace")).status_code == 200
    assert ask(token_of("ada")).status_code == 403


def test_without_a_token_one_is_asked_for_it(seeded):
    address = reverse("learning_ext:lti_consumer:configurations", kwargs={"course_id": str(DEMO)})

    answer = Client().get(address)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'JWT realm="api"'


def changed(key=None, **claims):
    """Return a token of grace's with other claims, signed as ours are."""
    from django.conf import settings

    issuer = settings.LEARNING_EXT_JWT_ISSUER
    now = int(time.time())
    usual = {
        "iss": issuer["ISSUER"],
        "aud": issuer["AUDIENCE"],
        "iat": now,
        "exp": now + 60,
        "preferred_username": "grace",
    }
    return jwt.encode(usual | claims, key or issuer["SECRET_KEY"], algorithm="HS256")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(lambda: "nonsense", id="nonsense"),
        pytest.param(lambda: changed(exp=int(time.time()) - 60), id="expired"),
        pytest.param(lambda: changed(iss="somebody else"), id="another issuer"),
        pytest.param(lambda: changed(aud="somebody else"), id="another audience"),
        pytest.param(lambda: changed(preferred_username="nobody"), id="unknown person"),
        pytest.param(lambda: token_of("grace")[:-4] + "AAAA", id="broken signature"),
        pytest.param(lambda: changed(key="k" * 64), id="another key"),
        pytest.param(lambda: jwt.encode({"preferred_username": "grace"}, None, algorithm="none"), id="not signed"),
    ],
)
def test_a_token_that_is_not_good_opens_nothing_and_makes_no_account(seeded, django_user_model, token):
    before = django_user_model.objects.count()

    assert ask(token()).status_code == 401
    assert django_user_model.objects.count() == before


def test_a_token_changes_nothing_about_its_person(seeded):
    token = changed(email="other@example.org", administrator=True)

    assert ask(token).status_code == 200
    grace = seeded.person("grace")
    assert (grace.email, grace.is_staff) == ("grace@example.org", False)


def test_no_token_is_made_for_nobody(seeded):
    with pytest.raises(CommandError):
        call_command("make_jwt", "nobody")


def test_retirement_takes_name_address_and_ways_in_and_every_app_forgets(seeded, browse):
    ada = seeded.person("ada")
    client = browse("ada")
    token = token_of("ada")
    LtiResult.objects.record(placement_id=seeded.placement.pk, user_id=ada.pk, score=0.5)

    call_command("retire", "ada", verbosity=0)

    ada.refresh_from_db()
    assert ada.username.startswith("retired__user_") and ada.email.endswith("@retired.invalid")
    assert models.Profile.objects.get(user=ada).name == ""
    assert display_name(ada) == "A former member"
    assert client.get("/").status_code == 302
    assert authenticate(username="ada", password="ada") is None
    assert ask(token).status_code == 401
    assert not LtiResult.objects.filter(user=ada).exists()
    assert not models.Enrollment.objects.filter(user=ada, is_active=True).exists()


def test_a_token_of_a_retired_person_brings_nobody_back(seeded, django_user_model):
    token = token_of("ada")
    call_command("retire", "ada", verbosity=0)

    ask(token)

    assert not django_user_model.objects.filter(username="ada").exists()


def test_retiring_twice_says_that_nobody_is_there(seeded):
    call_command("retire", "ada", verbosity=0)
    name = models.Profile.objects.select_related("user").get(name="").user.username

    with pytest.raises(CommandError):
        call_command("retire", "ada", verbosity=0)
    with pytest.raises(CommandError):
        call_command("retire", name, verbosity=0)


def test_a_receiver_that_fails_stops_the_retirement_whole(seeded):
    def refuses(**kwargs):
        raise RuntimeError("not now")

    signals.USER_RETIRED.connect(refuses)
    try:
        with pytest.raises(RuntimeError):
            call_command("retire", "ada", verbosity=0)
    finally:
        signals.USER_RETIRED.disconnect(refuses)

    assert seeded.person("ada").is_active
    assert display_name(seeded.person("ada")) == "Ada Lindqvist"
