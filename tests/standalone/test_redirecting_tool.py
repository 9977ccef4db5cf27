"""A tool that answers its launch by a redirect to another origin, as many do, in a real browser."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opaque_keys.edx.keys import CourseKey
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as when

from openedx_learning_ext.lti_consumer import api
from tests.standalone.test_browser import chromium, sign_in, until  # noqa: F401  # a fixture is used by its name

COURSE = CourseKey.from_string("course-v1:OpenedX+Demo+2026")


class _Room(BaseHTTPRequestHandler):
    """Where the tool sends people to."""

    def do_GET(self):
        body = b"<!doctype html><title>Room</title><h1 id='room'>You are in the room</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Keep quiet."""


@pytest.fixture
def redirecting_tool():
    """The launch URL of a tool whose room is at another origin."""
    room = ThreadingHTTPServer(("127.0.0.1", 0), _Room)

    class Door(_Room):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{room.server_port}/room")
            self.send_header("Content-Length", "0")
            self.end_headers()

    door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in (room, door)]
    for thread in threads:
        thread.start()
    yield f"http://127.0.0.1:{door.server_port}/launch"
    for server in (room, door):
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join()


def test_a_tool_may_send_its_learner_on_to_another_origin(site, chromium, redirecting_tool):  # noqa: F811
    (placement,) = api.list_placements(course_key=COURSE)
    api.update_configuration(
        course_key=COURSE, configuration_id=placement.configuration_id, lti_1p1_launch_url=redirecting_tool
    )
    sign_in(chromium, site, "ada")

    chromium.get(f"{site.url}{api.launch_path(placement)}")

    heading = until(chromium, when.presence_of_element_located((By.ID, "room")))
    assert heading.text == "You are in the room"
