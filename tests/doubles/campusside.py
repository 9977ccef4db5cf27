"""A campus's side of a launch: its form, signed by oauthlib, so that no error of ours cancels out."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from oauthlib.oauth1 import SIGNATURE_TYPE_BODY, Client
from opaque_keys.edx.keys import CourseKey

FORM = "application/x-www-form-urlencoded"
DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")
PREFIX = "/api/learning_ext/lti_provider/v1/courses"

KEY, SECRET = "campus-key", "c4mpus&/+ secret"
SERVICE_URL = "https://campus.example/mod/lti/service.php"
SOURCED_ID = '{"data":{"instanceid":"7","userid":"42"},"hash":"aB<&>"}'


def signed_form(url, fields, *, key=KEY, secret=SECRET, nonce=None, timestamp=None, method="HMAC-SHA1"):
    """Return the pairs of a form that oauthlib signs for this URL."""
    client = Client(
        key,
        client_secret=secret,
        signature_type=SIGNATURE_TYPE_BODY,
        signature_method=method,
        nonce=nonce or uuid4().hex,
        timestamp=None if timestamp is None else str(timestamp),
    )
    _, _, body = client.sign(url, http_method="POST", body=urlencode(fields), headers={"Content-Type": FORM})
    return parse_qsl(body, keep_blank_values=True)


def launch_path(usage_key, *, course_key=DEMO, prefix=PREFIX):
    """Return the path at which a block is launched."""
    return f"{prefix}/{course_key}/{usage_key}"


@dataclass
class Campus:
    """A campus that launches one block: what it always says, and how it signs."""

    usage_key: object
    key: str = KEY
    secret: str = SECRET
    said: dict = field(
        default_factory=lambda: {
            "lti_message_type": "basic-lti-launch-request",
            "lti_version": "LTI-1p0",
            "resource_link_id": "link-1",
            "user_id": "campus-user-1",
            "roles": "Learner",
            "context_id": "campus-course-1",
        }
    )

    def form(self, *, path=None, base="http://testserver", without=(), signing=None, **fields):
        """Return the pairs of a launch; ``fields`` change what the campus says, ``without`` leaves fields out."""
        said = {**self.said, **fields}
        for name in without:
            said.pop(name, None)
        url = base + (path or launch_path(self.usage_key))
        return signed_form(url, said, **{"key": self.key, "secret": self.secret, **(signing or {})})

    def launch(self, browser, *, path=None, **options):
        """Launch in a browser; answer the response."""
        return post(browser, self.form(path=path, **options), path=path or launch_path(self.usage_key))


GRADED = {"lis_result_sourcedid": SOURCED_ID, "lis_outcome_service_url": SERVICE_URL}


def post(browser, pairs, *, path, content_type=FORM, **extra):
    """Post the pairs of a form as a browser does."""
    return browser.post(path, data=urlencode(pairs), content_type=content_type, **extra)


def changed(pairs, **changes):
    """Return the pairs with some values changed after signing; ``None`` leaves one out."""
    kept = [(name, changes.get(name, value)) for name, value in pairs]
    return [(name, value) for name, value in kept if value is not None]
