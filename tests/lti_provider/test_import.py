"""``import_lti_provider``: what the platform's own LTI provider knows becomes ours, and what is ours stays."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core.host.openedx import OpenedxExisting
from openedx_learning_ext.lti_provider import api, importing
from openedx_learning_ext.lti_provider.models import (
    GradedAssignment,
    LtiConsumer,
    LtiUser,
    OutcomeService,
    ScoreDelivery,
)
from openedx_learning_ext.standalone import scores
from openedx_learning_ext.standalone.host import StandaloneHost
from tests.doubles.builtin_lti_provider import tables
from tests.doubles.campusside import GRADED, KEY, SECRET, SERVICE_URL, SOURCED_ID, Campus

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")


class HostWithRows(StandaloneHost):
    """The default host, which looks for existing rows as the platform's adapter does."""

    def __init__(self):
        super().__init__()
        self.existing = OpenedxExisting()


@pytest.fixture
def theirs(db, settings):
    """The platform's own models, with their tables, beside ours."""
    models = tables.install(settings)
    settings.OPENEDX_LEARNING_EXT_HOST = f"{__name__}.HostWithRows"
    return models


@pytest.fixture
def campus_there(theirs):
    """The campus as the platform knows it."""
    return theirs["LtiConsumer"].objects.create(
        consumer_name="Campus", consumer_key=KEY, consumer_secret=SECRET, instance_guid="campus.example",
        use_lti_pii=True,
    )  # fmt: skip


@pytest.fixture
def graded_there(theirs, campus_there, ada, exercise):
    """Ada was launched into the exercise, and her grade was sent four times."""
    theirs["LtiUser"].objects.create(lti_consumer=campus_there, lti_user_id="campus-user-1", edx_user=ada)
    service = theirs["OutcomeService"].objects.create(lis_outcome_service_url=SERVICE_URL, lti_consumer=campus_there)
    return theirs["GradedAssignment"].objects.create(
        user=ada, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=service,
        lis_result_sourcedid=SOURCED_ID, version_number=4,
    )  # fmt: skip


def run(**options):
    """Run the command; return (added, known, left out) by kind."""
    out = StringIO()
    call_command("import_lti_provider", stdout=out, **options)
    assert not any(mark in out.getvalue() for mark in (SECRET, SOURCED_ID, "campus-user-1"))
    lines = (line.split(": ") for line in out.getvalue().splitlines())
    return {kind: tuple(int(word) for word in text.split() if word.isdigit()) for kind, text in lines}


def test_consumers_learners_services_and_graded_launches_come_over(graded_there, ada, exercise):
    assert run() == dict.fromkeys(("LtiConsumer", "LtiUser", "OutcomeService", "GradedAssignment"), (1, 0, 0))

    consumer, learner, service = LtiConsumer.objects.get(), LtiUser.objects.get(), OutcomeService.objects.get()
    assert (consumer.consumer_name, consumer.consumer_key, consumer.consumer_secret) == ("Campus", KEY, SECRET)
    assert (consumer.instance_guid, consumer.use_lti_pii, consumer.require_user_account) == (
        "campus.example", True, False,
    )  # fmt: skip
    assert (learner.lti_consumer, learner.lti_user_id, learner.edx_user) == (consumer, "campus-user-1", ada)
    assert (service.lti_consumer, service.lis_outcome_service_url) == (consumer, SERVICE_URL)
    assignment = GradedAssignment.objects.get()
    assert (assignment.user, assignment.course_key, assignment.usage_key) == (ada, DEMO, exercise.usage_key)
    assert (assignment.outcome_service, assignment.lis_result_sourcedid) == (service, SOURCED_ID)


def test_2_3_the_platforms_version_number_is_carried_over_and_counts_on(graded_there, ada, exercise):
    run()
    assignment = GradedAssignment.objects.get()
    assert assignment.version_number == 4

    with transaction.atomic():
        scores.store(user_id=ada.pk, block=exercise, earned=1, possible=2)

    assert GradedAssignment.objects.get().version_number == 5


def test_secrets_are_encrypted_here(campus_there):
    run()

    with connection.cursor() as cursor:
        cursor.execute("SELECT consumer_secret FROM learning_ext_lti_provider_lticonsumer")
        (stored,) = cursor.fetchone()
    assert SECRET not in stored
    assert LtiConsumer.objects.get().consumer_secret == SECRET


def test_a_second_time_nothing_is_new(graded_there, rows):
    run()
    before = rows()

    assert run() == dict.fromkeys(("LtiConsumer", "LtiUser", "OutcomeService", "GradedAssignment"), (0, 1, 0))

    assert rows() == before
    assert ScoreDelivery.objects.get().wanted_version == 4


def test_what_is_new_there_comes_over_the_second_time(theirs, graded_there, bob, exercise):
    run()
    theirs["GradedAssignment"].objects.create(
        user=bob, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=graded_there.outcome_service,
        lis_result_sourcedid="another",
    )  # fmt: skip

    assert run()["GradedAssignment"] == (1, 1, 0)
    assert GradedAssignment.objects.get(user=bob).version_number == 0


def test_a_dry_run_says_how_many_and_changes_nothing(graded_there, rows):
    before = rows()

    assert run(dry_run=True)["GradedAssignment"] == (1, 0, 0)

    assert rows() == before


def test_nothing_is_sent_for_what_comes_over_not_even_by_reconcile(graded_there, ada, exercise):
    with transaction.atomic():
        scores.store(user_id=ada.pk, block=exercise, earned=1, possible=2)
    run()

    assert (api.reconcile(), api.deliver_due()) == (0, 0)
    assert api.resend_scores(api.Selection()).wanted == 1


def test_a_learner_who_came_over_is_launched_as_the_same_person(graded_there, client, ada, exercise):
    run()

    response = Campus(exercise.usage_key).launch(client, **GRADED)

    assert response.status_code == 200
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert GradedAssignment.objects.count() == 1


def test_what_is_ours_stays_as_it_is(graded_there, consumer):
    consumer.consumer_secret = "ours since yesterday"
    consumer.save()

    assert run()["LtiConsumer"] == (0, 1, 0)

    assert LtiConsumer.objects.get().consumer_secret == "ours since yesterday"
    assert GradedAssignment.objects.get().outcome_service.lti_consumer == consumer


@pytest.mark.parametrize(
    "ours", [{"consumer_name": "Campus"}, {"consumer_secret": SECRET}, {"instance_guid": "campus.example"}]
)
def test_a_consumer_of_whose_name_secret_or_guid_there_is_another_is_left_out_with_all_that_hangs_on_it(
    graded_there, ours
):
    LtiConsumer.objects.create(**{"consumer_name": "Ours", "consumer_key": "ours", **ours})

    assert run() == dict.fromkeys(("LtiConsumer", "LtiUser", "OutcomeService", "GradedAssignment"), (0, 0, 1))
    assert LtiConsumer.objects.count() == 1


@pytest.mark.parametrize("power", ["is_staff", "is_superuser"])
def test_nobody_with_powers_over_the_site_is_linked_to_a_campus(graded_there, ada, power):
    setattr(ada, power, True)
    ada.save()

    assert run()["LtiUser"] == (0, 0, 1)
    assert not LtiUser.objects.exists()


def test_ids_that_differ_by_case_only_are_two(theirs, graded_there, bob, exercise):
    theirs["LtiUser"].objects.create(
        lti_consumer=graded_there.outcome_service.lti_consumer, lti_user_id="CAMPUS-user-1", edx_user=bob
    )
    theirs["GradedAssignment"].objects.create(
        user=bob, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=graded_there.outcome_service,
        lis_result_sourcedid=SOURCED_ID.upper(),
    )  # fmt: skip

    found = run()

    assert (found["LtiUser"], found["GradedAssignment"]) == ((2, 0, 0), (2, 0, 0))


def test_a_key_without_a_run_gets_that_of_its_course_and_a_broken_one_is_left_out(theirs, graded_there, ada):
    old = CourseKey.from_string("OpenedX/Demo/2026")
    for usage, sourced_id in (("i4x://OpenedX/Demo/problem/p", "old"), ("i4x://OpenedX/Demo/problem/q", "broken")):
        theirs["GradedAssignment"].objects.create(
            user=ada, course_key=old, usage_key=usage, outcome_service=graded_there.outcome_service,
            lis_result_sourcedid=sourced_id,
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("UPDATE lti_provider_gradedassignment SET usage_key = 'x' WHERE lis_result_sourcedid = 'broken'")

    assert run()["GradedAssignment"] == (2, 0, 1)

    assert GradedAssignment.objects.get(course_key=old).usage_key.map_into_course(old).course_key == old


def test_more_than_a_page_comes_over_by_pages(theirs, graded_there, ada, exercise, monkeypatch):
    monkeypatch.setattr(importing, "PAGE_ROWS", 2)
    for number in range(4):
        theirs["GradedAssignment"].objects.create(
            user=ada, course_key=DEMO, usage_key=exercise.usage_key, outcome_service=graded_there.outcome_service,
            lis_result_sourcedid=f"s{number}", version_number=1,
        )  # fmt: skip

    assert run()["GradedAssignment"] == (5, 0, 0)
    assert ScoreDelivery.objects.count() == 5


def test_learners_come_over_by_as_many_queries_for_many_as_for_one(theirs, campus_there, ada, bob):
    theirs["LtiUser"].objects.create(lti_consumer=campus_there, lti_user_id="u", edx_user=ada)
    with CaptureQueriesContext(connection) as one:
        run(dry_run=True)
    for number in range(50):
        theirs["LtiUser"].objects.create(lti_consumer=campus_there, lti_user_id=f"u{number}", edx_user=bob)

    with CaptureQueriesContext(connection) as many:
        run(dry_run=True)

    assert len(many) == len(one)


def test_where_the_platforms_app_is_not_installed_the_command_says_so(db):
    with pytest.raises(CommandError, match="not installed"):
        call_command("import_lti_provider")
