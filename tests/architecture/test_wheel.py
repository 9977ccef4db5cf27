"""The wheel has what a site needs and nothing of ours beside; installed into an empty environment, it runs."""

import os
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

# In one worker, so that the wheel is built and the environment is made once.
pytestmark = [pytest.mark.packaging, pytest.mark.xdist_group("wheel")]

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "openedx_learning_ext"


def run(*arguments, cwd, check=True):
    """Run a command as somebody who has never heard of this checkout."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTHON", "LEARNING_EXT_"))
    }
    process = subprocess.run(arguments, cwd=cwd, env=environment, capture_output=True, text=True, timeout=570)
    assert not check or process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
    return process


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel as a release does: from the source distribution, so that MANIFEST.in is tested too."""
    folder = tmp_path_factory.mktemp("dist")
    # A copy without egg-info: that folder lists files, and setuptools would take them whatever MANIFEST.in says.
    source = folder / "source"
    source.mkdir()
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout.splitlines()
    for name in tracked:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source), cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_what_is_in_the_package_and_nothing_else(wheel):
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / PACKAGE).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".pyo", ".mo") and "__pycache__" not in path.parts
    }

    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert names - expected == set()
    assert expected - names == set()


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "conf/locale/config.yaml",
        "conf/locale/en/LC_MESSAGES/django.po",
        "lti_consumer/migrations/0001_initial.py",
        "lti_consumer/templates/openedx_learning_ext/lti_consumer/*.html",
        "standalone/migrations/0001_initial.py",
        "standalone/templates/openedx_learning_ext/standalone/*.html",
        "standalone/static/openedx_learning_ext/standalone/*.css",
    ],
)
def test_the_wheel_has(wheel, name):
    with zipfile.ZipFile(wheel) as archive:
        found = [path for path in archive.namelist() if Path(path).match(f"{PACKAGE}/{name}")]

    assert found


def test_the_wheel_has_the_licence_and_neither_tests_nor_documentation(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert [name for name in names if name.endswith("licenses/LICENSE.txt")]
    assert [name for name in names if name.split("/")[0] in ("tests", "docs", "bench", "requirements")] == []


@pytest.fixture(scope="module")
def empty_environment(wheel, tmp_path_factory):
    """A new virtual environment with the wheel and what it asks for, without any extra."""
    folder = tmp_path_factory.mktemp("site")
    run(sys.executable, "-m", "venv", str(folder / "venv"), cwd=folder)
    python = str(folder / "venv" / "bin" / "python")
    # The same versions as here, so that what was downloaded for this environment is used again.
    pins = folder / "constraints.txt"
    frozen = run(sys.executable, "-m", "pip", "freeze", "--exclude-editable", cwd=folder).stdout.splitlines()
    pins.write_text("\n".join(line for line in frozen if "==" in line), encoding="utf-8")
    run(
        python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary", "--no-compile",
        "--constraint", str(pins), str(wheel), cwd=folder,
    )  # fmt: skip
    return folder


def test_the_entry_points_load_in_an_empty_environment(empty_environment):
    expected = {
        (point.group, point.name)
        for point in distribution("openedx-learning-ext").entry_points
        if point.group.endswith(".djangoapp")
    }
    code = (
        "from importlib.metadata import distribution\n"
        "for point in distribution('openedx-learning-ext').entry_points:\n"
        "    if point.group.endswith('.djangoapp'):\n"
        "        print(point.group, point.name, point.load().label)\n"
    )

    answer = run(str(empty_environment / "venv/bin/python"), "-c", code, cwd=empty_environment)

    lines = [line.split() for line in answer.stdout.splitlines()]
    assert {(group, name) for group, name, _ in lines} == expected
    assert [name for _, name, label in lines if name != label] == []


def test_the_plugin_manager_finds_them_there(empty_environment):
    code = "from edx_django_utils.plugins import get_plugin_apps; print(*get_plugin_apps('lms.djangoapp'), sep='\\n')"

    answer = run(str(empty_environment / "venv/bin/python"), "-c", code, cwd=empty_environment)

    assert f"{PACKAGE}.apps.LearningExtConfig" in answer.stdout.splitlines()
    assert f"{PACKAGE}.lti_consumer.apps.LtiConsumerConfig" in answer.stdout.splitlines()
    assert "Could not load" not in answer.stderr


def test_the_command_answers_without_the_extra(empty_environment):
    answer = run(str(empty_environment / "venv/bin/python"), "-m", PACKAGE, "--help", cwd=empty_environment)

    assert "demo" in answer.stdout


def test_the_demo_without_its_extra_says_which_command_helps(empty_environment):
    answer = run(str(empty_environment / "venv/bin/learning-ext"), "demo", cwd=empty_environment, check=False)

    said = answer.stdout + answer.stderr
    assert answer.returncode != 0
    assert "pip install 'openedx-learning-ext[standalone]'" in said
    assert "Traceback" not in said
    assert list(empty_environment.glob("var")) == []
