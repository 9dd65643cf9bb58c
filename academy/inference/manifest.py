"""The manifest of models: one JSON document that an operator keeps beside the files.

It names every model as ``name@version``. What a name and version once meant never changes: a new
file is a new version, because vectors and results state the model that made them.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

_REFERENCE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}@[a-z0-9][a-z0-9._-]{0,39}\Z")
_LOCATION: Final = re.compile(r"(file:///\S+|s3://[a-z0-9.-]+/\S+|[A-Za-z0-9][A-Za-z0-9@._-]*)\Z")

Format = Literal["safetensors", "onnx", "tokenizer"]
"""What a file may be: data that is read. A pickle is a program, so there is none."""


class ManifestError(ValueError):
    """The manifest cannot be used; says where it is wrong, never what stands there."""


def _reference(value: str) -> str:
    if not _REFERENCE.match(value):
        raise ValueError("must be name@version of a-z, 0-9 and . _ -")
    return value


def _location(value: str) -> str:
    if not _LOCATION.match(value) or "/../" in value:
        raise ValueError("must be file:///path, s3://bucket/key, or a name beside the manifest")
    return value


Reference = Annotated[str, AfterValidator(_reference)]


class Model(BaseModel):
    """One model: where its file lies, and what proves that it is the right one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: Annotated[str, AfterValidator(_location)]
    """``file:///path``, ``s3://bucket/key``, or the name of a file beside the manifest."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(gt=0, lt=1 << 40)
    format: Format
    labels: dict[str, str] = Field(default_factory=dict)
    """Free: licence, source, languages."""
    memory_bytes: int | None = Field(default=None, gt=0)
    """What a process needs for it once loaded, work included; None: twice the file."""
    parts: dict[str, Reference] = Field(default_factory=dict)
    """Other entries that it cannot do without, by role (``tokenizer``)."""

    @property
    def needed_bytes(self) -> int:
        """Memory that must be free before it is loaded."""
        return self.memory_bytes or 2 * self.bytes


class Manifest(BaseModel):
    """Everything that is registered. ``defaults`` says which model serves a purpose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1]
    models: dict[Reference, Model]
    defaults: dict[str, Reference] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Manifest:
        wanted = {**self.defaults}
        for model in self.models.values():
            wanted |= {f"part {role}": name for role, name in model.parts.items()}
        for purpose, name in wanted.items():
            if name not in self.models:
                raise ValueError(f"{purpose} is {name}, which is not among the models")
        return self


def parse(text: str | bytes) -> Manifest:
    """The manifest in a JSON text. Raises ManifestError."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'the document'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        )
        raise ManifestError(problems) from None
