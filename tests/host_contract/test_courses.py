"""The contract of ``ports.Courses``."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.core.host import ports


def test_a_course_is_found_with_what_the_host_knows_of_it(host, given):
    course = given.course(
        "course-v1:OpenedX+Latin+2026",
        display_name="Latin",
        start=datetime(2026, 9, 1, tzinfo=UTC),
        end=datetime(2026, 12, 1, tzinfo=UTC),
        self_paced=True,
        language="la",
        certificate_available_date=datetime(2026, 12, 5, tzinfo=UTC),
        certificates_display_behavior="end_with_date",
    )

    found = host.courses.find(course)

    assert found == ports.Course(
        id=course,
        org="OpenedX",
        number="Latin",
        display_name="Latin",
        start=datetime(2026, 9, 1, tzinfo=UTC),
        end=datetime(2026, 12, 1, tzinfo=UTC),
        self_paced=True,
        language="la",
        certificate_available_date=datetime(2026, 12, 5, tzinfo=UTC),
        certificates_display_behavior="end_with_date",
    )
    assert host.courses.get(course) == found


def test_what_the_host_does_not_know_of_a_course_is_none_and_a_missing_title_is_empty(host, given):
    course = given.course()

    found = host.courses.get(course)

    assert (found.display_name, found.start, found.end, found.language) == ("", None, None, None)
    assert found.certificate_available_date is None


def test_an_unknown_course_is_not_found(host, given):
    unknown = CourseKey.from_string("course-v1:OpenedX+Nowhere+2026")

    assert host.courses.find(unknown) is None
    with pytest.raises(ports.CourseNotFound):
        host.courses.get(unknown)


def test_a_missing_course_is_also_a_lookup_error_and_the_text_says_which(host, given):
    with pytest.raises(LookupError, match=r"course-v1:OpenedX\+Nowhere\+2026"):
        host.courses.get(CourseKey.from_string("course-v1:OpenedX+Nowhere+2026"))


def test_a_key_in_another_letter_case_is_another_course(host, given, admin):
    given.course("course-v1:OpenedX+Latin+2026")
    other = CourseKey.from_string("course-v1:OpenedX+LATIN+2026")

    assert host.courses.find(other) is None
    with pytest.raises(ports.CourseNotFound):
        host.courses.check_access(admin, other, require_enrollment=False)


def test_a_learner_of_the_course_may_enter(host, given, ada):
    course = given.course(start=timezone.now() - timedelta(days=1))
    given.enrolled(ada, course)

    assert host.courses.check_access(ada, course, require_enrollment=True) is None


def test_a_person_not_enrolled_is_refused_where_enrolment_is_asked_for(host, given, ada, bob):
    course = given.course()
    given.enrolled(ada, course, is_active=False)

    for person in (ada, bob):
        with pytest.raises(ports.CourseAccessDenied):
            host.courses.check_access(person, course, require_enrollment=True)
        assert host.courses.check_access(person, course, require_enrollment=False) is None


def test_somebody_not_signed_in_is_refused_and_told_where_to_go(host, given, nobody):
    course = given.course()

    for require_enrollment in (True, False):
        with pytest.raises(ports.CourseAccessDenied) as refusal:
            host.courses.check_access(nobody, course, require_enrollment=require_enrollment)
        assert refusal.value.redirect_url


def test_a_learner_does_not_enter_before_the_start(host, given, ada):
    course = given.course(start=timezone.now() + timedelta(days=1))
    given.enrolled(ada, course)

    with pytest.raises(ports.CourseAccessDenied) as refusal:
        host.courses.check_access(ada, course, require_enrollment=True)

    assert "not_started" in refusal.value.reason


@pytest.mark.parametrize("role", ["staff", "instructor", "limited_staff"])
def test_staff_of_the_course_enter_always(host, given, ada, role):
    course = given.course(start=timezone.now() + timedelta(days=1))
    given.role(ada, course, role)

    assert host.courses.check_access(ada, course, require_enrollment=True) is None


def test_staff_of_the_organisation_and_of_the_site_enter_always(host, given, ada, admin):
    course = given.course(start=timezone.now() + timedelta(days=1))
    given.organisation_role(ada, course.org, "staff")

    assert host.courses.check_access(ada, course, require_enrollment=True) is None
    assert host.courses.check_access(admin, course, require_enrollment=True) is None


def test_nobody_enters_a_course_that_does_not_exist(host, given, admin, nobody):
    unknown = CourseKey.from_string("course-v1:OpenedX+Nowhere+2026")

    for person in (admin, nobody):
        with pytest.raises(ports.CourseNotFound):
            host.courses.check_access(person, unknown, require_enrollment=False)


def test_a_refusal_says_nothing_about_the_person(host, given, ada):
    course = given.course()

    with pytest.raises(ports.CourseAccessDenied) as refusal:
        host.courses.check_access(ada, course, require_enrollment=True)

    assert ada.username not in str(refusal.value)
    assert ada.email not in str(refusal.value)
    assert refusal.value.reason.replace("_", "").isalpha()
