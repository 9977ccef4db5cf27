"""PyLTI on python-oauth2: verifies our launch and posts to a running server."""

from __future__ import annotations

from unittest import mock
from xml.etree import ElementTree

import pytest

from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiNonce
from tests.interop.peers import closing_clients, oauth2, pylti

pytestmark = pytest.mark.django_db(transaction=True)

CONSUMERS = {"key-1": {"secret": "s3cr&t/+"}}
NS = "{http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0}"


class Session(pylti.LTIBase):
    """What PyLTI keeps of a launch (its own is tied to a web framework)."""

    def __init__(self, fields, consumers):
        self.session = dict(fields)
        self._known = consumers
        super().__init__((), {"request": "session"})

    def _consumers(self):
        return self._known

    @property
    def response_url(self):
        """Where grades go."""
        return self.session["lis_outcome_service_url"]


@pytest.fixture
def session(launch):
    """PyLTI's side of the launch."""
    with closing_clients():
        yield Session(launch.fields, CONSUMERS)


def _post(session, operation, score=None):
    """Post a message of PyLTI's making and answer what came back, read by somebody else's parser."""
    message = pylti.generate_request_xml(
        session.message_identifier_id(), operation, session.lis_result_sourcedid, score
    )
    response, content = pylti._post_patched_request(
        CONSUMERS, session.key, message, session.response_url, "POST", "application/xml"
    )
    assert response.status == 200
    assert response["content-type"] == "application/xml"
    return ElementTree.fromstring(content), content


def _text(answer, name):
    return answer.find(f".//{NS}{name}").text


def test_its_verification_takes_our_launch(launch):
    assert pylti.verify_request_common(CONSUMERS, launch.url, "POST", {}, dict(launch.fields))


@pytest.mark.parametrize("change", [{"roles": "Instructor"}, {"oauth_signature": "AAAA"}])
def test_its_verification_refuses_our_launch_when_it_was_changed(launch, change):
    with pytest.raises(pylti.LTIException):
        pylti.verify_request_common(CONSUMERS, launch.url, "POST", {}, {**launch.fields, **change})


def test_the_grade_it_posts_is_stored(session, ada, placement):
    assert session.post_grade(0.92) is True

    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk).score == 0.92


def test_a_grade_is_read_back_and_deleted(session, ada, placement):
    empty, _ = _post(session, "readResult")
    assert _text(empty, "textString") is None

    replaced, raw = _post(session, "replaceResult", 0.0)
    # It compares these bytes.
    assert b"<imsx_codeMajor>success</imsx_codeMajor>" in raw
    assert _text(replaced, "imsx_description").endswith(" is now 0.0")

    read, _ = _post(session, "readResult")
    assert _text(read, "textString") == "0.0"

    deleted, raw = _post(session, "deleteResult")
    assert b"<imsx_codeMajor>success</imsx_codeMajor>" in raw
    assert _text(deleted, "imsx_description") == "Result deleted"
    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk).score is None


def test_its_one_message_id_and_its_short_nonces_are_accepted_again_and_again(session, ada, placement):
    sent = []
    really_make = oauth2.generate_nonce

    def make_nonce(length=8):
        sent.append(really_make(length))
        return sent[-1]

    with mock.patch.object(oauth2.Request, "make_nonce", classmethod(lambda cls: make_nonce())):
        first, _ = _post(session, "replaceResult", 0.5)
        second, _ = _post(session, "replaceResult", 0.5)
    # Seven digits too: the library drops leading zeros in some versions.
    with mock.patch.object(oauth2.Request, "make_nonce", classmethod(lambda cls: "1234567")):
        third, _ = _post(session, "replaceResult", 0.75)

    assert [len(nonce) for nonce in sent] == [8, 8]
    assert all(nonce.isdigit() for nonce in sent)
    for answer in (first, second, third):
        assert _text(answer, "imsx_codeMajor") == "success"
        assert _text(answer, "imsx_messageIdentifier") == "edX_fix"
        assert _text(answer, "imsx_messageRefIdentifier") == "edX_fix"
    assert LtiNonce.objects.count() == 3
    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk).score == 0.75


def test_the_same_short_nonce_at_another_second_is_another_message(session):
    now = int(oauth2.generate_timestamp())
    answers = []

    for timestamp in (now, now + 1, now + 1):
        with (
            mock.patch.object(oauth2.Request, "make_nonce", classmethod(lambda cls: "7654321")),
            mock.patch.object(oauth2.Request, "make_timestamp", classmethod(lambda cls, at=timestamp: str(at))),
        ):
            answers.append(_text(_post(session, "replaceResult", 0.5)[0], "imsx_codeMajor"))

    assert answers == ["success", "success", "failure"]


def test_with_another_secret_its_grade_is_refused(launch, ada, placement):
    stranger = Session(launch.fields, {"key-1": {"secret": "other"}})

    with closing_clients(), pytest.raises(pylti.LTIPostMessageException):
        stranger.post_grade(0.92)

    assert api.find_result(placement_uuid=placement.uuid, user_id=ada.pk) is None
