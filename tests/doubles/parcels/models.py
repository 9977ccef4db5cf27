"""The mailbox of parcels, and whether a destination takes any."""

from django.db import models

from openedx_learning_ext.core.delivery.models import AbstractDelivery


class Parcel(AbstractDelivery):
    """
    The newest parcel for somebody.

    .. no_pii:
    """

    key_field = "name"
    name = models.CharField(max_length=50, unique=True)

    class Meta(AbstractDelivery.Meta):
        app_label = "parcels"
