"""``learning_ext_rotate_secrets``: encrypt every stored secret with the first of the configured keys."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from openedx_learning_ext.core import conf, privacy


class Command(BaseCommand):
    """Re-encrypt all secrets at rest, of all apps."""

    help = (
        f"Encrypts every stored secret with the first key of {conf.SECRET_KEYS.name}. Put the new key first, restart, "
        "run this, then drop the old key. Can be stopped and run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how many were changed in each column; exit with 1 when some could not be read."""
        lost = 0
        for column, changed, unreadable in privacy.reencrypt_all():
            self.stdout.write(f"{column}: {changed} re-encrypted, {unreadable} unreadable")
            lost += unreadable
        if lost:
            raise CommandError(
                f"{lost} secrets cannot be read with any configured key. Add the key they were encrypted with to "
                f"{conf.SECRET_KEYS.name} and run this again, or enter them anew."
            )
