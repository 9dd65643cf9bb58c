"""Addresses at the root: what students' browsers open."""

from django.urls import path

from academy.video.api import player, player_sessions

app_name = "player"

urlpatterns = [
    path("media/<str:token>/<str:name>", player.media, name="media"),
    path("player/<uuid:video_id>", player.page, name="page"),
    path("player/<uuid:video_id>/state", player.state, name="state"),
    path("player/<uuid:video_id>/viewings", player_sessions.ViewingsView.as_view()),
    path("player/<uuid:video_id>/heartbeats", player_sessions.HeartbeatsView.as_view()),
]
