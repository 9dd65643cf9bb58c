"""Models on GPU hosts; on CPU only where the operator allows it."""

from tasks.base import queue_task

run = queue_task("ai-premium")
