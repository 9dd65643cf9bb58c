"""One environment as its file says it: ``deploy/environments/ENV.yaml``, checked before anything.

The file holds no secret and is committed: what the environment is can be read, reviewed and
compared. The account stands in it, so that ``ENV=prod`` can never reach another one by the
credentials that happen to be around.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from deploy.aws.errors import Refused
from tasks import queues

FOLDER = Path(__file__).resolve().parents[1] / "environments"
_NAME = re.compile(r"[a-z][a-z0-9-]{1,15}")
#: What a deployment sets by itself; a file that sets it too would say two things.
_OWN_PARAMETERS = frozenset({"Environment", "Size", "ImagePrefix", "ImageTag", "Running"})

Account = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeepCheck(_Part):
    """What is sent through the platform after a deployment, and how long it may take."""

    #: Queues with a worker that always runs: one that scales to zero first has to start.
    queues: tuple[str, ...] = ("messaging",)
    timeout_seconds: int = Field(default=60, ge=5, le=300)

    @field_validator("queues")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [row.name for row in queues.table({})]
        if unknown := sorted(set(names) - set(known)):
            raise ValueError(f"no queue {', '.join(unknown)}; there are {', '.join(known)}")
        return names


class Environment(_Part):
    """Where one copy of the platform runs and how it is sized."""

    name: str
    account: Account
    region: Region = "ap-northeast-2"
    size: Literal["start", "grow"]
    #: Where clients reach the API; asked after a deployment.
    url: AnyHttpUrl
    #: Where the images are: ``{prefix}/academy-api:{tag}``. Unset: the stack's own registry.
    image_prefix: str | None = None
    deep_check: DeepCheck = DeepCheck()
    #: The template's other parameters, by its own names; lists are joined with commas.
    parameters: dict[str, str] = Field(default_factory=dict)

    @field_validator("parameters", mode="before")
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        return {key: _text(value) for key, value in given.items()} if _is_map(given) else given

    @model_validator(mode="after")
    def _not_twice(self) -> Self:
        if set_here := sorted(_OWN_PARAMETERS & self.parameters.keys()):
            raise ValueError(f"parameters: {', '.join(set_here)} is set by the deployment itself")
        return self

    @property
    def stack(self) -> str:
        """Name of the stack, and the beginning of the names of all it owns."""
        return f"academy-{self.name}"

    @property
    def registry(self) -> str:
        """The host of the stack's own registry."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com"

    @property
    def images(self) -> str:
        """What stands before ``/academy-api:TAG``."""
        return self.image_prefix or f"{self.registry}/{self.stack}"

    @property
    def own_registry(self) -> bool:
        """Whether the images lie in the registry that the stack makes."""
        return self.images == f"{self.registry}/{self.stack}"

    def values(self, tag: str, *, running: bool) -> dict[str, str]:
        """Every parameter of the template for a release."""
        return self.parameters | {
            "Environment": self.name,
            "Size": self.size,
            "ImagePrefix": self.images,
            "ImageTag": tag,
            "Running": "yes" if running else "no",
        }

    def queue_rows(self) -> tuple[queues.Queue, ...]:
        """The queues with the names that they have in this environment."""
        prefix = self.parameters.get("QueuePrefix", "")
        return queues.table({row.env: prefix + row.sqs_name for row in queues.table({})})


def load(name: str, folder: Path | None = None) -> Environment:
    """The environment called *name*; Refused with every fault of its file in sentences."""
    if not _NAME.fullmatch(name):
        raise Refused(
            f"ENV={name!r} is no name of an environment: 2 to 16 of a-z, 0-9 and -, a letter first."
        )
    folder = folder or FOLDER
    path = folder / f"{name}.yaml"
    if not path.exists():
        there = ", ".join(sorted(one.stem for one in folder.glob("*.yaml"))) or "none"
        raise Refused(
            f"There is no environment {name!r} (there are: {there}). "
            f"Copy {folder.name}/example.yaml to {folder.name}/{name}.yaml and fill it in."
        )
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise Refused(f"{path.name} is no YAML: {error}") from None
    if not isinstance(content, dict):
        raise Refused(f"{path.name} holds no settings.")
    if "name" in content:
        raise Refused(f"{path.name}: the file's name is the environment's; remove `name`.")
    try:
        return Environment(name=name, **content)
    except ValidationError as error:
        reasons = [_sentence(one) for one in error.errors()]
        raise Refused(f"{path.name} cannot be used:", reasons) from None


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _text(value: Any) -> Any:
    """A parameter as CloudFormation takes it; anything else is left for the check to refuse."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    return str(value) if isinstance(value, int | float) else value


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the file"
    match error["type"]:
        case "missing":
            return f"{where} is missing"
        case "extra_forbidden":
            return f"{where} is no setting; see deploy/environments/example.yaml"
        case "string_type" if where == "account":
            return 'account must be text: write it in quotes, such as "123456789012"'
        case "value_error":
            return f"{where}: {error['ctx']['error']}"
        case _:
            return f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}"
