"""How sending goes, as JSON: for the status address and for the report command."""

from __future__ import annotations

from typing import Any

from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey
from rest_framework import serializers


class CourseKeyField(serializers.Field):
    """A course's key as text."""

    default_error_messages = {"invalid": "This is not the key of a course."}

    def to_internal_value(self, data: Any) -> CourseKey:
        """Read the key."""
        try:
            return CourseKey.from_string(data)
        except InvalidKeyError:
            self.fail("invalid")

    def to_representation(self, value: CourseKey) -> str:
        """Write the key."""
        return str(value)


class StatusQuestionSerializer(serializers.Serializer):
    """Of whom or what the status is asked. An id that no column can hold is nobody's."""

    consumer = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    course = CourseKeyField(required=False)
    user = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class CountsSerializer(serializers.Serializer):
    """How many deliveries are in which state."""

    waiting = serializers.IntegerField()
    sending = serializers.IntegerField()
    delivered = serializers.IntegerField()
    parked = serializers.IntegerField()


class ServiceStatusSerializer(serializers.Serializer):
    """One place that takes grades."""

    service_id = serializers.IntegerField()
    host = serializers.CharField()
    is_paused = serializers.BooleanField()
    takes_no_grades = serializers.BooleanField()
    breaker = serializers.ChoiceField(["closed", "open", "half_open"])
    open_until = serializers.DateTimeField(allow_null=True)
    held_back_until = serializers.DateTimeField(allow_null=True)
    consecutive_failures = serializers.IntegerField()
    counts = CountsSerializer()
    oldest_waiting_seconds = serializers.IntegerField(allow_null=True)
    oldest_undelivered_seconds = serializers.IntegerField(allow_null=True)
    last_success_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()
    last_error_code = serializers.CharField()


class ConsumerStatusSerializer(serializers.Serializer):
    """One campus and its services."""

    consumer_id = serializers.IntegerField()
    name = serializers.CharField()
    services = ServiceStatusSerializer(many=True)


class FailedLaunchSerializer(serializers.Serializer):
    """A launch that was not let in; without the learner, of whom nothing is kept."""

    reference = serializers.CharField()
    at = serializers.DateTimeField()
    consumer_id = serializers.IntegerField(allow_null=True)
    step = serializers.IntegerField()
    code = serializers.CharField()
    skew_seconds = serializers.IntegerField(allow_null=True)


class StatusSerializer(serializers.Serializer):
    """All of it."""

    at = serializers.DateTimeField()
    counts = CountsSerializer()
    oldest_waiting_seconds = serializers.IntegerField(allow_null=True)
    oldest_undelivered_seconds = serializers.IntegerField(allow_null=True)
    consumers = ConsumerStatusSerializer(many=True)
