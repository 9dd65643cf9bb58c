"""The published form of results: what `Envelope.wrap` gives, around each kind's own part."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Published(BaseModel):
    """Base of everything in a result: a field that the schema lacks is a mistake of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True)


R = TypeVar("R", bound=Published)


class ModelUsed(Published):
    """The model that ran."""

    name: str
    sha256: str = Field(description="Of its weights, in hex.")


class Said(Published):
    """Something to know of a result; the code has a text in the list of codes."""

    code: str
    params: dict[str, Any]


class Enveloped(Published, Generic[R]):
    """A result, by what it was made and how much it can be trusted."""

    schema_version: int = Field(description="Of this schema.")
    engine: str
    model: ModelUsed | None = Field(description="Null where no model is needed.")
    device: Literal["cpu", "cuda"]
    timings_ms: dict[str, int] = Field(description="By stage.")
    warnings: list[Said]
    review_required: bool = Field(description="Whether a person must look at it.")
    result: R
