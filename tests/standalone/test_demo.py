"""The command ``learning-ext``: in processes of their own, as people run it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests
from lxml import html

from openedx_learning_ext.standalone.demo import COURSE_ID

COMMAND = [sys.executable, "-m", "openedx_learning_ext"]


def environment(**more):
    """Return the environment without this process's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEARNING_EXT_", "DJANGO_"))}
    return kept | more


def run(*arguments, cwd, **more):
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=120
    )


def start(*arguments, cwd):
    """Start the command, and return it once it says where to click, with what it has printed until then."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    printed = ""
    for line in process.stdout:
        printed += line
        if "Ctrl-C stops" in line:
            return process, printed
    process.wait()
    process.stdout.close()
    raise AssertionError(f"it ended with {process.returncode}:\n{printed}")


def stop(process, signum=signal.SIGINT):
    """Stop it, and return its exit status and what it said last."""
    process.send_signal(signum)
    rest, _ = process.communicate(timeout=30)
    return process.returncode, rest


def seed(cwd):
    """Make a data folder that is not new, so that no story is played."""
    for command in ("migrate", "seed_demo"):
        answer = run("manage", command, cwd=cwd, LEARNING_EXT_DATA="data")
        assert answer.returncode == 0, answer.stderr


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_check_plays_the_story_and_leaves_nothing_behind(tmp_path):
    answer = run("demo", "--check", cwd=tmp_path, TMPDIR=str(tmp_path))

    assert answer.returncode == 0, answer.stdout + answer.stderr
    steps = [line for line in answer.stdout.splitlines() if "..." in line]
    assert [line.split(".")[0].strip() for line in steps] == [str(number) for number in range(1, len(steps) + 1)]
    assert {line.rsplit("... ", 1)[1] for line in steps} == {"ok", "not yet"}
    assert "Traceback" not in answer.stderr
    assert "WARNING" not in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_check_exits_with_one_when_a_step_fails(tmp_path):
    whole = run("demo", "--check", "--data", "data", cwd=tmp_path)
    run("manage", "retire", "ada", cwd=tmp_path, LEARNING_EXT_DATA="data")

    without_ada = run("demo", "--check", "--data", "data", cwd=tmp_path)

    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert without_ada.returncode == 1
    assert "FAILED: " in without_ada.stdout and "Traceback" not in without_ada.stderr


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_stopped_and_ends_without_a_trace(tmp_path, signum):
    port = free_port()
    process, printed = start("demo", "--port", str(port), "--data", "data", cwd=tmp_path)
    with requests.Session() as browser:
        browser.trust_env = False
        answer = browser.get(f"http://127.0.0.1:{port}/login/", timeout=30)

    status, rest = stop(process, signum)

    assert "The story" in printed and f"Open http://127.0.0.1:{port}/" in printed
    assert answer.status_code == 200
    assert status == 0
    assert "Traceback" not in rest and "Stopped." in rest


def gradebook_at(port):
    """Return what the campus's gradebook shows for ada, and the address of its outcome service."""
    with requests.Session() as browser:
        browser.trust_env = False
        page = html.fromstring(browser.get(f"http://127.0.0.1:{port}/campus/gradebook/", timeout=30).content)
    address = re.search(r"http://127\.0\.0\.1:[0-9]+/outcomes", page.text_content())
    return page.xpath("//tr[contains(th, 'Ada')]/td[1]")[0].text, address.group()


def test_a_second_start_keeps_the_data_plays_no_story_and_finds_everybody_at_their_addresses(tmp_path):
    first_port, second_port = free_port(), free_port()
    process, first_printed = start("demo", "--port", str(first_port), "--data", "data", cwd=tmp_path)
    campus = gradebook_at(first_port)
    stop(process)

    process, printed = start("demo", "--port", str(second_port), "--data", "data", cwd=tmp_path)
    try:
        from openedx_learning_ext.standalone import demo

        with requests.Session() as browser:
            browser.trust_env = False
            story = demo.Story(base_url=f"http://127.0.0.1:{second_port}", browser=browser)
            demo.ada_signs_in(story)
            kept = story.score_on(story.course_page)
            demo.tool_is_launched(story)
        campus_now = gradebook_at(second_port)
    finally:
        stop(process)

    assert f"http://127.0.0.1:{first_port}/campus/" in first_printed
    assert "The story" not in printed
    assert kept == "Your score: 9 of 10"
    assert campus[0] == "10 of 10"
    assert campus_now == campus


def test_when_the_port_of_the_campus_is_taken_the_site_is_served_and_says_so(tmp_path):
    seed(tmp_path)
    port = free_port()
    process, _ = start("demo", "--port", str(port), "--data", "data", cwd=tmp_path)
    _, address = gradebook_at(port)
    stop(process)

    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2].partition("/")[0]))):
        process, printed = start("demo", "--port", str(port), "--data", "data", cwd=tmp_path)
        shown = gradebook_at(port)
        stop(process)

    assert "The campus of the demonstration is switched off: another program has its port now." in printed
    assert shown == ("none", address)


def test_a_token_opens_the_api_whatever_the_port(tmp_path):
    seed(tmp_path)
    process, _ = start("demo", "--port", str(port := free_port()), "--data", "data", cwd=tmp_path)
    try:
        made = run("manage", "make_jwt", "grace", cwd=tmp_path, LEARNING_EXT_DATA="data")
        with requests.Session() as script:
            script.trust_env = False
            address = f"http://127.0.0.1:{port}/api/learning_ext/lti_consumer/v1/courses/{COURSE_ID}/configurations/"
            answer = script.get(address, headers={"Authorization": f"JWT {made.stdout.strip()}"}, timeout=30)
    finally:
        stop(process)

    assert answer.status_code == 200, answer.text
    assert answer.json()["count"] == 1


def test_listening_everywhere_says_how_others_reach_it_and_strangers_fill_no_log(tmp_path):
    seed(tmp_path)
    port = free_port()
    process, printed = start("demo", "--host", "0.0.0.0", "--port", str(port), "--data", "data", cwd=tmp_path)
    with requests.Session() as browser:
        browser.trust_env = False
        headers = {"Host": f"stranger.example:{port}"}
        answer = browser.get(f"http://127.0.0.1:{port}/login/", headers=headers, timeout=30)

    _, rest = stop(process)

    assert "everyone knows the demo's passwords" in printed
    assert f"LEARNING_EXT_PUBLIC_URL=http://<name>:{port}" in printed
    assert answer.status_code == 400
    assert "Traceback" not in rest and "stranger" not in rest


def test_a_port_in_use_is_one_clear_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        answer = run("demo", "--port", str(port), cwd=tmp_path)

    assert answer.returncode == 1
    assert answer.stderr.strip().splitlines() == [
        f"Cannot listen on 127.0.0.1, port {port} (Address already in use): choose another --port."
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [(), ("demo", "--port", "99999"), ("demo", "--port", "x"), ("dance",)])
def test_a_wrong_call_is_explained_with_status_two(tmp_path, arguments):
    answer = run(*arguments, cwd=tmp_path)

    assert answer.returncode == 2
    assert "usage: learning-ext" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_manage_is_the_default_hosts_manage_py(tmp_path):
    answer = run("manage", "check", cwd=tmp_path, LEARNING_EXT_DATA=str(tmp_path / "data"))

    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


def test_without_the_extra_it_says_which_command_helps(tmp_path):
    hider = "import sys; sys.modules['waitress'] = None\n"
    code = (
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'waitress' else find(name, *rest)\n"
        "from openedx_learning_ext.standalone.cli import main; raise SystemExit(main(['demo']))\n"
    )

    program = [sys.executable, "-c", hider + code]
    answer = subprocess.run(program, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60)

    assert answer.returncode == 1
    assert "pip install 'openedx-learning-ext[standalone]'" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_sweep_runs_beside_the_site_again_and_again(transactional_db):
    from openedx_learning_ext import sweeping
    from openedx_learning_ext.standalone.sweeper import swept

    with swept(interval_seconds=0.05):
        first = sweeping.last_run_at()
        deadline = time.monotonic() + 10
        while sweeping.last_run_at() == first and time.monotonic() < deadline:
            time.sleep(0.05)

        assert first is not None
        assert sweeping.last_run_at() > first
