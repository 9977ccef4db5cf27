"""
Everything the adapter touches of the platform: where it is, how it is called, and what bites.

``docs/references/host.rst`` shows this list, the fakes beside this file have exactly these names, and
``pytest -m platform`` compares it with a real platform.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """
    One name of the platform.

    ``signature`` is as ``inspect.signature`` writes it without annotations, and ``None`` for what is not called by us.
    ``answers`` names the attributes counted on of what comes back or is caught; ``double`` is the class in
    ``scene.py`` that plays it and has no others.
    """

    path: str
    purpose: str
    signature: str | None = None
    answers: tuple[str, ...] = ()
    double: str | None = None
    watch: str = ""


ENTRIES = (
    Entry(
        "openedx.core.djangoapps.content.course_overviews.api.get_course_overview_or_none",
        "For ``courses.find``",
        "(course_id)",
        (
            "id",
            "display_org_with_default",
            "display_number_with_default",
            "display_name",
            "start",
            "end",
            "self_paced",
            "language",
            "certificate_available_date",
            "certificates_display_behavior",
        ),
        "Overview",
        "Logs a warning for a key it does not know. May rebuild and save a stale row. Finds a key in any letter case "
        "on MySQL, so the key is compared. The name may be null.",
    ),
    Entry(
        "lms.djangoapps.courseware.courses.get_course_with_access",
        "For ``courses.check_access``",
        "(user, action, course_key, depth=0, check_if_enrolled=False, check_survey_complete=True, "
        "check_if_authenticated=False, allow_not_started_courses=False)",
        ("id",),
        "CourseBlock",
        "An unknown course is Django's Http404. Staff pass when other checks fail, unless a filter pipeline refuses. "
        "Without check_if_authenticated somebody anonymous passes when no enrolment is asked for. LMS only.",
    ),
    Entry(
        "lms.djangoapps.courseware.exceptions.CourseAccessRedirect",
        "For ``courses.check_access``",
        "(url, access_error=None)",
        ("url", "access_error"),
        None,
        "Its args are empty: the address is in url. There is no access_error when an enrolment or a log-in is missing.",
    ),
    Entry(
        "lms.djangoapps.courseware.courseware_access_exception.CoursewareAccessException",
        "For ``courses.check_access``",
        "(access_response)",
        ("access_response",),
        None,
        "A kind of Http404, so it is caught before it.",
    ),
    Entry(
        "common.djangoapps.student.models.CourseEnrollment.is_enrolled",
        "For ``enrollments.is_active``",
        "(user, course_key)",
        watch="Remembered for the rest of the request. Somebody anonymous is not enrolled.",
    ),
    Entry(
        "common.djangoapps.student.roles.GlobalStaff",
        "For ``roles.is_global_staff``",
        "()",
        watch="Does not look whether the account is active.",
    ),
    Entry("common.djangoapps.student.roles.GlobalStaff.has_user", "For ``roles.is_global_staff``", "(self, user)"),
    Entry(
        "common.djangoapps.student.roles.RoleCache",
        "For ``roles.is_course_team``",
        "(user)",
        watch="Does not look whether the account is active, and fails for somebody anonymous. The platform keeps one "
        "on the user object as _roles.",
    ),
    Entry(
        "common.djangoapps.student.roles.RoleCache.roles_by_course_id",
        "For ``roles.is_course_team``",
        None,
        ("role", "org", "course_id"),
        "RoleRecord",
        'From the text of a course key to a set; roles without a course stand under "ungrouped". The role classes '
        "themselves say yes to roles that inherit (limited staff), this does not.",
    ),
    Entry(
        "lms.djangoapps.courseware.access.has_access",
        "For ``roles.has_staff_access``",
        "(user, action, obj, course_key=None)",
        ("error_code",),
        "AccessResponse",
        "Answers an object that is true or false. Masquerading as a learner is no. Limited staff and organisation-wide "
        "roles are yes. An unknown action is a ValueError, another kind of object a TypeError. LMS only.",
    ),
    Entry(
        "lms.djangoapps.courseware.access.get_user_role",
        "For ``roles.acting_role``",
        "(user, course_key)",
        watch="Masquerade first, in whatever word that uses. Global staff are instructors. LMS only.",
    ),
    Entry(
        "lms.djangoapps.grades.api.signals.SCORE_PUBLISHED",
        "For ``grades.publish_score``",
        watch="Sent with block, user, raw_earned, raw_possible, only_if_higher, score_deleted and grader_response. "
        "Receivers run at once and may raise. raw_earned=None needs raw_possible=None, or a block with a weight "
        "makes the receiver fail. signals is an attribute of the module api, not a submodule.",
    ),
    Entry(
        "lms.djangoapps.grades.api.signals.PROBLEM_WEIGHTED_SCORE_CHANGED",
        "For ``grades.connect_score_receiver``; what ``grades.publish_score`` sets off",
        watch="user_id, course_id and usage_id as text, weighted_earned and weighted_possible (None when withdrawn, 0 "
        "of 0 when reset), modified, score_db_table, score_deleted, and on some paths anonymous_user_id, "
        "only_if_higher and grader_response. Sent also when nothing changed, and for library keys. Errors of "
        "receivers reach the learner's request.",
    ),
    Entry(
        "xblock.scorable.ScorableXBlockMixin",
        "For ``grades.publish_score``",
        None,
        watch="Such a block computes its own score and would be written to unbound: refused.",
    ),
    Entry(
        "lms.djangoapps.courseware.model_data.get_score",
        "For ``grades.current_score``",
        "(user_id, usage_key)",
        ("grade", "max_grade"),
        "LearnerRow",
        "Raw points, which are not weighed; neither for a block that was only looked at, or that the submissions "
        "service scores. None where there is no row. The key needs its run.",
    ),
    Entry(
        "lms.djangoapps.grades.api.CourseGradeFactory",
        "For ``grades.current_score``",
        "()",
    ),
    Entry(
        "lms.djangoapps.grades.api.CourseGradeFactory.read",
        "For ``grades.current_score``",
        "(self, user, course=None, collected_block_structure=None, course_structure=None, course_key=None, "
        "create_if_needed=True)",
        ("problem_scores", "course_data", "score_for_block"),
        "CourseGrade",
        "The stored grade. Before the first one is stored, minutes after the first answer, everything in it is zero "
        "and unattempted. score_for_block(usage_key) answers earned and possible, and costs a whole course structure. "
        "problem_scores maps the key of each problem to its score, with first_attempted; "
        "course_data.structure.get_children(usage_key) answers keys.",
    ),
    Entry(
        "lms.djangoapps.courseware.views.views.render_xblock",
        "For ``blocks.render_launched``",
        "(request, usage_key_string, check_if_enrolled=True, disable_staff_debug_info=False)",
        watch="GET and POST only. May be framed, and sets the CSRF cookie. An unknown block, a course or a block that "
        "is not for this person: each is an Http404. Reads the query string, and may exchange request.user "
        "(masquerade). As a function it runs in the caller's transaction, so there must be none. LMS only.",
    ),
    Entry("xmodule.modulestore.django.modulestore", "For ``blocks.find`` and ``blocks.ancestors``", "()"),
    Entry(
        "xmodule.modulestore.django.modulestore().bulk_operations",
        "For ``blocks.ancestors``",
        "(course_id, emit_signals=True, ignore_case=False)",
        watch="A context manager: within it the course is read once.",
    ),
    Entry(
        "xmodule.modulestore.django.modulestore().get_item",
        "For ``blocks`` and ``grades``",
        "(usage_key, depth=0, **kwargs)",
        ("location", "display_name", "graded", "due", "weight", "has_children", "get_parent"),
        "Block",
        "The LMS sees published blocks only. Completes a key of the old form, which says no run. Not every block has a "
        "weight. get_parent() is None above the course, and above a block that hangs nowhere.",
    ),
    Entry("xmodule.modulestore.exceptions.ItemNotFoundError", "For ``blocks.find``", None),
    Entry(
        "openedx.core.djangoapps.user_api.accounts.api.get_username_validation_error",
        "For ``accounts.is_valid_username``",
        "(username)",
        watch='Answers "" or a sentence. Length and characters only; whether the name is taken is another question.',
    ),
    Entry(
        "common.djangoapps.student.models.username_exists_or_retired",
        "For ``accounts.create``",
        "(username)",
        watch="Whether letter case counts is up to the database.",
    ),
    Entry(
        "common.djangoapps.student.models.email_exists_or_retired",
        "For ``accounts.create``",
        "(email)",
        watch="Knows addresses for account recovery too. Whether letter case counts is up to the database.",
    ),
    Entry(
        "common.djangoapps.student.models.UserProfile",
        "For ``accounts.create``",
        None,
        watch="Made with user and name, then saved. Events of enrolment and log-in read it: every account needs one.",
    ),
    Entry("common.djangoapps.student.models.UserProfile.save", "For ``accounts.create``", None),
    Entry(
        "openedx.core.djangoapps.safe_sessions.middleware.mark_user_change_as_expected",
        "For ``accounts.log_in`` and ``accounts.log_out``",
        "(new_user_id)",
        watch="Without it a user who changes within a request is logged as an anomaly, and may be refused. None for "
        "nobody.",
    ),
    Entry(
        "openedx.core.djangoapps.user_api.accounts.signals.USER_RETIRE_LMS_MISC",
        "For ``accounts.connect_retirement_receiver``",
        watch="Sent with user; errors of receivers reach the pipeline. Sent by the LMS only.",
    ),
    Entry(
        "openedx.core.djangoapps.user_api.accounts.signals.USER_RETIRE_LMS_CRITICAL",
        "For ``accounts.connect_retirement_receiver``",
        watch="Sent with user, and in newer states retired_username and retired_email.",
    ),
    Entry(
        "common.djangoapps.student.models.anonymous_id_for_user",
        "For ``identity.anonymous_id``",
        "(user, course_id)",
        watch="A key or None, never a text. 32 hexadecimal characters; None for somebody anonymous. Kept on the user "
        "object; a new one is stored, so it is asked outside a transaction of ours.",
    ),
    Entry(
        "common.djangoapps.student.models.user_by_anonymous_id",
        "For ``identity.find_by_anonymous_id``",
        "(uid)",
        watch='Remembers "nobody" for the rest of the request.',
    ),
    Entry(
        "lti_consumer.api.get_lti_pii_sharing_state_for_course",
        "For ``flags.may_share_pii``",
        "(course_key)",
        watch="Of the LTI XBlock's distribution, asked only where its app is installed.",
    ),
    Entry(
        "common.djangoapps.track.contexts.course_context_from_course_id",
        "For ``tracking.emit``",
        "(course_id)",
        watch='A key, not a text. Answers {"course_id", "org_id"}.',
    ),
    Entry(
        "openedx.core.lib.api.authentication.BearerAuthenticationAllowInactiveUser",
        "For ``bearer_authentication_class()``",
        None,
        watch="Needs the platform's token tables.",
    ),
)
