"""Plans: what one academy may have running, waiting, submitted a day, uploading and stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Limits of one tenant on one queue.

    ``in_flight``: jobs published or running at once. ``backlog``: jobs not yet ended.
    ``per_day``: jobs submitted in the last 24 hours.
    """

    in_flight: int
    backlog: int
    per_day: int


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Limits of one tenant on uploads: how many may be open at once, and their bytes."""

    open_uploads: int
    open_bytes: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """Limits of one tenant on lectures.

    ``minutes_per_month``: minutes of lectures encoded in a calendar month. ``storage_bytes``: the
    recordings and what was made of them, without those that are deleted.
    """

    minutes_per_month: int
    storage_bytes: int


@dataclass(frozen=True, slots=True)
class PlaybackLimits:
    """Limits of each viewer of one tenant.

    ``viewings``: how many videos may play at once. ``devices``: how many may be used within a
    month.
    """

    viewings: int
    devices: int


@dataclass(frozen=True)
class Plan:
    """What a tenant has bought."""

    name: str
    limits: Mapping[str, QueueLimits]
    uploads: UploadLimits
    video: VideoLimits
    playback: PlaybackLimits
    tiers: tuple[str, ...]
    """The tiers of AI engines that are included; academy.ai.tiers has their meaning."""


GIB = 1024**3

PLANS: Mapping[str, Plan] = MappingProxyType(
    {
        "start": Plan(
            name="start",
            limits=MappingProxyType(
                {
                    "video": QueueLimits(in_flight=2, backlog=200, per_day=200),
                    "ai-lite": QueueLimits(in_flight=4, backlog=1_000, per_day=2_000),
                    "ai-basic": QueueLimits(in_flight=2, backlog=500, per_day=500),
                    "ai-premium": QueueLimits(in_flight=1, backlog=100, per_day=100),
                    "messaging": QueueLimits(in_flight=4, backlog=2_000, per_day=10_000),
                }
            ),
            uploads=UploadLimits(open_uploads=100, open_bytes=100 * GIB, file_bytes=20 * GIB),
            video=VideoLimits(minutes_per_month=6_000, storage_bytes=500 * GIB),
            playback=PlaybackLimits(viewings=1, devices=3),
            tiers=("lite", "basic"),
        ),
        "grow": Plan(
            name="grow",
            limits=MappingProxyType(
                {
                    "video": QueueLimits(in_flight=8, backlog=2_000, per_day=2_000),
                    "ai-lite": QueueLimits(in_flight=16, backlog=10_000, per_day=20_000),
                    "ai-basic": QueueLimits(in_flight=8, backlog=5_000, per_day=5_000),
                    "ai-premium": QueueLimits(in_flight=4, backlog=1_000, per_day=1_000),
                    "messaging": QueueLimits(in_flight=16, backlog=20_000, per_day=50_000),
                }
            ),
            uploads=UploadLimits(open_uploads=1_000, open_bytes=1_000 * GIB, file_bytes=100 * GIB),
            video=VideoLimits(minutes_per_month=120_000, storage_bytes=20_000 * GIB),
            playback=PlaybackLimits(viewings=2, devices=5),
            tiers=("lite", "basic", "premium"),
        ),
    }
)

PLAN_CHOICES = [(name, name) for name in PLANS]
