"""One environment at hand: its file, its account, its stack and what is known of its releases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.aws import preflight
from deploy.aws.clients import Aws
from deploy.aws.cloudformation import Stack
from deploy.aws.config import Environment
from deploy.aws.oneoff import ROLE, OneOff
from deploy.aws.preflight import Caller
from deploy.aws.releases import Release, Releases
from deploy.aws.store import Store
from deploy.aws.template import Template
from deploy.aws.values import Values

TEMPLATE = Path(__file__).resolve().parents[1] / "stack.yaml"
_SECURITY_GROUP = "ServicesSecurityGroup"


@dataclass
class Site:
    """What every command works with. ``say`` is told each step."""

    environment: Environment
    aws: Aws
    who: Caller
    stack: Stack
    store: Store
    releases: Releases
    say: Callable[[str], None]

    @classmethod
    def open(cls, environment: Environment, aws: Aws, say: Callable[[str], None]) -> Site:
        """Refused where the credentials do not work or are another account's."""
        who = preflight.caller(aws)
        preflight.check_account(environment, who)
        store = Store(aws, environment.stack, environment.account)
        stack = Stack(aws, environment.stack, say)
        return cls(environment, aws, who, stack, store, Releases(store), say)

    @property
    def tags(self) -> dict[str, str]:
        """On the stack, and through it on all that it owns."""
        return {preflight.TAG: self.environment.name}

    def values(
        self,
        template: Template,
        parameters: Mapping[str, str],
        made: Mapping[str, str] | None = None,
    ) -> Values:
        """What a template comes to here; ``made``: the physical ids of what is there already."""
        account, region = self.environment.account, self.environment.region
        return Values(template, parameters, account=account, region=region, made=made)

    def of_release(self, release: Release) -> Values:
        """What a release was made from."""
        return self.values(self.releases.template(release), release.parameters)

    def one_off(self) -> OneOff:
        """Runs commands in the stack's network, which has to be there."""
        parameters = self.stack.parameters()
        network = {
            "subnets": parameters["SubnetIds"].split(","),
            "securityGroups": [self.stack.outputs()[_SECURITY_GROUP]],
        }
        family = f"/{self.environment.stack}-{ROLE}:"
        definitions = self.stack.physical_ids("AWS::ECS::TaskDefinition").values()
        serving = next(arn for arn in definitions if family in arn)
        return OneOff(self.aws, self.environment.stack, serving, network)


def process_environment(values: Values, role: str = ROLE) -> dict[str, str]:
    """The variables that the processes of a role are given, as far as they are known beforehand."""
    for _, properties in values.template.of_type("AWS::ECS::TaskDefinition"):
        for container in properties.get("ContainerDefinitions", []):
            if container.get("Name") == role:
                listed: list[Any] = values.of(container.get("Environment", []))
                return {
                    one["Name"]: one["Value"]
                    for one in listed
                    if isinstance(one, dict) and isinstance(one.get("Value"), str)
                }
    return {}
