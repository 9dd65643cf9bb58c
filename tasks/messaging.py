"""Messages: many at once, in threads, because they wait for providers."""

from tasks.base import queue_task

run = queue_task("messaging")
