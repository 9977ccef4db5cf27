"""
Did parsing a document open a file or a connection?

libxml2 opens files without Python's knowledge, so an audit hook alone would see nothing: the kernel is asked as well
(inotify), and a server on loopback waits for a caller who must not come.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from contextlib import contextmanager

_IN_OPEN, _IN_NONBLOCK = 0x20, 0x800
_heard = None


def _hook(event, args):
    if _heard is not None and event in ("open", "socket.connect", "socket.getaddrinfo"):
        _heard.append(event)


# A hook cannot be taken away again; it listens only inside ``python_openings``.
sys.addaudithook(_hook)


@contextmanager
def python_openings():
    """Yield a list of the names of files and connections that Python code opens meanwhile."""
    global _heard
    _heard = heard = []
    try:
        yield heard
    finally:
        _heard = None


class Trap:
    """A file and a server that nobody may touch. ``touched`` names what somebody did, and forgets it."""

    def __init__(self, folder):
        self.path = folder / "private.txt"
        self.path.write_text("top secret content")
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/private.xml"
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._watch = self._libc.inotify_init1(_IN_NONBLOCK)
        assert self._watch >= 0, os.strerror(ctypes.get_errno())
        assert self._libc.inotify_add_watch(self._watch, os.fsencode(self.path), _IN_OPEN) >= 0

    def touched(self):
        """Answer what was touched since the last question."""
        found = []
        try:
            os.read(self._watch, 4096)
            found.append("file")
        except BlockingIOError:
            pass
        try:
            connection, _ = self._server.accept()
            connection.close()
            found.append("network")
        except BlockingIOError:
            pass
        return found

    def close(self):
        """Take the trap away."""
        os.close(self._watch)
        self._server.close()
