"""A stranger's header costs little to refuse: it is read before anything is known about who sent it."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Each is repeated to the longest header that is read.
PIECES = [
    "a=   ,", "a=,", "a= ", "a = b , ", 'a="",', 'a="" ,  ', "a=b", " ", "\t ", "=", ",", '"', "a", "%", "%2",
    "a=%zz,", "a =",
    ", ,", 'a="', "OAuth ",
]  # fmt: skip
ENDS = ["", "!", '"', "=", ' a="', "\x00"]

# A process of its own, because the pattern matcher cannot be interrupted.
READ_ALL = """
import sys, time
from openedx_learning_ext.core.lti import oauth
from openedx_learning_ext.core.lti.errors import LtiError
started = time.perf_counter()
for end in {ends!r}:
    header = "OAuth " + ({piece!r} * (8200 // len({piece!r})))[:8100] + end
    try:
        oauth.read_message(method="POST", body=b"", authorization=header)
    except LtiError:
        continue
    sys.exit("accepted")
sys.exit(time.perf_counter() - started > 6)
"""


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_odd_header_is_refused_inside_the_bound(piece):
    code = READ_ALL.format(ends=ENDS, piece=piece)

    try:
        done = subprocess.run([sys.executable, "-c", code], timeout=10, check=False, capture_output=True)
    except subprocess.TimeoutExpired:
        pytest.fail("refusing one header takes longer than ten seconds")

    assert done.returncode == 0, done.stderr.decode()
