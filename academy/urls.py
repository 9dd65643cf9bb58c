"""Every address of the API process."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path


def _present(route: str, module: str) -> list[URLPattern | URLResolver]:
    package = module.rpartition(".")[0]
    try:
        found = find_spec(package) and find_spec(module)
    except ModuleNotFoundError:
        found = None
    return [path(route, include(module))] if found else []


urlpatterns: list[URLPattern | URLResolver] = [
    *_present("api/v1/", "academy.jobs.api.urls"),
    *_present("", "academy.video.urls"),
]
