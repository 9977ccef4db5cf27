"""Filters of the default host's templates."""

from django import template
from django.contrib.auth.models import AbstractUser

from openedx_learning_ext.standalone import people

register = template.Library()


@register.filter
def display_name(user: AbstractUser) -> str:
    """Return how a person is shown: ``{{ user|display_name }}``."""
    return people.display_name(user)


@register.filter
def points(value: float) -> str:
    """Return a number of points without needless decimals: 7, 7.5, 0.33."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


@register.filter
def percent(value: float) -> str:
    """Return a score from 0 to 1 as a percentage without needless decimals."""
    return f"{points(value * 100)} %"
