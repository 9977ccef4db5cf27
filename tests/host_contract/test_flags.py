"""The contract of ``ports.Flags``."""

import pytest
from opaque_keys.edx.keys import CourseKey


def test_personal_data_is_kept_back_unless_the_operator_says_otherwise(host, given):
    assert host.flags.may_share_pii(given.course()) is False


def test_personal_data_may_be_shared_where_the_operator_says_so(host, given):
    course, other = given.course(), given.course("course-v1:OpenedX+Other+2026")
    given.shares_pii(course)

    assert host.flags.may_share_pii(course) is True
    assert host.flags.may_share_pii(other) is False


def test_an_unknown_course_shares_nothing(host, given):
    given.shares_pii(given.course())

    assert host.flags.may_share_pii(CourseKey.from_string("course-v1:OpenedX+Nowhere+2026")) is False


# -- features ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("default", [True, False])
def test_a_feature_nobody_speaks_of_is_as_the_caller_says(host, given, default):
    assert host.flags.has_feature("ENABLE_WHAT_NOBODY_HAS", default=default) is default


@pytest.mark.parametrize("value", [True, False])
def test_a_feature_is_the_setting_of_its_name(host, given, settings, value):
    settings.ENABLE_WHAT_NOBODY_HAS = value
    settings.FEATURES = {"ENABLE_WHAT_NOBODY_HAS": not value}

    assert host.flags.has_feature("ENABLE_WHAT_NOBODY_HAS", default=not value) is value


@pytest.mark.parametrize("value", [True, False])
def test_in_older_releases_a_feature_is_among_the_features(host, given, settings, value):
    settings.FEATURES = {"ENABLE_WHAT_NOBODY_HAS": value}

    assert host.flags.has_feature("ENABLE_WHAT_NOBODY_HAS", default=not value) is value


def test_a_host_without_features_has_the_default(host, given, settings):
    settings.FEATURES = None

    assert host.flags.has_feature("ENABLE_WHAT_NOBODY_HAS", default=True) is True
