"""``lti.md`` 5.2 for launches: forms whose fields are signed themselves."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import strategies as st

from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.core.lti.errors import LtiError
from tests.doubles.campusside import signed_form
from tests.security.conftest import dice, seed  # noqa: F401  # fixtures
from tests.security.support import hold, numbers

URL = "https://lms.example.org/lti_provider/courses/course-v1:a+b+c/block@1?x=1&y="
SAID = {"user_id": "42", "roles": "", "custom_a": "żółw &=+%20"}
SECRET = "s3cr&t/+"


def form(**signing):
    return signed_form(URL, SAID, **{"key": "key-1", "secret": SECRET, "nonce": "n-1", **signing})


def without(pairs, *names):
    return [pair for pair in pairs if pair[0] not in names]


def test_what_oauthlib_signs_verifies_for_its_address_and_secret_alone():
    message = oauth.read_form(fields=form())

    assert oauth.find_signed_url(message, SECRET, ["https://elsewhere.example/", URL]) == 1
    assert message.parameters["custom_a"] == SAID["custom_a"]
    assert message.consumer_key == "key-1"
    for secret, url in ((f"{SECRET}x", URL), (SECRET, URL.partition("?")[0]), ("", URL)):
        with pytest.raises(LtiError):
            oauth.find_signed_url(message, secret, [url])


@pytest.mark.parametrize("name", [name for name, _ in form()])
def test_every_field_is_signed(name):
    changed = [(key, value if key != name else value + "0") for key, value in form()]

    with pytest.raises(LtiError):
        oauth.find_signed_url(oauth.read_form(fields=changed), SECRET, [URL])
    with pytest.raises(LtiError):
        oauth.find_signed_url(oauth.read_form(fields=[*form(), ("another", "")]), SECRET, [URL])


def test_a_field_may_be_repeated_and_each_value_is_signed():
    pairs = signed_form(URL, [("a", "2"), ("a", "1")], key="key-1", secret=SECRET)

    message = oauth.read_form(fields=pairs)

    assert oauth.find_signed_url(message, SECRET, [URL]) == 0
    assert message.parameters["a"] == "1"


@pytest.mark.parametrize("missing", ["user_id", "oauth_nonce", "oauth_version"])
def test_a_required_name_that_is_missing_comes_before_all_else(missing):
    pairs = without([*form(), ("oauth_token", "x"), ("oauth_token", "x")], missing)

    with pytest.raises(oauth.MissingParameter) as caught:
        oauth.read_form(fields=pairs, required=["user_id", "oauth_nonce", "oauth_version"])

    assert caught.value.code == f"missing:{missing}"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"oauth_nonce": "n" * 65}, "not_acceptable:oauth_nonce"),
        ({"oauth_nonce": ""}, "missing:oauth_nonce"),
        ({"oauth_version": ""}, "missing:oauth_version"),
        ({"oauth_version": "2.0"}, "not_acceptable:oauth_version"),
        ({"oauth_signature_method": "PLAINTEXT"}, "not_acceptable:oauth_signature_method"),
        ({"oauth_timestamp": "٠١٢"}, "not_acceptable:oauth_timestamp"),
        ({"oauth_token": "t"}, "not_acceptable:oauth_token"),
        ({"oauth_signature": "ü"}, "not_acceptable:oauth_signature"),
    ],
)
def test_a_parameter_that_is_not_acceptable_is_named_and_not_quoted(changes, code):
    pairs = [*without(form(), *changes), *changes.items()]

    with pytest.raises(LtiError) as caught:
        oauth.read_form(fields=pairs)

    assert caught.value.code == code
    assert "PLAINTEXT" not in str(caught.value)


@pytest.mark.parametrize(("name", "shown"), [("oauth_nonce", "oauth_nonce"), ("oauth_made_up", "oauth_*")])
def test_a_repeated_oauth_parameter_is_refused(name, shown):
    with pytest.raises(LtiError) as caught:
        oauth.read_form(fields=[*form(), (name, "1"), (name, "1")])

    assert caught.value.code == f"repeated:{shown}"


def test_a_parameter_in_header_and_form_is_repeated():
    with pytest.raises(LtiError) as caught:
        oauth.read_form(fields=form(), authorization='OAuth oauth_nonce="n-1"')

    assert caught.value.code == "repeated:oauth_nonce"


@pytest.mark.parametrize("header", [None, "", "Bearer abc", "JWT abc"])
def test_another_scheme_in_the_header_is_somebody_elses_business(header):
    assert oauth.read_form(fields=form(), authorization=header).consumer_key == "key-1"


def test_a_message_shows_nothing_in_its_repr():
    assert repr(oauth.read_form(fields=form())) == "SignedMessage(method='POST')"


@numbers(200, 2_000)
def test_S5_whatever_form_oauthlib_signs_verifies(count, seed):  # noqa: F811
    names = st.from_regex(r"(custom|lis|ext)_[a-z]{1,10}", fullmatch=True)
    values = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)

    def law(fields, key, secret):
        pairs = signed_form(URL, fields, key=key, secret=secret)

        message = oauth.read_form(fields=pairs)

        assert oauth.find_signed_url(message, secret, [URL]) == 0
        assert {name: message.parameters[name] for name in fields} == fields
        assert urlencode(pairs)

    # The library's client takes a percent sign in the key for an encoding.
    characters = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="%")
    printable = st.text(characters, min_size=1, max_size=30)
    hold(law, st.dictionaries(names, values, max_size=6), printable, printable, count=count, seed=seed)
