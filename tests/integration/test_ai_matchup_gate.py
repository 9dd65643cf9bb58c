"""How well problems are found: on families of problems that nothing was chosen by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from academy.ai.matchup.params import MIN_SCORE
from academy.inference import loaded, text
from academy.inference.text import encoding
from academy.problems.search import decoded, encoded
from tests.support.matchup import Split, hit_rates, made, recall, trigram_scores
from tests.support.models import needs_encoder

pytestmark = needs_encoder
_SEED = 20_261_124


def test_the_problem_of_a_changed_question_is_among_the_five_nearest() -> None:
    given = made(Split.HELD_OUT, _SEED)
    asked = [one.text for one in given.asked]
    encoder = text.encoder()
    stored = decoded(b"".join(encoded(encoder.encode(given.bank, role="passage"))))
    scores = encoder.encode(asked, role="query") @ stored.T
    found = recall(scores, given, 5)
    for change in ("all", "reworded", "renumbered", "rearranged"):
        assert found[change] >= 0.95, found
    baseline = trigram_scores(asked, given.bank)
    for most in (1, 5):
        best, naive = recall(scores, given, most)["all"], recall(baseline, given, most)["all"]
        assert best > naive, (most, best, naive)
    hit, false_hit = hit_rates(scores, given, MIN_SCORE)
    assert hit >= 0.9
    assert false_hit <= 0.15


def test_stored_vectors_are_those_of_the_network_in_float32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = made(Split.HELD_OUT, _SEED, things=1).bank[:32]
    stored = decoded(b"".join(encoded(text.encoder().encode(texts, role="passage"))))

    def float32(torch: Any, _device: str) -> Any:
        return torch.float32

    with monkeypatch.context() as exact:
        exact.setattr(encoding, "dtype_for", float32)
        loaded.forget()
        reference = text.encoder().encode(texts, role="passage")
    loaded.forget()
    assert np.sum(stored * reference, axis=1).min() >= 0.999
