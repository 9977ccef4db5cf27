"""The fakes, the list of signatures, the page in the documentation and the platform say the same."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from django.dispatch import Signal

from tests.doubles.platform import scene, signatures
from tests.host_contract.conftest import FAKE_PACKAGES, FAKES

ROOT = Path(__file__).parents[2]
OUR_ADAPTER = ROOT / "openedx_learning_ext" / "core" / "host" / "openedx.py"


def resolve(path: str):
    """Return the object at a dotted path; ``()`` after a name calls it."""
    names = path.split(".")
    for cut in range(len(names), 0, -1):
        try:
            thing = importlib.import_module(".".join(names[:cut]))
        except ModuleNotFoundError:
            continue
        for name in names[cut:]:
            thing = getattr(thing, name.removesuffix("()"))
            if name.endswith("()"):
                thing = thing()
        return thing
    raise ImportError(path)


def bare(thing) -> str:
    """Return a signature without annotations."""
    signature = inspect.signature(thing)
    parameters = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))


def assert_as_listed(entry: signatures.Entry) -> None:
    """Assert that what is at the entry's path can be used as listed."""
    thing = resolve(entry.path)
    if entry.signature is not None:
        assert bare(thing) == entry.signature
    if entry.path.split(".")[-1].isupper():
        assert isinstance(thing, Signal)


@pytest.mark.parametrize("entry", signatures.ENTRIES, ids=lambda entry: entry.path)
def test_a_fake_is_as_listed(fake_packages, entry):
    assert_as_listed(entry)
    if entry.double is not None:
        double = getattr(scene, entry.double)
        fields = [field.name for field in dataclasses.fields(double)]
        methods = [name for name, thing in vars(double).items() if inspect.isfunction(thing)]
        has = {name for name in fields + methods if not name.startswith("_")}
        assert has == set(entry.answers)


@pytest.mark.platform
@pytest.mark.skipif(find_spec("lms") is None, reason="needs a real Open edX platform around it")
@pytest.mark.parametrize("entry", signatures.ENTRIES, ids=lambda entry: entry.path)
def test_the_platform_is_as_listed(entry):
    assert_as_listed(entry)


def test_the_fakes_have_no_public_name_that_is_not_listed(fake_packages):
    listed = {entry.path for entry in signatures.ENTRIES}
    modules = [
        importlib.import_module(found.name)
        for package in FAKE_PACKAGES
        for found in pkgutil.walk_packages([str(FAKES / package)], f"{package}.")
        if not found.name.split(".")[-1].startswith("_")
    ]
    assert len(modules) > len(FAKE_PACKAGES)

    public = set()
    for module in modules:
        for name, thing in vars(module).items():
            if name.startswith("_") or (isinstance(thing, ModuleType) and "_signals" not in thing.__name__):
                continue
            if isinstance(thing, ModuleType):
                public |= {f"{module.__name__}.{name}.{inner}" for inner in vars(thing) if not inner.startswith("_")}
                continue
            public.add(f"{module.__name__}.{name}")
            if inspect.isclass(thing) and not issubclass(thing, BaseException):
                own = {inner for inner in vars(thing) if not inner.startswith("_")}
                public |= {f"{module.__name__}.{name}.{inner}" for inner in own}

    unlisted = {path for path in public if not any(each == path or each.startswith(f"{path}.") for each in listed)}
    assert not unlisted


@pytest.mark.parametrize("package", FAKE_PACKAGES)
def test_a_module_beyond_the_list_does_not_exist(fake_packages, package):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{package}.not_on_the_page")


def test_everything_the_adapter_imports_of_the_platform_is_listed():
    source = OUR_ADAPTER.read_text(encoding="utf-8")
    imported = set()
    for module, names in re.findall(r"^ +from ([\w.]+) import ([\w, ]+)$", source, re.MULTILINE):
        if module.split(".")[0] in FAKE_PACKAGES:
            imported |= {f"{module}.{name.strip()}" for name in names.split(",")}
    assert imported

    listed = {entry.path for entry in signatures.ENTRIES}

    unlisted = {path for path in imported if not any(each == path or each.startswith(f"{path}.") for each in listed)}
    assert not unlisted


def test_the_page_in_the_documentation_is_what_is_generated_from_the_list():
    spec = spec_from_file_location("generate_host", ROOT / "docs" / "generate_host.py")
    generator = module_from_spec(spec)
    spec.loader.exec_module(generator)

    assert generator.PAGE.read_text(encoding="utf-8") == generator.page(), "run: make docs"
