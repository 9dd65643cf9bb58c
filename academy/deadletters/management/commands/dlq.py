"""``manage.py dlq``: what died, from a terminal.

Exit status: 0 done; 1 it could not be done, or a followed replay did not go well; 2 a wrong command
line; 3 not confirmed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.core import clock
from academy.core.errors import AppError
from academy.deadletters import selectors, services, terminal
from academy.deadletters.models import LIVE, LetterState, ReplayState
from academy.deadletters.plan import Group
from academy.deadletters.rerun import Edit
from academy.deadletters.selectors import LetterFilter
from academy.deadletters.story import letter_story
from academy.fleet.audit import command_user

NOT_CONFIRMED = 3
FOLLOW_SECONDS = 2.0


class Command(BaseCommand):
    help = "Dead jobs and dead messages: list, show, replay, discard."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="deed", required=True, metavar="COMMAND")
        self._add_list(commands.add_parser("list", help="causes, or with a filter letters"))
        show = commands.add_parser("show", help="one letter's story")
        show.add_argument("letter", type=UUID)
        replay = commands.add_parser("replay", help="run one letter, or all of a cause, again")
        _add_target(replay)
        replay.add_argument("--params", type=_json_object, help="JSON, merged into the job's own")
        replay.add_argument("--body", help="file with the body to send instead ('-': stdin)")
        replay.add_argument("--resend", action="store_true", help="send what workers refuse")
        replay.add_argument("--reason", default="")
        replay.add_argument("--rate", type=_positive, default=services.DEFAULT_PER_MINUTE)
        replay.add_argument("--in-flight", type=_positive, default=services.DEFAULT_IN_FLIGHT)
        replay.add_argument("--follow", action="store_true", help="wait until the replay has ended")
        _add_asking(replay)
        discard = commands.add_parser("discard", help="nothing needs to be done, and why")
        _add_target(discard)
        discard.add_argument("--reason", required=True)
        _add_asking(discard)

    def _add_list(self, parser: Any) -> None:
        parser.add_argument("--queue")
        parser.add_argument("--kind")
        parser.add_argument("--fingerprint")
        parser.add_argument("--state", choices=LetterState.values, action="append")
        parser.add_argument("--letters", action="store_true", help="letters instead of causes")
        parser.add_argument("--limit", type=_positive, default=50)
        parser.add_argument("--json", action="store_true", help="a JSON object a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        deeds: dict[str, Callable[[dict[str, Any]], None]] = {
            "list": self._list,
            "show": self._show,
            "replay": self._replay,
            "discard": self._discard,
        }
        try:
            deeds[options["deed"]](options)
        except AppError as error:
            raise CommandError(terminal.problem(error)) from None

    # ------------------------------------------------------------------ read

    def _list(self, options: dict[str, Any]) -> None:
        wanted = LetterFilter(
            queue=options["queue"],
            kind=options["kind"],
            states=tuple(options["state"] or ()),
            fingerprint=options["fingerprint"],
        )
        if options["letters"] or options["fingerprint"]:
            self._list_letters(wanted, options)
            return
        found = selectors.groups(wanted, limit=options["limit"])
        if options["json"]:
            for group in found:
                self.stdout.write(json.dumps(vars(group), default=str, ensure_ascii=False))
        elif found:
            self.stdout.write(terminal.groups(found, clock.now()))
        else:
            self.stdout.write("No dead letters.")

    def _list_letters(self, wanted: LetterFilter, options: dict[str, Any]) -> None:
        found = list(selectors.letters(wanted)[: options["limit"]])
        if options["json"]:
            for letter in found:
                self.stdout.write(json.dumps(_as_json(letter), ensure_ascii=False))
        elif found:
            self.stdout.write(terminal.letters(found, clock.now()))
        else:
            self.stdout.write("No dead letters.")

    def _show(self, options: dict[str, Any]) -> None:
        self.stdout.write(terminal.story(letter_story(options["letter"]), clock.now()))

    # ------------------------------------------------------------------ act

    def _replay(self, options: dict[str, Any]) -> None:
        if options["letter"] is not None:
            self._replay_one(options)
            return
        if options["body"] is not None or options["resend"]:
            raise CommandError("--body and --resend are for one letter", returncode=2)
        self._replay_group(options)

    def _replay_one(self, options: dict[str, Any]) -> None:
        letter_id = options["letter"]
        body = None if options["body"] is None else _read(options["body"])
        edit = Edit(patch=options["params"], body=body, resend=options["resend"])
        seen = services.replay_preview(letter_id=letter_id, edit=edit)
        if seen.problem is not None:
            raise seen.problem
        self.stdout.write(terminal.preview(seen))
        if options["dry_run"]:
            return
        letter = services.replay(
            letter_id=letter_id, by=command_user(), edit=edit, reason=options["reason"]
        )
        self.stdout.write(f"{letter.state}: {letter.replayed_as_id or letter.resent_as}")

    def _replay_group(self, options: dict[str, Any]) -> None:
        group, patch = Group(fingerprint=options["fingerprint"]), options["params"]
        plan = services.replay_plan(group=group, patch=patch)
        self.stdout.write(terminal.plan(plan, options["rate"]))
        if options["dry_run"]:
            return
        if plan.runs:
            self._ask(options, f"Replay {len(plan.runs)} letters?")
        replay = services.replay_group(
            group=group,
            by=command_user(),
            patch=patch,
            reason=options["reason"],
            per_minute=min(options["rate"], services.MOST_PER_MINUTE),
            max_in_flight=min(options["in_flight"], services.MOST_IN_FLIGHT),
        )
        self.stdout.write(f"replay {replay.pk} has begun; the relay goes on with it")
        if options["follow"]:
            self._follow(replay.pk)

    def _follow(self, replay_id: UUID) -> None:
        said = ""
        while True:
            view = selectors.replay_get(replay_id)
            if (line := terminal.replay(view)) != said:
                self.stdout.write(line)
                said = line
            if view.replay.state not in LIVE:
                break
            time.sleep(FOLLOW_SECONDS)
        if view.replay.state != ReplayState.DONE or view.counts["failed"]:
            raise CommandError("the replay did not go well")

    def _discard(self, options: dict[str, Any]) -> None:
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("--reason must say why", returncode=2)
        if options["letter"] is not None:
            if options["dry_run"]:
                letter = selectors.letter_get(options["letter"])
                self.stdout.write(f"Would discard {letter.pk}, which is {letter.state}.")
                return
            services.discard(letter_id=options["letter"], by=command_user(), reason=reason)
            self.stdout.write("Discarded 1.")
            return
        group = Group(fingerprint=options["fingerprint"])
        by = command_user()
        found = services.discard_group(group=group, by=by, reason=reason, dry_run=True)
        if options["dry_run"] or not found:
            self.stdout.write(f"Would discard {len(found)}.")
            return
        self._ask(options, f"Discard {len(found)} letters?")
        done = services.discard_group(group=group, by=by, reason=reason)
        self.stdout.write(f"Discarded {len(done)}.")

    def _ask(self, options: dict[str, Any], question: str) -> None:
        """Go on only if a person says yes; without a terminal there is nobody to ask."""
        if options["yes"]:
            return
        if not sys.stdin.isatty():
            raise CommandError(f"{question} Say --yes to confirm.", returncode=NOT_CONFIRMED)
        self.stdout.write(f"{question} [y/N] ", ending="")
        self.stdout.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was changed.", returncode=NOT_CONFIRMED)


def _add_target(parser: Any) -> None:
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("letter", type=UUID, nargs="?", help="a letter's id")
    target.add_argument("--fingerprint", help="all open letters of this cause")


def _add_asking(parser: Any) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would happen")
    parser.add_argument("--yes", action="store_true", help="do not ask before a group")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("at least 1")
    return number


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("a JSON object")  # noqa: TRY004 - argparse wants ValueError
    return value


def _read(name: str) -> str:
    try:
        if name == "-":
            return sys.stdin.read()
        with open(name, encoding="utf-8") as file:  # noqa: PTH123 - a name given by a person
            return file.read()
    except (OSError, ValueError) as error:
        raise CommandError(f"{name}: {error}", returncode=2) from None


def _as_json(letter: Any) -> dict[str, Any]:
    names = ("source", "queue", "kind", "code", "title", "fingerprint", "state", "reason")
    return {
        "id": str(letter.pk),
        **{name: getattr(letter, name) for name in names},
        "tenant": letter.tenant.slug if letter.tenant else None,
        "job": str(letter.job_id) if letter.job_id else None,
        "died_at": letter.died_at.isoformat(),
        "replayed_as": str(letter.replayed_as_id) if letter.replayed_as_id else None,
    }
