"""Both adapters answer the whole port, and nothing else. That the types agree, mypy checks beside each adapter."""

import inspect
import typing

import pytest

from openedx_learning_ext.core.host import ports
from openedx_learning_ext.core.host.openedx import OpenedxHost
from openedx_learning_ext.standalone.host import StandaloneHost

TOPICS = typing.get_type_hints(ports.Host)
ADAPTERS = [OpenedxHost, StandaloneHost]


def public_methods(thing) -> dict:
    """Return the public callables of a class, by name."""
    return {name: member for name, member in inspect.getmembers(thing, callable) if not name.startswith("_")}


def without_types(method) -> list:
    """Return name, kind and default of each argument; the types are mypy's to compare."""
    return [(each.name, each.kind, each.default) for each in inspect.signature(method).parameters.values()]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_has_each_topic_and_no_other(adapter):
    host = adapter()

    assert {name for name in vars(host) if not name.startswith("_")} == set(TOPICS)
    assert public_methods(type(host)) == {}


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_has_each_method_of_its_protocol_and_no_other(adapter, topic):
    answers = type(getattr(adapter(), topic))

    assert set(public_methods(answers)) == set(public_methods(TOPICS[topic]))


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("topic", TOPICS)
def test_a_method_takes_what_its_protocol_says(adapter, topic):
    answers = public_methods(type(getattr(adapter(), topic)))

    for name, method in public_methods(TOPICS[topic]).items():
        assert without_types(answers[name]) == without_types(method), name
        assert inspect.getdoc(answers[name]), name
