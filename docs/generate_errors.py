"""
Write ``docs/references/errors.rst`` from the errors and the system checks of the package.

Run by ``make docs``; a test compares the page in the repository with what this makes.
"""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import django
from django.core.checks.registry import registry

import openedx_learning_ext
from openedx_learning_ext.core import errors

PAGE = Path(__file__).parent / "references" / "errors.rst"

HEAD = """\
.. Made by docs/generate_errors.py from the classes and the system checks of the package. Change those, then run
   "make docs".

Errors
======

What our functions raise
------------------------

Everything that a function of ours raises on purpose is a ``LearningExtError`` of one of five kinds. A caller who only
wants to know what to do next catches the kind; one who wants to know what happened catches the class. No text of an
error contains a name, an address, a secret or what somebody sent.
"""

CHECKS = """\
What the system checks say
--------------------------

``manage.py check --tag learning_ext`` runs ours alone. An error (E) means that something will not work; a warning (W)
that an operator should look.
"""

KINDS = (errors.Invalid, errors.Forbidden, errors.NotFound, errors.Conflict, errors.Unavailable)
PACKAGE = openedx_learning_ext.__name__
#: In the docstring of a check: its id in double backticks, a colon, and what it means.
CHECK_ID = re.compile(r"``(learning_ext\w*\.[EW]\d{3})``: (.+?)(?=``learning_ext\w*\.[EW]|$)")


def sentence(thing: object) -> str:
    """Return the first paragraph of a docstring as one line."""
    return " ".join((thing.__doc__ or "").strip().split("\n\n")[0].split())


def all_errors() -> set[type]:
    """Return every error class of the package. The default host's own are left out: no site has them."""
    for module in pkgutil.walk_packages(openedx_learning_ext.__path__, f"{PACKAGE}."):
        if not re.search(r"\.(standalone|migrations|management|__main__)(\.|$)", module.name):
            import_module(module.name)
    found, queue = set(), [errors.LearningExtError]
    while queue:
        for child in queue.pop().__subclasses__():
            ours = child.__module__.startswith(f"{PACKAGE}.") and ".standalone." not in child.__module__
            if ours and child not in found:
                found.add(child)
                queue.append(child)
    return found


def all_checks() -> list[tuple[str, str]]:
    """Return (id, sentence) of every system check of ours, as its docstring says them."""
    found = []
    for check in registry.get_checks(include_deployment_checks=True):
        if check.__module__.startswith(f"{PACKAGE}."):
            found += CHECK_ID.findall(sentence(check))
    sentences = ((name, text.strip()) for name, text in found)
    return sorted((name, text[0].upper() + text[1:]) for name, text in sentences)


def page() -> str:
    """Return the whole page."""
    from openedx_learning_ext.core.rest import STATUS_OF  # needs Django to be set up

    parts = [HEAD]
    classes = all_errors()
    statuses = dict(STATUS_OF)
    for kind in KINDS:
        parts += [kind.__name__, "~" * len(kind.__name__), "", sentence(kind), f"Over HTTP: {statuses[kind]}.", ""]
        for error in sorted(classes - set(KINDS), key=lambda error: (error.__module__, error.__name__)):
            # The kind is the first of the five that the class descends from.
            if next((base for base in error.__mro__ if base in KINDS), None) is kind:
                parts += [f"``{error.__module__}.{error.__qualname__}``", f"    {sentence(error)}", ""]
    parts += [CHECKS]
    for name, text in all_checks():
        parts += [f"``{name}``", f"    {text}", ""]
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    django.setup()
    PAGE.write_text(page(), encoding="utf-8")
