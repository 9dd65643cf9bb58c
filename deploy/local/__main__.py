"""The platform on this machine: `python -m deploy.local COMMAND` (the Makefile calls it)."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence

from deploy.local import commands
from deploy.local.errors import LaunchError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    names = parser.add_subparsers(dest="command", required=True)

    up = names.add_parser("up", help="start everything and keep it running; data in .local/")
    up.add_argument("--detach", action="store_true", help="return once everything is ready")
    names.add_parser("down", help="stop what `up` started")
    names.add_parser("status", help="what is running, and where")

    services = names.add_parser(
        "services", help="a throw-away copy on free ports; prints variables"
    )
    services.add_argument("--platform", action="store_true", help="with the platform's processes")
    services.add_argument("--restart", action="store_true", help="start a child that dies again")
    services.add_argument("--json", action="store_true", help="one JSON line instead of exports")

    run = names.add_parser("run", help="run a command beside a throw-away copy on free ports")
    kind = run.add_mutually_exclusive_group()
    kind.add_argument("--services-only", action="store_true", help="the default")
    kind.add_argument("--platform", action="store_true", help="the whole platform")
    run.add_argument("--restart", action="store_true", help="start a child that dies again")
    run.add_argument("--keep", action="store_true", help="keep the data and logs afterwards")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD...")

    names.add_parser("demo", help="the whole platform, and real work through it", add_help=False)
    names.add_parser("manage", help="manage.py with the variables of `up`", add_help=False)
    return parser


def _dispatch(options: argparse.Namespace) -> int:
    match options.command:
        case "up":
            return commands.detach() if options.detach else asyncio.run(commands.up())
        case "down":
            return commands.down()
        case "status":
            return commands.status()
        case "services":
            return asyncio.run(
                commands.serve(
                    whole=options.platform, restart=options.restart, as_json=options.json
                )
            )
        case "manage":
            return commands.manage(options.argv)
        case "demo":
            return commands.demo(options.argv)
        case _:
            argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
            if not argv:
                raise LaunchError("Nothing to run. Write the command after --")
            return asyncio.run(
                commands.run(
                    argv, whole=options.platform, restart=options.restart, keep=options.keep
                )
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point: the command's exit status; 1 and a sentence when the platform cannot run."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # What follows these two is theirs; argparse.REMAINDER would refuse an option in first place.
    passed_on = given[1:] if given[:1] in (["demo"], ["manage"]) else []
    options = _parser().parse_args(given[: len(given) - len(passed_on)])
    if options.command in ("demo", "manage"):
        options.argv = passed_on
    try:
        return _dispatch(options)
    except LaunchError as error:
        colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        text = f"\033[31m{error}\033[0m" if colour else str(error)
        print(f"academy: {text}", file=sys.stderr)
        if options.command == "demo":  # its last line is for programs, whatever happened
            print(json.dumps({"ok": False, "error": str(error)}), flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
