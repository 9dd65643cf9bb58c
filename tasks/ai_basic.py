"""Grading and reading on CPU hosts."""

from tasks.base import queue_task

run = queue_task("ai-basic")
