"""The AI kinds that can be submitted."""

from academy.ai.notes import kind as _notes  # noqa: F401 - registers itself
from academy.ai.variants import kind as _variants  # noqa: F401 - registers itself
