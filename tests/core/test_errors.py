"""The base, the five kinds, and what they say."""

import pytest

from openedx_learning_ext.core import errors

KINDS = [errors.Invalid, errors.Forbidden, errors.NotFound, errors.Conflict, errors.Unavailable]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_without_a_text_says_the_sentence_that_documents_it(kind):
    error = kind()

    assert isinstance(error, errors.LearningExtError)
    assert str(error) == kind.__doc__.strip().split("\n", 1)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_is_given_is_said(kind):
    assert str(kind("there is no room 4")) == "there is no room 4"


def test_only_the_first_line_of_a_long_docstring_is_said():
    class RoomMissing(errors.NotFound):
        """
        There is no such room.

        Somebody may have closed it.
        """

    assert str(RoomMissing()) == "There is no such room."


def test_an_error_without_a_docstring_says_nothing_rather_than_failing():
    class Undocumented(errors.Conflict):
        pass

    assert str(Undocumented()) == ""


def test_no_kind_is_another_kind():
    for kind in KINDS:
        assert [other for other in KINDS if issubclass(kind, other)] == [kind]


def test_invalid_keeps_what_is_wrong_with_which_field():
    texts = ("too long",)

    error = errors.Invalid("the tool", fields={"title": texts})

    assert error.fields == {"title": ["too long"]}
    assert str(error) == "the tool"
    assert errors.Invalid().fields == {}


def test_unavailable_keeps_when_to_ask_again():
    assert errors.Unavailable(retry_after_seconds=30).retry_after_seconds == 30
    assert errors.Unavailable("later").retry_after_seconds is None
