"""Addresses of the console, below ``/console``."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from academy.ops.console import overview, session

app_name = "console"

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("/", RedirectView.as_view(pattern_name="console:overview")),
    path("/login", session.login, name="login"),
    path("/logout", session.logout, name="logout"),
    path("/language", session.language, name="language"),
]
