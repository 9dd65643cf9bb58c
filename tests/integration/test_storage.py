"""The object store on a real S3: what is signed is enforced, what fails has one error."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from academy.core import storage
from academy.core.buckets import ensure_buckets
from academy.core.ids import new_id
from academy.core.storage import MIB, Bucket, SignedRequest, StorageError, forget_stores, store

pytestmark = [pytest.mark.integration("s3"), pytest.mark.usefixtures("buckets")]

BODY = b"lecture" * 1_000
SHA256 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()


@pytest.fixture
def prefix() -> Iterator[str]:
    name = f"t/test/{new_id()}/"
    yield name
    store(Bucket.VIDEO).delete_prefix(name)


def signed(key: str, sha256: str | None = SHA256, seconds: int = 60) -> SignedRequest:
    return store(Bucket.VIDEO).presign_put(
        key, size=len(BODY), content_type="video/mp4", sha256_b64=sha256, seconds=seconds
    )


def send(request: SignedRequest, body: bytes = BODY, **headers: str) -> httpx.Response:
    merged = {**request.headers, **headers}
    merged.pop("Content-Length")
    return httpx.put(request.url, content=body, headers=merged, timeout=20)


def test_what_was_signed_is_stored_with_size_type_and_checksum(prefix: str) -> None:
    assert send(signed(prefix + "a")).status_code == 200
    info = store(Bucket.VIDEO).head(prefix + "a")
    assert info is not None
    assert (info.size, info.content_type) == (len(BODY), "video/mp4")
    assert info.checksum_sha256 == SHA256
    assert info.etag == hashlib.md5(BODY).hexdigest()


OTHER = base64.b64encode(hashlib.sha256(b"x" * len(BODY)).digest()).decode()


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (BODY[:-1], {}, 403),
        (BODY + b"x", {}, 403),
        (BODY, {"Content-Type": "text/html"}, 403),
        (b"x" * len(BODY), {}, 400),
        (b"x" * len(BODY), {"x-amz-checksum-sha256": OTHER}, 403),
        (BODY, {"If-None-Match": "other"}, 403),
    ],
    ids=["shorter", "longer", "type", "body", "body-and-checksum", "condition"],
)
def test_anything_else_than_what_was_signed_is_refused(
    prefix: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert send(signed(prefix + "a"), body, **headers).status_code == status
    assert store(Bucket.VIDEO).head(prefix + "a") is None


def test_a_stored_object_cannot_be_replaced_by_its_own_signature(prefix: str) -> None:
    request = signed(prefix + "a", sha256=None)
    assert send(request).status_code == 200
    assert send(request, b"y" * len(BODY)).status_code == 412
    assert store(Bucket.VIDEO).read(prefix + "a") == BODY


def test_a_tampered_or_expired_signature_opens_nothing(prefix: str) -> None:
    target = store(Bucket.VIDEO)
    target.put_bytes(prefix + "a", BODY, "video/mp4")
    link = target.presign_get(prefix + "a", 60)
    assert httpx.get(link).content == BODY
    assert httpx.get(link.replace("X-Amz-Expires=60", "X-Amz-Expires=600")).status_code == 403
    assert httpx.get(link.replace(prefix, prefix + "../")).status_code in (400, 403, 404)
    assert httpx.get(link[:-1] + ("0" if link[-1] != "0" else "1")).status_code == 403
    assert httpx.get(link.partition("?")[0]).status_code == 403
    short = target.presign_get(prefix + "a", 1)
    threading.Event().wait(2.1)
    assert httpx.get(short).status_code == 403


def test_a_link_names_the_file_in_any_script(prefix: str) -> None:
    target = store(Bucket.VIDEO)
    target.put_bytes(prefix + "a", BODY, "video/mp4")
    answer = httpx.get(target.presign_get(prefix + "a", 60, filename='미적분 "12".mp4'))
    shown = answer.headers["Content-Disposition"]
    assert "filename*=UTF-8''%EB%AF%B8%EC%A0%81%EB%B6%84%20%2212%22.mp4" in shown
    assert "\r" not in shown


def test_ranges_read_what_is_there_and_no_more(prefix: str) -> None:
    target = store(Bucket.VIDEO)
    target.put_bytes(prefix + "a", BODY, "video/mp4")
    assert target.read(prefix + "a", 3, 5) == BODY[3:8]
    assert target.read(prefix + "a", len(BODY) - 2, 100) == BODY[-2:]
    assert target.read(prefix + "a", len(BODY)) == b""
    assert target.read(prefix + "a", 0, 0) == b""


def test_files_go_up_and_come_down_whole_in_parts_or_not(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "MULTIPART_FILE_BYTES", 17 * MIB)
    target = store(Bucket.VIDEO)
    for size in (0, 1, 5 * MIB, 18 * MIB):
        source, copy = tmp_path / "source", tmp_path / "copy"
        source.write_bytes(os.urandom(size))
        target.put_file(prefix + f"{size}", source, "video/mp4", cache_control="max-age=60")
        target.get_file(prefix + f"{size}", copy)
        assert copy.read_bytes() == source.read_bytes()
    answer = httpx.get(target.presign_get(prefix + "1", 60))
    assert answer.headers["Cache-Control"] == "max-age=60"
    assert answer.headers["Content-Type"] == "video/mp4"


def test_a_failed_download_leaves_no_file(prefix: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        store(Bucket.VIDEO).get_file(prefix + "none", tmp_path / "copy")
    assert caught.value.code == "object_missing"
    assert list(tmp_path.iterdir()) == []


def test_a_prefix_is_listed_and_deleted_beyond_one_page(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "DELETE_BATCH", 4)
    target = store(Bucket.VIDEO)
    names = [f"{prefix}{index:02}" for index in range(10)]
    for name in names:
        target.put_bytes(name, b"x", "text/plain")
    target.put_bytes(prefix.rstrip("/") + "-other", b"x", "text/plain")
    assert list(target.keys(prefix)) == names
    assert target.delete_prefix(prefix) == 10
    assert list(target.keys(prefix)) == []
    assert target.head(prefix.rstrip("/") + "-other") is not None
    target.delete(prefix.rstrip("/") + "-other")


@pytest.mark.parametrize("wrong", ["", "/", "t", "t/x"])
def test_a_prefix_that_could_mean_more_is_never_deleted(wrong: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        store(Bucket.VIDEO).delete_prefix(wrong)


@pytest.mark.parametrize("key", ["", "/a", "a//b", "a/../b", "../a", "a\0b", "a\nb", "x" * 1_025])
def test_a_key_no_code_of_ours_makes_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="object key"):
        store(Bucket.VIDEO).read(key)


def test_missing_things_are_missing_and_deleting_them_is_no_error(prefix: str) -> None:
    target = store(Bucket.VIDEO)
    assert target.head(prefix + "none") is None
    target.delete(prefix + "none")
    target.multipart_abort(prefix + "none", "no-such-upload")
    with pytest.raises(StorageError) as caught:
        target.read(prefix + "none")
    assert (caught.value.code, caught.value.transient) == ("object_missing", False)


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    """Point the stores at another endpoint or other keys."""

    def use(**options: str) -> Any:
        changed = {
            alias: {**entry, "OPTIONS": {**entry.get("OPTIONS", {}), **options}}
            if alias in set(Bucket)
            else entry
            for alias, entry in django_settings.STORAGES.items()
        }
        override = override_settings(
            STORAGES=changed,
            R2_PUBLIC_ENDPOINT_URL=options.get(
                "endpoint_url", django_settings.R2_PUBLIC_ENDPOINT_URL
            ),
        )
        override.enable()
        overrides.append(override)
        forget_stores()
        return store(Bucket.VIDEO)

    overrides: list[Any] = []
    yield use
    for override in overrides:
        override.disable()
    forget_stores()


def test_a_store_that_is_away_is_transient(elsewhere: Any, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        target = elsewhere(endpoint_url=f"http://127.0.0.1:{free.getsockname()[1]}")
        for call in (
            lambda: target.head("a"),
            lambda: target.get_file("a", tmp_path / "a"),
            lambda: list(target.keys("a")),
            lambda: target.multipart_start("a", "video/mp4"),
        ):
            with pytest.raises(StorageError) as caught:
                call()
            assert (caught.value.code, caught.value.transient) == ("storage_unavailable", True)


def test_wrong_keys_are_an_operators_matter_and_never_retried(elsewhere: Any) -> None:
    target = elsewhere(secret_key="wrong")
    with pytest.raises(StorageError) as caught:
        target.put_bytes("a", b"x", "text/plain")
    assert (caught.value.code, caught.value.transient) == ("storage_refused", False)


def test_queue_credentials_never_reach_the_object_store(
    elsewhere: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "queue-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "queue-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "queue-token")
    target = elsewhere()
    assert target.head("none") is None
    link = target.presign_get("none", 60)
    assert "queue" not in link
    assert "Security-Token" not in link


def test_browsers_are_given_the_public_address(elsewhere: Any, settings: Any) -> None:
    target = elsewhere()
    settings.R2_PUBLIC_ENDPOINT_URL = "https://files.example.kr"
    forget_stores()
    assert store(Bucket.VIDEO).presign_get("a", 60).startswith("https://files.example.kr/")
    assert target.head("none") is None


@pytest.fixture
def fresh_buckets() -> Iterator[list[str]]:
    """Four bucket names that nobody has used; the buckets are removed afterwards."""
    stem = f"test-{new_id().hex[-12:]}"
    names = {bucket.value: f"{stem}-{bucket.value}" for bucket in Bucket}
    changed = {
        alias: {**entry, "OPTIONS": {**entry["OPTIONS"], "bucket_name": names[alias]}}
        if alias in names
        else entry
        for alias, entry in django_settings.STORAGES.items()
    }
    with override_settings(STORAGES=changed):
        forget_stores()
        yield list(names.values())
        client = store(Bucket.VIDEO).client
        for name in names.values():
            client.delete_bucket(Bucket=name)
    forget_stores()


def test_ensure_buckets_creates_repairs_and_then_finds_nothing_to_do(
    fresh_buckets: list[str],
) -> None:
    def changed() -> list[str]:
        return [str(item) for item in ensure_buckets() if "not supported" not in item.action]

    with pytest.raises(CommandError, match="4 differences"):
        call_command("ensure_buckets", "--check")
    assert len([line for line in changed() if "bucket: missing, repaired" in line]) == 4
    assert changed() == []
    call_command("ensure_buckets", "--check")
    client: Any = store(Bucket.VIDEO).client
    client.delete_bucket_cors(Bucket=fresh_buckets[1])
    other = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"},
             "Expiration": {"Days": 1}}  # fmt: skip
    client.put_bucket_lifecycle_configuration(
        Bucket=fresh_buckets[1], LifecycleConfiguration={"Rules": [other]}
    )
    assert len(changed()) == 2
    rules = client.get_bucket_lifecycle_configuration(Bucket=fresh_buckets[1])["Rules"]
    assert {rule["ID"] for rule in rules} == {"theirs", "abort-incomplete-uploads"}
    tables = client.get_bucket_lifecycle_configuration(Bucket=store(Bucket.EXCEL).bucket)["Rules"]
    expiring = [rule["Expiration"]["Days"] for rule in tables if "Expiration" in rule]
    assert expiring == [django_settings.TABLE_FILE_DAYS]


def test_browsers_of_our_origin_may_put_and_others_may_not(prefix: str, settings: Any) -> None:
    request = signed(prefix + "a")
    for origin, allowed in ((settings.CORS_ORIGINS[0], True), ("https://evil.example", False)):
        answer = httpx.options(
            request.url,
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": "content-type,x-amz-checksum-sha256",
            },
        )
        assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is allowed
