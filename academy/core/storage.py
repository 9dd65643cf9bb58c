"""The four buckets, behind one small interface.

Connections, keys and time-outs come from ``settings.STORAGES`` (django-storages); this module
adds what that API does not have: signed requests, multipart uploads, ranges, and one error type.
Every call ends within the time-outs of the settings and raises StorageError for anything wrong.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from django.conf import settings
from django.core.files.storage import storages

from academy.core.objects import (
    Bucket,
    ObjectEntry,
    ObjectInfo,
    SignedRequest,
    StorageError,
    StoredPart,
    checked_key,
    storage_errors,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = [
    "MIB",
    "Bucket",
    "ObjectEntry",
    "ObjectInfo",
    "ObjectStore",
    "SignedRequest",
    "StorageError",
    "StoredPart",
    "forget_stores",
    "store",
]

MIB: Final = 1024 * 1024
#: Above this a file goes up in parts, so that a lost answer repeats a part and not the file.
MULTIPART_FILE_BYTES: Final = 64 * MIB
MAX_PRESIGN_SECONDS: Final = 7 * 24 * 3600
DELETE_BATCH: Final = 1000


class ObjectStore:
    """One bucket. Safe to share between threads; make no copies, call ``store()``."""

    def __init__(self, bucket: Bucket) -> None:
        storage: Any = storages[bucket.value]
        self.alias = bucket
        self.bucket: str = storage.bucket_name
        self.client: S3Client = storage.connection.meta.client
        self._signer: S3Client = self.client
        public = settings.R2_PUBLIC_ENDPOINT_URL
        if public != storage.endpoint_url:
            options = settings.STORAGES[bucket.value]["OPTIONS"]
            self._signer = type(storage)(
                **{**options, "endpoint_url": public}
            ).connection.meta.client

    # ------------------------------------------------------------------ reading

    def head(self, key: str) -> ObjectInfo | None:
        """Size, type, etag and checksum of an object, or None when there is none."""
        try:
            with storage_errors("head", key):
                found = self.client.head_object(
                    Bucket=self.bucket, Key=checked_key(key), ChecksumMode="ENABLED"
                )
        except StorageError as error:
            if error.code == "object_missing":
                return None
            raise
        return ObjectInfo(
            size=found["ContentLength"],
            content_type=found.get("ContentType", ""),
            etag=found["ETag"].strip('"'),
            checksum_sha256=found.get("ChecksumSHA256"),
        )

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object from ``start``, at most ``length`` of them, into memory.

        A range that begins at or after the end reads as empty.
        """
        if length is not None and length <= 0:
            return b""
        end = "" if length is None else str(start + length - 1)
        ranged: dict[str, Any] = {"Range": f"bytes={start}-{end}"} if start or end else {}
        try:
            with storage_errors("read", key):
                answer = self.client.get_object(Bucket=self.bucket, Key=checked_key(key), **ranged)
                return answer["Body"].read()
        except StorageError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "InvalidRange":
                return b""
            raise

    def get_file(self, key: str, path: Path) -> None:
        """Download an object to a file (which is left out, or removed, when it fails)."""
        with storage_errors("get_file", key):
            self.client.download_file(
                self.bucket, checked_key(key), str(path), Config=_transfer_config()
            )

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key below a prefix, in order."""
        return (entry.key for entry in self.entries(prefix))

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        """Every object below a prefix, in order of the keys, a page at a time."""
        with storage_errors("entries", prefix):
            for page in self._pages(prefix):
                for entry in page.get("Contents", ()):
                    yield ObjectEntry(entry["Key"], entry["Size"], entry["LastModified"])

    def folders(self, prefix: str) -> Iterator[str]:
        """The prefixes one level below a prefix, in order, each with its slash at the end."""
        with storage_errors("folders", prefix):
            for page in self._pages(prefix, "/"):
                for entry in page.get("CommonPrefixes", ()):
                    yield entry["Prefix"]

    def _pages(self, prefix: str, delimiter: str = "") -> Iterator[Any]:
        pages = self.client.get_paginator("list_objects_v2")
        return iter(pages.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter=delimiter))

    # ------------------------------------------------------------------ writing

    def put_bytes(
        self, key: str, data: bytes, content_type: str, cache_control: str | None = None
    ) -> None:
        """Store a small object; the store checks its SHA-256."""
        with storage_errors("put_bytes", key):
            self.client.put_object(
                Bucket=self.bucket,
                Key=checked_key(key),
                Body=data,
                ChecksumSHA256=base64.b64encode(hashlib.sha256(data).digest()).decode(),
                **_headers(content_type, cache_control),
            )

    def put_file(
        self,
        key: str,
        path: Path,
        content_type: str,
        cache_control: str | None = None,
        *,
        on_bytes: Callable[[int], None] | None = None,
    ) -> None:
        """Store a file, in parts when it is large. OSError when the file cannot be read.

        ``on_bytes`` is told, in other threads, how many bytes of a large file went up since it was
        last called; what it raises ends the upload.
        """
        headers = _headers(content_type, cache_control)
        if path.stat().st_size > MULTIPART_FILE_BYTES:
            with storage_errors("put_file", key):
                self.client.upload_file(
                    str(path),
                    self.bucket,
                    checked_key(key),
                    ExtraArgs=headers,
                    Config=_transfer_config(),
                    Callback=on_bytes,
                )
            return
        with path.open("rb") as file, storage_errors("put_file", key):
            self.client.put_object(Bucket=self.bucket, Key=checked_key(key), Body=file, **headers)

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""
        with storage_errors("delete", key):
            self.client.delete_object(Bucket=self.bucket, Key=checked_key(key))

    def delete_prefix(self, prefix: str) -> int:
        """Delete everything below ``prefix`` (which must end in ``/``) and return how many."""
        if not prefix.endswith("/") or len(prefix) < 2:
            raise ValueError(f"a prefix to delete ends with '/': {prefix!r}")
        deleted = 0
        batch: list[str] = []
        for key in self.keys(prefix):
            batch.append(key)
            if len(batch) == DELETE_BATCH:
                deleted += self._delete_batch(batch)
                batch = []
        return deleted + self._delete_batch(batch)

    def _delete_batch(self, keys: list[str]) -> int:
        if not keys:
            return 0
        with storage_errors("delete_prefix", keys[0]):
            answer = self.client.delete_objects(
                Bucket=self.bucket,
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
        failed = answer.get("Errors", [])
        if failed:
            # A batch answers 200 even when single keys failed; those must not be forgotten.
            raise StorageError("storage_unavailable", "delete_prefix", failed[0].get("Key", ""))
        return len(keys)

    # ------------------------------------------------------------------ signing

    def presign_get(self, key: str, seconds: int, filename: str | None = None) -> str:
        """A link that reads one object for ``seconds``; with ``filename`` a browser saves it."""
        params: dict[str, Any] = {"Bucket": self.bucket, "Key": checked_key(key)}
        if filename is not None:
            plain = re.sub(r"[^A-Za-z0-9._-]", "_", filename) or "file"
            params["ResponseContentDisposition"] = (
                f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
            )
        return self._sign("get_object", params, seconds)

    def presign_put(
        self, key: str, *, size: int, content_type: str, sha256_b64: str | None, seconds: int
    ) -> SignedRequest:
        """A PUT of exactly these bytes, once: size, type, checksum and absence are signed.

        The store refuses another size or type (403), another body (400) and a second PUT (412).
        """
        params: dict[str, Any] = {
            "Bucket": self.bucket,
            "Key": checked_key(key),
            "ContentLength": size,
            "ContentType": content_type,
            "IfNoneMatch": "*",
        }
        headers = {
            "Content-Length": str(size),
            "Content-Type": content_type,
            "If-None-Match": "*",
        }
        if sha256_b64 is not None:
            params["ChecksumSHA256"] = sha256_b64
            headers["x-amz-checksum-sha256"] = sha256_b64
        return SignedRequest(self._sign("put_object", params, seconds), headers)

    def presign_part(
        self,
        key: str,
        upload_id: str,
        number: int,
        *,
        size: int,
        sha256_b64: str | None,
        seconds: int,
    ) -> SignedRequest:
        """A PUT of one part of a multipart upload, of exactly this size."""
        params: dict[str, Any] = {
            "Bucket": self.bucket,
            "Key": checked_key(key),
            "UploadId": upload_id,
            "PartNumber": number,
            "ContentLength": size,
        }
        headers = {"Content-Length": str(size)}
        if sha256_b64 is not None:
            params["ChecksumSHA256"] = sha256_b64
            headers["x-amz-checksum-sha256"] = sha256_b64
        return SignedRequest(self._sign("upload_part", params, seconds), headers)

    def _sign(self, operation: str, params: dict[str, Any], seconds: int) -> str:
        if not 1 <= seconds <= MAX_PRESIGN_SECONDS:
            raise ValueError(f"a signed link lives 1 s to 7 days, not {seconds} s")
        with storage_errors(operation, params["Key"]):
            return self._signer.generate_presigned_url(
                operation, Params=params, ExpiresIn=int(seconds)
            )

    # ------------------------------------------------------------------ multipart

    def multipart_start(self, key: str, content_type: str) -> str:
        """Begin a multipart upload and return the store's id of it."""
        with storage_errors("multipart_start", key):
            answer = self.client.create_multipart_upload(
                Bucket=self.bucket, Key=checked_key(key), ContentType=content_type
            )
        return answer["UploadId"]

    def multipart_parts(self, key: str, upload_id: str) -> list[StoredPart]:
        """The parts the store holds, in order. ``object_missing`` once it ended."""
        pages = self.client.get_paginator("list_parts").paginate(
            Bucket=self.bucket, Key=checked_key(key), UploadId=upload_id
        )
        with storage_errors("multipart_parts", key):
            return [
                StoredPart(part["PartNumber"], part["Size"], part["ETag"].strip('"'))
                for page in pages
                for part in page.get("Parts", ())
            ]

    def multipart_complete(self, key: str, upload_id: str, parts: Iterable[StoredPart]) -> None:
        """Join the parts. ``object_missing`` when the upload has ended already."""
        with storage_errors("multipart_complete", key):
            self.client.complete_multipart_upload(
                Bucket=self.bucket,
                Key=checked_key(key),
                UploadId=upload_id,
                MultipartUpload={
                    "Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
                },
            )

    def multipart_abort(self, key: str, upload_id: str) -> None:
        """Drop a multipart upload and its parts; one that has ended is no error."""
        try:
            with storage_errors("multipart_abort", key):
                self.client.abort_multipart_upload(
                    Bucket=self.bucket, Key=checked_key(key), UploadId=upload_id
                )
        except StorageError as error:
            if error.code != "object_missing":
                raise


def _headers(content_type: str, cache_control: str | None) -> dict[str, Any]:
    headers = {"ContentType": content_type}
    if cache_control is not None:
        headers["CacheControl"] = cache_control
    return headers


def _transfer_config() -> TransferConfig:
    return TransferConfig(
        multipart_threshold=MULTIPART_FILE_BYTES,
        multipart_chunksize=16 * MIB,
        max_concurrency=4,
        num_download_attempts=5,
    )


class _Stores:
    """One client a bucket and process, made on first use."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Bucket, ObjectStore] = {}

    def get(self, bucket: Bucket) -> ObjectStore:
        found = self._made.get(bucket)
        if found is None:
            with self._lock:
                found = self._made.get(bucket) or ObjectStore(bucket)
                self._made[bucket] = found
        return found


_stores = _Stores()


def store(bucket: Bucket) -> ObjectStore:
    """The store of a bucket, shared by the whole process."""
    return _stores.get(bucket)


def forget_stores() -> None:
    """Drop the clients: after a fork, whose sockets must not be shared, or changed settings."""
    _stores.forget()
    for bucket in Bucket:
        # django-storages keeps a connection of its own for each alias.
        storages._storages.pop(bucket.value, None)  # type: ignore[attr-defined]  # noqa: SLF001


os.register_at_fork(after_in_child=forget_stores)
