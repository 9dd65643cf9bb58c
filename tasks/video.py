"""Lectures: one at a time, on hosts with ffmpeg."""

from tasks.base import queue_task

run = queue_task("video")
