"""The rules of style that are read from the source (``rules.py``), and proof that each of them can fail."""

import subprocess

import pytest

from tests.architecture import rules

OVER_MODULES = [rules.settings_reads, rules.xml_parsers, rules.hasty_tasks, rules.unnamed_tasks]


@pytest.mark.parametrize("rule", OVER_MODULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule):
    problems = [problem for name, text in rules.modules() for problem in rule(name, text)]

    assert problems == []


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (rules.settings_reads, "lti_consumer/api.py", "from django.conf import settings\nx = settings.DEBUG"),
        (rules.settings_reads, "lti_consumer/api.py", "from django.conf import settings as s\ngetattr(s, 'DEBUG')"),
        (rules.settings_reads, "lti_consumer/api.py", "import django.conf"),
        (rules.xml_parsers, "lti_consumer/api.py", "from lxml import etree\netree.fromstring(b'')"),
        (rules.xml_parsers, "lti_consumer/api.py", "import lxml.etree\nlxml.etree.XMLParser()"),
        (rules.xml_parsers, "lti_consumer/api.py", "from lxml.etree import parse"),
        (rules.xml_parsers, "lti_consumer/api.py", "from lxml import html"),
        (rules.xml_parsers, "lti_consumer/api.py", "import xml.etree.ElementTree as ET"),
        (rules.xml_parsers, "lti_consumer/api.py", "from xml.dom import minidom"),
        (rules.hasty_tasks, "lti_consumer/api.py", "def put():\n    purge.delay()"),
        (rules.hasty_tasks, "lti_consumer/api.py", "def put():\n    tasks['a'].apply_async()\n    on_commit(other)"),
        (rules.hasty_tasks, "lti_consumer/api.py", "on_commit(lambda: app.send_task('a'))"),
        (rules.unnamed_tasks, "lti_consumer/tasks.py", "@shared_task\ndef purge(): pass"),
        (rules.unnamed_tasks, "lti_consumer/tasks.py", "@shared_task(name='lti.purge')\ndef purge(): pass"),
        (rules.foreign_hosts, "base.html", '<script src="https://cdn' '.example.org/a.js"></script>'),
        (rules.foreign_hosts, "tox.ini", "install = /ho" "me/somebody/venv"),
    ],
)
def test_a_break_of_the_rule_is_found(rule, name, text):
    assert rule(name, text)


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (rules.settings_reads, "a/models.py", "from django.conf import settings\nx = settings.AUTH_USER_MODEL"),
        (rules.settings_reads, "standalone/urls.py", "from django.conf import settings\nx = settings.DEBUG"),
        (rules.xml_parsers, "lti_consumer/outcomes.py", "from lxml import etree\netree.SubElement(root, 'a')"),
        (rules.xml_parsers, "core/lti/xml.py", "from lxml import etree\netree.fromstring(b'')"),
        (rules.hasty_tasks, "lti_consumer/api.py", "transaction.on_commit(lambda: tasks['a'].apply_async())"),
        (rules.hasty_tasks, "lti_consumer/api.py", "def ring():\n    task.delay()\ntransaction.on_commit(ring)"),
        (
            rules.unnamed_tasks,
            "lti_consumer/tasks.py",
            "@shared_task(name='learning_ext_lti_consumer.a')\ndef a(): pass",
        ),
        (rules.foreign_hosts, "base.html", '<link href="{% static \'base.css\' %}">'),
    ],
)
def test_what_keeps_the_rule_is_let_through(rule, name, text):
    assert rule(name, text) == []


def test_no_file_names_a_registry_a_shared_server_or_a_machine():
    answer = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=rules.ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [name for name in answer.stdout.splitlines() if not name.endswith((".png", ".mo", ".ico"))]

    problems = [
        problem
        for name in names
        if (path := rules.ROOT / name).is_file()
        for problem in rules.foreign_hosts(name, path.read_text(encoding="utf-8"))
    ]

    assert "setup.cfg" in names
    assert problems == []
