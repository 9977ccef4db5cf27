"""The contract of ``ports.Enrollments``."""


def test_an_active_enrolment_counts(host, given, ada):
    course = given.course()
    given.enrolled(ada, course)

    assert host.enrollments.is_active(ada, course) is True


def test_an_enrolment_given_up_does_not_count(host, given, ada):
    course = given.course()
    given.enrolled(ada, course, is_active=False)

    assert host.enrollments.is_active(ada, course) is False


def test_an_enrolment_elsewhere_or_of_somebody_else_does_not_count(host, given, ada, bob):
    course = given.course()
    given.enrolled(ada, given.course("course-v1:OpenedX+Other+2026"))
    given.enrolled(bob, course)

    assert host.enrollments.is_active(ada, course) is False


def test_somebody_not_signed_in_is_not_enrolled(host, given, nobody):
    assert host.enrollments.is_active(nobody, given.course()) is False
