"""`sheets.train`: a network for hard marks that also knows how this academy's students mark.

It learns from made-up sheets and from what the academy's teachers settled, is judged on held-out
sheets of both and of shifts that neither taught it, and reads from then on only if it is better
than what reads now. What has been read stays as it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np

from academy.ai.omr.cutting import CutRows, Cutter
from academy.ai.omr.params import MIN_LABELS, TrainParams
from academy.ai.omr.rows import NOISE, Rows
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope, ModelRef
from academy.documents.workbench import Workbench
from academy.inference import runtime
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sheets.labels import Label, labels_of
from academy.sheets.models import Exam
from academy.sheets.network.examples import Examples, examples_of, joined, training_samples
from academy.sheets.network.model import BubbleNetwork
from academy.sheets.network.promotion import is_better
from academy.sheets.networks import active_network
from academy.sheets.synthetic.streams import Stream

SCHEMA: Final = 1
ENGINE: Final = "academy.sheets.training"
WEIGHTS_FILE: Final = "omr-bubbles.onnx"
TEMPERATURE: Final = 1.1
_CUTTING, _MAKING, _LEARNING, _JUDGING, _STORING = (
    Step("cutting", 0, 10), Step("making", 10, 40), Step("learning", 40, 75),
    Step("judging", 75, 98), Step("storing", 98, 100),
)  # fmt: skip
_SHEETS_A_TURN: Final = 10
_LABELS_SHARE: Final = 0.3
"""At most so much of all examples are labels: repeated where they are few."""


def run(context: JobContext[TrainParams]) -> Done:
    """Train, judge, and offer the network for promotion."""
    runtime.torch()
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine=ENGINE)
    envelope.ran_on("cpu", premium=False)
    present_path = active_network(context.tenant_id, context.scratch)
    present = BubbleNetwork(present_path)
    cutter = Cutter(bench, envelope, present_path)
    rows = _labelled(cutter, list(labels_of(context.tenant_id)))
    credible = rows.credible(present)
    dropped = len(rows.groups) - len(credible.groups)
    _refuse_noise(len(rows.groups), dropped)
    learnt, judged = credible.split()
    with envelope.timed("make"):
        examples = _examples(context, bench, learnt)
    with envelope.timed("learn"):
        path = _trained(context, bench, examples)
    with envelope.timed("judge"):
        before, after = _judged(context, bench, judged, (present_path, path))
    promoted = is_better(after, before)
    bench.say(_STORING, 0)
    made = BubbleNetwork(path)
    bench.put(WEIGHTS_FILE, path, "application/octet-stream")
    bench.put(path.with_suffix(".json").name, path.with_suffix(".json"), "application/json")
    envelope.model = ModelRef(**made.identity)
    return Done(
        envelope.wrap(
            {
                "name": made.identity["name"], "sha256": made.identity["sha256"],
                "file": WEIGHTS_FILE, "temperature": TEMPERATURE, "promoted": promoted,
                "labels": len(credible.groups), "labels_dropped": dropped,
                "sheets": context.params.sheets,
                "compared_with": present.identity,
                "before": _figures(before), "after": _figures(after),
            }
        ),
        bench.artifacts,
    )  # fmt: skip


def _refuse_noise(labels: int, dropped: int) -> None:
    if labels < MIN_LABELS:
        raise PermanentError("sheet_labels_too_few", labels=labels, needed=MIN_LABELS)
    if dropped > NOISE * labels:
        raise PermanentError("sheet_labels_noisy", labels=labels, dropped=dropped)


def _figures(reports: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is published of the reports: all made-up sets, each of them, and the labels."""
    return {
        name: {
            "groups": report["groups"],
            "wrong": sum(report["wrong_by_mark"].values()),
            "silent": report["silent_errors"],
            "review_rate": round(report["review_rate"], 5),
        }
        for name, report in reports.items()
    }


def _labelled(cutter: Cutter, labels: list[Label]) -> Rows:
    """Cut the labelled rows out of their files."""
    context = cutter.bench.context
    exams = Exam.objects.for_tenant(context.tenant_id).select_related("design")
    layouts = {exam.pk: exam.design.layout for exam in exams}
    ordered = sorted(labels, key=lambda one: (one.upload, one.exam, one.index, one.question))
    by_file = groupby(ordered, key=lambda one: (one.upload, one.exam))
    files = [(key, list(of_file)) for key, of_file in by_file]
    found: list[CutRows] = []
    meant: list[tuple[int, ...]] = []
    for number, ((upload, exam), of_file) in enumerate(files):
        context.raise_if_cancelled()
        at = [_CUTTING.at((number + done) / len(files)) for done in (0, 1)]
        pages = [
            {"index": index, "questions": [one.question for one in of_page]}
            for index, of_page in groupby(of_file, key=lambda one: one.index)
        ]
        rows = cutter.cut(upload, layouts[exam], pages, Step(_CUTTING.name, *at))
        if rows.pages:
            found.append(rows)
        told = {(one.index, f"q{one.question}"): one.values for one in of_file}
        for page in rows.pages:
            meant += [told[page["index"], group["key"]] for group in page["groups"]]
    if not found:
        raise PermanentError("sheet_labels_too_few", labels=0, needed=MIN_LABELS)
    return Rows(
        [group for rows in found for group in rows.groups],
        meant,
        np.concatenate([rows.planes for rows in found]),
        np.concatenate([rows.scalars for rows in found]),
    )


def _examples(context: JobContext[TrainParams], bench: Workbench, labels: Rows) -> Examples:
    """Bubbles of made-up sheets, and the labels as often as their share allows."""
    parts = []
    total = context.params.sheets
    for first in range(0, total, _SHEETS_A_TURN):
        context.raise_if_cancelled()
        count = min(_SHEETS_A_TURN, total - first)
        parts.append(examples_of(training_samples(Stream.TRAINING, first, count), first))
        bench.say(_MAKING, (first + count) / total)
    made = joined(parts)
    own = labels.examples()
    if not len(own.meant):
        return made
    room = _LABELS_SHARE / (1 - _LABELS_SHARE) * len(made.meant) / len(own.meant)
    return joined([made, *[own] * max(1, int(room))])


@dataclass
class _Saved:
    """Where a run has got to, kept in the job's row: a later attempt goes on from there."""

    context: JobContext[TrainParams]
    say: Callable[[float], None]

    def load(self) -> bytes | None:
        """The state after the last epoch of an earlier attempt."""
        text = self.context.checkpoint.get("state")
        return None if text is None else zlib.decompress(base64.b85decode(text))

    def save(self, state: bytes, epoch: int, epochs: int) -> None:
        """Keep it. Raises JobStopped where the attempt must end."""
        text = base64.b85encode(zlib.compress(state)).decode()
        self.context.save_checkpoint({"state": text, "epoch": epoch})
        self.say(epoch / epochs)
        self.context.raise_if_cancelled()


def _trained(context: JobContext[TrainParams], bench: Workbench, examples: Examples) -> Path:
    """The weights, with their description beside them."""
    # Only here: these modules need torch and onnx.
    from academy.sheets.network.export import onnx_bytes  # noqa: PLC0415
    from academy.sheets.network.training import train  # noqa: PLC0415

    saved = _Saved(context, lambda share: bench.say(_LEARNING, share))
    network = train(
        examples, epochs=context.params.epochs, seed=context.params.seed,
        say=context.log.info, progress=saved,
    )  # fmt: skip
    content = onnx_bytes(network)
    path = bench.folder / WEIGHTS_FILE
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    about = {
        "name": f"omr-bubbles-own@{sha256[:8]}",
        "sha256": sha256,
        "temperature": TEMPERATURE,
        "parameters": network.size,
    }
    path.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
    return path


def _judged(
    context: JobContext[TrainParams], bench: Workbench, labels: Rows, networks: tuple[Path, Path]
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The figures of both networks on the same held-out sheets and labels."""
    from academy.sheets.network.holdout import reports, sets  # noqa: PLC0415
    from academy.sheets.reading.engine import Reader  # noqa: PLC0415

    sheets = sets(context.params.holdout, stream=Stream.HOLDOUT)
    told = []
    for number, path in enumerate(networks, start=1):
        found: dict[str, dict[str, Any]] = {}
        for name, of_set in sheets.items():
            context.raise_if_cancelled()
            found |= reports(Reader(path), {name: of_set})
        found["labels"] = labels.report(BubbleNetwork(path))
        told.append(found)
        bench.say(_JUDGING, number / len(networks))
    return told[0], told[1]
