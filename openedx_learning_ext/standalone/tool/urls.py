"""Addresses of the tool, below ``/tool/``."""

from django.urls import path, re_path

from openedx_learning_ext.standalone.tool import views

urlpatterns = [
    path("", views.about, name="about"),
    path("launch/", views.launch, name="launch"),
    path("room/<str:launch_id>/", views.room, name="room"),
    re_path(r"^room/(?P<launch_id>[\w-]+)/(?P<action>score|read|delete|again)/$", views.act, name="act"),
]
