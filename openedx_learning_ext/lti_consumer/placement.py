"""A placement as the outcomes service sees it, and the stand-in for one that does not exist."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from openedx_learning_ext.core.host import get_host
from openedx_learning_ext.core.lti import oauth as core_oauth
from openedx_learning_ext.core.privacy import SecretUnreadable
from openedx_learning_ext.lti_consumer import nonces, oauth
from openedx_learning_ext.lti_consumer.launch import read_sourced_id
from openedx_learning_ext.lti_consumer.models import LtiPlacement, LtiResult
from openedx_learning_ext.lti_consumer.signals import result_changed

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

log = logging.getLogger(__name__)


class PlacementBlock:
    """One placement with the attributes that ``OutcomeService`` asks of a block, the optional ones included."""

    def __init__(self, placement: LtiPlacement, outcome_service_url: str) -> None:
        """Stand for this placement, whose tool was told this outcome service URL."""
        self.placement = placement
        self.outcome_service_url = outcome_service_url
        self.takes_outcomes = placement.graded
        self.accept_grades_past_due = placement.accepts_late_grades
        self.log_id = f"placement {placement.pk}"

    @property
    def is_past_due(self) -> bool:
        """Tell whether deadline and grace are over; at the deadline itself it is not."""
        due_at = self.placement.due_at
        return due_at is not None and timezone.now() - due_at > timedelta(seconds=self.placement.grace_seconds)

    @property
    def lti_provider_key_secret(self) -> tuple[str, str]:
        """Return the tool's key and secret; an unreadable secret is none, and no signature fits that."""
        configuration = self.placement.configuration
        try:
            return configuration.lti_1p1_client_key, configuration.lti_1p1_client_secret
        except SecretUnreadable:
            log.error("the secret of tool %s cannot be read with any configured key", configuration.pk)
            return configuration.lti_1p1_client_key, ""

    def accept_oauth(self, parameters: Mapping[str, str]) -> None:
        """Return for our key, inside the window, with a nonce not used before (which is written down)."""
        core_oauth.check_consumer_key(parameters, self.lti_provider_key_secret[0])
        timestamp = core_oauth.check_timestamp(parameters, now=time.time(), rules=oauth.rules())
        nonces.use(
            consumer=f"{self.placement.configuration_id}:{parameters['oauth_consumer_key']}",
            timestamp=timestamp,
            nonce=parameters["oauth_nonce"],
        )

    def find_user(self, sourced_id: str) -> AbstractUser | None:
        """Return the learner of a sourcedid that we issued for this placement, enrolled now; else ``None``."""
        parts = read_sourced_id(sourced_id)
        if parts is None:
            return None
        context_id, resource_link_id, user_id = parts
        course_key = self.placement.course_key
        if (context_id, resource_link_id) != (str(course_key), self.placement.resource_link_id) or not user_id:
            return None
        host = get_host()
        user = host.identity.find_by_anonymous_id(user_id)
        if user is None or not user.is_active or not host.enrollments.is_active(user, course_key):
            return None
        # The id says for whom it was made, not for which course.
        return user if host.identity.anonymous_id(user, course_key) == user_id else None

    def max_score(self) -> float:
        """Return how many points the placement is worth."""
        return self.placement.max_score

    def set_user_module_score(self, user: AbstractUser, score: float, max_score: float) -> None:
        """Store a score from 0 to 1 and publish it on the placement's block, where there is one."""
        self._record(user, score)

    def get_user_module_score(self, user: AbstractUser) -> tuple[float | None, float]:
        """Return the stored score from 0 to 1 and 1, its maximum; 0 where the placement is worth nothing."""
        result = LtiResult.objects.filter(placement=self.placement, user_id=user.pk).first()
        return (result.score if result else None), (1.0 if self.placement.max_score else 0.0)

    def clear_user_module_score(self, user: AbstractUser) -> None:
        """Clear score and comment and withdraw the score from the block; without a score nothing happens."""
        if LtiResult.objects.filter(placement=self.placement, user_id=user.pk, score__isnull=False).exists():
            self._record(user, None)

    def _record(self, user: AbstractUser, score: float | None) -> None:
        placement, maximum = self.placement, self.placement.max_score
        LtiResult.objects.record(placement_id=placement.pk, user_id=user.pk, score=score)
        # A block that is worth nothing has no score to publish: 0 of 0 would read as a reset there.
        if placement.usage_key is not None and maximum:
            earned = None if score is None else score * maximum
            get_host().grades.publish_score(user, placement.usage_key, earned=earned, possible=maximum)

        def announce() -> None:
            result_changed.send_robust(
                sender=LtiResult, placement_id=placement.pk, user_id=user.pk, score=score, maximum=maximum
            )

        transaction.on_commit(announce, robust=True)


class NoPlacement:
    """Stands where there is no placement: nothing verifies, after the same work and in the same words."""

    accept_grades_past_due = True
    is_past_due = False
    lti_provider_key_secret = ("", "")
    log_id = "no placement"

    def __init__(self, outcome_service_url: str) -> None:
        """Stand at this outcome service URL."""
        self.outcome_service_url = outcome_service_url
