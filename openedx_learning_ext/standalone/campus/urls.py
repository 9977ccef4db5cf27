"""Addresses of the campus, below ``/campus/``."""

from django.urls import path

from openedx_learning_ext.standalone.campus import views

urlpatterns = [
    path("", views.about, name="about"),
    path("enter/", views.enter, name="enter"),
    path("course/", views.course, name="course"),
    path("course/grade/", views.grade, name="grade"),
    path("launch/", views.launch, name="launch"),
    path("gradebook/", views.gradebook_page, name="gradebook"),
    path("gradebook/rows/", views.rows, name="rows"),
    path("service/", views.change_service, name="service"),
]
