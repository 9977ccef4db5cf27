"""Settings of processes that deliver: the test settings, on the database of the test that started them."""

import os

from test_settings import *  # noqa: F403
from test_settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["LEARNING_EXT_TEST_DATABASE"]
# As often as it takes: whoever is parked here was parked by a fault, not by bad luck.
OPENEDX_LEARNING_EXT_DELIVERY_RETRY_SCHEDULE = (5,) * 50
