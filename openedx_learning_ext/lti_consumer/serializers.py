"""Tools and placements as JSON. The secret goes in and never comes out."""

from __future__ import annotations

from typing import Any

from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import UsageKey
from rest_framework import serializers

from openedx_learning_ext.core.rest import sends_errors
from openedx_learning_ext.lti_consumer import api
from openedx_learning_ext.lti_consumer.models import LtiConfiguration, LtiPlacement


class UsageKeyField(serializers.Field):
    """A block's key as text."""

    default_error_messages = {"invalid": "This is not the key of a block."}

    def to_internal_value(self, data: Any) -> UsageKey:
        """Read the key."""
        try:
            return UsageKey.from_string(data)
        except (InvalidKeyError, TypeError, AttributeError):
            self.fail("invalid")

    def to_representation(self, value: UsageKey) -> str:
        """Write the key."""
        return str(value)


class ConfigurationSerializer(serializers.ModelSerializer):
    """A tool of a course. ``problems`` are the codes that keep it from being launched."""

    lti_1p1_client_secret = serializers.CharField(
        write_only=True, required=False, allow_blank=True, max_length=255, trim_whitespace=False
    )
    problems = serializers.SerializerMethodField()

    class Meta:
        """The version is ours to set."""

        model = LtiConfiguration
        fields = (
            "id",
            "version",
            "lti_1p1_launch_url",
            "lti_1p1_client_key",
            "lti_1p1_client_secret",
            "lti_config",
            "problems",
            "created",
            "modified",
        )
        read_only_fields = ("version",)
        extra_kwargs = {"lti_1p1_launch_url": {"required": True, "allow_blank": False}}

    def get_problems(self, configuration: LtiConfiguration) -> list[str]:
        """Return why the tool cannot be launched; empty when it can."""
        return api.configuration_problems(configuration)

    def create(self, validated_data: dict[str, Any]) -> LtiConfiguration:
        """Add the tool to the course of the address."""
        values = {"lti_1p1_client_key": "", "lti_1p1_client_secret": "", **validated_data}
        with sends_errors():
            return api.create_configuration(course_key=self.context["course_key"], **values)

    def update(self, instance: LtiConfiguration, validated_data: dict[str, Any]) -> LtiConfiguration:
        """Change the tool; an empty secret keeps the stored one."""
        with sends_errors():
            return api.update_configuration(
                course_key=self.context["course_key"], configuration_id=instance.pk, **validated_data
            )


class PlacementSerializer(serializers.ModelSerializer):
    """A placement of a course, with the address to link or frame and, when graded, the one that takes the grades."""

    configuration_id = serializers.IntegerField()
    usage_key = UsageKeyField(required=False, allow_null=True)
    launch_url = serializers.SerializerMethodField()
    outcome_url = serializers.SerializerMethodField()

    class Meta:
        """Times are ISO 8601; ``max_score`` is in points."""

        model = LtiPlacement
        fields = (
            "uuid",
            "title",
            "configuration_id",
            "usage_key",
            "resource_link_id",
            "graded",
            "max_score",
            "due_at",
            "grace_seconds",
            "accepts_late_grades",
            "launch_url",
            "outcome_url",
            "created",
            "modified",
        )
        read_only_fields = ("uuid",)
        extra_kwargs = {"resource_link_id": {"required": False}}

    def get_launch_url(self, placement: LtiPlacement) -> str:
        """Return the absolute address that launches the tool."""
        return api.public_url(api.launch_path(placement), self.context["request"])

    def get_outcome_url(self, placement: LtiPlacement) -> str | None:
        """Return the absolute address that takes grades, or ``None`` for an ungraded placement."""
        if not placement.graded:
            return None
        return api.public_url(api.outcome_path(placement), self.context["request"])

    def create(self, validated_data: dict[str, Any]) -> LtiPlacement:
        """Add the placement to the course of the address."""
        with sends_errors():
            return api.create_placement(course_key=self.context["course_key"], **validated_data)

    def update(self, instance: LtiPlacement, validated_data: dict[str, Any]) -> LtiPlacement:
        """Change the placement."""
        with sends_errors():
            return api.update_placement(
                course_key=self.context["course_key"], placement_uuid=instance.uuid, **validated_data
            )
