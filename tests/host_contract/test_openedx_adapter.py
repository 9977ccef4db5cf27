"""What only the platform's adapter has to get right: Studio, masquerade, keys of the old form, missing pieces."""

import ast
import logging
import os
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from eventtracking import tracker
from opaque_keys.edx.keys import CourseKey, UsageKey

from openedx_learning_ext.core.host import openedx, ports
from tests.doubles.platform import scene

PLATFORM = ("lms", "cms", "common", "openedx", "xmodule", "xblock", "lti_consumer", "eventtracking")


@pytest.fixture
def studio(settings):
    """Be Studio for one test."""
    settings.ROOT_URLCONF = "cms.urls"


def test_the_module_loads_and_the_adapter_is_built_where_there_is_no_platform_and_no_settings():
    program = (
        "import sys; from openedx_learning_ext.core.host.openedx import OpenedxHost; OpenedxHost();"
        f"print(sorted({{name.split('.')[0] for name in sys.modules}} & {set(PLATFORM)!r}))"
    )
    without_settings = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}

    finished = subprocess.run(
        [sys.executable, "-c", program], env=without_settings, capture_output=True, text=True, check=False
    )

    assert (finished.stdout.strip(), finished.returncode) == ("[]", 0), finished.stderr


def test_every_import_of_the_platform_stands_inside_a_function():
    with open(openedx.__file__, encoding="utf-8") as source:
        tree = ast.parse(source.read())

    at_the_top = {
        name.split(".")[0]
        for statement in tree.body
        for node in ast.walk(statement)
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef))
        for name in _imported(node)
    }

    assert not at_the_top & set(PLATFORM)


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []


def test_a_missing_piece_of_the_platform_stays_an_import_error(ada):
    host = openedx.OpenedxHost()

    with pytest.raises(ImportError):
        host.enrollments.is_active(ada, CourseKey.from_string("course-v1:OpenedX+Contract+2026"))


# -- courses -----------------------------------------------------------------------------------------------------------


def test_a_redirect_of_courseware_becomes_a_refusal_with_its_address(platform, platform_host, ada):
    course = platform.course()

    with pytest.raises(ports.CourseAccessDenied) as refusal:
        platform_host.courses.check_access(ada, course, require_enrollment=True)

    assert refusal.value.redirect_url == f"/courses/{course}/about"
    assert refusal.value.reason == "redirected"


def test_the_reason_is_the_code_the_platform_gives(platform, platform_host, ada):
    course = platform.course(start=timezone.now() + timedelta(days=1))

    with pytest.raises(ports.CourseAccessDenied) as refusal:
        platform_host.courses.check_access(ada, course, require_enrollment=False)

    assert refusal.value.reason == "course_not_started"
    assert refusal.value.redirect_url == "/dashboard?notlive=later"


def test_a_refusal_that_looks_like_a_404_is_a_refusal(platform, platform_host, ada):
    course = platform.course()
    ada._blocked_by_policy = True

    with pytest.raises(ports.CourseAccessDenied) as refusal:
        platform_host.courses.check_access(ada, course, require_enrollment=False)

    assert refusal.value.reason == "not_visible_to_user"
    assert refusal.value.redirect_url is None


def test_a_refusal_without_a_code_still_has_a_reason(platform, platform_host, ada, monkeypatch):
    from lms.djangoapps.courseware import courses
    from lms.djangoapps.courseware.courseware_access_exception import CoursewareAccessException

    def refuse(*args, **kwargs):
        raise CoursewareAccessException(scene.AccessResponse())

    monkeypatch.setattr(courses, "get_course_with_access", refuse)

    with pytest.raises(ports.CourseAccessDenied) as refusal:
        platform_host.courses.check_access(ada, platform.course(), require_enrollment=False)

    assert refusal.value.reason == "refused"


def test_a_public_course_is_open_to_everybody(platform, platform_host, nobody):
    course = platform.course()
    scene.public_courses.add(course)

    assert platform_host.courses.check_access(nobody, course, require_enrollment=True) is None


def test_in_studio_the_course_team_enters_and_nobody_else(platform, platform_host, ada, bob, studio):
    course = platform.course()
    platform.role(ada, course, "staff")
    platform.enrolled(bob, course)

    assert platform_host.courses.check_access(ada, course, require_enrollment=True) is None
    with pytest.raises(ports.CourseAccessDenied, match="not_course_team"):
        platform_host.courses.check_access(bob, course, require_enrollment=True)
    with pytest.raises(ports.CourseNotFound):
        platform_host.courses.check_access(
            ada, CourseKey.from_string("course-v1:OpenedX+Nowhere+2026"), require_enrollment=False
        )


# -- roles -------------------------------------------------------------------------------------------------------------


def test_who_masquerades_as_a_learner_is_treated_as_one_and_stays_of_the_team(platform, platform_host, ada, admin):
    course = platform.course()
    platform.role(ada, course, "instructor")
    for person in (ada, admin):
        platform.masquerades(person, course, "student")

        assert platform_host.roles.has_staff_access(person, course) is False
        assert platform_host.roles.acting_role(person, course) == "student"
        assert platform_host.roles.is_course_team(person, course) is True


def test_who_masquerades_as_staff_acts_as_staff(platform, platform_host, admin):
    course = platform.course()
    platform.masquerades(admin, course, "staff")

    assert platform_host.roles.acting_role(admin, course) == "staff"


def test_a_masquerade_with_a_word_of_its_own_is_a_learner(platform, platform_host, admin):
    course = platform.course()
    platform.masquerades(admin, course, "audit_learner")

    assert platform_host.roles.acting_role(admin, course) == "student"


def test_the_roles_the_platform_has_read_already_are_not_read_again(platform, platform_host, ada):
    from common.djangoapps.student.roles import RoleCache

    course = platform.course()
    platform.role(ada, course, "staff")
    ada._roles = RoleCache(ada)
    scene.roles.clear()

    assert platform_host.roles.is_course_team(ada, course) is True


@pytest.mark.parametrize(
    ("role", "staff_access", "acting_role"),
    [("staff", True, "staff"), ("instructor", True, "instructor"), ("limited_staff", False, "student")],
)
def test_studio_answers_from_the_roles_in_the_course(
    platform, platform_host, ada, bob, studio, role, staff_access, acting_role
):
    course = platform.course()
    platform.role(ada, course, role)
    platform.organisation_role(bob, course.org, role)

    assert platform_host.roles.has_staff_access(ada, course) is staff_access
    assert platform_host.roles.acting_role(ada, course) == acting_role
    assert platform_host.roles.has_staff_access(bob, course) is False


def test_in_studio_staff_of_the_site_act_as_instructors_and_somebody_inactive_as_nobody(
    platform, platform_host, ada, admin, studio
):
    course = platform.course()
    platform.role(ada, course, "instructor")
    ada.is_active = False

    assert platform_host.roles.acting_role(admin, course) == "instructor"
    assert platform_host.roles.acting_role(ada, course) == "student"


# -- grades and blocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, 0.0, 5.0])
def test_a_score_can_be_withdrawn_whatever_the_block_weighs(platform, platform_host, ada, weight):
    platform.course()
    block = platform.block("block-v1:OpenedX+Contract+2026+type@lti_consumer+block@essay", weight=weight)
    platform_host.grades.publish_score(ada, block, earned=0.5, possible=1.0)

    platform_host.grades.publish_score(ada, block, earned=None, possible=1.0)

    assert platform.score(ada, block) is None


def test_a_key_of_the_old_form_is_completed_with_the_run(platform, platform_host):
    course = CourseKey.from_string("OpenedX/Contract/2026")
    complete = UsageKey.from_string("i4x://OpenedX/Contract/problem/sum").map_into_course(course)
    scene.blocks[complete] = scene.Block(location=complete)

    found = platform_host.blocks.find(UsageKey.from_string("i4x://OpenedX/Contract/problem/sum"))

    assert found.usage_key == complete
    assert found.usage_key.course_key == course


ESSAY = "block-v1:OpenedX+Contract+2026+type@openassessment+block@essay"


def test_a_block_of_the_submissions_service_has_the_score_of_the_course_grade(platform, platform_host, ada):
    platform.course()
    block = platform.block(ESSAY, weight=10.0)
    scene.submissions[ada.id, block] = (1.0, 2.0)

    assert platform_host.grades.current_score(ada, block) == ports.BlockScore(5.0, 10.0, is_composite=False)


def test_a_block_that_was_only_looked_at_has_no_score(platform, platform_host, ada):
    platform.course()
    block = platform.block(ESSAY)
    scene.learner_rows[ada.id, block] = (None, None)

    assert platform_host.grades.current_score(ada, block) is None


def test_until_the_course_grade_is_stored_nobody_can_tell_a_sum_and_one_block_is_told(platform, platform_host, ada):
    course = platform.course()
    unit = platform.block("block-v1:OpenedX+Contract+2026+type@vertical+block@unit")
    problem = platform.block(ESSAY, parent=unit)
    platform.scored(ada, problem, 1.0, 2.0)
    scene.ungraded.add((ada.id, course))

    assert platform_host.grades.current_score(ada, unit) is None
    assert platform_host.grades.current_score(ada, problem) == ports.BlockScore(1.0, 2.0, is_composite=False)


def test_a_platform_without_a_course_grade_cannot_tell(platform, platform_host, ada, monkeypatch):
    from lms.djangoapps.grades.api import CourseGradeFactory

    platform.course()
    unit = platform.block("block-v1:OpenedX+Contract+2026+type@vertical+block@unit")
    platform.block(ESSAY, parent=unit)
    monkeypatch.setattr(CourseGradeFactory, "read", lambda self, user, *, course_key: None)

    assert platform_host.grades.current_score(ada, unit) is None


def test_a_score_is_asked_for_with_the_run_also_for_a_key_of_the_old_form(platform, platform_host, ada):
    course = CourseKey.from_string("OpenedX/Contract/2026")
    complete = UsageKey.from_string("i4x://OpenedX/Contract/problem/sum").map_into_course(course)
    scene.blocks[complete] = scene.Block(location=complete, weight=1.0)
    platform.scored(ada, complete, 1.0, 4.0)

    found = platform_host.grades.current_score(ada, UsageKey.from_string("i4x://OpenedX/Contract/problem/sum"))

    assert found == ports.BlockScore(1.0, 4.0, is_composite=False)


def test_a_block_that_knows_no_weight_has_the_score_of_its_row(platform, platform_host, ada):
    platform.course()
    block = platform.block(ESSAY)
    platform.scored(ada, block, 1.0, 4.0)
    scene.blocks[block] = SimpleNamespace(location=block, has_children=False)

    assert platform_host.grades.current_score(ada, block) == ports.BlockScore(1.0, 4.0, is_composite=False)


def test_the_courses_own_block_is_above_everything(platform, platform_host):
    course = platform.course()
    unit = platform.block("block-v1:OpenedX+Contract+2026+type@vertical+block@unit")
    problem = platform.block(ESSAY, parent=unit)
    top = course.make_usage_key("course", "course")

    assert platform_host.blocks.ancestors(problem) == (unit, top)
    assert platform_host.blocks.ancestors(top) == ()


def test_a_block_that_hangs_nowhere_in_its_course_is_not_found(platform, platform_host):
    platform.course()
    unit, problem = (UsageKey.from_string(ESSAY.replace("essay", name)) for name in ("unit", "problem"))
    scene.blocks[unit] = scene.Block(location=unit, has_children=True)
    scene.blocks[problem] = scene.Block(location=problem, _parent=scene.blocks[unit])

    with pytest.raises(ports.BlockNotFound):
        platform_host.blocks.ancestors(problem)


def test_a_block_the_platform_keeps_from_a_person_is_a_refusal_and_not_a_404(platform, platform_host, ada, request_of):
    platform.course()
    block = platform.block(ESSAY)
    scene.refused_blocks.add(block)

    with pytest.raises(ports.CourseAccessDenied) as refusal:
        platform_host.blocks.render_launched(request_of(ada), block)

    assert refusal.value.reason == "refused"


def test_a_refusal_before_a_launched_block_has_the_platforms_reason_and_address(
    platform, platform_host, ada, request_of
):
    platform.course(start=timezone.now() + timedelta(days=1))
    block = platform.block(ESSAY)

    with pytest.raises(ports.CourseAccessDenied) as refusal:
        platform_host.blocks.render_launched(request_of(ada), block)

    assert (refusal.value.reason, refusal.value.redirect_url) == ("course_not_started", "/dashboard?notlive=later")


def test_in_studio_nobody_hears_of_scores(platform, platform_host, ada, listener, studio):
    platform.course()
    block = platform.block("block-v1:OpenedX+Contract+2026+type@lti_consumer+block@essay")
    platform_host.grades.connect_score_receiver(listener, dispatch_uid="contract")

    platform_host.grades.publish_score(ada, block, earned=0.5, possible=1.0)

    assert listener.heard == []


# -- accounts, identity, flags, tracking -------------------------------------------------------------------------------


def test_the_platform_is_told_of_a_change_of_user_within_a_request(platform, platform_host, ada, nobody, request_of):
    request = request_of(nobody)

    platform_host.accounts.log_in(request, ada, backend="django.contrib.auth.backends.ModelBackend")
    platform_host.accounts.log_out(request)

    assert scene.expected_user_changes == [ada.id, None]


def test_an_address_for_account_recovery_is_taken_though_no_account_has_it(platform, platform_host):
    scene.retired_emails.add("recovery@example.com")

    with pytest.raises(ports.AccountTaken, match="email"):
        platform_host.accounts.create(username="new", email="recovery@example.com", name="")


def test_a_retirement_is_told_by_both_signals_of_the_platform(platform, platform_host, ada, listener):
    platform_host.accounts.connect_retirement_receiver(listener, dispatch_uid="contract")

    platform.retires(ada)

    assert len(listener.heard) == 2


def test_studio_retires_nobody(platform, platform_host, ada, listener, studio):
    platform_host.accounts.connect_retirement_receiver(listener, dispatch_uid="contract")

    platform.retires(ada)

    assert listener.heard == []


def test_an_older_id_of_a_person_still_resolves_and_the_newest_is_answered(platform, platform_host, ada):
    course = platform.course()
    scene.anonymous_ids += [(ada.id, course, "1" * 32), (ada.id, course, "2" * 32)]

    assert platform_host.identity.anonymous_id(ada, course) == "2" * 32
    assert platform_host.identity.find_by_anonymous_id("1" * 32) == ada


def test_without_the_lti_xblock_nothing_personal_is_shared(platform, platform_host):
    course = platform.course()
    scene.pii_courses.add(course)

    assert platform_host.flags.may_share_pii(course) is False
    platform.with_lti_xblock()
    assert platform_host.flags.may_share_pii(course) is True


def test_without_a_tracker_events_are_dropped_with_one_warning(platform, platform_host, caplog):
    tracker.TRACKERS.clear()

    with caplog.at_level(logging.WARNING):
        platform_host.tracking.emit("first", {})
        platform_host.tracking.emit("second", {})

    assert [record.getMessage() for record in caplog.records] == ["no_event_tracker"]


def test_the_context_of_an_event_is_the_platforms(platform, platform_host):
    platform_host.tracking.emit("learning_ext.tool.launched", {}, course_key=platform.course())

    assert platform._events[0]["context"] == {"course_id": "course-v1:OpenedX+Contract+2026", "org_id": "OpenedX"}


def test_the_platforms_bearer_authentication_is_answered(fake_packages):
    assert openedx.bearer_authentication_class().__name__ == "BearerAuthenticationAllowInactiveUser"
