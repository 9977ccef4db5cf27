"""The dependency rules of ``.importlinter``, and what else must hold of the tree as a whole."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command

from tests.architecture import rules

NAMES = (Path(__file__).parent / "names.txt").read_text(encoding="utf-8").split()


def run(*arguments, **environment):
    """Run a command in the root of the repository, with Django left alone unless the test says otherwise."""
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        arguments, cwd=rules.ROOT, env=inherited | environment, capture_output=True, text=True, timeout=120
    )


def test_the_import_contracts_are_kept():
    command = Path(sys.executable).with_name("lint-imports")

    answer = run(command, "--no-cache")

    assert answer.returncode == 0, answer.stdout
    assert "broken" in answer.stdout  # "9 kept, 0 broken": it looked at something
    assert " 0 broken" in answer.stdout


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_specification_is_where_it_says(name):
    module, thing = name, []
    while True:
        try:
            found = import_module(module)
            break
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            thing.insert(0, last)
            if not module:
                raise

    for part in thing:
        found = getattr(found, part)

    assert found is not None
    assert thing


@pytest.mark.parametrize(
    "module", sorted(path.relative_to(rules.ROOT).as_posix() for path in rules.PACKAGE.glob("**/apps.py"))
)
def test_an_apps_module_can_be_imported_before_there_are_settings(module):
    dotted = module.removesuffix(".py").replace("/", ".")
    code = (
        f"import {dotted}\n"
        "from django.conf import settings\n"
        "from django.apps import apps\n"
        "assert not settings.configured, 'it asked for the settings'\n"
        "assert not apps.apps_ready\n"
    )

    answer = run(sys.executable, "-X", "dev", "-W", "error", "-c", code)

    assert answer.returncode == 0, answer.stderr


def test_every_label_is_ours_alone_and_every_table_follows_it():
    ours = [config for config in apps.get_app_configs() if config.name.split(".")[0] == "openedx_learning_ext"]

    labels = {config.label for config in ours}

    assert len(ours) >= 3
    assert all(label == "learning_ext" or label.startswith("learning_ext_") for label in labels)
    for config in ours:
        assert config.default_auto_field == "django.db.models.BigAutoField"
        for model in config.get_models():
            assert model._meta.db_table.startswith(f"{config.label}_")
            # Django cuts and hashes longer ones on MySQL, so that two databases would differ.
            assert len(model._meta.db_table) <= 64


def test_reverse_accessors_on_the_hosts_people_start_with_our_prefix():
    from django.contrib.auth import get_user_model

    ours = [
        relation.get_accessor_name()
        for relation in get_user_model()._meta.get_fields(include_hidden=True)
        if relation.auto_created
        and relation.is_relation
        and relation.related_model._meta.app_label.startswith("learning_ext")
        and not relation.hidden
    ]

    assert ours
    assert [name for name in ours if not name.startswith("learning_ext_")] == []


def test_every_process_knows_every_task():
    declared = {
        given
        for name, text in rules.modules()
        if name.endswith("tasks.py")
        for _, given in rules.declared_tasks(text)
    }
    code = "import django; django.setup(); from celery import current_app; print(*current_app.tasks, sep='\\n')"

    answer = run(sys.executable, "-c", code, DJANGO_SETTINGS_MODULE="test_settings")

    assert answer.returncode == 0, answer.stderr
    known = set(answer.stdout.split())
    assert "celery.chord" in known  # Celery's own are there: the list is real
    assert declared - known == set()
