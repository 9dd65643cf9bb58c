"""Stories of jobs, for tests that need what one job makes before they can order the next."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from academy.ai.speech.limits import MODEL as VOICE_MODEL
from academy.core.storage import Bucket, store
from academy.inference import registry
from academy.inference.text.encoding import PURPOSE
from academy.jobs.models import Job
from academy.jobs.submit import Order, Submitter, job_submit_internal, jobs_submit
from academy.tenants.models import Tenant
from academy.uploads.models import Upload
from tests.support import sheets

Telling = Iterator[list[Job]]


@dataclass(frozen=True)
class Scene:
    """Where a story takes place."""

    tenant: Tenant
    folder: Path

    def order(self, kind: str, **params: Any) -> Job:
        """Submitted as a client does."""
        return jobs_submit(by=Submitter(self.tenant, "test"), orders=[Order(kind, params)])[0]

    def internal(self, kind: str, **params: Any) -> Job:
        """Submitted as the platform does for itself."""
        return job_submit_internal(by=Submitter(self.tenant, "test"), order=Order(kind, params))

    def uploaded(self, path: Path, bucket: Bucket, purpose: str, content_type: str) -> Upload:
        """A complete upload of the file."""
        upload = sheets.uploaded(
            self.tenant, path, bucket=bucket.value, purpose=purpose, content_type=content_type
        )
        store(bucket).put_file(upload.key, path, content_type)
        return upload

    def only(self, kind: str) -> Job:
        """The one job of the kind."""
        return Job.objects.for_tenant(self.tenant).get(kind=kind)

    def count(self, model: Any, **filters: Any) -> int:
        """How many rows the tenant has."""
        found: int = model.objects.for_tenant(self.tenant).filter(**filters).count()
        return found


@dataclass(frozen=True)
class Story:
    """``missing`` says why this host cannot tell it; None where it can. ``after`` names the story
    whose tenant it goes on for."""

    name: str
    kills: Mapping[str, str]
    tell: Callable[[Scene], Telling]
    missing: Callable[[], str | None] = lambda: None
    after: str | None = None


def same(found: Any, wanted: Any) -> None:
    """Compare; an assertion in a helper would not show the values."""
    if found != wanted:
        raise AssertionError(f"{found!r} instead of {wanted!r}")


def no_torch() -> str | None:
    """The networks of the premium kinds need it; so does the encoder."""
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    return _no_model(lambda: registry.path(registry.default(PURPOSE)))


def no_voice_model() -> str | None:
    return _no_model(lambda: registry.path(VOICE_MODEL))


def _no_model(path: Callable[[], Path]) -> str | None:
    try:
        path()
    except registry.NotConfiguredError as error:
        return f"{error}: make models"
    return None


def kills(moment: str, *kinds: str, **others: str) -> Mapping[str, str]:
    """One moment for some kinds, and others for others."""
    return MappingProxyType(dict.fromkeys(kinds, moment) | others)
