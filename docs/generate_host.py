"""
Write ``docs/references/host.rst`` from the protocols in ``core/host/ports.py`` and the list of the platform's names.

Run by ``make docs``; a test compares the page in the repository with what this makes.
"""

import inspect
import re
import sys
import typing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from openedx_learning_ext.core.host import ports  # noqa: E402 - found on the path that was just added
from tests.doubles.platform import signatures  # noqa: E402

PAGE = ROOT / "docs" / "references" / "host.rst"

HEAD = """\
.. Made by docs/generate_host.py from core/host/ports.py and tests/doubles/platform/signatures.py.
   Change those, then run "make docs".

The border to the host
======================

Every question that the library asks its host, and what it touches of the Open edX platform to answer it. The platform
is imported by ``openedx_learning_ext/core/host/openedx.py`` alone; the default host answers from tables of its own.
One suite of tests (``tests/host_contract``) runs against both, the platform's side against fakes that have exactly the
names below.

The names were read in the platform's source (development branch, 2026) and have not been tried on a running platform
yet. With one around, ``pytest -m platform --ds=lms.envs.test`` compares the signatures; the date and the release then
stand here.
"""

ASKED = """\
What is asked
-------------

``get_host()`` in ``openedx_learning_ext.core.host`` answers the host, with one attribute for each topic.
"""

ANSWERED = """\
What is answered
----------------

Frozen records, in ``openedx_learning_ext.core.host.ports``.
"""

RAISED = """\
What is raised
--------------

Errors in ``openedx_learning_ext.core.host.ports``; each is a kind of ``core.errors``.
"""

TOUCHED = """\
What is touched of the platform
-------------------------------

Where it is, how it is called, what is read of the answer, and what bites.
"""


def plain(text: str) -> str:
    """Return a docstring's text with roles turned into code, so that the page stands on its own."""
    return re.sub(r":class:`~?(?:[\w.]+\.)?(\w+)`", r"``\1``", text)


def indented(text: str) -> list[str]:
    """Return the lines of a paragraph one step in."""
    return [f"    {line}".rstrip() for line in text.splitlines()]


def sentence(text: str) -> str:
    """Return the first line of a docstring."""
    return plain(inspect.cleandoc(text).split("\n", 1)[0])


def signature_of(method: typing.Callable[..., object]) -> str:
    """Return a method's signature as it is called: without ``self``, and with types as they are written."""
    signature = inspect.signature(method)
    parts: list[str] = []
    for each in signature.parameters.values():
        if each.name == "self":
            continue
        if each.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        default = "" if each.default is inspect.Parameter.empty else f" = {each.default!r}"
        parts.append(f"{each.name}: {each.annotation}{default}")
    return f"({', '.join(parts)}) -> {signature.return_annotation}"


def asked() -> list[str]:
    """Return the part on the protocols."""
    parts = [ASKED]
    for topic, protocol in typing.get_type_hints(ports.Host).items():
        parts += [f"``{topic}``", "~" * (len(topic) + 4), "", sentence(protocol.__doc__ or ""), ""]
        for name, method in vars(protocol).items():
            if inspect.isfunction(method) and not name.startswith("_"):
                parts += [f"``{name}{signature_of(method)}``", *indented(plain(inspect.getdoc(method) or "")), ""]
    return parts


def answered() -> list[str]:
    """Return the part on the records."""
    parts = [ANSWERED]
    for record in (ports.Course, ports.Block, ports.BlockScore):
        fields = ", ".join(f"``{name}``" for name in record.__dataclass_fields__)
        parts += [f"``{record.__name__}``", *indented(sentence(record.__doc__ or "")), "", f"    Fields: {fields}.", ""]
    return parts


def raised() -> list[str]:
    """Return the part on the errors."""
    parts = [RAISED]
    for name, error in vars(ports).items():
        if inspect.isclass(error) and issubclass(error, Exception):
            kinds = ", ".join(f"``{base.__name__}``" for base in error.__bases__)
            parts += [f"``{name}`` (a kind of {kinds})", *indented(sentence(error.__doc__ or "")), ""]
    return parts


def touched() -> list[str]:
    """Return the part on the platform."""
    parts = [TOUCHED]
    for entry in signatures.ENTRIES:
        parts += [f"``{entry.path}{entry.signature or ''}``", f"    {entry.purpose}.", ""]
        if entry.answers:
            names = ", ".join(f"``{name}``" for name in entry.answers)
            parts += [f"    Read of it: {names}.", ""]
        if entry.watch:
            parts += [f"    {entry.watch}", ""]
    return parts


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *asked(), *answered(), *raised(), *touched()]).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
