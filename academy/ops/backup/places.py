"""Where backups lie: a folder, or a bucket of the object store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from academy.core.objects import Bucket
from academy.ops.backup.postgres import BackupError


class Place(Protocol):
    """What keeps files by name. Every method raises BackupError."""

    def put(self, name: str, source: Path) -> None:
        """Keep a file; it is there whole or not at all."""

    def get(self, name: str, target: Path) -> None:
        """Write a kept file to a path."""

    def names(self) -> Iterator[str]:
        """Everything that is kept."""

    def delete(self, name: str) -> None:
        """Forget a file."""


class Folder:
    """A folder that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BackupError(f"{path} cannot be used: {error.strerror}") from None

    def put(self, name: str, source: Path) -> None:
        """Keep a file; it is there whole or not at all."""
        draft = self._path / f".{name}.part"
        try:
            with source.open("rb") as read, draft.open("wb") as write:
                draft.chmod(0o600)
                shutil.copyfileobj(read, write, 1 << 20)
                write.flush()
                os.fsync(write.fileno())
            draft.rename(self._path / name)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise BackupError(f"{self._path / name}: {error.strerror}") from None

    def get(self, name: str, target: Path) -> None:
        """Write a kept file to a path."""
        try:
            shutil.copyfile(self._path / name, target)
        except OSError as error:
            raise BackupError(f"{self._path / name}: {error.strerror}") from None

    def names(self) -> Iterator[str]:
        """Everything that is kept."""
        yield from (path.name for path in self._path.iterdir() if path.is_file())

    def delete(self, name: str) -> None:
        """Forget a file."""
        (self._path / name).unlink(missing_ok=True)


class BucketPlace:
    """A bucket at the object store of the settings, with its keys, below a prefix."""

    def __init__(self, bucket: str, prefix: str) -> None:
        import boto3  # noqa: PLC0415 - slow to import

        options = settings.STORAGES[Bucket.STORAGE.value]["OPTIONS"]
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=options["endpoint_url"],
            aws_access_key_id=options["access_key"],
            aws_secret_access_key=options["secret_key"],
            region_name=options["region_name"],
            config=options["client_config"],
        )

    def put(self, name: str, source: Path) -> None:
        """Keep a file; it is there whole or not at all."""
        self._ask(name, lambda key: self._client.upload_file(str(source), self._bucket, key))

    def get(self, name: str, target: Path) -> None:
        """Write a kept file to a path."""
        self._ask(name, lambda key: self._client.download_file(self._bucket, key, str(target)))

    def names(self) -> Iterator[str]:
        """Everything that is kept."""
        pages = self._client.get_paginator("list_objects_v2")
        found: list[str] = []
        self._ask(
            "",
            lambda prefix: found.extend(
                entry["Key"].removeprefix(prefix)
                for page in pages.paginate(Bucket=self._bucket, Prefix=prefix)
                for entry in page.get("Contents", ())
            ),
        )
        yield from found

    def delete(self, name: str) -> None:
        """Forget a file."""
        self._ask(name, lambda key: self._client.delete_object(Bucket=self._bucket, Key=key))

    def _ask(self, name: str, act: Any) -> None:
        from boto3.exceptions import Boto3Error  # noqa: PLC0415 - slow to import

        try:
            act(self._prefix + name)
        except (BotoCoreError, ClientError, Boto3Error) as error:
            raise BackupError(f"s3://{self._bucket}/{self._prefix}{name}: {error}") from None


def at(address: str) -> Place:
    """The place of an address: ``s3://bucket/prefix``, or a folder's path."""
    parts = urlsplit(address)
    if parts.scheme == "s3":
        if not parts.netloc:
            raise BackupError(f"{address} names no bucket: s3://BUCKET/PREFIX")
        return BucketPlace(parts.netloc, parts.path)
    if parts.scheme:
        raise BackupError(f"{address} is neither s3://BUCKET/PREFIX nor the path of a folder")
    return Folder(Path(address).expanduser().absolute())
