"""The demo as it is seeded, by name, and a running site for tests that go over HTTP."""

from __future__ import annotations

from io import StringIO
from types import SimpleNamespace

import pytest
import requests
from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from openedx_learning_ext.lti_consumer import api as lti_consumer
from openedx_learning_ext.standalone import demo
from openedx_learning_ext.standalone.management.commands.seed_demo import DEMO


@pytest.fixture(autouse=True)
def _tool_remembers_nothing():
    """No test inherits a nonce or a visit of another."""
    caches["learning_ext_tool"].clear()


@pytest.fixture
def seeded(db):
    """The demo's people, its course, and the tool in it."""
    call_command("seed_demo", verbosity=0)
    return _world()


@pytest.fixture
def site(settings, transactional_db, live_server):
    """A running site with the demo in it; the tool and the course reach each other there."""
    settings.LMS_ROOT_URL = live_server.url
    call_command("seed_demo", verbosity=0)
    call_command("learning_ext_sweep", stdout=StringIO())  # or health would ask for one
    world = _world()
    world.url = live_server.url
    return world


@pytest.fixture
def story(site):
    """Somebody with a browser of their own on the running site."""
    with requests.Session() as browser:
        browser.trust_env = False
        yield demo.Story(base_url=site.url, browser=browser)


@pytest.fixture
def browse():
    """Return a browser in which the person of that name is signed in; without a name, nobody is."""

    def sign_in(name=None):
        client = Client()
        if name is not None:
            client.force_login(get_user_model().objects.get(username=name))
        return client

    return sign_in


def _world():
    placement = lti_consumer.list_placements(course_key=DEMO).get()
    course = {"course_key": DEMO}
    tools = {**course, "placement_uuid": placement.uuid}
    chosen = {**course, "configuration_id": placement.configuration_id}
    return SimpleNamespace(
        course_key=DEMO,
        placement=placement,
        configuration=placement.configuration,
        person=lambda name: get_user_model().objects.get(username=name),
        pages=SimpleNamespace(
            dashboard=reverse("host:dashboard"),
            course=reverse("host:course", kwargs=course),
            tool=reverse("host:course-tool", kwargs=tools),
            score=reverse("host:tool-score", kwargs=tools),
            manage=reverse("host:manage-tools", kwargs=course),
            results=reverse("host:placement-results", kwargs=tools),
            add_configuration=reverse("host:add-configuration", kwargs=course),
            edit_configuration=reverse("host:edit-configuration", kwargs=chosen),
            delete_configuration=reverse("host:delete-configuration", kwargs=chosen),
            add_placement=reverse("host:add-placement", kwargs=course),
            edit_placement=reverse("host:edit-placement", kwargs=tools),
            delete_placement=reverse("host:delete-placement", kwargs=tools),
        ),
    )
