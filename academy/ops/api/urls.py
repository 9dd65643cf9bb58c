"""Addresses below ``/api/v1/ops/``."""

from __future__ import annotations

from django.urls import path

from academy.ops.api import views

urlpatterns = [
    path("deep-checks", views.DeepChecksView.as_view()),
    path("deep-checks/<uuid:check_id>", views.DeepCheckView.as_view()),
]
