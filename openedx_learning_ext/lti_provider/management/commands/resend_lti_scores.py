"""``resend_lti_scores``: have scores sent to campuses again that differ from what the campuses have."""

from __future__ import annotations

import math
import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.lti_provider import api


class Command(BaseCommand):
    """Compare the host's scores with the mailboxes, for whatever was ever launched for a grade."""

    help = (
        "Compares the scores here with what is wanted or confirmed for campuses, and has those sent that differ. "
        "With --force also those that do not differ, for a campus that lost its gradebook."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take courses and what narrows the choice."""
        parser.add_argument("course_keys", nargs="*", metavar="course_key", help="courses; every course without one")
        parser.add_argument("--state", choices=api.RESEND_STATES, default="all", help="of the delivery (default all)")
        parser.add_argument("--consumer", metavar="KEY", help="the consumer key of one campus")
        parser.add_argument("--user", metavar="NAME_OR_ID", help="one learner")
        parser.add_argument("--since", metavar="TIME", help="launched or changed since, as 2026-11-01T12:00Z")
        parser.add_argument("--force", action="store_true", help="also scores that the campus has, or staff gave up")
        parser.add_argument("--dry-run", action="store_true", help="say how many, and change nothing")
        parser.add_argument("--rate", type=float, metavar="NUMBER", help="at most so many scores a second")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how many were looked at and how many are to be sent."""
        found = api.resend_scores(
            api.Selection(
                course_keys=[_course_key(text) for text in options["course_keys"]],
                state=options["state"],
                consumer_id=_consumer_id(options["consumer"]),
                user_id=_user_id(options["user"]),
                since=_moment(options["since"]),
            ),
            force=options["force"],
            dry_run=options["dry_run"],
            after_each=_Pace(options["rate"]).wait,
        )
        would = "would be sent" if options["dry_run"] else "will be sent"
        self.stdout.write(
            f"{found.looked_at} graded launches looked at: {found.wanted} scores {would}, "
            f"{found.looked_at - found.wanted} left as they are"
        )


class _Pace:
    """Lets at most so many things happen a second."""

    def __init__(self, rate: float | None) -> None:
        if rate is not None and not (math.isfinite(rate) and rate > 0):
            raise CommandError("--rate must be a number of scores a second, more than 0", returncode=2)
        self._step = 0.0 if rate is None else 1 / rate
        self._next = time.monotonic()

    def wait(self) -> None:
        self._next = max(self._next, time.monotonic()) + self._step
        time.sleep(max(0.0, self._next - time.monotonic()))


def _course_key(text: str) -> CourseKey:
    try:
        return CourseKey.from_string(text)
    except InvalidKeyError:
        raise CommandError(f"not the key of a course: {text}", returncode=2) from None


def _consumer_id(key: str | None) -> int | None:
    if key is None:
        return None
    found = api.list_consumers().filter(consumer_key=key).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError("no consumer has the key given with --consumer", returncode=2)
    return int(found)


def _user_id(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    user = get_host().accounts.find_by_username(text)
    if user is None:
        raise CommandError("nobody has the name given with --user", returncode=2)
    return int(user.pk)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parse_datetime(text)  # a date alone is its first moment
    except ValueError:  # well formed, and no such day
        moment = None
    if moment is None:
        raise CommandError("--since is not a date or a time", returncode=2)
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
