"""A table with the name that our app uses as well, and with a default reverse accessor on the people."""

from django.conf import settings
from django.db import models


class LtiConfiguration(models.Model):
    """The LTI XBlock's configuration of a tool."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
