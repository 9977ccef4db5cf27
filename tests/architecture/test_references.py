"""The generated pages of the documentation say what the code says now."""

import importlib.util
import re

import pytest
from django.urls import get_resolver

from openedx_learning_ext.core import conf
from tests.architecture import rules


def load(name):
    """Import a script of the documentation; its folder is no package."""
    spec = importlib.util.spec_from_file_location(name, rules.ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate_errors = load("generate_errors")
generate_settings = load("generate_settings")


@pytest.mark.parametrize("generator", [generate_settings, generate_errors], ids=["settings", "errors"])
def test_the_page_in_the_repository_is_the_one_the_code_makes(generator):
    committed = generator.PAGE.read_text(encoding="utf-8")

    assert committed == generator.page(), "run `make docs`"


def test_every_setting_is_on_the_page_with_its_sentence():
    page = generate_settings.page()

    for setting in conf.all_settings():
        assert f"``{setting.name}``\n    {setting.sentence}\n" in page


def test_every_address_of_an_api_is_on_the_page_about_http():
    page = (rules.ROOT / "docs" / "references" / "rest.rst").read_text(encoding="utf-8")
    names = {name for name in get_resolver().namespace_dict["learning_ext"][1].reverse_dict if isinstance(name, str)}
    for app, (_, resolver) in get_resolver().namespace_dict["learning_ext"][1].namespace_dict.items():
        names |= {f"{app}:{name}" for name in resolver.reverse_dict if isinstance(name, str)}

    missing = {name for name in names if f"(name ``{name}``)" not in page}

    assert "lti_consumer:outcomes" in names
    assert missing == set()


def test_every_error_says_in_a_sentence_what_it_means():
    classes = generate_errors.all_errors()

    assert len(classes) > len(generate_errors.KINDS)
    for error in classes:
        assert error.__doc__, error
        assert error.__name__ in generate_errors.page()


def test_every_id_of_a_system_check_is_on_the_page():
    used = {
        found
        for name, text in rules.modules()
        for found in re.findall(r"""id=["'](learning_ext\w*\.[EW]\d{3})["']""", text)
    }

    assert used
    assert used == {name for name, _ in generate_errors.all_checks()}
