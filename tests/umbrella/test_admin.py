"""The umbrella's page in the admin: when each sweeper last ran, and a warning when nobody runs the sweep."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from openedx_learning_ext import sweeping
from openedx_learning_ext.models import SweepRun

LIST = "admin:learning_ext_sweeprun_changelist"
WARNING = "The sweep has not run for five minutes"


@pytest.fixture
def office(client_of, admin):
    """The admin's browser."""
    return client_of(admin)


def test_the_list_warns_while_nobody_runs_the_sweep(office):
    assert WARNING in office.get(reverse(LIST)).content.decode()

    list(sweeping.run_all())
    assert WARNING not in office.get(reverse(LIST)).content.decode()

    SweepRun.objects.update(finished_at=timezone.now() - timedelta(minutes=6))
    assert WARNING in office.get(reverse(LIST)).content.decode()


def test_runs_are_looked_at_and_not_edited(office):
    list(sweeping.run_all())
    row = SweepRun.objects.first()
    change = reverse("admin:learning_ext_sweeprun_change", args=[row.pk])

    page = office.get(change)
    office.post(change, {"name": "other", "count": "99"})

    row.refresh_from_db()
    assert page.status_code == 200
    assert (row.name, row.count) != ("other", 99)
    assert office.get(reverse("admin:learning_ext_sweeprun_add")).status_code == 403
    assert office.post(reverse("admin:learning_ext_sweeprun_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_course_staff_is_kept_out(client_of, grace):
    assert client_of(grace).get(reverse(LIST)).status_code == 302
