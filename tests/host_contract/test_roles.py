"""The contract of ``ports.Roles``."""

import pytest

NO_ROLE = (False, False, False, "student")


def answers(host, person, course):
    """Return what the four questions say about one person."""
    return (
        host.roles.is_global_staff(person),
        host.roles.is_course_team(person, course),
        host.roles.has_staff_access(person, course),
        host.roles.acting_role(person, course),
    )


def test_a_learner_has_no_role(host, given, ada):
    course = given.course()
    given.enrolled(ada, course)

    assert answers(host, ada, course) == NO_ROLE


def test_staff_of_the_site_are_of_every_team_and_act_as_instructors(host, given, admin):
    assert answers(host, admin, given.course()) == (True, True, True, "instructor")


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("staff", (False, True, True, "staff")),
        ("instructor", (False, True, True, "instructor")),
        ("limited_staff", (False, False, True, "staff")),
        ("beta_testers", NO_ROLE),
    ],
)
def test_a_role_in_the_course_means(host, given, ada, role, expected):
    course = given.course()
    given.role(ada, course, role)

    assert answers(host, ada, course) == expected


def test_who_is_staff_and_instructor_acts_as_instructor(host, given, ada):
    course = given.course()
    given.role(ada, course, "staff")
    given.role(ada, course, "instructor")

    assert answers(host, ada, course) == (False, True, True, "instructor")


@pytest.mark.parametrize("role", ["staff", "instructor"])
def test_a_role_in_the_organisation_opens_its_courses_without_being_of_the_team(host, given, ada, role):
    course = given.course()
    given.organisation_role(ada, course.org, role)

    assert answers(host, ada, course) == (False, False, True, role)


def test_limited_staff_of_the_organisation_are_treated_as_staff_too(host, given, ada):
    course = given.course()
    given.organisation_role(ada, course.org, "limited_staff")

    assert answers(host, ada, course) == (False, False, True, "staff")


def test_a_role_elsewhere_means_nothing_here(host, given, ada, bob):
    course = given.course()
    given.role(ada, given.course("course-v1:OpenedX+Other+2026"), "instructor")
    given.organisation_role(bob, "SomebodyElse", "instructor")

    assert answers(host, ada, course) == NO_ROLE
    assert answers(host, bob, course) == NO_ROLE


def test_somebody_not_signed_in_has_no_role(host, given, nobody):
    assert answers(host, nobody, given.course()) == NO_ROLE


def test_somebody_inactive_has_no_role(host, given, ada, admin):
    course = given.course()
    given.role(ada, course, "instructor")
    given.organisation_role(ada, course.org, "staff")
    for person in (ada, admin):
        person.is_active = False
        person.save()

    assert answers(host, ada, course) == NO_ROLE
    assert answers(host, admin, course) == NO_ROLE
