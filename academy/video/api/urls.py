"""Addresses below ``/api/v1/``."""

from django.urls import path

from academy.video.api import audience, captions, chapters, downloads, views

app_name = "videos"

urlpatterns = [
    path("videos", views.VideosView.as_view(), name="videos"),
    path("videos/usage", views.VideoUsageView.as_view(), name="usage"),
    path("videos/<uuid:video_id>", views.VideoView.as_view(), name="video"),
    path("videos/<uuid:video_id>/player-link", audience.PlayerLinkView.as_view()),
    path("videos/<uuid:video_id>/revoke", audience.RevokeView.as_view()),
    path("videos/<uuid:video_id>/watch", audience.WatchView.as_view()),
    path("viewers/<str:viewer>/devices", audience.DevicesView.as_view()),
    path("videos/<uuid:video_id>/captions", captions.CaptionsView.as_view(), name="captions"),
    path(
        "videos/<uuid:video_id>/captions/<str:language>",
        captions.CaptionView.as_view(),
        name="caption",
    ),
    path("videos/<uuid:video_id>/chapters", chapters.ChaptersView.as_view(), name="chapters"),
    path("videos/<uuid:video_id>/download", downloads.DownloadView.as_view(), name="download"),
    path("videos/<uuid:video_id>/retry", views.VideoRetryView.as_view(), name="retry"),
    path("videos/<uuid:video_id>/replace", views.VideoReplaceView.as_view(), name="replace"),
    path("videos/<uuid:video_id>/restore", views.VideoRestoreView.as_view(), name="restore"),
    path("videos/<uuid:video_id>/purge", views.VideoPurgeView.as_view(), name="purge"),
]
