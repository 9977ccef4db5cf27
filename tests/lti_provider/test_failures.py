"""``lti.md`` 8.13: recent failed launches, for operators."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from openedx_learning_ext.lti_provider import api, failures
from tests.doubles.campusside import launch_path


def make(number=0, **changes):
    facts = {"reference": f"r{number}", "at": timezone.now(), "consumer_id": None, "step": 5, "code": "signature"}
    return failures.FailedLaunch(**{**facts, "path": "/x", **changes})


def references(consumer_id=None):
    return [failure.reference for failure in failures.recent(consumer_id)]


def test_an_operator_sees_why_a_launch_failed(campus, client, consumer):
    campus.launch(client, signing={"secret": "another"}, path=launch_path(campus.usage_key) + "?token=x")
    campus.launch(client, signing={"timestamp": int(time.time()) - 600})

    late, forged = api.list_failed_launches(consumer_id=consumer.pk)

    assert (forged.step, forged.code, forged.skew_seconds) == (5, "signature", None)
    assert (late.step, late.code) == (5, "timestamp")
    assert 599 <= late.skew_seconds <= 602
    assert forged.urls == (f"http://testserver{launch_path(campus.usage_key)}",)
    assert forged.path == launch_path(campus.usage_key)


def test_unknown_keys_are_kept_together_and_apart_from_known_ones(campus, client, consumer):
    campus.launch(client, signing={"key": "nobody"})
    campus.launch(client, signing={"key": "somebody"})

    assert [failure.code for failure in api.list_failed_launches(consumer_id=None)] == ["unknown_key"] * 2
    assert api.list_failed_launches(consumer_id=consumer.pk) == []


def test_nothing_of_the_form_is_kept(campus, client):
    campus.launch(client, signing={"secret": "another"}, user_id="zerlinda", lis_person_name_full="Zerlinda Quixwater")

    assert "erlinda" not in str(failures.recent(None)) + str([failures.recent(n) for n in range(1, 9)])


def test_a_launch_that_is_let_in_is_not_among_them(campus, client, consumer):
    campus.launch(client)

    assert api.list_failed_launches(consumer_id=consumer.pk) == []


def test_the_last_fifty_of_each_are_kept_newest_first():
    start = timezone.now() - timedelta(hours=1)
    for number in range(120):
        failures.note(make(number, at=start + timedelta(seconds=number)))
        failures.note(make(number, at=start + timedelta(seconds=number), consumer_id=7))

    assert references() == references(7) == [f"r{number}" for number in range(119, 69, -1)]


def test_they_are_kept_for_seven_days():
    failures.note(make(1, at=timezone.now() - timedelta(days=7, seconds=1)))
    failures.note(make(2, at=timezone.now() - timedelta(days=6, hours=23)))

    assert references() == ["r2"]


def test_a_cache_that_forgets_its_counter_goes_on():
    failures.note(make(1))
    cache.delete("openedx_learning_ext.lti_provider.failed_launch.0.count")
    failures.note(make(2))

    assert "r2" in references()


def test_without_a_cache_a_refusal_is_a_refusal_all_the_same(campus, client, consumer, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

    assert campus.launch(client, signing={"secret": "another"}).status_code == 403
    assert api.list_failed_launches(consumer_id=consumer.pk) == []


@pytest.mark.parametrize("count", [200])
def test_every_reference_is_another(count):
    assert len({failures.new_reference() for _ in range(count)}) == count
