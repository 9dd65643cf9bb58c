"""The secrets of an environment in the parameter store: what is asked for, and storing it.

They are named ``/academy/ENV/VARIABLE``. The platform's own are made here, at random, and never
seen by anybody; what others gave (the database's address, keys of R2 and of providers) is asked for
without showing it. A secret that is stored is never changed or shown.
"""

from __future__ import annotations

import getpass
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping

from botocore.exceptions import ClientError

from deploy.aws.clients import Aws
from deploy.aws.config import Environment
from deploy.aws.errors import DENIED, Refused, error_code, explained
from deploy.aws.findings import Finding
from deploy.aws.template import Template
from deploy.aws.values import Values

#: Made here where they are missing: nobody else has to know them.
MADE: Mapping[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "API_KEY_PEPPER": lambda: secrets.token_urlsafe(48),
    "PERSONAL_DATA_SECRET": lambda: secrets.token_urlsafe(48),
    "VIDEO_KEY_SECRET": lambda: secrets.token_urlsafe(48),
    "METRICS_TOKEN": lambda: secrets.token_urlsafe(36),
    "DATABASE_PASSWORD": lambda: secrets.token_urlsafe(32),
    "FLOWER_BASIC_AUTH": lambda: f"ops:{secrets.token_urlsafe(24)}",
}


class Secrets:
    """The parameter store's secrets of one environment, read once."""

    def __init__(self, aws: Aws, environment: Environment) -> None:
        self.aws = aws
        self.prefix = f"/academy/{environment.name}/"
        self._values: dict[str, str] | None = None

    def read(self) -> Mapping[str, str]:
        """Variable to value of all that is stored for the environment."""
        if self._values is None:
            found = self.aws.pages(
                "ssm",
                "get_parameters_by_path",
                "Parameters",
                Path=self.prefix,
                WithDecryption=True,
            )
            self._values = {
                one["Name"].removeprefix(self.prefix): one["Value"].strip() for one in found
            }
        return self._values

    def check(self, template: Template, values: Values) -> Iterator[Finding]:
        """Every secret that a task definition names is stored and holds something."""
        wanted = self.named(template, values)
        try:
            stored = self.read()
        except ClientError as error:
            if error_code(error) not in DENIED:
                raise
            yield Finding(f"The secrets were not checked. {explained(error)}", fatal=False)
            return
        name = self.prefix.split("/")[2]
        for variable in sorted(wanted):
            if variable not in stored:
                text = f"The secret {self.prefix}{variable} is missing: make secrets ENV={name}"
                yield Finding(text)
            elif not stored[variable]:
                yield Finding(f"The secret {self.prefix}{variable} is empty.")

    def named(self, template: Template, values: Values) -> set[str]:
        """The secrets that the processes of a release are given, by variable."""
        found = set()
        for resource in template.resources.values():
            if resource["Type"] != "AWS::ECS::TaskDefinition" or not values.made(resource):
                continue
            for container in values.of(resource["Properties"]["ContainerDefinitions"]):
                for secret in container.get("Secrets", []):
                    _, path, name = str(secret["ValueFrom"]).partition(self.prefix)
                    if path:
                        found.add(name)
        return found

    def store(self, wanted: set[str], say: Callable[[str], None]) -> None:
        """Store what is missing: made here, from this shell's variables, or asked for."""
        stored = self.read()
        missing = sorted(name for name in wanted if not stored.get(name))
        for name in missing:
            self.put(name, MADE[name]() if name in MADE else _given(name))
            say(f"  {self.prefix}{name}: {'made' if name in MADE else 'stored'}")
        if not missing:
            say("Every secret is stored.")

    def put(self, name: str, value: str) -> None:
        """Store one that is missing or empty."""
        self.aws.client("ssm").put_parameter(
            Name=f"{self.prefix}{name}",
            Value=value,
            Type="SecureString",
            Overwrite=name in self.read(),
        )
        self._values = None


def _given(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value and sys.stdin.isatty():
        value = getpass.getpass(f"{name} (is not shown): ").strip()
    if not value:
        raise Refused(f"{name} is missing: set the variable, or run this in a terminal.")
    return value
