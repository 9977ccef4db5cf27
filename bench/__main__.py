"""``python -m bench``: measure, print a table, and with ``--write`` put it into the documentation."""

from __future__ import annotations

import argparse
import datetime
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

from bench import inbound, passback
from bench.measure import Side, machine, versions

PAGE = Path(__file__).parent.parent / "docs" / "references" / "performance.rst"

HEADING = """\
===========
Performance
===========

Figures of ``make bench``: the sides of each comparison take turns in one process, nine rounds each (three for
passbacks). The figures are medians of rounds, in times a second, with half the distance between the quartiles; *ratio*
is ours to the peer's, and has to reach *at least*.

Inbound messages are measured against the LTI XBlock; messages for 200 placements take turns. Passbacks are measured
against signing with ``requests_oauthlib`` and posting with ``requests``, one after another, each over a new
connection. Ours include what makes them safe: claims and leases, and everything that is written down, on SQLite. The
campus is a process of its own, answers at once and verifies nothing. ``make bench ARGS=--write`` writes this page
anew.

"""


def configure(folder: str) -> None:
    """Make a Django project in which both libraries can be imported side by side, with a database in this folder."""
    settings.configure(
        SECRET_KEY="only measured with",
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "openedx_learning_ext",
            "openedx_learning_ext.lti_consumer",
            "openedx_learning_ext.lti_provider",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(Path(folder) / "bench.sqlite3"),
                "OPTIONS": {
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                    "transaction_mode": "IMMEDIATE",
                },
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        LTI_OUTCOME_SERVICE_ALLOW_HTTP=True,
        OPENEDX_LEARNING_EXT_OUTBOUND_ALLOWED_NETWORKS=["127.0.0.0/8"],
        OPENEDX_LEARNING_EXT_DELIVERY_BELL=False,
        USE_TZ=True,
        FEATURES={},
        OPENEDX_LEARNING_EXT_HOST="openedx_learning_ext.core.host.openedx.OpenedxHost",
        ROOT_URLCONF="cms.urls",
    )
    logging.disable(logging.WARNING)
    django.setup()
    call_command("migrate", verbosity=0)


def row(work: str, sides: list[Side], least: float) -> tuple[list[str], bool]:
    """Return one row of the table, and whether it reaches its goal."""
    ours, theirs = sides
    ratio = ours.median / theirs.median
    cells = [
        work,
        f"{ours.median:,.0f} ± {ours.spread:.0%}",
        f"{theirs.median:,.0f} ± {theirs.spread:.0%}",
        f"{ratio:.2f}",
        f"{least:g}" if least else "",
    ]
    return cells, ratio >= least


def table(rows: list[list[str]]) -> str:
    """Return a simple table of reStructuredText."""
    head = ["work", "ours", "peer", "ratio", "at least"]
    widths = [max(len(line[index]) for line in [head, *rows]) for index in range(len(head))]
    rule = "  ".join("=" * width for width in widths)

    def line(cells: list[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    return "\n".join([rule, line(head), rule, *map(line, rows), rule]) + "\n"


def main() -> int:
    """Measure everything; exit with 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the result into the documentation")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        configure(folder)
        return measure(GOALS, write=options.write)


GOALS: list[tuple[str, Callable[[], list[Side]], float]] = [
    ("inbound message of 700 bytes: parse and verify", inbound.parse_and_verify, 2.0),
    ("inbound message: the whole handler, without database", inbound.whole_handler, 2.0),
    ("1 000 passbacks to an instant campus over https, one worker", passback.over_https, 3.0),
    ("1 000 passbacks to an instant campus over http, one worker", passback.over_http, 0.0),
]


def measure(goals: list[tuple[str, Callable[[], list[Side]], float]], *, write: bool) -> int:
    """Measure these, print the table, and write the page if asked to; return the exit status."""
    rows, reached = [], True
    for work, compare, least in goals:
        cells, good = row(work, compare(), least)
        rows.append(cells)
        reached = reached and good
        print("  ".join(cells), flush=True)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    facts = f"Measured on {today}: {machine()}; " + versions("lti-consumer-xblock", "Django", "lxml", "oauthlib")
    print(facts)
    claim = f"A claim of 20 rows, while 100 000 are waiting for ten campuses: {passback.claim_behind_a_backlog()}."
    print(claim)
    if write:
        PAGE.write_text(f"{HEADING}{facts}.\n\n{table(rows)}\n{claim}\n", encoding="utf-8")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
