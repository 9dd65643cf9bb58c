"""`ai.explanations`: each question is solved by the model and believed where the answer is right.

The model is not told the answer that the academy knows. A solution that ends with it has most
likely got there for a reason; one that does not is withheld, and its answer shown to the teacher.
"""

from __future__ import annotations

from typing import Any, Final

from academy.ai.language import asking
from academy.ai.language.explanations.params import ExplanationsParams, Question
from academy.ai.language.explanations.prompt import (
    MAX_STEP_CHARS,
    MAX_STEPS,
    Solution,
    request_for,
)
from academy.ai.language.forms import filled
from academy.ai.language.spending import spent_by
from academy.ai.language.texts import canonical, formula, is_formula, number, printable
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
_EXPLAINING: Final = Step("explaining", 0, 100)
_AGREE: Final = "academy.ai.language.checks:agree"
_LIMITS: Final = Limits(cpu_seconds=20, memory_bytes=1 << 30, file_bytes=1 << 20)
_ANSWER_CHARS: Final = 300


def run(context: JobContext[ExplanationsParams]) -> Done:
    """Explain one question after the other. Raises PermanentError, TransientError."""
    questions = context.params.questions
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="")
    # What an earlier attempt has paid for is not asked again.
    done: dict[str, Any] = {"items": [], "masked": 0, "engine": "", **context.checkpoint}
    for place in range(len(done["items"]) + 1, len(questions) + 1):
        bench.say(_EXPLAINING, (place - 1) / len(questions))
        with envelope.timed("explain"):
            done["items"].append(_explained(bench, place, done))
        context.save_checkpoint(done)
    items = done["items"]
    withheld = sum(item["state"] == "withheld" for item in items)
    if withheld == len(items):
        if not any(item["other_answers"] for item in items):
            raise PermanentError("language_reply_invalid", tries=withheld * context.params.tries)
        raise PermanentError("explanations_refused", questions=withheld)
    if withheld:
        envelope.review_required = True
        envelope.warn("explanations_withheld", count=withheld)
    if done["masked"]:
        envelope.warn("language_text_masked", count=done["masked"])
    envelope.engine = done["engine"]
    context.log.info("explained %d questions, withheld %d", len(items) - withheld, withheld)
    result = {
        "explained": len(items) - withheld,
        "withheld": withheld,
        "items": items,
        "spent": spent_by([context.job_id], context.tenant_id),
    }
    return Done(envelope.wrap(result))


def _explained(bench: Workbench, place: int, done: dict[str, Any]) -> dict[str, Any]:
    """One question as it stands in the result."""
    params: ExplanationsParams = bench.context.params
    question = params.questions[place - 1]
    request = request_for(question, params.level)
    others: list[str] = []
    masked = 0
    for tries in range(1, params.tries + 1):
        try:
            said = asking.ask(bench.context, f"question-{place}", request)
        except asking.UnusableReplyError:
            continue
        done["engine"], masked = said.reply.model, said.masked
        solution = filled(Solution, said.reply.content)
        if solution is None or not _is_fit(solution):
            continue
        if _is_right(bench, question, solution):
            done["masked"] += masked
            return _item(place, tries, others, solution)
        others.append(_told(question, solution))
    done["masked"] += masked
    return _item(place, params.tries, others, None)


def _item(place: int, tries: int, others: list[str], solution: Solution | None) -> dict[str, Any]:
    return {
        "number": place,
        "state": "withheld" if solution is None else "explained",
        "steps": [] if solution is None else [step.strip() for step in solution.steps],
        "answer": None if solution is None else solution.answer.strip(),
        "tries": tries,
        "other_answers": list(dict.fromkeys(others)),
    }


def _is_fit(solution: Solution) -> bool:
    """Whether people can be shown it."""
    texts = [*solution.steps, solution.answer]
    try:
        for text in texts:
            printable(text)
    except ValueError:
        return False
    return (
        0 < len(solution.steps) <= MAX_STEPS
        and all(0 < len(step.strip()) <= MAX_STEP_CHARS for step in solution.steps)
        and 0 < len(solution.answer.strip()) <= _ANSWER_CHARS
    )


def _told(question: Question, solution: Solution) -> str:
    """The model's answer in words."""
    if solution.choice is not None and 0 < solution.choice <= len(question.choices):
        return question.choices[solution.choice - 1]
    return solution.answer.strip()


def _is_right(bench: Workbench, question: Question, solution: Solution) -> bool:
    """Whether the solution ends with the given answer; in value, where both are formulas."""
    if question.choices:
        # The number alone could be meant otherwise than the text that the student reads.
        right = question.choices.index(question.answer) + 1
        return solution.choice == right and _same_text(solution.answer, question.answer, right)
    if canonical(solution.answer) == canonical(question.answer):
        return True
    values = [number(text) for text in (solution.answer, question.answer)]
    if None not in values:
        return values[0] == values[1]
    pair = [formula(solution.answer), formula(question.answer)]
    if not all(is_formula(text) for text in pair):
        return False
    try:
        return bool(
            bench.read(
                _AGREE, {"pair": pair}, reads=[], step=_EXPLAINING, limits=_LIMITS,
                timeout_seconds=30.0,
            )
        )  # fmt: skip
    except PermanentError:
        # Formulas that nobody can compare are not the same.
        return False


def _same_text(said: str, choice: str, place: int) -> bool:
    plain = canonical(said)
    return plain in {canonical(choice), str(place), canonical(f"{place}. {choice}")}
