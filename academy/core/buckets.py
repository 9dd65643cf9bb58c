"""Create the four buckets, or repair what differs from what the platform needs of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from django.conf import settings

from academy.core.objects import Bucket, storage_errors
from academy.core.storage import store

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: Uploads live a day (see uploads); parts that nobody completes go a day later.
ABORT_PARTS_AFTER_DAYS = 2

_ABSENT = frozenset({"NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration"})
_UNSUPPORTED = frozenset({"NotImplemented", "MethodNotAllowed", "NotSupported", "501"})
_NO_BLOCK = "NoSuchPublicAccessBlockConfiguration"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about a bucket that was (or would be) changed, or cannot be."""

    bucket: str
    what: str
    action: str

    def __str__(self) -> str:
        return f"{self.bucket}: {self.what}: {self.action}"


def ensure_buckets(*, check: bool = False) -> list[Difference]:
    """Bring every bucket to the wanted state; with ``check`` only say what differs.

    Differences whose action is ``not supported by this store`` need no repair. Raises
    StorageError when the store cannot be asked.
    """
    differences: list[Difference] = []
    for bucket in Bucket:
        differences += _Repair(bucket, check=check).run()
    return differences


def wanted_cors() -> dict[str, Any]:
    """Browsers of the allowed origins may PUT signed uploads and read what links allow."""
    return {
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedOrigins": sorted(settings.CORS_ORIGINS),
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3600,
    }


def wanted_lifecycle(bucket: Bucket) -> list[dict[str, Any]]:
    """What the store itself drops: parts of uploads that were never completed, and old tables.

    Tables name students; who needs one later has it made anew.
    """
    whole = {"Status": "Enabled", "Filter": {"Prefix": ""}}
    parts = {"DaysAfterInitiation": ABORT_PARTS_AFTER_DAYS}
    rules = [{"ID": "abort-incomplete-uploads", **whole, "AbortIncompleteMultipartUpload": parts}]
    if bucket is Bucket.EXCEL:
        rules.append(
            {"ID": "expire-tables", **whole, "Expiration": {"Days": settings.TABLE_FILE_DAYS}}
        )
    return rules


class _Repair:
    def __init__(self, bucket: Bucket, *, check: bool) -> None:
        target = store(bucket)
        self.name = target.bucket
        self.lifecycle = wanted_lifecycle(bucket)
        self.client: S3Client = target.client
        self.check = check
        self.differences: list[Difference] = []

    def run(self) -> list[Difference]:
        with storage_errors("ensure_buckets", self.name):
            if not self._exists():
                self._differs("bucket", "missing", self._create)
                if self.check:
                    return self.differences
            self._ensure("cors", self._read_cors, self._write_cors)
            self._ensure("lifecycle", self._read_lifecycle, self._write_lifecycle)
            self._ensure("public access", self._read_public_block, self._write_public_block)
        return self.differences

    def _differs(self, what: str, found: str, repair: Callable[[], Any]) -> None:
        if self.check:
            self.differences.append(Difference(self.name, what, found))
            return
        repair()
        self.differences.append(Difference(self.name, what, f"{found}, repaired"))

    def _ensure(self, what: str, read: Callable[[], str | None], write: Callable[[], Any]) -> None:
        try:
            found = read()
            if found is not None:
                self._differs(what, found, write)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _UNSUPPORTED:
                raise
            self.differences.append(Difference(self.name, what, "not supported by this store"))

    def _exists(self) -> bool:
        try:
            self.client.head_bucket(Bucket=self.name)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

    def _create(self) -> None:
        region = self.client.meta.region_name
        where: dict[str, Any] = {}
        if region not in ("auto", "us-east-1"):
            where["CreateBucketConfiguration"] = {"LocationConstraint": region}
        try:
            self.client.create_bucket(Bucket=self.name, **where)
        except ClientError as error:
            # Two hosts may start at once; the other one's bucket is as good.
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise

    def _read_cors(self) -> str | None:
        try:
            rules = self.client.get_bucket_cors(Bucket=self.name)["CORSRules"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return "not set"
            raise
        found = [{key: _sorted(value) for key, value in rule.items()} for rule in rules]
        return None if found == [wanted_cors()] else "different"

    def _write_cors(self) -> None:
        rules: Any = [wanted_cors()]
        self.client.put_bucket_cors(Bucket=self.name, CORSConfiguration={"CORSRules": rules})

    def _lifecycle_rules(self) -> list[Any]:
        try:
            return self.client.get_bucket_lifecycle_configuration(Bucket=self.name)["Rules"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return []
            raise

    def _read_lifecycle(self) -> str | None:
        present = self._lifecycle_rules()
        return None if all(rule in present for rule in self.lifecycle) else "not set"

    def _write_lifecycle(self) -> None:
        ours = {rule["ID"] for rule in self.lifecycle}
        others = [rule for rule in self._lifecycle_rules() if rule.get("ID") not in ours]
        rules: Any = [*others, *self.lifecycle]
        self.client.put_bucket_lifecycle_configuration(
            Bucket=self.name, LifecycleConfiguration={"Rules": rules}
        )

    def _read_public_block(self) -> str | None:
        try:
            answer = self.client.get_public_access_block(Bucket=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] == _NO_BLOCK:
                return "open"
            raise
        return None if all(answer["PublicAccessBlockConfiguration"].values()) else "open"

    def _write_public_block(self) -> None:
        self.client.put_public_access_block(
            Bucket=self.name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )


def _sorted(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value
