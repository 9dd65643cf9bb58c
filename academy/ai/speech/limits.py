"""What a recording may be: known to the API and to the child, without a library of either."""

from __future__ import annotations

from typing import Final

MAX_BYTES: Final = 32 << 30
MAX_CHANNELS: Final = 16
MAX_SAMPLE_RATE: Final = 384_000
MAX_CHAPTERS: Final = 50
RATE: Final = 16_000
"""Samples a second that the network hears."""
FRAME: Final = 512
"""Samples of one verdict of the network."""
FRAME_SECONDS: Final = FRAME / RATE
QUIET_DB: Final = -90.0
"""Level of a frame without any sound, in dB below full scale."""
MODEL: Final = "silero-vad@6"
SEGMENTS: Final = "segments.json"
TIMELINE: Final = "timeline.png"
"""Artifacts."""
