"""Every address of the API process."""

from __future__ import annotations

from importlib.util import find_spec

from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from academy.core import views
from academy.tenants.api import openapi  # noqa: F401 - registers the security schemes

handler400 = "academy.core.http.problems.bad_request"
handler403 = "academy.core.http.problems.permission_denied"
handler404 = "academy.core.http.problems.page_not_found"
handler500 = "academy.core.http.problems.server_error"


def _present(route: str, app: str, module: str) -> list[URLPattern | URLResolver]:
    found = apps.is_installed(app) and find_spec(module.rpartition(".")[0]) and find_spec(module)
    return [path(route, include(module))] if found else []


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("api/v1/", include("academy.tenants.api.urls")),
    *_present("api/v1/", "academy.uploads", "academy.uploads.api.urls"),
    *_present("api/v1/", "academy.jobs", "academy.jobs.api.urls"),
    *_present("api/v1/", "academy.video", "academy.video.api.urls"),
    *_present("", "academy.video", "academy.video.api.player_urls"),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    re_path(
        r"^api/docs/?$", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"
    ),
    path("admin/", admin.site.urls),
]
