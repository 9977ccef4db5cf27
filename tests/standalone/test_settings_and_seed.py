"""The default host starts from nothing, and keeps what it has."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading

import pytest
from celery import shared_task
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command

from openedx_learning_ext.lti_consumer import api as lti_consumer
from openedx_learning_ext.standalone import models
from openedx_learning_ext.standalone.management.commands.seed_demo import DEMO, OTHER

SHOW_KEY = (
    "import hashlib; from openedx_learning_ext.standalone import settings as s; "
    "print(hashlib.sha256((s.SECRET_KEY + s.OPENEDX_LEARNING_EXT_SECRET_KEYS[0]).encode()).hexdigest())"
)


def run_python(code, cwd, **environment):
    """Run a program in a process of its own, in a folder, without this process's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEARNING_EXT_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=60
    )


def test_settings_write_into_the_data_folder_only_and_keep_their_keys_there(tmp_path):
    data = tmp_path / "data"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    first = run_python(SHOW_KEY, elsewhere, LEARNING_EXT_DATA=str(data))
    second = run_python(SHOW_KEY, elsewhere, LEARNING_EXT_DATA=str(data))

    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert list(elsewhere.iterdir()) == []
    assert sorted(path.name for path in data.iterdir()) == ["encryption_key", "secret_key"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()} == {0o600}
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_another_data_folder_has_other_keys(tmp_path):
    first = run_python(SHOW_KEY, tmp_path, LEARNING_EXT_DATA="one")
    second = run_python(SHOW_KEY, tmp_path, LEARNING_EXT_DATA="two")

    assert first.stdout != second.stdout


def test_a_data_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")

    answer = run_python(SHOW_KEY, tmp_path, LEARNING_EXT_DATA=str(tmp_path / "file" / "data"))

    assert answer.returncode != 0
    assert "The data folder (LEARNING_EXT_DATA) cannot be made" in answer.stderr


def test_a_public_address_that_is_none_is_refused(tmp_path):
    answer = run_python(SHOW_KEY, tmp_path, LEARNING_EXT_PUBLIC_URL="example.org")

    assert "LEARNING_EXT_PUBLIC_URL must be an absolute http or https URL" in answer.stderr


def test_plugins_come_last_and_those_of_others_are_loaded_too(settings):
    plugins = settings.INSTALLED_APPS[settings.INSTALLED_APPS.index("openedx_learning_ext.standalone") + 1 :]

    assert "openedx_learning_ext.apps.LearningExtConfig" in plugins
    assert "openedx_learning_ext.lti_consumer.apps.LtiConsumerConfig" in plugins
    assert "edx_toggles.apps.TogglesConfig" in plugins


def test_the_project_passes_its_checks_and_has_all_migrations(db):
    call_command("check", fail_level="WARNING")
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_a_task_runs_at_once_in_the_process_that_starts_it():
    threads = []

    @shared_task(name="tests.standalone.where")
    def where():
        threads.append(threading.get_ident())

    where.delay()

    assert threads == [threading.get_ident()]


@pytest.mark.parametrize("name", ["ada", "bob", "grace", "admin"])
def test_everyone_of_the_demo_signs_in_with_their_name(seeded, name):
    assert authenticate(username=name, password=name) is not None


def test_the_seed_has_the_courses_and_who_is_in_them(seeded):
    enrolled = {(row.user.username, row.course_key) for row in models.Enrollment.objects.select_related("user")}

    assert enrolled == {("ada", DEMO), ("bob", DEMO), ("bob", OTHER)}
    assert {row.course_key: row.may_share_pii for row in models.Course.objects.all()} == {DEMO: True, OTHER: False}
    role = models.CourseRole.objects.select_related("user").get()
    assert (role.user.username, role.course_key, role.role) == ("grace", DEMO, "staff")
    assert seeded.person("admin").is_superuser
    assert seeded.placement.graded
    assert models.Block.objects.get(usage_key=seeded.placement.usage_key).is_graded


def test_seeding_twice_adds_nothing_and_changes_nothing(seeded):
    ada = seeded.person("ada")
    ada.set_password("my own words")
    ada.save()
    models.Profile.objects.filter(user=ada).update(name="Ada Byron")
    tables = (get_user_model(), models.Profile, models.Course, models.Enrollment, models.CourseRole, models.Block)
    before = [list(table.objects.order_by("pk").values()) for table in tables]

    call_command("seed_demo", verbosity=0)

    assert [list(table.objects.order_by("pk").values()) for table in tables] == before
    assert lti_consumer.list_configurations(course_key=DEMO).count() == 1
    assert lti_consumer.list_placements(course_key=DEMO).get().uuid == seeded.placement.uuid


def test_a_later_start_brings_the_tools_address_up_to_date_and_nothing_back(seeded, settings):
    others = lti_consumer.create_configuration(
        course_key=DEMO,
        lti_1p1_launch_url="https://tool.example/tool/launch",
        lti_1p1_client_key="demo-tool",
        lti_1p1_client_secret="another secret",
    )
    lti_consumer.delete_placement(course_key=DEMO, placement_uuid=seeded.placement.uuid)
    secret = seeded.configuration.lti_1p1_client_secret
    settings.LMS_ROOT_URL = "http://127.0.0.1:9000"

    call_command("seed_demo", tool_address=True, verbosity=0)

    moved = lti_consumer.get_configuration(course_key=DEMO, configuration_id=seeded.configuration.pk)
    assert moved.lti_1p1_launch_url == "http://127.0.0.1:9000/tool/launch/"
    assert moved.lti_1p1_client_secret == secret
    others.refresh_from_db()
    assert others.lti_1p1_launch_url == "https://tool.example/tool/launch"
    assert not lti_consumer.list_placements(course_key=DEMO).exists()
