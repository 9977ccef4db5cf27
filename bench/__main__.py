"""``python -m bench``: measure, print a table, and with ``--write`` put it into the documentation."""

from __future__ import annotations

import argparse
import datetime
import logging
import sys
from pathlib import Path

import django
from django.conf import settings

from bench import inbound
from bench.measure import Side, machine, versions

PAGE = Path(__file__).parent.parent / "docs" / "references" / "performance.rst"

HEADING = """\
===========
Performance
===========

Figures of ``make bench``: the sides of each comparison take turns in one process, nine rounds each. *Median* is of
rounds, in times a second; *spread* is half the distance between the quartiles; *ratio* is ours to the peer's, and has
to reach *at least*. Messages for 200 placements take turns. ``make bench ARGS=--write`` writes this page anew.

"""


def configure() -> None:
    """Make a Django project in which both libraries can be imported side by side."""
    settings.configure(
        SECRET_KEY="only measured with",
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "openedx_learning_ext",
            "openedx_learning_ext.lti_consumer",
        ],
        DATABASES={},
        USE_TZ=True,
        FEATURES={},
        OPENEDX_LEARNING_EXT_HOST="openedx_learning_ext.core.host.openedx.OpenedxHost",
        ROOT_URLCONF="cms.urls",
    )
    logging.disable(logging.WARNING)
    django.setup()


def row(work: str, sides: list[Side], least: float) -> tuple[list[str], bool]:
    """Return one row of the table, and whether it reaches its goal."""
    ours, theirs = sides
    ratio = ours.median / theirs.median
    cells = [
        work,
        f"{ours.median:,.0f} ± {ours.spread:.0%}",
        f"{theirs.median:,.0f} ± {theirs.spread:.0%}",
        f"{ratio:.2f}",
        f"{least:g}",
    ]
    return cells, ratio >= least


def table(rows: list[list[str]]) -> str:
    """Return a simple table of reStructuredText."""
    head = ["work", "ours", "LTI XBlock", "ratio", "at least"]
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
    configure()
    goals = [
        ("inbound message of 700 bytes: parse and verify", inbound.parse_and_verify, 2.0),
        ("inbound message: the whole handler, without database", inbound.whole_handler, 2.0),
    ]
    rows, reached = [], True
    for work, measure, least in goals:
        cells, good = row(work, measure(), least)
        rows.append(cells)
        reached = reached and good
        print("  ".join(cells), flush=True)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    facts = f"Measured on {today}: {machine()}; " + versions("lti-consumer-xblock", "Django", "lxml", "oauthlib")
    print(facts)
    if options.write:
        PAGE.write_text(HEADING + facts + ".\n\n" + table(rows), encoding="utf-8")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
