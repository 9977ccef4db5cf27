"""The umbrella's part of retirement: every app is asked, and an error reaches the host."""

import logging
import sys
from textwrap import dedent

import pytest

import openedx_learning_ext
from openedx_learning_ext import retirement
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiResult
from openedx_learning_ext.standalone import signals


@pytest.fixture
def result(ada, placement):
    """Ada's score at the placement."""
    LtiResult.objects.record(placement_id=placement.pk, user_id=ada.pk, score=0.5)
    return api.find_result(placement_uuid=placement.uuid, user_id=ada.pk)


@pytest.fixture
def another_app(tmp_path, monkeypatch, settings):
    """Install one more app of ours, whose ``retire_user`` is this code."""

    def install(app, code):
        folder = tmp_path / app
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "apps.py").write_text(
            dedent(
                f"""
                from django.apps import AppConfig

                class Config(AppConfig):
                    name = "openedx_learning_ext.{app}"
                    label = "learning_ext_{app}"
                """
            )
        )
        body = f"asked = []\n\ndef retire_user(user_id):\n    asked.append(user_id)\n    {code}\n"
        (folder / "api.py").write_text(body)
        monkeypatch.setattr(openedx_learning_ext, "__path__", [*openedx_learning_ext.__path__, str(tmp_path)])
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, f"openedx_learning_ext.{app}"]
        return sys.modules

    before = set(sys.modules)
    yield install
    for name in set(sys.modules) - before:
        if name.startswith("openedx_learning_ext."):
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            sys.modules[parent].__dict__.pop(child, None) if parent in sys.modules else None


def retire(user):
    return signals.USER_RETIRED.send(sender=None, user=user)


def test_the_signal_of_the_host_reaches_the_apps(ada, bob, placement, result):
    LtiResult.objects.record(placement_id=placement.pk, user_id=bob.pk, score=0.25)

    retire(ada)
    retire(ada)

    assert list(LtiResult.objects.values_list("user_id", "score")) == [(bob.pk, 0.25)]


def test_connecting_again_changes_nothing(ada):
    retirement.connect()
    retirement.connect()

    assert len(retire(ada)) == 1


def test_every_app_is_tried_before_the_error_reaches_the_host(ada, result, another_app, caplog):
    another_app("notifications", 'raise RuntimeError("ada@learners.example")')

    with caplog.at_level(logging.ERROR, logger="openedx_learning_ext"), pytest.raises(RuntimeError):
        retire(ada)

    assert not LtiResult.objects.exists()
    (record,) = [record for record in caplog.records if record.name == "openedx_learning_ext.retirement"]
    assert (record.app, record.user_id, record.error) == ("notifications", ada.pk, "RuntimeError")
    assert "ada@learners.example" not in caplog.text


def test_the_first_error_is_the_one_that_is_raised(ada, another_app):
    another_app("notifications", 'raise RuntimeError("first")')
    modules = another_app("certificates", 'raise KeyError("second")')

    with pytest.raises(RuntimeError, match="first"):
        retire(ada)

    assert modules["openedx_learning_ext.certificates.api"].asked == [ada.pk]


def test_an_app_that_stands_aside_for_a_built_in_forgets_people_too(ada, another_app, settings):
    settings.OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS = "never"
    modules = another_app("notifications", "return None")

    retire(ada)

    assert modules["openedx_learning_ext.notifications.api"].asked == [ada.pk]


def test_a_site_whose_adapter_cannot_be_loaded_still_starts(settings):
    settings.OPENEDX_LEARNING_EXT_HOST = "nowhere.at.AllHost"

    retirement.connect()
