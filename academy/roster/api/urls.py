"""Addresses below ``/api/v1/``."""

from django.urls import path

from academy.roster.api import views

app_name = "roster"

urlpatterns = [
    path("students", views.StudentsView.as_view(), name="students"),
    path("students/<uuid:student_id>", views.StudentView.as_view(), name="student"),
]
