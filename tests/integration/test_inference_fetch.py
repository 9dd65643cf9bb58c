"""Models from a bucket: fetched once, proven, and never taken when they are wrong."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from django.test import override_settings

from academy.core.ids import new_id
from academy.core.storage import Bucket, ObjectStore, forget_stores, store
from academy.inference import registry
from academy.jobs.errors import PermanentError, TransientError
from tests.support.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.integration("s3"), pytest.mark.usefixtures("buckets")]

BODY = os.urandom(1 << 20)
Publish = Callable[..., str]


@pytest.fixture
def objects() -> ObjectStore:
    return store(Bucket.AI)


@pytest.fixture
def publish(objects: ObjectStore, tmp_path: Path, settings: Any) -> Iterator[Publish]:
    """Puts a model and a registry of it into a bucket, and names it in the settings."""
    prefix = f"models/{new_id()}/"
    settings.MODEL_CACHE_DIR = tmp_path / "cache"

    def put(stored: bytes = BODY, **changes: Any) -> str:
        registry.forget()
        facts = {"sha256": hashlib.sha256(BODY).hexdigest(), "bytes": len(BODY), "format": "onnx"}
        model = {"uri": "a.onnx", **facts, **changes}
        document = json.dumps({"schema_version": 1, "models": {"a@1": model}})
        objects.put_bytes(prefix + "registry.json", document.encode(), "application/json")
        objects.put_bytes(prefix + "a.onnx", stored, "application/octet-stream")
        settings.MODEL_REGISTRY = f"s3://{objects.bucket}/{prefix}registry.json"
        return prefix + "a.onnx"

    yield put
    objects.delete_prefix(prefix)
    registry.forget()


def cached(tmp_path: Path) -> list[str]:
    """What the cache holds, locks apart."""
    return [path.name for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]


def test_a_model_is_fetched_once_and_lies_whole_in_the_cache(
    publish: Publish, objects: ObjectStore, tmp_path: Path
) -> None:
    key = publish()
    path = registry.path("a@1")
    assert path.read_bytes() == BODY
    assert cached(tmp_path) == [path.name]

    objects.delete(key)
    registry.forget()  # as another process of the host
    assert registry.path("a@1") == path


def test_an_address_in_full_is_fetched_as_well(publish: Publish, objects: ObjectStore) -> None:
    key = publish()
    publish(uri=f"s3://{objects.bucket}/{key}")
    assert registry.path("a@1").read_bytes() == BODY


def test_a_damaged_file_of_the_cache_is_fetched_again(publish: Publish) -> None:
    publish()
    path = registry.path("a@1")
    path.write_bytes(BODY[:-1] + bytes([BODY[-1] ^ 1]))
    registry.forget()
    assert registry.path("a@1").read_bytes() == BODY


@pytest.mark.parametrize(
    "stored",
    [BODY[:-1] + bytes([BODY[-1] ^ 1]), BODY[:-1], BODY + b"!"],
    ids=["bit", "cut", "long"],
)
def test_other_bytes_never_reach_the_cache(publish: Publish, tmp_path: Path, stored: bytes) -> None:
    publish(stored)
    with pytest.raises(PermanentError) as caught:
        registry.path("a@1")
    assert caught.value.code == "model_wrong_hash"
    assert cached(tmp_path) == []


def test_a_missing_object_is_not_configured(publish: Publish, objects: ObjectStore) -> None:
    objects.delete(publish())
    with pytest.raises(registry.NotConfiguredError):
        registry.path("a@1")


def test_a_bucket_that_does_not_answer_is_asked_again_later(
    publish: Publish, settings: Any, tmp_path: Path
) -> None:
    publish()
    ai = settings.STORAGES["ai"]
    address = urlsplit(ai["OPTIONS"]["endpoint_url"])
    with TcpProxy(str(address.hostname), int(address.port or 80)) as proxy:
        once = ai["OPTIONS"]["client_config"].merge(Config(retries={"total_max_attempts": 1}))
        options = {"endpoint_url": f"http://127.0.0.1:{proxy.port}", "client_config": once}
        behind = {**ai, "OPTIONS": {**ai["OPTIONS"], **options}}
        with override_settings(STORAGES={**settings.STORAGES, "ai": behind}):
            forget_stores()
            try:
                registry.identity("a@1")  # the registry is read while the bucket answers
                proxy.cut()
                with pytest.raises(TransientError) as caught:
                    registry.path("a@1")
                assert caught.value.code == "model_unavailable"
                assert cached(tmp_path) == []
                proxy.heal()
                assert registry.path("a@1").read_bytes() == BODY
            finally:
                forget_stores()
    forget_stores()


_FETCH = """
import sys, django
django.setup()
from academy.inference import registry
print(registry.path("a@1"))
"""


def test_two_processes_at_once_fetch_once(publish: Publish, settings: Any, tmp_path: Path) -> None:
    publish()
    environ = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "academy.settings.test",
        "MODEL_REGISTRY": settings.MODEL_REGISTRY,
        "MODEL_CACHE_DIR": str(settings.MODEL_CACHE_DIR),
        "LOG_LEVEL": "INFO",
    }
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _FETCH],
            env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=120) for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    together = "".join(out + err for out, err in said)
    assert together.count("fetched 1048576 bytes") == 1, together
    assert len(cached(tmp_path)) == 1
