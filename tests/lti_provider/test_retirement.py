"""``lti.md`` 2.5: nothing of a retired learner is left."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection
from django.test import Client

from openedx_learning_ext.lti_provider import api
from openedx_learning_ext.lti_provider.models import GradedAssignment, LtiConsumer, LtiUser, OutcomeService
from openedx_learning_ext.standalone import signals
from tests.doubles.campusside import GRADED

MARKS = ("zerlinda", "quixwater")
ZERLINDA = {
    "user_id": "zerlinda-42",
    "lis_person_contact_email_primary": "zerlinda@learners.example",
    "lis_person_name_full": "Zerlinda Quixwater",
    **GRADED,
    "lis_result_sourcedid": "result-of-zerlinda",
}


def places_with_marks():
    """Every table and column of the database that holds one of the marks, whoever owns it."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                found |= {
                    f"{table}.{column}"
                    for column, value in zip(columns, row, strict=True)
                    if any(mark in str(value).lower() for mark in MARKS)
                }
    return found


def live_a_little(campus):
    """Be launched with a name and a grade; answer the account."""
    LtiConsumer.objects.update(use_lti_pii=True)
    assert campus.launch(Client(), **ZERLINDA).status_code == 200
    other = {**GRADED, "user_id": "somebody-else", "lis_result_sourcedid": "other"}
    assert campus.launch(Client(), **other).status_code == 200
    return LtiUser.objects.get(lti_user_id="zerlinda-42").edx_user


def test_nothing_of_a_retired_learner_is_left_in_any_table(campus):
    account = live_a_little(campus)
    before = places_with_marks()
    assert "learning_ext_lti_provider_ltiuser.lti_user_id" in before
    assert "learning_ext_lti_provider_gradedassignment.lis_result_sourcedid" in before

    call_command("retire", account.username, verbosity=0)

    assert places_with_marks() == set()
    assert [row.lti_user_id for row in LtiUser.objects.all()] == ["somebody-else"]
    assert [row.lis_result_sourcedid for row in GradedAssignment.objects.all()] == ["other"]
    assert OutcomeService.objects.count() == 1


def test_the_signal_alone_takes_everything_of_ours(campus):
    account = live_a_little(campus)

    signals.USER_RETIRED.send(sender=None, user=account)

    assert not [place for place in places_with_marks() if place.startswith("learning_ext_lti_provider_")]


def test_retiring_twice_and_somebody_unknown_is_no_error(campus):
    account = live_a_little(campus)

    for user_id in (account.pk, account.pk, 10**9):
        api.retire_user(user_id)

    assert LtiUser.objects.count() == GradedAssignment.objects.count() == 1


def test_a_retired_learner_who_is_launched_again_is_somebody_new(campus):
    account = live_a_little(campus)
    call_command("retire", account.username, verbosity=0)

    campus.launch(Client(), user_id="zerlinda-42")

    assert LtiUser.objects.get(lti_user_id="zerlinda-42").edx_user != account
