"""Addresses below ``/api/v1/ops/``."""

from __future__ import annotations

from django.urls import path

from academy.deadletters.api import views

app_name = "deadletters"

_REPLAY = "dead-letters/replays/<uuid:replay_id>"

urlpatterns = [
    path("dead-letters", views.LettersView.as_view(), name="letters"),
    path("dead-letters/groups", views.GroupsView.as_view(), name="groups"),
    path("dead-letters/discard", views.GroupDiscardView.as_view(), name="discard_group"),
    path("dead-letters/replays", views.ReplaysView.as_view(), name="replays"),
    path(_REPLAY, views.ReplayView.as_view(), name="replay_group"),
    path(f"{_REPLAY}/pause", views.ReplayPauseView.as_view(), name="pause"),
    path(f"{_REPLAY}/resume", views.ReplayResumeView.as_view(), name="resume"),
    path(f"{_REPLAY}/stop", views.ReplayStopView.as_view(), name="stop"),
    path("dead-letters/<uuid:letter_id>", views.LetterView.as_view(), name="letter"),
    path("dead-letters/<uuid:letter_id>/replay", views.LetterReplayView.as_view(), name="replay"),
    path(
        "dead-letters/<uuid:letter_id>/discard", views.LetterDiscardView.as_view(), name="discard"
    ),
]
