"""What a check has to say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or worth a sentence."""

    text: str
    #: Whether it stops what is about to be done.
    fatal: bool = True
