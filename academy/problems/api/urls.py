"""Addresses below ``/api/v1/``."""

from django.urls import path

from academy.problems.api import views

app_name = "problems"

urlpatterns = [
    path("problem-collections", views.CollectionsView.as_view(), name="collections"),
    path(
        "problem-collections/<uuid:collection_id>",
        views.CollectionView.as_view(),
        name="collection",
    ),
    path(
        "problem-collections/<uuid:collection_id>/problems",
        views.ProblemsView.as_view(),
        name="problems",
    ),
    path("problems/<uuid:problem_id>", views.ProblemView.as_view(), name="problem"),
]
