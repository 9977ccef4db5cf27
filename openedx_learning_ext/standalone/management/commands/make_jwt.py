"""``make_jwt USERNAME``: a token by which a script uses the API as that person."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from openedx_learning_ext.standalone.tokens import make_token


class Command(BaseCommand):
    """Prints a token that is good for one hour."""

    help = "Print a token for the API: send it as 'Authorization: JWT <token>'. It is good for one hour."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose token."""
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token; a second call prints another one, and both are good."""
        user = get_user_model().objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError("There is no active account with this user name.")
        self.stdout.write(make_token(user))
