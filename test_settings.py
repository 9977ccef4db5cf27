"""
SQLite settings for the tests: the default host, in a data folder of its own.

Each test process has its own folder, so that processes beside one another do not meet.
"""

import os
import tempfile
from pathlib import Path

# A worker of pytest-xdist inherits the environment of the process that started it, and with it that one's folder.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if "LEARNING_EXT_DATA" not in os.environ or os.environ.get("LEARNING_EXT_TEST_WORKER", "") != _worker:
    os.environ["LEARNING_EXT_DATA"] = tempfile.mkdtemp(prefix="learning-ext-tests-")
    os.environ["LEARNING_EXT_TEST_WORKER"] = _worker

from openedx_learning_ext.standalone.settings import *  # noqa: E402, F403
from openedx_learning_ext.standalone.settings import DATABASES, INSTALLED_APPS, LOGGING  # noqa: E402

# A mailbox of parcels, for tests of delivery without LTI.
INSTALLED_APPS += ["tests.doubles.parcels"]

# Fault points work, the time of deliveries may be scaled, and nothing is sent behind a test's back.
OPENEDX_LEARNING_EXT_TESTING = True
OPENEDX_LEARNING_EXT_DELIVERY_BELL = False

# A file, not memory: threads and processes of one test meet in it.
DATABASES["default"]["TEST"] = {"NAME": Path(os.environ["LEARNING_EXT_DATA"]) / "test.sqlite3"}

# Hashing a password well takes a while, and says nothing here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# pytest's own log capture shows what was logged.
LOGGING["root"]["handlers"] = []
