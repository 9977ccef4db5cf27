"""The registry of sweepers, and a run through them."""

import logging

import pytest

from openedx_learning_ext.core import sweep

MARK = "ada@learners.example"


@pytest.fixture(autouse=True)
def no_sweepers(monkeypatch):
    """Start without the sweepers of the apps, and give them back."""
    monkeypatch.setattr(sweep, "_sweepers", {})


def broken():
    raise RuntimeError(MARK)


def test_sweepers_run_in_order_of_their_names():
    sweep.register("b", lambda: 2)
    sweep.register("a", lambda: 1)

    assert sweep.names() == ["a", "b"]
    assert list(sweep.run()) == [sweep.Swept("a", 1), sweep.Swept("b", 2)]


def test_registering_a_name_again_replaces_it():
    sweep.register("a", lambda: 1)
    sweep.register("a", lambda: 9)

    assert list(sweep.run()) == [sweep.Swept("a", 9)]


def test_nothing_registered_is_nothing_done():
    assert list(sweep.run()) == []


def test_one_that_fails_does_not_keep_the_others_from_running(caplog):
    sweep.register("a", broken)
    sweep.register("b", lambda: 2)

    with caplog.at_level(logging.ERROR, logger="openedx_learning_ext"):
        swept = list(sweep.run())

    assert swept == [sweep.Swept("a", 0, "RuntimeError"), sweep.Swept("b", 2)]
    (record,) = caplog.records
    assert record.sweeper == "a"
    assert "in broken" in record.getMessage()
    assert "RuntimeError" in record.getMessage()
    assert MARK not in caplog.text


def test_a_run_answers_each_as_it_finishes():
    done = []
    sweep.register("a", lambda: done.append("a") or 1)
    sweep.register("b", lambda: done.append("b") or 1)

    run = sweep.run()
    next(run)

    assert done == ["a"]


def test_an_interruption_from_outside_is_not_swallowed():
    def interrupted():
        raise KeyboardInterrupt

    sweep.register("a", interrupted)

    with pytest.raises(KeyboardInterrupt):
        list(sweep.run())
