"""The contract of ``ports.Existing``."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.doubles.builtin_lti_provider import tables

KIND = "lti_provider.LtiConsumer"


@pytest.fixture
def builtin(platform, settings):
    """The platform's own LTI provider, installed there, with five consumers."""
    models = tables.install(settings)
    for number in range(1, 6):
        models["LtiConsumer"].objects.create(
            consumer_name=f"Campus {number}", consumer_key=f"key-{number}", consumer_secret=f"secret-{number}"
        )
    return models


@pytest.mark.parametrize("kind", [KIND, "lti_provider.Nothing", "nowhere.Nothing"])
def test_where_there_is_no_table_there_are_no_rows(host, kind):
    assert host.existing.has(kind) is False
    assert list(host.existing.iter_rows(kind)) == []


def test_our_own_tables_are_not_taken_for_the_platforms(host):
    assert host.existing.has("lti_provider.GradedAssignment") is False


def test_a_table_of_the_platform_is_found(builtin, platform_host):
    assert platform_host.existing.has(KIND) is True
    assert platform_host.existing.has("lti_provider.Nothing") is False


def test_rows_are_the_columns_of_the_model_in_the_order_of_their_ids(builtin, platform_host):
    rows = list(platform_host.existing.iter_rows(KIND))

    assert [row["id"] for row in rows] == [1, 2, 3, 4, 5]
    assert dict(rows[0]) == {
        "id": 1, "consumer_name": "Campus 1", "consumer_key": "key-1", "consumer_secret": "secret-1",
        "instance_guid": None, "require_user_account": False, "use_lti_pii": False,
    }  # fmt: skip


def test_a_row_names_another_by_its_id_and_a_course_by_its_text(builtin, platform_host, ada):
    consumer = builtin["LtiConsumer"].objects.first()
    service = builtin["OutcomeService"].objects.create(lis_outcome_service_url="https://c", lti_consumer=consumer)
    builtin["GradedAssignment"].objects.create(
        user=ada, course_key="course-v1:O+C+1", usage_key="block-v1:O+C+1+type@problem+block@p",
        outcome_service=service, lis_result_sourcedid="s", version_number=3,
    )  # fmt: skip

    (row,) = platform_host.existing.iter_rows("lti_provider.GradedAssignment")

    assert (row["user_id"], row["outcome_service_id"], row["version_number"]) == (ada.pk, service.pk, 3)
    assert (row["course_key"], row["usage_key"]) == ("course-v1:O+C+1", "block-v1:O+C+1+type@problem+block@p")


def test_one_can_go_on_after_a_row(builtin, platform_host):
    assert [row["id"] for row in platform_host.existing.iter_rows(KIND, after=3)] == [4, 5]
    assert list(platform_host.existing.iter_rows(KIND, after=5)) == []


def test_a_key_that_is_none_comes_as_it_is_stored(builtin, platform_host, ada):
    consumer = builtin["LtiConsumer"].objects.first()
    service = builtin["OutcomeService"].objects.create(lis_outcome_service_url="https://c", lti_consumer=consumer)
    builtin["GradedAssignment"].objects.create(
        user=ada, course_key="course-v1:O+C+1", usage_key="block-v1:O+C+1+type@problem+block@p",
        outcome_service=service, lis_result_sourcedid="s",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("UPDATE lti_provider_gradedassignment SET usage_key = 'no key', course_key = ''")

    (row,) = platform_host.existing.iter_rows("lti_provider.GradedAssignment")

    assert (row["course_key"], row["usage_key"]) == ("", "no key")


def test_rows_come_by_pages_and_a_row_written_meanwhile_does_no_harm(builtin, platform_host):
    with CaptureQueriesContext(connection) as queries:
        rows = platform_host.existing.iter_rows(KIND, page_size=2)
        first = next(rows)["id"]
        builtin["LtiConsumer"].objects.filter(pk=2).update(consumer_name="Renamed")
        others = [row["id"] for row in rows]

    assert [first, *others] == [1, 2, 3, 4, 5]
    assert len([query for query in queries if query["sql"].startswith("SELECT")]) == 4
