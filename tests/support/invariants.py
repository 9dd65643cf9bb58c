"""What must hold, whatever happened: the operators' own checker."""

from academy.ops.invariants import (
    always,
    at_rest,
    attempts,
    each_once,
    fenced,
    finally_,
    histories,
    legal,
    listed,
)

__all__ = [
    "always",
    "at_rest",
    "attempts",
    "each_once",
    "fenced",
    "finally_",
    "histories",
    "legal",
    "listed",
]
