"""The AI kinds that can be submitted."""

from academy.ai.digits import kind as _digits  # noqa: F401 - registers itself
from academy.ai.homework import kind as _homework  # noqa: F401 - registers itself
from academy.ai.language.explanations import kind as _explanations  # noqa: F401 - registers itself
from academy.ai.language.generation import kind as _generation  # noqa: F401 - registers itself
from academy.ai.language.transcription import kind as _transcription  # noqa: F401 - registers itself
from academy.ai.matchup import kind as _matchup  # noqa: F401 - registers itself
from academy.ai.notes import kind as _notes  # noqa: F401 - registers itself
from academy.ai.ocr.params import OcrPagesParams, OcrParams
from academy.ai.ocr.results import OcrResult
from academy.ai.omr import kind as _omr  # noqa: F401 - registers itself
from academy.ai.pages.params import document_check
from academy.ai.prices import OFFERS
from academy.ai.segmentation import kind as _segmentation  # noqa: F401 - registers itself
from academy.ai.speech import kind as _speech  # noqa: F401 - registers itself
from academy.ai.variants import kind as _variants  # noqa: F401 - registers itself
from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register

_OCR = OFFERS["ai.ocr_text"]

OCR = _OCR.spec(
    params=OcrParams,
    handler="academy.ai.ocr.handler:run",
    timeout_seconds=3600,
    result=OcrResult,
    check=document_check,
)

OCR_PAGES = register(
    KindSpec(
        name="ai.ocr_pages",
        version=1,
        queue=_OCR.queue,
        params=OcrPagesParams,
        handler="academy.ai.ocr.handler:run_pages",
        bucket=Bucket.AI.value,
        timeout_seconds=1800,
        internal=True,
    )
)
