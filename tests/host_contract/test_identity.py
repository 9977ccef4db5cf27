"""The contract of ``ports.Identity``."""

import re

from django.contrib.auth import get_user_model


def fresh(user):
    """Return the same person as another request would have it."""
    return get_user_model().objects.get(pk=user.pk)


def test_an_id_has_32_hexadecimal_characters(host, given, ada):
    assert re.fullmatch(r"[0-9a-f]{32}", host.identity.anonymous_id(ada, given.course()))


def test_the_id_stays_the_same(host, given, ada):
    course = given.course()
    first = host.identity.anonymous_id(ada, course)

    assert host.identity.anonymous_id(ada, course) == first
    assert host.identity.anonymous_id(fresh(ada), course) == first


def test_each_person_and_each_course_has_an_id_of_its_own(host, given, ada, bob):
    course, other = given.course(), given.course("course-v1:OpenedX+Other+2026")

    ids = {host.identity.anonymous_id(person, key) for person in (ada, bob) for key in (course, other, None)}

    assert len(ids) == 6


def test_an_id_leads_back_to_the_person(host, given, ada, bob):
    course = given.course()
    of_the_course, of_the_site = host.identity.anonymous_id(ada, course), host.identity.anonymous_id(ada, None)
    host.identity.anonymous_id(bob, course)

    assert host.identity.find_by_anonymous_id(of_the_course) == ada
    assert host.identity.find_by_anonymous_id(of_the_site) == ada


def test_an_id_never_given_out_leads_to_nobody(host, given, ada):
    host.identity.anonymous_id(ada, given.course())

    assert host.identity.find_by_anonymous_id("0" * 32) is None
    assert host.identity.find_by_anonymous_id("") is None


def test_somebody_not_signed_in_has_no_id(host, given, nobody):
    assert host.identity.anonymous_id(nobody, given.course()) is None
    assert host.identity.anonymous_id(nobody, None) is None


def test_an_id_given_out_survives_another_secret_key(host, given, ada, settings):
    course = given.course()
    before = host.identity.anonymous_id(ada, course)

    settings.SECRET_KEY = "another secret key, for another day, and just as long"

    assert host.identity.anonymous_id(fresh(ada), course) == before
    assert host.identity.find_by_anonymous_id(before) == ada
