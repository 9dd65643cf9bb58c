"""The object store from the deployer's side: it answers, its keys are its own, nobody reads it.

CORS and lifecycle rules are set by ``manage.py ensure_buckets``, which runs as a one-off task. What
that command cannot see is Cloudflare's own switch for public access (the ``r2.dev`` address): it
has no S3 operation, so it is asked of, and turned off through, Cloudflare's API where
``CLOUDFLARE_API_TOKEN`` is set.
"""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.aws.errors import error_code
from deploy.aws.findings import Finding

#: Access keys of AWS begin like this; R2's are 32 hexadecimal digits.
_AWS_KEY = re.compile(r"(AKIA|ASIA)[A-Z0-9]{16}")
_R2_HOST = re.compile(r"(?P<account>[0-9a-f]{32})(\.[a-z]+)?\.r2\.cloudflarestorage\.com")
_CLOUDFLARE = "https://api.cloudflare.com/client/v4"
_SECONDS = 10


@dataclass(frozen=True)
class ObjectStore:
    """R2, or another S3, as the processes of an environment reach it."""

    endpoint: str
    access_key: str
    secret_key: str
    buckets: tuple[str, ...]
    #: The access key that deploys: the store's must be another.
    deployers_key: str
    environment: str

    def check(self) -> Iterator[Finding]:
        """Whether the platform will be able to use it, and nobody else."""
        if not self.access_key or not self.secret_key:
            return  # the missing secrets are told by their own check
        if _AWS_KEY.fullmatch(self.access_key) or self.access_key == self.deployers_key:
            yield Finding(
                f"/academy/{self.environment}/R2_ACCESS_KEY_ID holds a key of AWS. Make one for R2 "
                "at Cloudflare (R2, Manage API tokens)."
            )
            return
        yield from self._reachable()
        yield from self._public()

    def _reachable(self) -> Iterator[Finding]:
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="auto",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(
                connect_timeout=_SECONDS,
                read_timeout=_SECONDS,
                retries={"mode": "standard", "total_max_attempts": 2},
                s3={"addressing_style": "path"},
            ),
        )
        for bucket in self.buckets:
            try:
                client.head_bucket(Bucket=bucket)
            except ClientError as error:
                if error_code(error) in ("404", "NoSuchBucket"):
                    yield Finding(
                        f"The bucket {bucket} is missing: make buckets ENV={self.environment}"
                    )
                    continue
                yield Finding(
                    f"R2 at {self.endpoint} refuses the stored keys for the bucket {bucket} "
                    f"({error_code(error)})."
                )
            except BotoCoreError as error:
                yield Finding(f"R2 at {self.endpoint} does not answer: {error}")
                return

    def _public(self) -> Iterator[Finding]:
        """Whether a bucket has a public address at Cloudflare."""
        if not _account(self.endpoint):
            return
        cloudflare = Cloudflare.here(self.endpoint)
        if cloudflare is None:
            yield Finding(
                "Whether a bucket is public at r2.dev was not checked: CLOUDFLARE_API_TOKEN (R2 "
                "read) is not set here.",
                fatal=False,
            )
            return
        for bucket in self.buckets:
            try:
                is_public = cloudflare.is_public(bucket)
            except CloudflareError as error:
                yield Finding(f"Public access of {bucket} was not checked: {error}", fatal=False)
                return
            if is_public:
                yield Finding(
                    f"Everybody can read the bucket {bucket} at r2.dev. Turn it off: "
                    f"make buckets ENV={self.environment}"
                )


class CloudflareError(Exception):
    """Cloudflare's API refused or did not answer."""


class Cloudflare:
    """The two calls of Cloudflare's API for the public address of a bucket."""

    def __init__(self, account: str, token: str, base: str = _CLOUDFLARE) -> None:
        self.base = f"{base}/accounts/{account}/r2/buckets"
        self.token = token

    @classmethod
    def here(cls, endpoint: str) -> Cloudflare | None:
        """By the endpoint's account and this shell's token, None where there is none."""
        token = os.environ.get("CLOUDFLARE_API_TOKEN")
        account = _account(endpoint)
        return cls(account, token) if token and account else None

    def is_public(self, bucket: str) -> bool:
        """Whether the bucket's ``r2.dev`` address is on."""
        return bool(self._call("GET", bucket).get("enabled"))

    def make_private(self, bucket: str) -> None:
        """Turn the ``r2.dev`` address off."""
        self._call("PUT", bucket, {"enabled": False})

    def _call(self, method: str, bucket: str, body: Any = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the base is https, or a test's own
            f"{self.base}/{bucket}/domains/managed",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                return dict(json.load(answer)["result"])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return {}  # a bucket that is not there is not public
            raise CloudflareError(f"Cloudflare answered {error.code}.") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CloudflareError(f"Cloudflare did not answer usably: {error}") from None


def _account(endpoint: str) -> str | None:
    found = _R2_HOST.fullmatch(urlsplit(endpoint).hostname or "")
    return found["account"] if found else None
