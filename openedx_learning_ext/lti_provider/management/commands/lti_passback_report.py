"""``lti_passback_report``: how sending grades to campuses goes; exits with 1 when one is late."""

from __future__ import annotations

import math
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rest_framework.renderers import JSONRenderer

from openedx_learning_ext.lti_provider import api
from openedx_learning_ext.lti_provider.serializers import StatusSerializer


class Command(BaseCommand):
    """By campus and service, for a person or for a monitor."""

    help = "Reports by campus and service how many grades are waiting, being sent, delivered and parked, and why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take ``--older-than`` and ``--json``."""
        parser.add_argument(
            "--older-than",
            type=float,
            metavar="SECONDS",
            help="exit with 1 when a grade, parked or not, has been undelivered for longer",
        )
        parser.add_argument("--json", action="store_true", help="as JSON, the same as the status address answers")

    def handle(self, *args: Any, **options: Any) -> None:
        """Report."""
        limit = options["older_than"]
        if limit is not None and not (math.isfinite(limit) and limit >= 0):
            raise CommandError("--older-than must be a number of seconds, not less than 0", returncode=2)
        found = api.find_status()
        if options["json"]:
            self.stdout.write(JSONRenderer().render(StatusSerializer(found).data).decode())
        else:
            self._write(found)
        oldest = found.oldest_undelivered_seconds
        if limit is not None and oldest is not None and oldest > limit:
            raise CommandError(f"a grade has been undelivered for {oldest} seconds")

    def _write(self, found: api.Status) -> None:
        for consumer in found.consumers:
            self.stdout.write(consumer.name)
            for service in consumer.services:
                self._write_service(service)
        self.stdout.write(f"all: {_counts(found.counts)}")

    def _write_service(self, service: api.ServiceStatus) -> None:
        facts = [f"breaker {service.breaker}"]
        if service.is_paused:
            facts.append("paused")
        if service.takes_no_grades:
            facts.append("takes no grades")
        if service.oldest_undelivered_seconds is not None:
            facts.append(f"oldest undelivered {service.oldest_undelivered_seconds} s")
        self.stdout.write(
            f"  service {service.service_id} ({service.host}): {_counts(service.counts)}; {', '.join(facts)}"
        )
        if service.last_error:
            self.stdout.write(f"    {service.last_error}")


def _counts(counts: Any) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items())
