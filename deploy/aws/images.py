"""Images in the registry: what a release needs is there, or is pushed by the engine at hand."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from deploy.aws.clients import Aws
from deploy.aws.errors import DeployError, Refused, error_code
from deploy.aws.values import Values
from deploy.images.engine import EngineError, find

_PUSH_SECONDS = 1800


@dataclass(frozen=True)
class Image:
    """An image by the address that a task definition gives it."""

    address: str

    @property
    def repository(self) -> str:
        """Its repository in the registry, such as ``academy-prod/academy-api``."""
        return self.address.partition("/")[2].rpartition(":")[0]

    @property
    def registry(self) -> str:
        """The registry's host."""
        return self.address.partition("/")[0]

    @property
    def tag(self) -> str:
        """The release."""
        return self.address.rpartition(":")[2]

    @property
    def local(self) -> str:
        """What it is called where it was built, such as ``academy-api:0.2.0``."""
        return f"{self.repository.rpartition('/')[2]}:{self.tag}"


def wanted(values: Values) -> list[Image]:
    """The images that the task definitions of a release name under its own prefix, each once."""
    prefix = str(values.of({"Ref": "ImagePrefix"})) + "/"
    found = {
        address
        for resource in values.template.resources.values()
        if resource["Type"] == "AWS::ECS::TaskDefinition" and values.made(resource)
        for container in values.of(resource["Properties"]["ContainerDefinitions"])
        if isinstance(address := container.get("Image"), str) and address.startswith(prefix)
    }
    return [Image(address) for address in sorted(found)]


def digests(aws: Aws, images: list[Image]) -> dict[str, str | None]:
    """Address to digest of every image in ECR; None for one that is not there."""
    return {image.address: _digest(aws, image) for image in images}


def push(aws: Aws, images: list[Image], say: Callable[[str], None]) -> None:
    """Push what is missing. Tags of the stack's registry never move, so the others are as built."""
    missing = [image for image in images if _digest(aws, image) is None]
    if not missing:
        return
    try:
        engine = find().name
    except EngineError as error:
        raise Refused(
            f"{error}\nOr push these images elsewhere and deploy with --no-push:",
            [image.address for image in missing],
        ) from None
    _log_in(aws, engine, missing[0].registry)
    for image in missing:
        say(f"  push {image.address}")
        _engine(engine, "tag", image.local, image.address)
        _engine(engine, "push", image.address)


def check(aws: Aws, images: list[Image]) -> dict[str, str]:
    """Address to digest; Refused with every image that the registry does not hold."""
    found = digests(aws, images)
    if absent := [address for address, digest in found.items() if digest is None]:
        raise Refused("Images are not in the registry (make build, then deploy):", absent)
    return {address: digest for address, digest in found.items() if digest}


def _digest(aws: Aws, image: Image) -> str | None:
    try:
        found = aws.client("ecr").batch_get_image(
            repositoryName=image.repository, imageIds=[{"imageTag": image.tag}]
        )["images"]
    except ClientError as error:
        if error_code(error) == "RepositoryNotFoundException":
            return None
        raise
    return str(found[0]["imageId"]["imageDigest"]) if found else None


def _log_in(aws: Aws, engine: str, registry: str) -> None:
    granted = aws.client("ecr").get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(granted["authorizationToken"]).decode().partition(":")
    _engine(engine, "login", "--username", user, "--password-stdin", registry, given=password)


def _engine(engine: str, *arguments: str, given: str | None = None) -> None:
    try:
        done = subprocess.run(
            [engine, *arguments],
            input=given,
            check=False,
            capture_output=True,
            text=True,
            timeout=_PUSH_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise DeployError(f"{engine} {arguments[0]} took longer than {_PUSH_SECONDS} s.") from None
    if done.returncode:
        said = "\n".join(f"  | {line}" for line in done.stderr.strip().splitlines()[-8:])
        raise DeployError(f"{engine} {arguments[0]} {arguments[-1]} failed:\n{said}")
