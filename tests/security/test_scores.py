"""S13: what a tool may write for a score, and what is made of it."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import strategies as st

from openedx_learning_ext.core.lti import score as scores
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.outcomes import parse_grade_xml_body
from tests.doubles.toolside import outcome_body, send
from tests.security.reading import Refused, read_score
from tests.security.support import hold, numbers

OUTSIDE, NO_NUMBER = scores.OUT_OF_RANGE, scores.NOT_A_NUMBER

# text -> the score, or why not
TABLE = {
    # numbers in every way they may be written
    "0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "0.5": 0.5, ".5": 0.5, "1.": 1.0, "0.": 0.0, "+0.5": 0.5, "00.5": 0.5,
    "1.000": 1.0, "1e0": 1.0, "5E-1": 0.5, "5e-1": 0.5, "50e-2": 0.5, "0.05e+1": 0.5, "1e-7": 1e-07, " 0.5 ": 0.5,
    "\n\t0.5\r\n": 0.5, "-0": 0.0, "-0.0": 0.0, "-0e5": 0.0, "0e9999": 0.0, "0.1": 0.1,
    "0.30000000000000004": 0.30000000000000004,
    # at the edges, to the last digit
    "0.9999999999999999": 0.9999999999999999, "0.99999999999999999999": 1.0, "1.0000000000000002": OUTSIDE,
    "1.00000000000000000001": OUTSIDE, "1e-400": 0.0, "1e-9999": 0.0, "1e9999": OUTSIDE, "-1e-400": OUTSIDE,
    "-0.00000000000000000001": OUTSIDE, "5e-324": 5e-324,
    # outside
    "1.1": OUTSIDE, "2": OUTSIDE, "-1": OUTSIDE, "-0.5": OUTSIDE, "100": OUTSIDE, "NaN": OUTSIDE, "nan": OUTSIDE,
    "-nan": OUTSIDE, "inf": OUTSIDE, "-Infinity": OUTSIDE,
    # no numbers, although Python or a person would read some of them as one
    "": NO_NUMBER, " ": NO_NUMBER, "0,5": NO_NUMBER, "0_5": NO_NUMBER, "0x1": NO_NUMBER, "½": NO_NUMBER,
    "٠.٥": NO_NUMBER,
    "50%": NO_NUMBER, ".": NO_NUMBER, "+": NO_NUMBER, "1e": NO_NUMBER, "e1": NO_NUMBER, "--1": NO_NUMBER,
    "0.5.5": NO_NUMBER,
    "1e99999": NO_NUMBER, "0.5\u00a0": NO_NUMBER, "\u20070.5": NO_NUMBER, "0 .5": NO_NUMBER, "０.５": NO_NUMBER,
    "true": NO_NUMBER, "1/2": NO_NUMBER, "0.5f": NO_NUMBER,
}  # fmt: skip


def test_S13_the_table_has_sixty_texts_or_more():
    assert len(TABLE) >= 60


@pytest.mark.parametrize("text", TABLE)
def test_S13_a_score_text_is_taken_or_refused_as_the_table_says(text):
    body = outcome_body(score=text)

    if isinstance(TABLE[text], float):
        score = parse_grade_xml_body(body)[2]
        assert score == TABLE[text]
        assert str(score) == str(TABLE[text])  # which tells 0.0 from -0.0
    else:
        with pytest.raises(LtiError) as refusal:
            parse_grade_xml_body(body)
        assert str(refusal.value) == TABLE[text]


@pytest.mark.parametrize("text", [text for text in TABLE if text])
def test_S13_the_table_agrees_with_the_second_reader(text):
    try:
        expected = read_score(text)
    except Refused:
        expected = None

    assert expected == (TABLE[text] if isinstance(TABLE[text], float) else None)


@numbers(300, 2_000)
def test_S13_any_text_is_read_as_the_second_reader_reads_it(count, seed):
    alphabet = st.sampled_from(list("0123456789..+-eE \t_,xnaif٠½０"))
    grammar = st.from_regex(r"[ \n]{0,2}[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,4})?[ \t]?")

    def law(text):
        try:
            expected = read_score(text)
        except Refused:
            expected = None
        try:
            score = scores.parse_score(text)
        except LtiError:
            score = None
        assert score == expected

    hold(law, st.text(alphabet, max_size=12) | grammar, count=count, seed=seed)


@numbers(300, 2_000)
def test_S13_a_score_that_is_written_reads_back_and_has_no_exponent(count, seed):
    def law(score):
        text = scores.format_score(score)

        assert scores.parse_score(text) == score
        assert set(text) <= set("0123456789.")
        assert parse_grade_xml_body(outcome_body(score=escape(text)))[2] == score

    hold(law, st.floats(0.0, 1.0), count=count, seed=seed)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["0", "1e-400", "5e-324", "0.30000000000000004", "1.", "1.0000000000000002", "NaN", "٠.٥"]
)
def test_S13_the_endpoint_stores_what_the_table_says_and_reads_it_back(text, ada, placement, client):
    send(client, placement, ada, score="0.125")

    reply = send(client, placement, ada, score=text)

    expected = TABLE[text]
    stored = api.find_result(placement_uuid=placement.uuid, user_id=ada.pk).score
    if isinstance(expected, float):
        assert (reply.code, stored) == ("success", expected)
        assert reply.description.endswith(f" is now {expected}")
        assert float(send(client, placement, ada, action="readResult").score) == expected
    else:
        assert (reply.code, stored) == ("failure", 0.125)
        assert reply.description.startswith(f"Request body XML parsing error: {expected} ")
