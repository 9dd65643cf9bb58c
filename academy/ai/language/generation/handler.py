"""`ai.problem_generation`: problems of a model, of which only those are kept that stand the checks.

A problem is dropped where its form is wrong, its choices repeat, two of them have the same value,
or its own calculation gives another answer than it claims. What is missing then is asked for again,
a few times; what is still missing is said, and never made up.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from academy.ai.language import asking
from academy.ai.language.generation import judging
from academy.ai.language.generation.params import GenerationParams
from academy.ai.language.generation.prompt import Claimed, request_for
from academy.ai.language.spending import spent_by
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
AT_ONCE: Final = 10
"""Problems of one call: a longer reply is cut off more often."""
SPARE_ROUNDS: Final = 3
"""Calls beyond those that a model without mistakes would need."""
_GENERATING: Final = Step("generating", 0, 100)
_PROVE: Final = "academy.ai.language.checks:prove"
_LIMITS: Final = Limits(cpu_seconds=60, memory_bytes=1 << 30, file_bytes=1 << 20)
_PROOF_SECONDS: Final = 90.0


def run(context: JobContext[GenerationParams]) -> Done:
    """Ask, check, and ask for what is missing. Raises PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="")
    done: dict[str, Any] = {
        "items": [], "dropped": {}, "rounds": 0, "replies": 0, "masked": 0, "engine": "",
        **context.checkpoint,
    }  # fmt: skip
    rounds = -(-params.count // AT_ONCE) + SPARE_ROUNDS
    while len(done["items"]) < params.count and done["rounds"] < rounds:
        bench.say(_GENERATING, len(done["items"]) / params.count)
        with envelope.timed("generate"):
            _round(bench, done)
        # What has been paid for is kept, whatever becomes of this attempt.
        context.save_checkpoint(done)
    if not done["items"]:
        if not done["replies"]:
            raise PermanentError("language_reply_invalid", tries=done["rounds"])
        raise PermanentError("generation_refused", dropped=sum(done["dropped"].values()))
    return _done(context, envelope, done)


def _done(context: JobContext[GenerationParams], envelope: Envelope, done: dict[str, Any]) -> Done:
    asked, items = context.params.count, done["items"]
    proved = sum(item["proved"] for item in items)
    if len(items) < asked:
        envelope.warn("generation_fewer", asked=asked, made=len(items))
    if proved < len(items):
        envelope.review_required = True
        envelope.warn("generation_unproved", count=len(items) - proved)
    if done["masked"]:
        envelope.warn("language_text_masked", count=done["masked"])
    envelope.engine = done["engine"]
    context.log.info("made %d of %d problems, proved %d", len(items), asked, proved)
    result = {
        "asked": asked,
        "made": len(items),
        "proved": proved,
        "dropped": done["dropped"],
        "items": [{"number": number, **item} for number, item in enumerate(items, 1)],
        "spent": spent_by([context.job_id], context.tenant_id),
    }
    return Done(envelope.wrap(result))


def _round(bench: Workbench, done: dict[str, Any]) -> None:
    """One call, and what can be kept of its reply."""
    params: GenerationParams = bench.context.params
    known = [item["body"] for item in done["items"]]
    count = min(AT_ONCE, params.count - len(known))
    done["rounds"] += 1
    try:
        request = request_for(params, count, known)
        said = asking.ask(bench.context, f"round-{done['rounds']}", request)
    except asking.UnusableReplyError:
        return
    done["replies"] += 1
    # The text that is masked is the same in every round.
    done["masked"] = max(done["masked"], said.masked)
    done["engine"] = said.reply.model
    claimed, flaws = judging.sorted_out(
        said.reply.content, count=count, choices=params.choices, known=known
    )
    dropped = Counter(done["dropped"]) + Counter(flaws)
    for one, verdict in zip(claimed, _verdicts(bench, claimed), strict=True):
        is_kept = verdict == "proved" or (verdict == "unproved" and not params.proved_only)
        if not is_kept:
            dropped[verdict] += 1
        elif len(done["items"]) < params.count:
            done["items"].append(_item(one, verdict))
    done["dropped"] = dict(dropped)


def _item(claimed: Claimed, verdict: str) -> dict[str, Any]:
    return {
        "body": claimed.body.strip(),
        "choices": [choice.strip() for choice in claimed.choices],
        "answer": claimed.answer,
        "proved": verdict == "proved",
    }


def _verdicts(bench: Workbench, claimed: list[Claimed]) -> list[str]:
    """What the proofs say of each problem; one whose formulas take too long is wrong."""
    items = [judging.to_prove(one) for one in claimed]
    verdicts = [judging.verdict_at_sight(item) for item in items]
    open_ones = [place for place, verdict in enumerate(verdicts) if verdict is None]
    found = _proved(bench, [items[place] for place in open_ones])
    if found is None:
        # One of them spoils it: each for itself.
        found = [(_proved(bench, [items[place]]) or ["wrong"])[0] for place in open_ones]
    for place, verdict in zip(open_ones, found, strict=True):
        verdicts[place] = verdict
    return [verdict or "wrong" for verdict in verdicts]


def _proved(bench: Workbench, items: list[dict[str, Any]]) -> list[str] | None:
    """The verdicts of the sandbox; None where it did not come to an end."""
    if not items:
        return []
    try:
        found: list[str] = bench.read(
            _PROVE, {"items": items}, reads=[], step=_GENERATING, limits=_LIMITS,
            timeout_seconds=_PROOF_SECONDS,
        )  # fmt: skip
    except PermanentError as error:
        bench.context.log.warning("the proofs came to no end: %s", error.code)
        return None
    return found
