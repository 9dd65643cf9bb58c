"""Dead letters as text for a terminal; pure, so that the command only reads and asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from academy.core import catalogue
from academy.core.errors import AppError
from academy.core.terminal import age, printable, table
from academy.deadletters.models import DeadLetter, Source
from academy.deadletters.plan import Plan, flows, minutes
from academy.deadletters.rerun import Deed, Preview
from academy.deadletters.selectors import LetterGroup, ReplayView
from academy.deadletters.story import JobStory, LetterStory, MessageStory

_BODY_SHOWN = 2_000

_DEEDS = {
    Deed.RUN: "submit the job anew",
    Deed.RUN_FLOW: "submit the whole flow anew that it is a part of",
    Deed.PUBLISH: "publish the waiting job again",
    Deed.RESEND: "send the message to its queue again",
}


def groups(found: Sequence[LetterGroup], now: datetime) -> str:
    """The causes, a line each."""
    return table(
        ("FINGERPRINT", "OPEN", "ALL", "LAST", "FIRST", "QUEUE", "KIND", "CODE", "WHAT"),
        [
            (
                group.fingerprint,
                str(group.open),
                str(group.letters),
                age(group.last_at, now),
                age(group.first_at, now),
                ",".join(group.queues),
                group.kind or "-",
                group.code,
                printable(group.title),
            )
            for group in found
        ],
    )


def letters(found: Sequence[DeadLetter], now: datetime) -> str:
    """Letters, a line each."""
    return table(
        ("ID", "STATE", "AGE", "QUEUE", "KIND", "FINGERPRINT", "WHAT"),
        [
            (
                str(letter.pk),
                letter.state,
                age(letter.died_at, now),
                letter.queue,
                letter.kind or letter.source,
                letter.fingerprint,
                f"{letter.code}: {printable(letter.title)}",
            )
            for letter in found
        ],
    )


def story(told: LetterStory, now: datetime) -> str:
    """A letter with all that is known about it."""
    letter = told.letter
    params = letter.job.error_params if letter.source == Source.JOB and letter.job else {}
    lines = [
        f"{letter.source} letter {letter.pk}  {letter.state}  {age(letter.died_at, now)} old",
        f"  what        {letter.code}: {printable(letter.title)}",
        f"              {catalogue.describe(letter.code).message('en', params)}",
        f"  cause       {letter.fingerprint}",
        f"  queue       {letter.queue}",
        f"  academy     {letter.tenant.slug if letter.tenant else '-'}",
        *_resolved(letter),
        *([] if told.message is None else _message(letter, told.message)),
        *([] if told.job is None else _job(told.job)),
        *_others(told),
        *[f"  {a.at:%F %T}  {a.by}  {a.action}  {a.reason}" for a in told.actions],
        "",
        preview(told.replay),
    ]
    return "\n".join(lines)


def _resolved(letter: DeadLetter) -> list[str]:
    lines = []
    if letter.replayed_as_id is not None:
        lines.append(f"  replayed as {letter.replayed_as_id}")
    if letter.resent_as:
        lines.append(f"  sent as     {letter.resent_as}")
    if letter.resolved_by:
        lines.append(f"  by          {letter.resolved_by}  {printable(letter.reason)}".rstrip())
    return lines


def _message(letter: DeadLetter, message: MessageStory) -> list[str]:
    sent = f"{letter.sent_at:%F %T}" if letter.sent_at else "?"
    body = printable(message.body[:_BODY_SHOWN])
    cut = " ..." if message.is_cut or len(message.body) > _BODY_SHOWN else ""
    return [
        f"  message     {letter.message_id}, sent {sent}, received {letter.receive_count} times",
        f"  body        {message.size} bytes",
        *[f"    {line}" for line in f"{body}{cut}".splitlines()],
    ]


def _job(told: JobStory) -> list[str]:
    job = told.job
    lines = [
        f"  job         {job.pk}  {job.kind} v{job.kind_version}  {job.state}",
        f"  request     {job.request_id or '-'} by {job.submitted_by} at {job.created_at:%F %T}",
        f"  params      {told.params}",
    ]
    for attempt in told.attempts:
        ended = f"{attempt.ended_at:%T}" if attempt.ended_at else "..."
        lines.append(
            f"  attempt {attempt.number:<3} {attempt.started_at:%F %T} to {ended}  "
            f"{attempt.outcome or 'running'} {attempt.error_code}  {attempt.worker} "
            f"({attempt.host_kind}), message {attempt.message_id or '-'} "
            f"received {attempt.receive_count} times"
        )
        lines += [f"    | {line}" for line in printable(attempt.detail).splitlines()]
    lines += [f"  event       {e.at:%F %T}  {e.type}  {e.data or ''}".rstrip() for e in told.events]
    lines += [
        f"  log         {line.at:%T} {line.level} {printable(line.message)}" for line in told.logs
    ]
    lines += [f"  artifact    {one.name}  {one.size} bytes" for one in told.artifacts]
    lines += [f"  effect      {one.key}  {one.state} {one.error_code}" for one in told.effects]
    return lines


def _others(told: LetterStory) -> list[str]:
    lines = [f"  died before {one.pk}  {one.state}" for one in told.before]
    lines += [f"  died again  {one.pk}  {one.state}" for one in told.after]
    return lines + [f"  in replay   {item.replay_id}  {item.state}" for item in told.items]


def preview(seen: Preview) -> str:
    """What running a letter again would do, or why it cannot be done."""
    if seen.problem is not None:
        return f"A replay cannot be: {problem(seen.problem)}"
    return f"A replay would {_DEEDS[seen.deed]}."


def plan(made: Plan, per_minute: int) -> str:
    """What a group replay would do."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in made.kinds.most_common())
    tenants = ", ".join(f"{slug} {count}" for slug, count in made.tenants.most_common())
    lines = [f"Runs again: {len(made.runs)}" + (f" ({kinds})" if kinds else "")]
    if made.runs:
        first = made.runs[0].letter
        wait = minutes(len(made.runs), per_minute)
        lines += [
            f"  for academies: {tenants}",
            f"  canary: {first.pk}; then {per_minute} a minute, at least {wait} minutes",
        ]
    if count := flows(made.runs):
        lines.append(f"  {count} of them run a whole flow again")
    if made.along:
        lines.append(f"Parts of those flows: {len(made.along)}")
    if made.left_out:
        lines.append(f"Left for a further replay: {made.left_out}")
    for count, seen in made.problems:
        assert seen.problem is not None
        lines.append(f"Cannot run: {count}, e.g. {seen.letter.pk}: {problem(seen.problem)}")
    return "\n".join(lines)


def replay(view: ReplayView) -> str:
    """How far a replay is, on one line."""
    counts = ", ".join(f"{count} {state}" for state, count in view.counts.items() if count)
    why = view.replay.code
    text = catalogue.describe(why).message("en", view.replay.code_params) if why else ""
    return f"{view.replay.state}: {counts}. {text}".rstrip(". ") + "."


def problem(error: AppError) -> str:
    """An error and what to do, with the fields that it names."""
    fields: Any = error.params.get("fields")
    named = f" {fields}" if fields else ""
    return f"{error.message('en')}{named} {error.action('en')}"
