"""The API of this app below ``api/learning_ext/lti_consumer/v1/``; it has no paths of the platform to serve."""

from django.urls import path, re_path

from openedx_learning_ext.core import conf
from openedx_learning_ext.lti_consumer import views

_course = rf"^courses/{conf.COURSE_ID_PATTERN()}"

api_patterns = [
    path("outcomes/<uuid:placement_uuid>/", views.outcomes, name="outcomes"),
    path("launch/<uuid:placement_uuid>/", views.launch, name="launch"),
    re_path(rf"{_course}/configurations/$", views.ConfigurationListView.as_view(), name="configurations"),
    re_path(
        rf"{_course}/configurations/(?P<configuration_id>[0-9]{{1,18}})/$",
        views.ConfigurationView.as_view(),
        name="configuration",
    ),
    re_path(rf"{_course}/placements/$", views.PlacementListView.as_view(), name="placements"),
    re_path(
        rf"{_course}/placements/(?P<placement_uuid>[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}})/$",
        views.PlacementView.as_view(),
        name="placement",
    ),
]
