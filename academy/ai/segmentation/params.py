"""Parameters of `ai.question_segmentation`, as clients submit them."""

from __future__ import annotations

from academy.ai.pages.params import DocumentParams


class SegmentationParams(DocumentParams):
    """Divide a printed test with a text layer into its questions."""
