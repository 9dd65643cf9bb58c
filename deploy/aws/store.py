"""What a deployment remembers, in a bucket of the account: releases, templates, and a lock.

The bucket is private, versioned and named after stack and account. It is the one thing that is
made before the stack, and the last that goes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.clients import Aws
from deploy.aws.errors import DeployError, error_code
from deploy.aws.template import Template

_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_LOST_RACE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
#: Templates that CloudFormation was given by address, and releases that nobody goes back to.
KEEP_VERSIONS_DAYS = 90


@dataclass(frozen=True)
class Stored:
    """An object's JSON as it was read."""

    value: Any
    etag: str
    #: How long ago it was written, by the store's own clock.
    age_seconds: float


class Store:
    """Objects of one environment, by key. Every write can be made to depend on what is there."""

    def __init__(self, aws: Aws, stack: str, account: str) -> None:
        self.bucket = f"{stack}-deploy-{account}"
        self.aws = aws
        self.s3 = aws.client("s3")

    def exists(self) -> bool:
        """Whether the bucket is there."""
        try:
            self.s3.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if error_code(error) in _MISSING:
                return False
            if error_code(error) in ("403", "AccessDenied"):
                raise DeployError(
                    f"The bucket {self.bucket} is not this account's, or may not be read."
                ) from None
            raise
        return True

    def ensure(self) -> None:
        """Make the bucket where it is missing, and see to it that nobody outside reads it."""
        if not self.exists():
            where = {"LocationConstraint": self.aws.region}
            arguments = (
                {} if self.aws.region == "us-east-1" else {"CreateBucketConfiguration": where}
            )
            try:
                self.s3.create_bucket(Bucket=self.bucket, **arguments)
            except ClientError as error:
                # Two first deployments at once; one of them gets the lock.
                if error_code(error) != "BucketAlreadyOwnedByYou":
                    raise
        self.s3.put_public_access_block(
            Bucket=self.bucket,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        self.s3.put_bucket_versioning(
            Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        old = {"NoncurrentVersionExpiration": {"NoncurrentDays": KEEP_VERSIONS_DAYS}}
        rule = {"ID": "old-versions", "Status": "Enabled", "Filter": {"Prefix": ""}, **old}
        self.s3.put_bucket_lifecycle_configuration(
            Bucket=self.bucket, LifecycleConfiguration={"Rules": [rule]}
        )

    def read(self, key: str) -> Stored | None:
        """An object's JSON, None where there is none."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error_code(error) in _MISSING:
                return None
            raise
        asked = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        age = (asked - answer["LastModified"]).total_seconds()
        return Stored(json.loads(answer["Body"].read()), answer["ETag"], age)

    def write(self, key: str, value: Any, **condition: str) -> str | None:
        """Write JSON and return its ETag; None where the condition does not hold any more.

        ``IfNoneMatch="*"``: nothing is there; ``IfMatch=etag``: nobody has written since.
        """
        body = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode()
        try:
            answer = self.s3.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType="application/json",
                **condition,
            )
        except ClientError as error:
            # With IfMatch a key that was deleted meanwhile answers 404.
            if error_code(error) in _LOST_RACE | (_MISSING if "IfMatch" in condition else set()):
                return None
            raise
        return str(answer["ETag"])

    def remove(self, key: str, etag: str) -> None:
        """Delete what was written with this ETag, and nothing that somebody wrote since."""
        try:
            self.s3.delete_object(Bucket=self.bucket, Key=key, IfMatch=etag)
        except ClientError as error:
            if error_code(error) not in _LOST_RACE | _MISSING:
                raise

    def keys(self, prefix: str) -> list[str]:
        """Names of the objects below a prefix, in order."""
        listed = self.aws.pages(
            "s3", "list_objects_v2", "Contents", Bucket=self.bucket, Prefix=prefix
        )
        return sorted(str(one["Key"]) for one in listed)

    def template_address(self, template: Template) -> str:
        """Where CloudFormation reads a template that is too large for a request."""
        key = f"templates/{template.digest}.json"
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=template.body.encode(),
            ContentType="application/json",
        )
        endpoint = self.s3.meta.endpoint_url
        return f"{endpoint}/{self.bucket}/{key}"

    def template(self, digest: str) -> Template:
        """A template that was stored with a release."""
        found = self.read(f"templates/{digest}.json")
        if found is None:
            raise DeployError(f"The template {digest[:12]} of that release is no longer stored.")
        return Template(found.value)

    def delete(self) -> None:
        """The bucket with all versions of all it holds."""
        if not self.exists():
            return
        paginator = self.s3.get_paginator("list_object_versions")
        for page in paginator.paginate(Bucket=self.bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            entries = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            if entries:
                self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": entries})
        self.s3.delete_bucket(Bucket=self.bucket)
