"""Addresses below ``/api/v1/``."""

from django.urls import path

from academy.video.api import views

app_name = "videos"

urlpatterns = [
    path("videos", views.VideosView.as_view(), name="videos"),
    path("videos/<uuid:video_id>", views.VideoView.as_view(), name="video"),
]
