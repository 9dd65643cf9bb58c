"""The registry of models: ``name@version`` to a verified file on this host, and to its identity.

The manifest is named by the setting MODEL_REGISTRY and read once for a process; a file is verified
once for a process. A worker that is to see another manifest is started anew.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import TypedDict

from django.conf import settings

from academy.core.storage import StorageError
from academy.inference import files
from academy.inference.errors import NotConfiguredError
from academy.inference.manifest import Manifest, ManifestError, Model, parse
from academy.jobs.errors import TransientError

__all__ = ["Identity", "NotConfiguredError", "default", "forget", "identity", "model", "path"]

log = logging.getLogger(__name__)


class Identity(TypedDict):
    """What every result says of the model that made it."""

    name: str
    sha256: str


class _Known:
    """What this process has read and verified."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._manifest: Manifest | None = None
        self._paths: dict[str, Path] = {}

    def manifest(self, wanted: str) -> Manifest:
        with self._lock:
            if self._manifest is None:
                self._manifest = _read(wanted)
            return self._manifest

    def path(self, name: str) -> Path:
        found = self._paths.get(name)
        if found is None:
            # Without the lock: a fetch takes minutes, and another model may be there already.
            model = self.model(name)
            found = files.local_path(name, model, files.beside(_place(), model.uri))
            self._paths[name] = found
        return found

    def model(self, name: str) -> Model:
        found = self.manifest(name).models.get(name)
        if found is None:
            raise NotConfiguredError(name)
        return found


def _place() -> str:
    place: str = settings.MODEL_REGISTRY
    return place


def _read(wanted: str) -> Manifest:
    place = _place()
    if not place:
        raise NotConfiguredError(wanted)
    try:
        return parse(_text(place, wanted))
    except ManifestError as error:
        log.error("the registry of models at %s cannot be used: %s", place, error)  # noqa: TRY400
        raise NotConfiguredError(wanted) from error


def _text(place: str, wanted: str) -> bytes:
    try:
        if not place.startswith("s3://"):
            return Path(place).read_bytes()
        found = files.bucket_place(place)
        if found is None:
            raise NotConfiguredError(wanted)
        objects, key = found
        return objects.read(key)
    except OSError as error:
        log.error("the registry of models at %s cannot be read: %s", place, error.strerror)  # noqa: TRY400
        raise NotConfiguredError(wanted) from error
    except StorageError as error:
        log.warning("the registry of models at %s cannot be read: %s", place, error)
        if error.transient:
            raise TransientError("model_unavailable", model=wanted) from error
        raise NotConfiguredError(wanted) from error


_known = _Known()


def model(name: str) -> Model:
    """The registered facts of ``name@version``. Raises NotConfiguredError, TransientError."""
    return _known.model(name)


def path(name: str) -> Path:
    """A verified file of ``name@version`` on this host, fetched where it must be.

    Raises NotConfiguredError; PermanentError(model_wrong_hash) where the bytes are not those that
    are registered, which are then never used; TransientError(model_unavailable) where the bucket
    does not answer.
    """
    return _known.path(name)


def identity(name: str) -> Identity:
    """Name and SHA-256 (hex) of a registered model. Raises NotConfiguredError, TransientError."""
    return {"name": name, "sha256": model(name).sha256}


def default(purpose: str) -> str:
    """The ``name@version`` that serves a purpose here. Raises NotConfiguredError."""
    found = _known.manifest(purpose).defaults.get(purpose)
    if found is None:
        raise NotConfiguredError(purpose)
    return found


def forget() -> None:
    """Forget what was read and verified: after a fork, or when the settings have changed."""
    _known.forget()


os.register_at_fork(after_in_child=forget)
