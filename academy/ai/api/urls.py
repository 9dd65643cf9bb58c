"""Addresses below ``/api/v1/``."""

from django.urls import path

from academy.ai.api import views
from academy.ai.api.usage import LanguageUsageView

app_name = "ai"

urlpatterns = [
    path("ai/kinds", views.AiKindsView.as_view(), name="kinds"),
    path("ai/estimate", views.EstimateView.as_view(), name="estimate"),
    path("ai/usage", LanguageUsageView.as_view(), name="usage"),
]
