"""``import_lti_provider``: take over what the platform's own LTI provider knows."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from openedx_learning_ext.lti_provider import api


class Command(BaseCommand):
    """Copy consumers, learners, services and graded launches of the platform into our tables."""

    help = (
        "Copies consumers, learners, outcome services and graded launches of the platform's own LTI provider. What is "
        "here already stays as it is; nothing is sent for it. Can be stopped and run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take ``--dry-run``."""
        parser.add_argument("--dry-run", action="store_true", help="say how many, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what became of the rows of each kind."""
        try:
            found = api.import_existing(dry_run=options["dry_run"])
        except api.NothingToImport:
            raise CommandError("the platform's own LTI provider is not installed here; nothing to import") from None
        added = "would be added" if options["dry_run"] else "added"
        for kind, counts in found.items():
            known = f"{counts.known} here already, {counts.left_out} left out"
            self.stdout.write(f"{kind}: {counts.added} {added}, {known}")
