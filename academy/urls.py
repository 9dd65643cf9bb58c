"""Every address of the API process."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from academy.core import views
from academy.telemetry.views import metrics
from academy.tenants.api import openapi  # noqa: F401 - registers the security schemes

handler400 = "academy.core.http.problems.bad_request"
handler403 = "academy.core.http.problems.permission_denied"
handler404 = "academy.core.http.problems.page_not_found"
handler500 = "academy.core.http.problems.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("metrics", metrics),
    path("api/v1/", include("academy.tenants.api.urls")),
    path("api/v1/", include("academy.uploads.api.urls")),
    path("api/v1/", include("academy.jobs.api.urls")),
    path("api/v1/", include("academy.video.api.urls")),
    path("api/v1/", include("academy.roster.api.urls")),
    path("api/v1/", include("academy.problems.api.urls")),
    path("api/v1/", include("academy.sheets.api.urls")),
    path("api/v1/", include("academy.ai.api.urls")),
    path("api/v1/", include("academy.ai.corrections.api.urls")),
    path("api/v1/", include("academy.messaging.api.urls")),
    path("api/v1/", include("academy.messaging.pages.rest_urls")),
    path("api/v1/ops/", include("academy.messaging.api.ops_urls")),
    path("api/v1/ops/", include("academy.fleet.api.urls")),
    path("api/v1/ops/", include("academy.deadletters.api.urls")),
    path("api/v1/ops/", include("academy.ops.api.urls")),
    path("", include("academy.video.api.player_urls")),
    path("", include("academy.desk.urls")),
    path("", include("academy.ai.corrections.api.page_urls")),
    path("", include("academy.sheets.pages.urls")),
    path("", include("academy.messaging.pages.urls")),
    path("", include("academy.ai.omr.page_urls")),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/docs/?$", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("console", include("academy.ops.console.urls")),
    path("admin/", admin.site.urls),
]
