"""The contract of ``ports.Flags``."""

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
