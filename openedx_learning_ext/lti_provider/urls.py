"""The launch address, below our own prefix and at the platform's where we serve it; what learners and staff may ask."""

from django.urls import URLPattern, path, re_path

from openedx_learning_ext.core import conf
from openedx_learning_ext.core.host import coexistence
from openedx_learning_ext.lti_provider import views

_block = rf"{conf.COURSE_ID_PATTERN()}/{conf.USAGE_ID_PATTERN()}"

launch_patterns = [re_path(rf"^courses/{_block}$", views.lti_launch, name="lti_provider_launch")]

api_patterns = [
    *launch_patterns,
    re_path(rf"^grade/{_block}/$", views.GradeStateView.as_view(), name="grade"),
    path("status/", views.StatusView.as_view(), name="status"),
]

urlpatterns: list[URLPattern] = launch_patterns if coexistence.serves_platform_paths("lti_provider") else []
