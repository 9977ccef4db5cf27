"""Our messages before a campus's side of other libraries: ``lti`` reads them, oauthlib verifies them."""

from __future__ import annotations

import pytest
from lti.outcome_request import OutcomeRequest

from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.lti_provider import outcomes
from tests.interop.peers import SignatureOnlyEndpoint, Validator, oauth2

URL = "https://campus.example/mod/lti/service.php?x=a%20b&y="
KEY, SECRET = "campus-key", "c4mpus&/+ secret"
SOURCED_ID = '{"data":{"instanceid":"7"},"hash":"aB<&>"}'


@pytest.fixture
def body():
    return outcomes.generate_replace_result_xml(SOURCED_ID, 0.75).encode()


@pytest.fixture
def header(body):
    return oauth.sign_body(url=URL, body=body, key=KEY, secret=SECRET)


def test_lti_reads_what_is_wanted(body):
    request = OutcomeRequest()

    request.process_xml(body)

    assert request.operation == "replaceResult"
    assert (request.lis_result_sourcedid, float(request.score)) == (SOURCED_ID, 0.75)
    assert request.message_identifier


@pytest.mark.parametrize(("secret", "expected"), [(SECRET, True), (SECRET + "x", False)])
def test_oauthlib_verifies_the_header(body, header, secret, expected):
    headers = {"Content-Type": outcomes.CONTENT_TYPE, "Authorization": header}

    valid, _ = SignatureOnlyEndpoint(Validator(KEY, secret)).validate_request(URL, "POST", None, headers)

    assert valid is expected


def test_python_oauth2_makes_the_same_signature(body):
    url = "https://campus.example/mod/lti/service.php"  # that library reads a query twice
    header = oauth.sign_body(url=url, body=body, key=KEY, secret=SECRET)
    request = oauth2.Request.from_request("POST", url, headers={"Authorization": header})

    made = oauth2.SignatureMethod_HMAC_SHA1().sign(request, oauth2.Consumer(KEY, SECRET), None)

    assert made.decode() == request["oauth_signature"]
