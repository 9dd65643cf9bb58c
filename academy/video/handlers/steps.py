"""The stages of a lecture that people see, and the part of the whole that each of them is."""

from __future__ import annotations

from typing import Final

from academy.jobs.steps import Step

DOWNLOADING = Step("downloading", 0, 6)
PROBING = Step("probing", 6, 8)
TRANSCODING = Step("transcoding", 8, 90)
VALIDATING = Step("validating", 90, 94)
THUMBNAIL = Step("thumbnail", 94, 96)
UPLOADING = Step("uploading", 96, 100)

LECTURE_STEPS = (DOWNLOADING, PROBING, TRANSCODING, VALIDATING, THUMBNAIL, UPLOADING)
"""In the order in which people see them."""

JOIN_PHASE: Final = "join"
"""The phase in which a lecture that was divided comes back; its pieces have transcoded it."""

# A piece of a lecture is a job of its own, with its own whole.
PIECE_DOWNLOADING = Step("downloading", 0, 10)
PIECE_TRANSCODING = Step("transcoding", 10, 95)
PIECE_VALIDATING = Step("validating", 95, 97)
PIECE_UPLOADING = Step("uploading", 97, 100)

DELETING = Step("deleting", 0, 70)
DELETION_CHECK = Step("checking", 70, 100)

MP4_DOWNLOADING = Step("downloading", 0, 60)
MP4_PACKAGING = Step("packaging", 60, 80)
MP4_UPLOADING = Step("uploading", 80, 100)
