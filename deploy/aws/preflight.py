"""What must be right before anything is changed; each check is one function and one sentence.

A check returns its findings. Errors stop the deployment, notes are told. What AWS does not let
these credentials ask is a note: the rights to deploy are more than the rights to look.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from deploy.aws import quotas
from deploy.aws.clients import Aws
from deploy.aws.cloudformation import Stack
from deploy.aws.config import Environment
from deploy.aws.errors import DENIED, Refused, error_code, explained
from deploy.aws.findings import Finding
from deploy.aws.r2 import ObjectStore
from deploy.aws.secrets import Secrets
from deploy.aws.values import Values

TAG = "academy:environment"


@dataclass(frozen=True)
class Caller:
    """Whose credentials these are."""

    account: str
    arn: str
    access_key: str


def caller(aws: Aws) -> Caller:
    """Who asks; Refused where the credentials are missing, expired or unknown."""
    credentials = aws.session.get_credentials()
    if credentials is None:
        raise Refused("There are no AWS credentials here. Sign in (aws sso login).")
    try:
        answer = aws.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise Refused(explained(error)) from None
    access_key = credentials.get_frozen_credentials().access_key or ""
    return Caller(answer["Account"], answer["Arn"], access_key)


def check_account(environment: Environment, who: Caller) -> None:
    """Refused where the credentials are another account's than the environment's file says."""
    if who.account != environment.account:
        raise Refused(
            f"These credentials are of account {who.account}, and {environment.name} is in "
            f"{environment.account} (deploy/environments/{environment.name}.yaml). "
            "Nothing was changed."
        )


def run(environment: Environment, stack: Stack, who: Caller, values: Values) -> list[Finding]:
    """Every check; Refused with all that is wrong, in one go."""
    aws, template = stack.aws, values.template
    secrets = Secrets(aws, environment)
    findings = [
        *_region(environment),
        *_identity(environment, stack),
        *_queue_names(environment, aws, stack),
        *secrets.check(template, values),
        *object_store(environment, secrets, who, values).check(),
        *quotas.check(aws, template, values),
    ]
    if wrong := [one.text for one in findings if one.fatal]:
        raise Refused(f"{environment.name} is not ready to be deployed:", wrong)
    return findings


def _region(environment: Environment) -> Iterator[Finding]:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if (here := os.environ.get(name)) and here != environment.region:
            yield Finding(
                f"{name} is {here} here; {environment.name} is in {environment.region}, which is "
                "what counts.",
                fatal=False,
            )


def _identity(environment: Environment, stack: Stack) -> Iterator[Finding]:
    """The stack of this name belongs to this environment."""
    found = stack.describe()
    if found is None:
        return
    tags = {one["Key"]: one["Value"] for one in found.get("Tags", [])}
    if tags.get(TAG) != environment.name and stack.serving():
        yield Finding(
            f"The stack {environment.stack} exists and is not this environment's: its tag {TAG} is "
            f"{tags.get(TAG)!r}. It was not made by this command."
        )


def _queue_names(environment: Environment, aws: Aws, stack: Stack) -> Iterator[Finding]:
    """No queue of these names belongs to somebody else of this account."""
    urls = aws.pages("sqs", "list_queues", "QueueUrls")
    taken = {url.rpartition("/")[2] for url in urls}
    queues = stack.physical_ids("AWS::SQS::Queue")
    own = {url.rpartition("/")[2] for url in queues.values()}
    rows = environment.queue_rows()
    wanted = {name for row in rows for name in (row.sqs_name, row.dlq_name)}
    for name in sorted(wanted & taken - own):
        yield Finding(
            f"The queue {name} exists and is not of {environment.stack}. Two environments of one "
            "account need names of their own: set parameters.QueuePrefix."
        )


def object_store(
    environment: Environment, secrets: Secrets, who: Caller, values: Values
) -> ObjectStore:
    """The environment's R2 as its processes reach it."""
    try:
        stored = secrets.read()
    except ClientError as error:
        if error_code(error) not in DENIED:
            raise
        stored = {}
    return ObjectStore(
        endpoint=str(values.of({"Ref": "R2EndpointUrl"})),
        access_key=stored.get("R2_ACCESS_KEY_ID", ""),
        secret_key=stored.get("R2_SECRET_ACCESS_KEY", ""),
        buckets=tuple(
            str(values.of({"Ref": name}))
            for name in values.template.parameters
            if name.endswith("Bucket")
        ),
        deployers_key=who.access_key,
        environment=environment.name,
    )
