"""
What worker processes do. They are forked from a process that has this module loaded, so that one costs little.

Real processes all the same: they share nothing but the database, and a signal ends or stops one alone.
"""

import os
import signal

import django
from django.conf import settings

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from openedx_learning_ext.core.delivery import faults  # noqa: E402
from openedx_learning_ext.lti_provider import api  # noqa: E402
from openedx_learning_ext.standalone import models, scores  # noqa: E402


def run(work, arguments, *, scale, kill_at=None, stop_at=None):
    """Do some work with the clock of deliveries scaled, and die or stop at a named point."""
    settings.OPENEDX_LEARNING_EXT_DELIVERY_TIME_SCALE = scale
    settings.OPENEDX_LEARNING_EXT_DELIVERY_EXCHANGE_SECONDS = 15 * scale
    if kill_at is not None:
        os.environ["LEARNING_EXT_KILL_AT"] = kill_at
    if stop_at is not None:
        _stop_at(stop_at)
    work(*arguments)


def _stop_at(point):
    def reach(reached):
        if reached == point:
            os.kill(os.getpid(), signal.SIGSTOP)

    faults.reach = reach


def watch(interval=0.2):
    """Run the operator's command until told to stop."""
    call_command("learning_ext_sweep", "--watch", "--interval", str(interval), stdout=open(os.devnull, "w"))  # noqa: SIM115


def sweep():
    """Run the operator's command once."""
    call_command("learning_ext_sweep", stdout=open(os.devnull, "w"))  # noqa: SIM115


def deliver():
    """Send whatever is due."""
    api.deliver_due()


def answer(block_id, user_ids, earned, possible):
    """Have learners answer one after another, all in one transaction."""
    block = models.Block.objects.get(pk=block_id)
    with transaction.atomic():
        for user_id in user_ids:
            scores.store(user_id=user_id, block=block, earned=earned, possible=possible)
