"""``seed_demo``: the people, the courses, the tool and the campus that the demo and its story rely on."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.urls import reverse
from opaque_keys.edx.keys import CourseKey

from openedx_learning_ext.lti_consumer import api as lti_consumer
from openedx_learning_ext.lti_provider import api as lti_provider
from openedx_learning_ext.standalone import models
from openedx_learning_ext.standalone.campus import credentials as campus_credentials
from openedx_learning_ext.standalone.tool import credentials

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
OTHER = CourseKey.from_string("course-v1:OpenedX+Other+2026")

PEOPLE = {"ada": "Ada Lindqvist", "bob": "Bob Okafor", "grace": "Grace Moreau", "admin": "Alex Admin"}
COURSES = {
    DEMO: {"display_name": "A tour of the learning extensions", "may_share_pii": True},
    OTHER: {"display_name": "Another course", "may_share_pii": False},
}
ENROLLED = [("ada", DEMO), ("bob", DEMO), ("bob", OTHER)]

EXERCISE = "exercise"
# Course, block type, block id, parent's id, title, graded.
BLOCKS = [
    (DEMO, "chapter", "tools", None, "External tools", False),
    (DEMO, "sequential", "first", "tools", "A first exercise", False),
    (DEMO, "lti_consumer", EXERCISE, "first", "Exercise in the quiz corner", True),
    (OTHER, "chapter", "welcome", None, "Welcome", False),
    (DEMO, "chapter", "campus", None, "For every campus", False),
    (DEMO, "sequential", "scores", "campus", "How scores travel", False),
    (DEMO, "problem", "journey", "scores", "A score on its way", True),
]
# What a campus launches: the exercise itself, the sequence around it, and the chapter around that.
CAMPUS_EXERCISE = DEMO.make_usage_key("problem", "journey")
CAMPUS_SEQUENCE = DEMO.make_usage_key("sequential", "scores")
CAMPUS_CHAPTER = DEMO.make_usage_key("chapter", "campus")
EXERCISES = {
    CAMPUS_EXERCISE: {
        "weight": 10.0,
        "content": {
            "question": "Your campus's gradebook is switched off while you answer. What happens to your score?",
            "options": [
                "It is lost, and you have to answer again.",
                "It waits here, and is sent once the gradebook is back.",
                "The gradebook shows the first score you ever had.",
                "If you improve meanwhile, the newest score arrives.",
            ],
            "right": [1, 3],
        },
    },
}
CAMPUS_NAME = "Demo campus"
PLACEMENT_TITLE = "Quiz corner"
PLACEMENT_LINK_ID = "quiz-corner"


class Command(BaseCommand):
    """Adds what is missing and changes nothing that is there, except the address of the demonstration tool."""

    help = "Add the demo's accounts, courses, enrolments, tool and campus, as far as they are missing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Let a later start bring the tool's address up to date and nothing else."""
        parser.add_argument(
            "--tool-address",
            action="store_true",
            help="only let courses that launch the demonstration tool find it at this site's present address",
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Seed; a second run adds nothing, and nobody's password is set again."""
        if not options["tool_address"]:
            people = {name: _person(name, full_name) for name, full_name in PEOPLE.items()}
            for course_key, details in COURSES.items():
                names = {"org": str(course_key.org), "number": str(course_key.course)}
                models.Course.objects.get_or_create(
                    course_key=course_key, defaults={**names, "language": "en", **details}
                )
            for name, course_key in ENROLLED:
                models.Enrollment.objects.get_or_create(user=people[name], course_key=course_key)
            models.CourseRole.objects.get_or_create(
                user=people["grace"], course_key=DEMO, org=DEMO.org, role=models.CourseRole.Role.STAFF
            )
            _content()
            _tool()
            _campus()
        moved = _move_tool()
        if options["verbosity"]:
            self.stdout.write("The demo is seeded." if not options["tool_address"] else f"Tools moved: {moved}.")


def _person(name: str, full_name: str) -> Any:
    users = get_user_model()
    person = users.objects.filter(username=name).first()
    if person is None:
        create = users.objects.create_superuser if name == "admin" else users.objects.create_user
        person = create(username=name, email=f"{name}@example.org", password=name)
    models.Profile.objects.get_or_create(user=person, defaults={"name": full_name, "language": "en"})
    return person


def _content() -> None:
    rows: dict[tuple[CourseKey, str], models.Block] = {}
    for course_key, block_type, block_id, parent_id, title, is_graded in BLOCKS:
        usage_key = course_key.make_usage_key(block_type, block_id)
        exercise = EXERCISES.get(usage_key)
        row, _ = models.Block.objects.get_or_create(
            usage_key=usage_key,
            defaults={
                **(exercise or {}),
                "scores_itself": exercise is not None,
                "course_key": course_key,
                "parent": None if parent_id is None else rows[course_key, parent_id],
                "display_name": title,
                "is_graded": is_graded,
            },
        )
        rows[course_key, block_id] = row


def _tool() -> None:
    """Enter the demonstration tool in the demo course, and place it, graded, on its exercise."""
    configuration = lti_consumer.list_configurations(course_key=DEMO).filter(lti_1p1_client_key=credentials.KEY).first()
    if configuration is None:
        configuration = lti_consumer.create_configuration(
            course_key=DEMO,
            lti_1p1_launch_url=credentials.launch_url(),
            lti_1p1_client_key=credentials.KEY,
            lti_1p1_client_secret=credentials.secret(),
            lti_config={"pii_share_username": True},
        )
    if not lti_consumer.list_placements(course_key=DEMO).filter(resource_link_id=PLACEMENT_LINK_ID).exists():
        lti_consumer.create_placement(
            course_key=DEMO,
            configuration_id=configuration.pk,
            title=PLACEMENT_TITLE,
            usage_key=DEMO.make_usage_key("lti_consumer", EXERCISE),
            resource_link_id=PLACEMENT_LINK_ID,
            graded=True,
            max_score=10.0,
        )


def _campus() -> None:
    """Let the demonstration campus launch learners, who are found by the address that it names."""
    lti_provider.list_consumers().get_or_create(
        consumer_key=campus_credentials.KEY,
        defaults={
            "consumer_name": CAMPUS_NAME,
            "consumer_secret": campus_credentials.secret(),
            "use_lti_pii": True,
        },
    )


def _move_tool() -> int:
    """Have the courses that launch our own tool find it where this site answers now; return how many had to change."""
    moved = 0
    for configuration in lti_consumer.LtiConfiguration.objects.filter(lti_1p1_client_key=credentials.KEY):
        address = configuration.lti_1p1_launch_url
        if configuration.course_key is None or urlsplit(address).path != reverse("tool:launch"):
            continue
        if address != credentials.launch_url():
            lti_consumer.update_configuration(
                course_key=configuration.course_key,
                configuration_id=configuration.pk,
                lti_1p1_launch_url=credentials.launch_url(),
            )
            moved += 1
    return moved
