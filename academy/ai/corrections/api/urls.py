"""Addresses below ``/api/v1/``."""

from django.urls import path

from academy.ai.corrections.api import views

app_name = "ai-corrections"

urlpatterns = [
    path("ai/questions/<uuid:job_id>", views.QuestionsView.as_view(), name="questions"),
    path(
        "ai/questions/<uuid:job_id>/correction-link",
        views.CorrectionLinkView.as_view(),
        name="correction-link",
    ),
]
