"""Addresses below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from academy.uploads.api import views

urlpatterns = [
    path("uploads", views.UploadsView.as_view()),
    path("uploads/<uuid:upload_id>", views.UploadView.as_view()),
    path("uploads/<uuid:upload_id>/parts", views.UploadPartsView.as_view()),
    path("uploads/<uuid:upload_id>/complete", views.UploadCompleteView.as_view()),
]
