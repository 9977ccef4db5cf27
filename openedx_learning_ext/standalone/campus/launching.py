"""A launch, as the campus signs it: with oauthlib, for one learner, with the place where the score is wanted."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from oauthlib.oauth1 import SIGNATURE_TYPE_BODY, Client

from openedx_learning_ext.standalone.campus import credentials
from openedx_learning_ext.standalone.campus.people import Learner

CONTEXT_ID = "campus-course-7"
COURSE_TITLE = "Foundations of distributed learning"
LINK_ID = "campus-link-42"
FORM = "application/x-www-form-urlencoded"


def signed_form(learner: Learner, *, outcome_service_url: str, return_url: str) -> dict[str, str]:
    """Return the fields of a launch; each call signs anew, because a form is good once."""
    said = {
        "lti_message_type": "basic-lti-launch-request",
        "lti_version": "LTI-1p0",
        "resource_link_id": LINK_ID,
        "context_id": CONTEXT_ID,
        "context_title": COURSE_TITLE,
        "user_id": learner.user_id,
        "roles": "Learner",
        "lis_person_name_given": learner.given,
        "lis_person_name_family": learner.family,
        "lis_person_name_full": learner.name,
        "lis_person_contact_email_primary": learner.email,
        "tool_consumer_instance_guid": "campus.example",
        "tool_consumer_info_product_family_code": "demo-campus",
        "launch_presentation_return_url": return_url,
    }
    if outcome_service_url:
        said |= {
            "lis_outcome_service_url": outcome_service_url,
            "lis_result_sourcedid": credentials.sourced_id(learner.learner_id),
        }
    client = Client(credentials.KEY, client_secret=credentials.secret(), signature_type=SIGNATURE_TYPE_BODY)
    url = credentials.launch_url()
    _, _, body = client.sign(url, http_method="POST", body=urlencode(said), headers={"Content-Type": FORM})
    return dict(parse_qsl(body, keep_blank_values=True))
