"""Our launch before oauthlib's own endpoint, as it comes off the page a learner's browser gets."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from lxml import html

from openedx_learning_ext.lti_consumer import api
from tests.interop.peers import SignatureOnlyEndpoint, Validator

pytestmark = pytest.mark.django_db

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def posted(client_of, ada, placement):
    """What ada's browser would post: (address, fields), read off the page."""
    page = client_of(ada).get(api.launch_path(placement))
    assert page.status_code == 200
    (form,) = html.fromstring(page.content).forms
    return form.action, {name: value or "" for name, value in form.fields.items() if name}


def _is_valid(url, fields, secret="s3cr&t/+", validator=None):
    endpoint = SignatureOnlyEndpoint(validator or Validator("key-1", secret))
    valid, _ = endpoint.validate_request(url, "POST", urlencode(fields), FORM)
    return valid


def test_oauthlib_verifies_the_form_on_our_launch_page(posted):
    url, fields = posted

    assert url == "https://tool.example/launch?room=1"
    assert _is_valid(url, fields)


def test_oauthlib_refuses_it_a_second_time_with_another_secret_and_at_another_address(posted):
    url, fields = posted
    once = Validator("key-1", "s3cr&t/+")

    assert _is_valid(url, fields, validator=once)
    assert not _is_valid(url, fields, validator=once)
    assert not _is_valid(url, fields, secret="s3cr&t/")
    assert not _is_valid("https://tool.example/launch?room=2", fields)


def test_oauthlib_refuses_it_with_any_field_changed(posted):
    url, fields = posted

    for name in fields:
        if name != "oauth_signature_method":
            assert not _is_valid(url, {**fields, name: f"{fields[name]}x"}), name


def test_a_relaunch_is_signed_anew(client_of, ada, placement):
    outcome_url = "https://lms.example.org/outcomes/1"
    first = api.launch_placement(user=ada, placement=placement, outcome_url=outcome_url)
    second = api.launch_placement(user=ada, placement=placement, outcome_url=outcome_url)

    validator = Validator("key-1", "s3cr&t/+")
    assert _is_valid(first.url, first.fields, validator=validator)
    assert _is_valid(second.url, second.fields, validator=validator)
    assert first.fields["oauth_nonce"] != second.fields["oauth_nonce"]
