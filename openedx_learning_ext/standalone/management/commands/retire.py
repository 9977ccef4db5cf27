"""``retire USERNAME``: remove a person from the site as the platform's retirement pipeline does."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from openedx_learning_ext.standalone import models, signals
from openedx_learning_ext.standalone.people import RETIRED_PREFIX, retired_address, retired_username


class Command(BaseCommand):
    """Takes a person's name, address and way in, then asks every app to forget them; all of it or nothing."""

    help = "Retire a person: nothing is left by which they could be recognised, and they cannot sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who."""
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        """Retire the person; a second time there is nobody of this name."""
        with transaction.atomic():
            user = get_user_model().objects.select_for_update().filter(username=options["username"]).first()
            if user is None or user.username.startswith(RETIRED_PREFIX):
                raise CommandError("There is no account with this user name.")
            # Twice, as on the platform: while the address is the old one, and when the person is nobody any more. A
            # receiver that fails stops it all.
            signals.USER_RETIRED.send(sender=type(self), user=user)
            _take_name(user)
            signals.USER_RETIRED.send(sender=type(self), user=user)
        if options["verbosity"]:
            self.stdout.write("The person is retired.")


def _take_name(user: Any) -> None:
    # The old ones cannot be read from these, and still nobody gets them again.
    user.username, user.email = retired_username(user.username), retired_address(user.email or user.username)
    user.first_name = user.last_name = ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()  # ends every session too
    user.save()
    models.Profile.objects.filter(user=user).update(name="", language="")
    models.Enrollment.objects.filter(user=user).update(is_active=False)
    models.CourseRole.objects.filter(user=user).delete()
