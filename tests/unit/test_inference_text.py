"""The text encoder beside its reference, and what it finds in Korean."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from academy.inference import batches, registry, runtime, text
from academy.inference.text import encoding
from academy.inference.text.network import Network, WeightsError
from academy.jobs.errors import PermanentError, TransientError, UnsuitableHostError
from tests.support.korean_retrieval import PAIRS
from tests.support.models import needs_encoder

pytestmark = needs_encoder

_REFERENCE = Path(__file__).parents[1] / "support" / "e5_reference.json"
_NAME = "multilingual-e5-small@q4"


@pytest.fixture(scope="module")
def encoder() -> text.Encoder:
    registry.forget()
    try:
        return text.encoder()
    except registry.NotConfiguredError:
        pytest.skip("no package here carries the encoder")


@pytest.fixture(scope="module")
def tensors() -> dict[str, Any]:
    return encoding._tensors(registry.path(_NAME))


def reference() -> list[tuple[text.Role, str, Any]]:
    rows = json.loads(_REFERENCE.read_text(encoding="utf-8"))["rows"]
    return [
        (row["role"], row["text"], np.frombuffer(base64.b64decode(row["vector"]), "<f2"))
        for row in rows
    ]


def test_vectors_are_those_of_an_independent_engine(encoder: text.Encoder) -> None:
    """Gate: cosine .999 to the engine in C that the weights were packed for."""
    for role, words, wanted in reference():
        (vector,) = encoder.encode([words], role=role)
        assert vector @ wanted.astype(np.float32) >= 0.999, words


def test_the_same_holds_in_float32(encoder: text.Encoder, tensors: dict[str, Any]) -> None:
    """Where a processor has no bfloat16; there the difference is the other engine's own."""
    torch = runtime.torch()
    exact = text.Encoder(
        Network(tensors, "cpu", torch.float32), encoder._tokenizer, encoder.model, "cpu"
    )
    for role, words, wanted in reference():
        (vector,) = exact.encode([words], role=role)
        assert vector @ wanted.astype(np.float32) >= 0.9998, words


def test_korean_problems_are_found_by_their_meaning(encoder: text.Encoder) -> None:
    """Gate: recall@1 .900 and recall@5 .950 of problems by other words and numbers."""
    queries = encoder.encode([query for query, _ in PAIRS], role="query")
    passages = encoder.encode([passage for _, passage in PAIRS], role="passage")
    order = np.argsort(-(queries @ passages.T), axis=1)
    rank = [int(np.flatnonzero(row == index)[0]) for index, row in enumerate(order)]
    assert np.mean([place < 1 for place in rank]) >= 0.900
    assert np.mean([place < 5 for place in rank]) >= 0.950


def test_vectors_have_length_one_and_their_texts_order(encoder: text.Encoder) -> None:
    texts = [f"{'긴 문장. ' * (7 * n % 11)}{n}번 문제" for n in range(40)]
    together = encoder.encode(texts, role="passage")
    assert together.shape == (40, text.DIMENSION)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    for index in (0, 5, 39):
        (alone,) = encoder.encode([texts[index]], role="passage")
        # In bfloat16 a row's padding changes the order of additions.
        assert alone @ together[index] >= 0.9995


def test_no_texts_are_no_vectors(encoder: text.Encoder) -> None:
    assert encoder.encode([], role="query").shape == (0, text.DIMENSION)


def test_a_text_counts_up_to_512_tokens(encoder: text.Encoder) -> None:
    long = "문제를 잘 읽고 알맞은 답을 고르시오. " * 400
    assert encoder.tokens(long, role="passage") == 512
    assert encoder.encode([long], role="passage").shape == (1, text.DIMENSION)


def test_syllables_stored_in_parts_are_the_same_syllables(encoder: text.Encoder) -> None:
    parts = "\u1100\u1161\u11a8\u1103\u1169"  # as macOS writes the names of files
    assert encoder._tokenizer.encode(parts).ids == encoder._tokenizer.encode("각도").ids


def test_progress_is_told_and_can_end_the_work(encoder: text.Encoder) -> None:
    told: list[int] = []
    encoder.encode([f"{n}번" for n in range(70)], role="passage", on_batch=told.append)
    assert told == [32, 64, 70]

    class Stop(Exception):
        pass

    def stop(done: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        encoder.encode(["가", "나"], role="passage", on_batch=stop)


def test_a_lack_of_memory_costs_time_and_no_text(
    encoder: text.Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = runtime.torch()
    sizes: list[int] = []
    work = encoder._network.vectors

    def scarce(ids: Any, lengths: Any) -> Any:
        sizes.append(len(ids))
        if len(ids) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return work(ids, lengths)

    texts = [f"{n}번 문제를 푸시오." for n in range(20)]
    wanted = encoder.encode(texts, role="passage")
    monkeypatch.setattr(encoder._network, "vectors", scarce)
    made = encoder.encode(texts, role="passage")
    assert sizes == [20, 10, 5, 5, 5, 5]
    assert (np.sum(wanted * made, axis=1) >= 0.9995).all()

    monkeypatch.setattr(
        encoder._network, "vectors", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError())
    )
    with pytest.raises(TransientError) as caught:
        encoder.encode(["가"], role="query")
    assert caught.value.code == "model_out_of_memory"
    assert batches.is_out_of_memory(caught.value.__cause__ or Exception())


def test_weights_of_hugging_face_load_as_they_are(
    encoder: text.Encoder, tensors: dict[str, Any]
) -> None:
    """With the model's name before each, in float32, and with tensors that nobody reads."""
    torch = runtime.torch()
    full = {f"bert.{name}": tensor.float() for name, tensor in tensors.items()}
    full["bert.pooler.dense.weight"] = torch.zeros(384, 384)
    full["bert.embeddings.position_ids"] = torch.arange(512)[None]
    network = Network(full, "cpu", torch.float32)
    made = text.Encoder(network, encoder._tokenizer, encoder.model, "cpu")
    (one,), (other,) = (each.encode(["확률을 구하시오."], role="query") for each in (made, encoder))
    assert one @ other >= 0.9995


@pytest.mark.parametrize("change", ["missing", "shape"])
def test_weights_of_another_network_are_refused(tensors: dict[str, Any], change: str) -> None:
    name = "encoder.layer.7.output.dense.weight"
    broken = dict(tensors)
    broken[name] = broken[name].T
    if change == "missing":
        del broken[name]
    with pytest.raises(WeightsError, match=name):
        Network(broken, "cpu", runtime.torch().float32)


@pytest.fixture
def registered(tmp_path: Path, settings: Any) -> Iterator[Any]:
    """Puts the real entries, with changes, into a registry of its own."""
    source = Path(os.environ["MODEL_REGISTRY"])
    known = json.loads(source.read_text(encoding="utf-8"))

    def put(**changes: Any) -> None:
        models = {
            name: {**model, "uri": (source.parent / model["uri"]).as_uri()}
            for name, model in known["models"].items()
        }
        models["other@1"] = {**models.pop(_NAME), **changes}
        document = {"schema_version": 1, "models": models, "defaults": {"text": "other@1"}}
        (tmp_path / "registry.json").write_text(json.dumps(document), encoding="utf-8")
        settings.MODEL_REGISTRY = str(tmp_path / "registry.json")
        registry.forget()

    yield put
    registry.forget()


def test_a_model_that_does_not_fit_is_not_loaded(
    encoder: text.Encoder, registered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(memory_bytes=1 << 50)
    monkeypatch.setattr(encoding, "_load", lambda *_: pytest.fail("it was loaded"))
    with pytest.raises(UnsuitableHostError) as caught:
        text.encoder()
    assert caught.value.code == "model_needs_memory"


def test_files_of_another_kind_are_unusable(encoder: text.Encoder, registered: Any) -> None:
    registered(parts={"tokenizer": "silero-vad@6"})
    with pytest.raises(PermanentError) as caught:
        text.encoder()
    assert caught.value.code == "model_unusable"
    registered(parts={})
    with pytest.raises(PermanentError) as caught:
        text.encoder()
    assert caught.value.code == "model_unusable"
