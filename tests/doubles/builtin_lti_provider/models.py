"""Consumers, learners, services and graded launches as the platform keeps them."""

from django.conf import settings
from django.db import models
from opaque_keys.edx.django.models import CourseKeyField, UsageKeyField


class LtiConsumer(models.Model):
    """
    A campus, its secret in plain text.

    .. no_pii:
    """

    consumer_name = models.CharField(max_length=255, unique=True)
    consumer_key = models.CharField(max_length=32, unique=True)
    consumer_secret = models.CharField(max_length=32, unique=True)
    instance_guid = models.CharField(max_length=255, blank=True, null=True, unique=True)  # as there
    require_user_account = models.BooleanField(default=False)
    use_lti_pii = models.BooleanField(default=False)


class OutcomeService(models.Model):
    """
    Where grades go.

    .. no_pii:
    """

    lis_outcome_service_url = models.CharField(max_length=255, unique=True)
    lti_consumer = models.ForeignKey(LtiConsumer, on_delete=models.CASCADE)


class GradedAssignment(models.Model):
    """
    Whose grade goes where.

    .. no_pii: Nobody real.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    course_key = CourseKeyField(max_length=255)
    usage_key = UsageKeyField(max_length=255)
    outcome_service = models.ForeignKey(OutcomeService, on_delete=models.CASCADE)
    lis_result_sourcedid = models.CharField(max_length=255)
    version_number = models.IntegerField(default=0)


class LtiUser(models.Model):
    """
    Who a campus's user is.

    .. no_pii: Nobody real.
    """

    lti_consumer = models.ForeignKey(LtiConsumer, on_delete=models.CASCADE)
    lti_user_id = models.CharField(max_length=255)
    edx_user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
