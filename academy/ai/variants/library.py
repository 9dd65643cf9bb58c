"""The templates that are shipped: one JSON file each, named by its id."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from academy.ai.variants.template import Template

FOLDER: Final = Path(__file__).with_name("templates")


@cache
def shipped() -> dict[str, Template]:
    """Every shipped template by its id. Raises pydantic's ValidationError for a faulty file."""
    return {
        path.stem: Template.model_validate_json(path.read_bytes())
        for path in sorted(FOLDER.glob("*.json"))
    }
