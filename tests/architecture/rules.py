"""
Rules of the source tree that no linter knows, as functions from a module's text to sentences about what breaks them.

``test_rules.py`` runs them over the package, and over small samples, so that a rule that finds nothing is known to be
able to find something.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "openedx_learning_ext"

#: Functions and classes of lxml that read text from outside.
LXML_READERS = {
    "fromstring", "fromstringlist", "parse", "iterparse", "XML", "HTML", "XMLID", "XMLParser", "HTMLParser",
    "XMLPullParser", "HTMLPullParser", "ETCompatXMLParser", "XMLDTDID", "parseid",
}  # fmt: skip
OTHER_PARSERS = {"xml", "defusedxml", "xmltodict", "html5lib", "bs4"}
ENQUEUERS = {"delay", "apply_async"}
# Rung after the commit by ``put``; it is the one place that publishes.
BELL = "core/delivery/bell.py"


def modules():
    """Every module of the package, as (path inside the package, its text)."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")


def settings_reads(name, text):
    """Reads of ``django.conf.settings`` in a module that must ask ``core.conf``."""
    if name == "core/conf.py" or name.startswith(("settings/", "standalone/")) or "/migrations/" in f"/{name}":
        return []
    tree = ast.parse(text)
    found, names, allowed = [], set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.conf":
            names |= {alias.asname or alias.name for alias in node.names if alias.name == "settings"}
        elif isinstance(node, ast.Import) and any(alias.name.startswith("django.conf") for alias in node.names):
            found.append(f"{name}:{node.lineno} imports django.conf")
        elif isinstance(node, ast.Attribute) and node.attr == "AUTH_USER_MODEL" and isinstance(node.value, ast.Name):
            allowed.add(id(node.value))
    found += [
        f"{name}:{node.lineno} reads settings"
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in names and id(node) not in allowed
    ]
    return found


def xml_parsers(name, text):
    """Uses of an XML parser in a module that must ask ``core.lti.xml``."""
    # The second plays a person with a browser: it reads the default host's own pages, as HTML.
    if name in ("core/lti/xml.py", "standalone/demo.py"):
        return []
    found, lxml_names = [], set()
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in OTHER_PARSERS or alias.name in ("lxml.html", "lxml.objectify"):
                    found.append(f"{name}:{node.lineno} imports {alias.name}")
                elif alias.name.split(".")[0] == "lxml":
                    lxml_names.add((alias.asname or alias.name).split(".")[-1])
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            top = node.module.split(".")[0]
            if top in OTHER_PARSERS:
                found.append(f"{name}:{node.lineno} imports {node.module}")
            elif top == "lxml":
                for alias in node.names:
                    if alias.name in LXML_READERS | {"html", "objectify"}:
                        found.append(f"{name}:{node.lineno} imports {node.module}.{alias.name}")
                    lxml_names.add(alias.asname or alias.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in LXML_READERS:
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", None)
            if owner in lxml_names:
                found.append(f"{name}:{node.lineno} uses {owner}.{node.attr}")
    return found


def hasty_tasks(name, text):
    """Tasks that are enqueued outside of ``transaction.on_commit``, or by a call that ignores eager mode."""
    tree = ast.parse(text)
    after_commit = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "on_commit"]
    late_functions = {
        inner.id for call in after_commit for inner in ast.walk(call) if isinstance(inner, ast.Name)
    }
    inside = {id(inner) for call in after_commit for inner in ast.walk(call)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)) and getattr(node, "name", None) in late_functions:
            inside |= {id(inner) for inner in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if _called(node) == "send_task":
            found.append(f"{name}:{node.lineno} uses send_task")
        elif _called(node) in ENQUEUERS and id(node) not in inside and name != BELL:
            found.append(f"{name}:{node.lineno} enqueues before the commit")
    return found


def unnamed_tasks(name, text):
    """Tasks without an explicit name that starts with the label of their app."""
    if not name.endswith("tasks.py"):
        return []
    # A module at the top is the umbrella's, whose label is the bare prefix.
    prefix = f"learning_ext_{name.split('/')[0]}." if "/" in name else "learning_ext."
    return [
        f"{name}: {function} is registered as {given or 'whatever its module is called'}"
        for function, given in declared_tasks(text)
        if not (given or "").startswith(prefix)
    ]


def declared_tasks(text):
    """Return (function, explicit name or None) for every ``shared_task`` of a module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                call = decorator if isinstance(decorator, ast.Call) else None
                target = call.func if call else decorator
                if (getattr(target, "id", None) or getattr(target, "attr", None)) == "shared_task":
                    names = [word.value for word in (call.keywords if call else []) if word.arg == "name"]
                    yield node.name, names[0].value if names and isinstance(names[0], ast.Constant) else None


def foreign_hosts(name, text):
    """Addresses of package registries and of shared script and font servers, and paths of somebody's machine."""
    # Written in pieces: this file is looked at as well.
    hosts = [
        "py" r"pi\.org", "python" r"hosted\.org", "registry" r"\.npmjs", "npmjs" r"\.com", "cdn" r"js\.", "cdn" r"\.",
        "js" r"delivr\.", "un" r"pkg\.com", "google" r"apis\.com", "gst" r"atic\.com", "boot" r"strapcdn",
        "--(extra-)?" "index-url", "trusted" "-host",
        r"(?<![\w.])/(" "home|root|Users" r")/\w",
    ]  # fmt: skip
    return [
        f"{name}:{number} {match.group()}"
        for number, line in enumerate(text.splitlines(), 1)
        for host in hosts
        if (match := re.search(host, line, re.IGNORECASE))
    ]


def _called(node):
    return getattr(node.func, "attr", None) or getattr(node.func, "id", None)
