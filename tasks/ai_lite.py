"""Light AI work: spreadsheets, sheets, text; on any host."""

from tasks.base import queue_task

run = queue_task("ai-lite")
