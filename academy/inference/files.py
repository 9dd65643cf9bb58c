"""The file of a model on this host, and the proof that it is the right one.

A file on this host is used where it lies. One in a bucket is fetched into the cache once, whoever
asks first: the others wait at its lock. Nothing is read from a file whose hash was not computed by
this process, and no file is ever taken from a model hub.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from django.conf import settings
from filelock import FileLock

from academy.core.storage import Bucket, ObjectStore, StorageError, store
from academy.inference.errors import NotConfiguredError
from academy.inference.manifest import Model
from academy.jobs.errors import PermanentError, TransientError

log = logging.getLogger(__name__)

_SUFFIX: Final = {"safetensors": ".safetensors", "onnx": ".onnx", "tokenizer": ".json"}


def bucket_place(uri: str) -> tuple[ObjectStore, str] | None:
    """The store and key of an ``s3://`` address; None where its bucket is none of the four."""
    place = urlsplit(uri)
    for bucket in Bucket:
        if settings.STORAGES[bucket.value]["OPTIONS"]["bucket_name"] == place.netloc:
            return store(bucket), unquote(place.path.lstrip("/"))
    return None


def beside(registry: str, uri: str) -> str:
    """The whole address of a model whose manifest names only a file beside it."""
    if "://" in uri:
        return uri
    if registry.startswith("s3://"):
        return f"{registry.rpartition('/')[0]}/{uri}"
    return (Path(registry).parent / uri).as_uri()


def local_path(name: str, model: Model, uri: str) -> Path:
    """A verified file of the model on this host.

    Raises NotConfiguredError where there is none, PermanentError(model_wrong_hash), and
    TransientError(model_unavailable) where the bucket does not answer.
    """
    if uri.startswith("file://"):
        path = Path(unquote(urlsplit(uri).path))
        if not path.is_file():
            log.error("model %s: there is no file at %s", name, uri)
            raise NotConfiguredError(name)
        if not _is_right(path, model):
            raise _wrong(name, uri)
        return path
    return _cached(name, model, uri)


def _cached(name: str, model: Model, uri: str) -> Path:
    folder = Path(settings.MODEL_CACHE_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Named by content: two versions of a registry share what they have in common.
    path = folder / f"{model.sha256}{_SUFFIX[model.format]}"
    with FileLock(f"{path}.lock"):
        if path.is_file():
            if _is_right(path, model):
                return path
            log.warning("model %s: the cached file is damaged and is fetched again", name)
            path.unlink()
        _fetch(name, model, uri, path)
    return path


def _fetch(name: str, model: Model, uri: str, path: Path) -> None:
    """Put the verified object at ``path``, whole or not at all."""
    place = bucket_place(uri)
    if place is None:
        log.error("model %s: %s is in none of the platform's buckets", name, uri)
        raise NotConfiguredError(name)
    objects, key = place
    with _draft(path) as draft:
        try:
            found = objects.head(key)
            if found is None:
                log.error("model %s: there is no object at %s", name, uri)
                raise NotConfiguredError(name)
            if found.size != model.bytes:
                raise _wrong(name, uri)
            objects.get_file(key, draft)
        except StorageError as error:
            log.warning("model %s: %s", name, error)
            if error.transient:
                raise TransientError("model_unavailable", model=name) from error
            raise NotConfiguredError(name) from error
        if not _is_right(draft, model):
            raise _wrong(name, uri)
        _settle(draft, path)
    log.info("model %s: fetched %d bytes", name, model.bytes)


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix=".fetch-", dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _settle(draft: Path, path: Path) -> None:
    """Give the file its name once its bytes, and then its folder, are on the disk."""
    for thing, also in ((draft, path), (path.parent, None)):
        handle = os.open(thing, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if also is not None:
            thing.replace(also)


def _is_right(path: Path, model: Model) -> bool:
    if path.stat().st_size != model.bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == model.sha256


def _wrong(name: str, uri: str) -> PermanentError:
    log.error("model %s: what lies at %s is not what is registered", name, uri)
    return PermanentError("model_wrong_hash", model=name)
