"""
The command ``learning-ext``: ``demo`` shows the library at work, ``manage`` is the default host's ``manage.py``.

Settings are made when Django is first touched, so nothing of Django is imported before the environment is complete.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

SETTINGS = "openedx_learning_ext.standalone.settings"
# What the extra brings and the library alone does without.
EXTRA = ("lti", "requests_oauthlib", "waitress", "whitenoise")
DEFAULT_PORT = 8000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 well, 1 not, 2 called wrongly, 130 stopped by Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given[:1] if given[:1] == ["manage"] else given)
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"The default host needs what the extra 'standalone' brings ({', '.join(missing)} missing).\n"
            "Run: pip install 'openedx-learning-ext[standalone]'",
            file=sys.stderr,
        )
        return 1
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    try:
        if options.command == "manage":
            return _manage(given[1:])
        if options.check and options.data is None:
            with tempfile.TemporaryDirectory(prefix="learning-ext-check-") as folder:
                return _demo(options, Path(folder))
        return _demo(options, Path(options.data or os.environ.get("LEARNING_EXT_DATA") or "var"))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="learning-ext", description="openedx-learning-ext on its small default host, without a learning platform."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="demo|manage")
    demo = commands.add_parser(
        "demo",
        help="serve the default host; on a new data folder it plays its story first",
        description="Serve the default host until Ctrl-C. On a new data folder it plays its story first. "
        "LEARNING_EXT_PUBLIC_URL says under which address browsers and tools reach it, where that is another one.",
    )
    demo.add_argument("--port", type=_port, default=None, help=f"where to listen (default {DEFAULT_PORT})")
    demo.add_argument("--host", default="127.0.0.1", help="on which address to listen (default 127.0.0.1)")
    demo.add_argument("--data", default=None, metavar="DIR", help="where everything is kept (default ./var)")
    demo.add_argument(
        "--check",
        action="store_true",
        help="play the story once, on a temporary data folder and a free port (unless told), and exit with 0 or 1",
    )
    commands.add_parser("manage", help="Django's manage.py of the default host, with everything that follows")
    return parser


def _port(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return number


def _manage(arguments: list[str]) -> int:
    from django.core.management import execute_from_command_line

    execute_from_command_line(["learning-ext manage", *arguments])
    return 0


def _demo(options: argparse.Namespace, data: Path) -> int:
    port = options.port if options.port is not None else (0 if options.check else DEFAULT_PORT)
    try:
        listener = _listen(options.host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        print(f"Cannot listen on {options.host}, port {port} ({reason}): choose another --port.", file=sys.stderr)
        return 1
    with listener:
        if not ip_address(listener.getsockname()[0]).is_loopback:
            print(_open_to_others(listener), file=sys.stderr)
        signal.signal(signal.SIGTERM, _interrupt)
        os.environ["LEARNING_EXT_DATA"] = str(data)
        if options.check or not os.environ.get("LEARNING_EXT_PUBLIC_URL"):
            os.environ["LEARNING_EXT_PUBLIC_URL"] = _local_address(listener)

        import django
        from django.core.exceptions import ImproperlyConfigured

        try:
            django.setup()
        except ImproperlyConfigured as error:
            print(error, file=sys.stderr)
            return 1
        from openedx_learning_ext.standalone import demo

        return demo.run(listener, check=options.check)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without it a restart would have to wait until the last connections of the previous run are forgotten.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def _local_address(listener: socket.socket) -> str:
    """Return where this computer reaches the listener; one that listens everywhere is reached on loopback."""
    host, port = listener.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _open_to_others(listener: socket.socket) -> str:
    """Return what to know when other computers may reach the listener."""
    address, port = listener.getsockname()[:2]
    text = "Other computers may reach this, and everyone knows the demo's passwords."
    has_a_name = bool(os.environ.get("LEARNING_EXT_PUBLIC_URL")) or not ip_address(address).is_unspecified
    if has_a_name:
        return text
    return (
        f"{text}\nThey are let in by one name only, which you choose when you start it: "
        f"LEARNING_EXT_PUBLIC_URL=http://<name>:{port}"
    )


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
