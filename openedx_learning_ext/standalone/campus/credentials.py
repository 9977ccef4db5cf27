"""What the campus and this site agreed on: the consumer key, the shared secret, and the address of the exercise."""

import hashlib
import hmac

from django.conf import settings
from opaque_keys.edx.keys import CourseKey

KEY = "demo-campus"

COURSE = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
EXERCISE = COURSE.make_usage_key("problem", "journey")


def secret() -> str:
    """Return the secret, the same one as long as the data folder stays."""
    return _derived("secret")[:40]


def launch_url() -> str:
    """Return where the exercise is launched, as one types it into a campus system."""
    return f"{settings.LMS_ROOT_URL}/lti_provider/courses/{COURSE}/{EXERCISE}"


def sourced_id(learner_id: str) -> str:
    """Return the name under which the campus takes a score for a learner: it says who, and nobody else can make one."""
    return f"{learner_id}:{_derived(f'result {learner_id}')[:24]}"


def _derived(purpose: str) -> str:
    message = f"learning_ext_campus {purpose}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).hexdigest()
