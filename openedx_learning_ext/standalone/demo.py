"""
The demo: prepare a data folder, serve the default host, and play the story against it.

The story uses the site as people do: over HTTP, through the same pages and forms, in the order in which the library
grows. Steps of apps that are not built yet say so and do not count as passed.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin

import requests
from django.core.management import call_command
from lxml import html
from waitress import wasyncore
from waitress.server import create_server

from openedx_learning_ext.standalone import sweeper
from openedx_learning_ext.standalone.campus import service as campus
from openedx_learning_ext.standalone.management.commands.seed_demo import CAMPUS_EXERCISE, DEMO, EXERCISES

COURSE_ID = str(DEMO)
TIMEOUT_SECONDS = 30
#: Longer than the first steps of the schedule by which a score is sent again.
PATIENCE_SECONDS = 60
#: A site that somebody looks at should not let a score wait for a sweep.
SWEEP_SECONDS = 2.0
# A tool of ours keeps one busy while the course answers it in another.
THREADS = 16


class StepFailed(Exception):
    """A step did not go as told; the text says what was found instead."""


@dataclass
class Visitor:
    """Somebody with a browser."""

    base_url: str
    browser: requests.Session = field(default_factory=requests.Session)

    def get(self, address: str) -> Page:
        """Open a page; return it once it is there with status 200."""
        return Page.of(self.browser.get(urljoin(self.base_url, address), timeout=TIMEOUT_SECONDS))

    def send(self, page: Page, form: Any, **values: str | list[str]) -> Page:
        """Fill in a form of a page and send it, with everything that the page put into it."""
        fields = {name: value for name, value in form.fields.items() if value is not None} | values
        # Django wants to know over https from which page a form came, and a browser tells it.
        answer = self.browser.post(
            urljoin(page.address, form.action or ""),
            data=fields,
            headers={"Referer": page.address},
            timeout=TIMEOUT_SECONDS,
        )
        return Page.of(answer)


@dataclass
class Story(Visitor):
    """
    What the steps share: where the site is, who is signed in, and what a step leaves for the next one.

    At the campus ada uses another browser: a launch signs her in here, and she is to sign in by herself, too.
    """

    say: Callable[[str], None] = print
    course_page: str = ""
    tool_page: str = ""
    room: Page | None = None
    at_campus: Visitor = field(init=False)
    exercise: Page | None = None
    grade_address: str = ""

    def __post_init__(self) -> None:
        """Give her the other browser; :meth:`close` ends its connections."""
        self.at_campus = Visitor(self.base_url)
        self.at_campus.browser.trust_env = self.browser.trust_env

    def close(self) -> None:
        """End the connections of the browser at the campus."""
        self.at_campus.browser.close()

    def score_on(self, address: str) -> str:
        """Return the score that a course page shows for the tool."""
        return self.get(address).text_of("//*[contains(@class, 'tool')]//*[@class='score']", "a score")


@dataclass(frozen=True)
class Page:
    """A page as it came, after redirects."""

    address: str
    tree: Any

    @classmethod
    def of(cls, answer: requests.Response) -> Page:
        """Read the answer; any other status than 200 fails the step."""
        if answer.status_code != 200:
            raise StepFailed(f"{_path(answer.url)} answered {answer.status_code}")
        return cls(address=answer.url, tree=html.fromstring(answer.content))

    def one(self, path: str, what: str) -> Any:
        """Return the first element that an XPath finds; the step fails when there is none."""
        found = self.tree.xpath(path)
        if not found:
            raise StepFailed(f"{_path(self.address)} has no {what}")
        return found[0]

    def text_of(self, path: str, what: str) -> str:
        """Return an element's text, its blanks made single."""
        return " ".join(self.one(path, what).text_content().split())

    def form(self, path: str, what: str) -> Any:
        """Return the form whose action contains ``path``."""
        return self.one(f"//form[contains(@action, '{path}')]", what)


def _path(address: str) -> str:
    """Return an address without what is personal in it."""
    return re.sub(r"^https?://[^/]+", "", address).partition("?")[0]


def _expect(true: bool, otherwise: str) -> None:
    if not true:
        raise StepFailed(otherwise)


# -- the steps ---------------------------------------------------------------------------------------------------------


def plugins_are_loaded(story: Story) -> None:
    """The library is loaded by the platform's plugin manager and is healthy."""
    answer = story.browser.get(f"{story.base_url}/api/learning_ext/health/", timeout=TIMEOUT_SECONDS)
    _expect(answer.status_code == 200, f"health answered {answer.status_code}")
    _expect(answer.json() == {"status": "ok"}, f"health answered {answer.text}")


def campus_launches_ada(story: Story) -> None:
    """A campus launches ada into a graded exercise."""
    visitor = story.at_campus
    page = visitor.get("/campus/")
    page = visitor.send(page, page.form("/enter/", "form to come in"), learner="ada")
    frame = page.one("//iframe[@src]", "frame")
    launch = visitor.get(urljoin(page.address, frame.get("src")))
    story.exercise = visitor.send(launch, launch.one("//form[@id='lti-launch']", "launch form"))
    _exercise_form(story)
    line = story.exercise.one("//script[@data-state-url]", "line about the grade")
    story.grade_address = urljoin(story.exercise.address, line.get("data-state-url"))


def campus_shows_the_score(story: Story) -> None:
    """She answers, and the campus's gradebook shows the score."""
    _answer(story, _right_options()[:1])
    _wait_for(_grade, story, "5 of 10", "the gradebook shows")


def campus_shows_the_newest_score_once_it_is_back(story: Story) -> None:
    """The campus is switched off, she improves, it comes back and shows the new score."""
    shown = _grade(story)
    story.say("     The campus is switched off; the log will say that a score could not be sent.")
    _turn_campus(story, "off")
    try:
        _answer(story, _right_options())
        state = _grade_state(story)
        _expect(state == "waiting", f"she is told that her grade is “{state}”")
        time.sleep(2)  # in which it is tried in vain
        _expect(_grade(story) == shown, "a campus that is switched off shows something new")
    finally:
        _turn_campus(story, "on")
    story.say(f"     The campus is back; waiting up to {PATIENCE_SECONDS} s for the score to be sent again.")
    _wait_for(_grade, story, "10 of 10", "the gradebook shows")
    _wait_for(_grade_state, story, "sent", "she is told that her grade is")


def _right_options() -> list[str]:
    content: Any = EXERCISES[CAMPUS_EXERCISE]["content"]
    return [str(place) for place in content["right"]]


def _exercise_form(story: Story) -> tuple[Page, Any]:
    if story.exercise is None:
        raise StepFailed("the exercise was not launched")
    return story.exercise, story.exercise.form("/exercises/", "exercise")


def _answer(story: Story, options: list[str]) -> None:
    page, form = _exercise_form(story)
    story.exercise = story.at_campus.send(page, form, option=options)


def _grade_state(story: Story) -> str:
    """Return what the line below the exercise asks for: how far her grade got."""
    answer = story.at_campus.browser.get(story.grade_address, timeout=TIMEOUT_SECONDS)
    _expect(answer.status_code == 200, f"asked about her grade, the site answered {answer.status_code}")
    return str(answer.json()["state"])


def _wait_for(ask: Callable[[Story], str], story: Story, wanted: str, what: str) -> None:
    """Ask until the answer is as wanted; the step fails when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := ask(story)) != wanted:
        _expect(time.monotonic() < deadline, f"{what} “{answer}”")
        time.sleep(0.25)


def _grade(story: Story) -> str:
    """Return the score that the campus's gradebook shows for ada."""
    page = story.at_campus.get("/campus/gradebook/")
    return page.text_of("//table[@id='grades']//tr[contains(th, 'Ada')]/td", "grade")


def _turn_campus(story: Story, position: str) -> None:
    page = story.at_campus.get("/campus/gradebook/")
    page = story.at_campus.send(page, page.form("/service/", "switch"), behaviour=position)
    state = page.text_of("//*[@id='service-state']", "state of the outcome service")
    _expect(state.lower().startswith(position), f"the campus says “{state}”")


def ada_signs_in(story: Story) -> None:
    """Ada signs in and opens her course."""
    page = story.get("/login/")
    form = page.one("//form[.//input[@name='password']]", "sign-in form")
    page = story.send(page, form, username="ada", password="ada")
    links = page.tree.xpath("//a[contains(@href, '/courses/')]/@href")
    mine = [urljoin(page.address, link) for link in links if COURSE_ID in unquote(link)]
    _expect(bool(mine), "her dashboard does not link to the course")
    story.course_page = mine[0]
    link = story.get(story.course_page).one("//*[contains(@class, 'tool')]//a[contains(@href, '/tools/')]", "tool")
    story.tool_page = urljoin(story.course_page, link.get("href"))


def tool_is_launched(story: Story) -> None:
    """The course launches an external tool for her; the tool finds the signature good."""
    frame = story.get(story.tool_page).one("//iframe[@src]", "frame")
    launch = story.get(urljoin(story.tool_page, frame.get("src")))
    story.room = story.send(launch, launch.one("//form[@id='lti-launch']", "launch form"))
    greeting = story.room.text_of("//*[@id='greeting']", "greeting")
    _expect("you learn here" in greeting, "the tool does not greet her as a learner")


def tool_posts_a_grade(story: Story) -> None:
    """The tool posts a grade back, and the course shows it."""
    _answer_of(story, "/score/", score="80", good=True)
    shown = story.score_on(story.course_page)
    _expect("8 of 10" in shown, f"the course shows “{shown}”")


def tool_reads_the_grade(story: Story) -> None:
    """The tool asks for the grade, and the course tells it."""
    answer = _answer_of(story, "/read/", good=True)
    _expect("0.8" in answer, f"the tool was told “{answer}”")


def replay_is_refused(story: Story) -> None:
    """A grade that is sent again unchanged, as an eavesdropper would, is refused."""
    _answer_of(story, "/score/", score="55", good=True)
    _answer_of(story, "/again/", good=False)
    shown = story.score_on(story.course_page)
    _expect("5.5 of 10" in shown, f"the course shows “{shown}”")


def overtaken_replay_changes_nothing(story: Story) -> None:
    """The tool takes the grade back; a deletion sent again unchanged changes nothing that came after it."""
    _answer_of(story, "/delete/", good=True)
    shown = story.score_on(story.course_page)
    _expect("none yet" in shown, f"the course shows “{shown}”")
    _answer_of(story, "/again/", good=False)
    _answer_of(story, "/score/", score="90", good=True)
    shown = story.score_on(story.course_page)
    _expect("9 of 10" in shown, f"the course shows “{shown}”")


def _answer_of(story: Story, action: str, *, good: bool, **values: str) -> str:
    """Press one of the tool's buttons and return what the tool says the course said."""
    if story.room is None:
        raise StepFailed("the tool was not launched")
    story.room = story.send(story.room, story.room.form(action, f"form for {action}"), **values)
    answer = story.room.text_of("//*[@id='answer']", "answer of the course")
    is_good = "good" in story.room.one("//*[@id='answer']", "answer").get("class").split()
    _expect(is_good == good, f"the tool was told “{answer}”")
    return answer


Step = Callable[[Story], None]

#: In the order of the design; where there is no function yet, only what it will show.
STEPS: list[Step | str] = [
    plugins_are_loaded,
    campus_launches_ada,
    campus_shows_the_score,
    campus_shows_the_newest_score_once_it_is_back,
    ada_signs_in,
    tool_is_launched,
    tool_posts_a_grade,
    tool_reads_the_grade,
    replay_is_refused,
    overtaken_replay_changes_nothing,
    "The team sets up Live; ada opens the tab and lands in the room.",
    "The team announces to the course; everyone finds one notification, and who switches it off gets no more.",
    "Ada passes; her certificate is rendered, downloaded and verified.",
]


def play(base_url: str, say: Callable[[str], None] = print) -> bool:
    """Play the story against a running site, a line a step; return whether no step failed."""
    failed = later = 0
    with requests.Session() as browser:
        browser.trust_env = False  # a proxy of the environment must not come between us and ourselves
        story = Story(base_url=base_url, browser=browser, say=say)
        for number, step in enumerate(STEPS, start=1):
            sentence = step if isinstance(step, str) else (step.__doc__ or "").strip()
            outcome = "not yet"
            if isinstance(step, str):
                later += 1
            else:
                why = _run(step, story)
                outcome = "ok" if why is None else f"FAILED: {why}"
                failed += why is not None
            say(f"{number:3}. {sentence} ... {outcome}")
        story.close()
    passed = len(STEPS) - failed - later
    say(f"     {passed} ok, {failed} failed, {later} not built yet.")
    return failed == 0


def _run(step: Step, story: Story) -> str | None:
    """Return why a step failed, or ``None``."""
    try:
        step(story)
    except StepFailed as error:
        return str(error)
    except requests.RequestException as error:
        return f"no answer ({type(error).__name__})"
    return None


# -- serving -----------------------------------------------------------------------------------------------------------


@contextmanager
def served(listener: socket.socket) -> Iterator[Any]:
    """Have the site answer on a listening socket; the caller runs the server's loop. All is closed at the end."""
    from openedx_learning_ext.standalone.wsgi import application

    logging.getLogger("waitress").setLevel(logging.ERROR)  # a full queue is no news here
    connections: dict[int, Any] = {}
    server = create_server(application, map=connections, sockets=[listener], threads=THREADS, ident=None)
    try:
        yield server
    finally:
        _close(server)


def _close(server: Any) -> None:
    """Let the requests that are being answered finish, then close everything; the loop ends, having nothing left."""
    server.task_dispatcher.shutdown()
    wasyncore.close_all(server._map, ignore_all=True)


def prepare() -> bool:
    """Make the database ready and seed it when it is new; return whether it was. A second start keeps the data."""
    from openedx_learning_ext.standalone import models

    call_command("migrate", interactive=False, verbosity=0)
    is_new = not models.Course.objects.exists()
    call_command("seed_demo", tool_address=not is_new, verbosity=0)
    return is_new


def run(listener: socket.socket, *, check: bool) -> int:
    """
    Prepare, serve, play the story where it is new; with ``check`` stop then, else serve until Ctrl-C.

    The story is played over the address that people and tools use. Returns the exit status: 1 when a step failed.
    """
    from django.conf import settings

    is_new = prepare()
    passed = True

    with campus.serving() as is_campus_on, sweeper.swept(SWEEP_SECONDS), served(listener) as server:
        if not is_campus_on:
            _say("The campus of the demonstration is switched off: another program has its port now.")

        def tell() -> None:
            nonlocal passed
            try:
                if is_new or check:
                    _say(f"The story, played on {settings.LMS_ROOT_URL}:")
                    passed = play(settings.LMS_ROOT_URL, _say)
                if not check:
                    _say(_where_to_click())
            finally:
                if check:
                    server.trigger.pull_trigger(lambda: _close(server))  # run by the loop's own thread

        teller = threading.Thread(target=tell, name="story", daemon=True)
        teller.start()
        server.run()
        if check:
            teller.join()
    if not check:
        _say("\nStopped. The data is kept for the next start.")
    return 0 if passed else 1


def _where_to_click() -> str:
    from django.conf import settings

    return f"""
Open {settings.LMS_ROOT_URL}/ and sign in; the password is the user name.
  ada, bob  learn in a course: open it and launch the tool
  grace     teaches it: the tab "Tools" of the course sets up tools and shows results
  admin     runs the site: {settings.LMS_ROOT_URL}/admin/
A campus launches an exercise of this site and gets the scores back: {settings.LMS_ROOT_URL}/campus/
Everything is kept in {settings.DATA_DIR}; delete that folder to start afresh. Ctrl-C stops.
"""


def _say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)
