"""The contract of ``ports.Accounts``."""

import pytest

from openedx_learning_ext.core.host import ports


def test_an_account_is_answered_by_its_id(host, given, ada):
    assert host.accounts.get(ada.id) == ada


def test_an_unknown_account_is_not_found_and_the_text_says_which_id(host, given):
    with pytest.raises(ports.AccountNotFound, match="4711"):
        host.accounts.get(4711)


def test_a_retirement_is_told_with_the_person(host, given, ada, listener):
    host.accounts.connect_retirement_receiver(listener, dispatch_uid="contract")

    given.retires(ada)

    assert listener.heard
    assert all(told["user"] == ada for told in listener.heard)


def test_a_receiver_connected_twice_is_not_told_more_often(host, given, ada, bob, listener):
    host.accounts.connect_retirement_receiver(listener, dispatch_uid="contract")
    given.retires(ada)
    once = len(listener.heard)

    host.accounts.connect_retirement_receiver(listener, dispatch_uid="contract")
    given.retires(bob)

    assert len(listener.heard) == 2 * once


def test_a_receiver_nobody_else_holds_is_still_told(host, given, ada):
    told = []

    def connect() -> None:
        def receiver(**kwargs):
            told.append(kwargs["user"])

        host.accounts.connect_retirement_receiver(receiver, dispatch_uid="contract")

    connect()

    given.retires(ada)

    assert set(told) == {ada}


def test_an_error_of_the_receiver_stops_the_retirement(host, given, ada, listener):
    listener.failing_with = RuntimeError("not everything was forgotten")
    host.accounts.connect_retirement_receiver(listener, dispatch_uid="contract")

    with pytest.raises(RuntimeError, match="not everything was forgotten"):
        given.retires(ada)
