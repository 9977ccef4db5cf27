from django.utils import timezone as _timezone
from lms.djangoapps.grades import _signals as signals  # noqa: F401 - an attribute of this module, and no submodule

from tests.doubles.platform import scene as _scene


class CourseGradeFactory:
    def read(
        self,
        user,
        course=None,
        collected_block_structure=None,
        course_structure=None,
        course_key=None,
        create_if_needed=True,
    ):
        course_key = course_key or course.id
        blocks = [block for key, block in _scene.blocks.items() if key.course_key == course_key]
        children = {
            parent.location: [block.location for block in blocks if block.get_parent() is parent] for parent in blocks
        }
        problems = [block for block in blocks if not block.has_children]
        return _scene.CourseGrade(
            problem_scores={block.location: _score(user, block) for block in problems},
            course_data=_scene.CourseData(_scene.Structure(children)),
        )


def _score(user, block):
    # What the submissions service knows comes first.
    points = _scene.submissions.get((user.id, block.location)) or _scene.learner_rows.get((user.id, block.location))
    if points is None or None in points or (user.id, block.location.course_key) in _scene.ungraded:
        return _scene.ProblemScore(0.0, block.weight or 0.0, None)
    earned, possible = points
    if block.weight is not None and possible:
        earned, possible = earned * block.weight / possible, block.weight
    return _scene.ProblemScore(earned, possible, _timezone.now())
