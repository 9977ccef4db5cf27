"""
SQLite settings for the tests: the default host, in a data folder of its own.

Each test process has its own folder, so that processes beside one another do not meet.
"""

import os
import tempfile
from pathlib import Path

if "LEARNING_EXT_DATA" not in os.environ:
    os.environ["LEARNING_EXT_DATA"] = tempfile.mkdtemp(prefix="learning-ext-tests-")

from openedx_learning_ext.standalone.settings import *  # noqa: F403
from openedx_learning_ext.standalone.settings import DATABASES, LOGGING

# A file, not memory: threads and processes of one test meet in it.
DATABASES["default"]["TEST"] = {"NAME": Path(os.environ["LEARNING_EXT_DATA"]) / "test.sqlite3"}

# Hashing a password well takes a while, and says nothing here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# pytest's own log capture shows what was logged.
LOGGING["root"]["handlers"] = []
