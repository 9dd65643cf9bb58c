"""The environment's own image registry: one repository an image, whose tags never move."""

from __future__ import annotations

import json

from deploy.aws.stack.cfn import Json, resource, sub
from deploy.aws.stack.identity import repository_id
from deploy.aws.stack.roles import images

#: Releases that can be gone back to. An image is a few hundred MB, its layers mostly the last's.
KEPT_RELEASES = 10


def resources() -> Json:
    """A repository an image. They go with the stack, images and all: these can be built anew."""
    return {repository_id(image): _repository(image) for image in images()}


def _repository(image: str) -> Json:
    rules = [
        {
            "rulePriority": 1,
            "description": "layers of a push that never ended",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 1,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": f"the last {KEPT_RELEASES} releases are kept",
            "selection": {
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": KEPT_RELEASES,
            },
            "action": {"type": "expire"},
        },
    ]
    return resource(
        "AWS::ECR::Repository",
        {
            "RepositoryName": sub(f"academy-${{Environment}}/{image}"),
            "ImageTagMutability": "IMMUTABLE",
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "EmptyOnDelete": True,
            "LifecyclePolicy": {
                "LifecyclePolicyText": json.dumps({"rules": rules}, separators=(",", ":"))
            },
        },
        on_delete="Delete",
    )
