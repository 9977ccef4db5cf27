"""
Our installed entry points, loaded by the real plugin manager into a host that has apps with the labels we would like.

Each host is a process of its own (``tests/projects/lms_like``): settings, app registry and plugin lists are made once
in a process.
"""

import json
import os
import subprocess
import sys
from configparser import ConfigParser
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType

import pytest
from edx_django_utils.plugins import get_plugin_apps

from openedx_learning_ext.core import conf

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = ROOT / "tests" / "projects"
OUR_APPS = {"notifications", "course_live", "lti_provider", "lti_consumer", "certificates"}
WITH_BUILTIN = OUR_APPS - {"lti_consumer"}

PATHS_SETTING = "OPENEDX_LEARNING_EXT_SERVE_PLATFORM_PATHS"


def start(tmp_path, *, project="lms", builtins=True, **overrides):
    """Start a host, and answer the finished process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(PROJECTS), str(PROJECTS / "lms_like" / "builtins")]),
        "LMS_LIKE_PROJECT": project,
        "LMS_LIKE_BUILTINS": "1" if builtins else "0",
        "LMS_LIKE_DATABASE": str(tmp_path / "host.sqlite3"),
        "LMS_LIKE_OVERRIDES": json.dumps(overrides),
    }
    return subprocess.run(
        [sys.executable, "-X", "dev", "-m", "lms_like.probe"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def look_at(tmp_path, **variant):
    """Start a host that must start, and answer what was seen there."""
    process = start(tmp_path, **variant)
    assert process.returncode == 0, process.stderr[-4000:]
    assert "Could not load" not in process.stderr  # how the plugin manager reports a broken plugin
    return json.loads(process.stdout)


def declared(group):
    """The entry points that setup.cfg declares, as {name: path of the class}."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options.entry_points"][group].split("\n")
    return {name.strip(): path.strip() for name, path in (line.split("=") for line in lines if line)}


@pytest.mark.parametrize("group", ["lms.djangoapp", "cms.djangoapp"])
def test_every_declared_entry_point_is_loaded(group):
    expected = declared(group)

    points = distribution("openedx-learning-ext").entry_points.select(group=group)
    installed = {point.name: point.value for point in points}
    loaded = set(get_plugin_apps(group))

    assert installed == expected
    assert {path.replace(":", ".") for path in expected.values()} <= loaded


@pytest.mark.parametrize("group", ["lms.djangoapp", "cms.djangoapp"])
def test_an_entry_point_is_called_as_the_label_of_its_app(group):
    for name, path in declared(group).items():
        module, _, attribute = path.partition(":")

        config = getattr(import_module(module), attribute)

        assert config.label == name


def test_a_platform_with_all_built_ins_starts_and_has_nothing_to_complain_about(tmp_path):
    seen = look_at(tmp_path, project="lms")

    assert seen["checks"] == []
    assert seen["labels"]["lti_consumer"] == "lti_consumer"
    assert seen["labels"]["learning_ext_lti_consumer"] == "openedx_learning_ext.lti_consumer"
    assert seen["labels"]["learning_ext"] == "openedx_learning_ext"
    assert {"notifications", "certificates", "course_live", "lti_provider"} <= set(seen["labels"])
    assert {"lti_consumer_lticonfiguration", "learning_ext_lti_consumer_lticonfiguration"} <= set(seen["tables"])


def test_the_always_on_prefix_answers_on_a_platform(tmp_path):
    seen = look_at(tmp_path, project="lms")

    assert seen["addresses"]["learning_ext:health"] == "/api/learning_ext/health/"
    assert seen["answers"]["health"] == "openedx_learning_ext.health"
    assert seen["answers"]["placements"].startswith("openedx_learning_ext.lti_consumer.")
    assert seen["answers"]["outcomes"].startswith("openedx_learning_ext.lti_consumer.")
    assert seen["addresses"]["learning_ext:lti_consumer:placements"].startswith("/api/learning_ext/lti_consumer/v1/")


def test_studio_has_the_tables_of_lti_consumer_and_none_of_its_addresses(tmp_path):
    seen = look_at(tmp_path, project="cms")

    assert seen["checks"] == []
    assert "learning_ext_lti_consumer_lticonfiguration" in seen["tables"]
    assert seen["answers"]["health"] == "openedx_learning_ext.health"
    assert seen["answers"]["placements"] is None
    assert seen["answers"]["outcomes"] is None
    assert seen["addresses"]["learning_ext:lti_consumer:placements"] is None
    assert seen["answers"]["launch"] is None
    assert "learning_ext_lti_provider" not in seen["labels"]


LTI_BACKEND = "openedx_learning_ext.lti_provider.users.LtiBackend"


def test_the_lms_knows_whom_a_launch_has_signed_in_and_studio_does_not_need_to(tmp_path):
    lms = look_at(tmp_path, project="lms", ENABLE_LTI_PROVIDER=True)
    (tmp_path / "cms").mkdir()
    cms = look_at(tmp_path / "cms", project="cms")

    assert lms["backends"] == ["django.contrib.auth.backends.ModelBackend", LTI_BACKEND]
    assert lms["checks"] == []
    assert LTI_BACKEND not in cms["backends"]


def test_an_operator_who_replaces_the_list_of_backends_is_told_E001_of_lti_provider(tmp_path):
    mine = ["django.contrib.auth.backends.ModelBackend"]

    seen = look_at(tmp_path, ENABLE_LTI_PROVIDER=True, AUTHENTICATION_BACKENDS=mine)

    assert seen["checks"] == ["learning_ext_lti_provider.E001"]


def test_auto_leaves_the_platforms_paths_to_the_built_ins(tmp_path):
    seen = look_at(tmp_path)  # nothing said: "auto" is the default

    assert set(seen["has_builtin"]) == WITH_BUILTIN
    assert set(seen["serves"]) == {"lti_consumer"}
    assert set(seen["acts"]) == {"lti_consumer"}
    for app in WITH_BUILTIN:
        assert seen["answers"][f"platform {app}"] == app


def test_auto_serves_them_where_there_is_no_built_in(tmp_path):
    seen = look_at(tmp_path, builtins=False, **{PATHS_SETTING: "auto"})

    assert seen["has_builtin"] == []
    assert set(seen["serves"]) == OUR_APPS
    assert seen["answers"]["launch"] == "openedx_learning_ext.lti_provider.views"
    assert seen["answers"]["platform lti_provider"] == seen["answers"]["launch"]
    assert set(seen["acts"]) == OUR_APPS


def test_never_leaves_them_alone_and_still_acts_where_there_is_no_built_in(tmp_path):
    beside = look_at(tmp_path, **{PATHS_SETTING: "never"})
    (tmp_path / "alone").mkdir()
    alone = look_at(tmp_path / "alone", builtins=False, **{PATHS_SETTING: "never"})

    assert beside["serves"] == []
    assert set(beside["acts"]) == {"lti_consumer"}
    assert [app for app in WITH_BUILTIN if beside["answers"][f"platform {app}"] != app] == []
    assert alone["serves"] == []
    assert set(alone["acts"]) == OUR_APPS
    assert {alone["answers"][f"platform {app}"] for app in WITH_BUILTIN} == {None}
    # Our own prefix does not ask.
    assert beside["answers"]["placements"] == alone["answers"]["placements"] is not None


def test_always_serves_and_acts_beside_the_built_ins(tmp_path):
    seen = look_at(tmp_path, **{PATHS_SETTING: "always"})

    assert set(seen["has_builtin"]) == WITH_BUILTIN
    assert set(seen["serves"]) == OUR_APPS
    assert set(seen["acts"]) == OUR_APPS


def test_a_dict_speaks_for_the_apps_it_names_and_auto_for_the_others(tmp_path):
    seen = look_at(tmp_path, **{PATHS_SETTING: {"notifications": "always", "lti_consumer": "never"}})

    assert set(seen["serves"]) == {"notifications"}
    assert set(seen["acts"]) == {"notifications", "lti_consumer"}


def test_a_site_that_no_adapter_fits_starts_and_is_told_E001(tmp_path):
    seen = look_at(tmp_path, project="elsewhere", builtins=False)

    assert seen["checks"] == ["learning_ext.E001"]
    assert seen["answers"]["health"] == "openedx_learning_ext.health"


def test_an_adapter_that_cannot_be_imported_is_E001_and_no_crash(tmp_path):
    seen = look_at(tmp_path, OPENEDX_LEARNING_EXT_HOST="nowhere.at.AllHost")

    assert seen["checks"] == ["learning_ext.E001"]


def test_a_mode_that_means_nothing_is_E002(tmp_path):
    seen = look_at(tmp_path, **{PATHS_SETTING: "sometimes"})

    assert seen["checks"] == ["learning_ext.E002"]


def settings_modules():
    """Every module with ``plugin_settings`` that a manifest names."""
    for group in ("lms.djangoapp", "cms.djangoapp"):
        for path in declared(group).values():
            module, _, attribute = path.partition(":")
            config = getattr(import_module(module), attribute)
            for stages in config.plugin_app.get("settings_config", {}).values():
                for stage in stages.values():
                    yield f"{config.name}.{stage.get('relative_path', 'settings')}"


@pytest.mark.parametrize("module", sorted(set(settings_modules())))
def test_plugin_settings_can_be_applied_twice(module):
    host = ModuleType("settings_of_a_host")
    host.MIDDLEWARE = ["first.Middleware"]
    host.AUTHENTICATION_BACKENDS = ["first.Backend"]
    import_module(module).plugin_settings(host)
    once = {name: repr(value) for name, value in vars(host).items()}

    import_module(module).plugin_settings(host)

    assert {name: repr(value) for name, value in vars(host).items()} == once
    assert host.MIDDLEWARE[-1] == "first.Middleware"
    assert host.AUTHENTICATION_BACKENDS[0] == "first.Backend"


@pytest.mark.parametrize("module", sorted(set(settings_modules())))
def test_plugin_settings_overrides_nothing_that_is_set(module):
    empty = ModuleType("settings_of_an_empty_host")
    import_module(module).plugin_settings(empty)
    given = {name for name in vars(empty) if name.isupper()} - {"MIDDLEWARE", "AUTHENTICATION_BACKENDS"}
    host = ModuleType("settings_of_a_host")
    for name in given | set(conf.Setting.registry):
        setattr(host, name, f"what the operator wants for {name}")
    before = dict(vars(host))

    import_module(module).plugin_settings(host)

    assert {name: vars(host)[name] for name in before} == before
