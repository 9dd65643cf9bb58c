"""The command line: ``python -m deploy.deploy COMMAND ENV``, which the Makefile calls."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from deploy.aws import buckets, database, deployment, operate
from deploy.aws import destroy as destruction
from deploy.aws.clients import Aws
from deploy.aws.config import load
from deploy.aws.deployment import Options
from deploy.aws.errors import DeployError, Refused, explained
from deploy.aws.secrets import Secrets
from deploy.aws.site import TEMPLATE, Site
from deploy.aws.template import Template
from deploy.aws.values import Values
from deploy.images.release import current

_TAG = re.compile(r"[A-Za-z0-9._+-]{1,40}")
_INTERRUPTED = 130
_STATUSES = """\
Exit status: 0 done · 1 failed · 2 refused, nothing was changed · 3 failed, the release before
serves again · 4 what runs is not what was deployed · 5 somebody else deploys."""


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(
        prog="python -m deploy.deploy",
        description=f"Deploy the platform to AWS.\n\n{_STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True)

    def command(name: str, about: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=about)
        made.add_argument("environment", metavar="ENV", help="deploy/environments/ENV.yaml")
        return made

    deploy = command("deploy", "bring a release into service")
    deploy.add_argument("--tag", help="the release (default: git describe)")
    deploy.add_argument("--plan", action="store_true", help="tell what would change, and stop")
    deploy.add_argument("--no-push", action="store_true", help="the images are in the registry")
    deploy.add_argument("--no-address", action="store_true", help="do not ask the API's address")
    deploy.add_argument(
        "--first", action="store_true", help="the book of releases is lost: stop, migrate, start"
    )
    rollback = command("rollback", "bring the release before into service again")
    rollback.add_argument("--to", type=int, metavar="NUMBER", help="another one that served")
    rollback.add_argument("--no-address", action="store_true", help="do not ask the API's address")
    for judged in (deploy, rollback):
        judged.add_argument(
            "--allow-loss",
            action="append",
            default=[],
            metavar="NAME",
            help="this resource may lose its data",
        )
    destroy = command("destroy", "take the environment down")
    destroy.add_argument("--name", help="its name once more, for machines")
    destroy.add_argument(
        "--with-data",
        action="store_true",
        help="the book of releases and what the template retains too",
    )
    rows = command("database", "make or change the environment's database")
    for changing in (deploy, rollback, rows):
        changing.add_argument("--yes", action="store_true", help="do not ask")
    command("releases", "what was deployed, when, by whom")
    compare = command("compare", "whether what runs is what was deployed")
    compare.add_argument("--deep", action="store_true", help="send work through it too")
    logs = command("logs", "what a role writes")
    logs.add_argument("role", help="api, relay, flower, messaging, video, …")
    logs.add_argument("--since", default="15m", help="90s, 15m, 2h, 1d (default %(default)s)")
    logs.add_argument("--match", default="", help="a filter pattern of CloudWatch Logs")
    logs.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    scale = command("scale", "how many tasks of a role run, until the next deployment")
    scale.add_argument("role")
    scale.add_argument("count", help="a number, or LEAST-MOST for what scales by its queue")
    made = command("buckets", "bring the buckets to what the platform needs")
    made.add_argument("--check", action="store_true", help="only compare")
    command("secrets", "store the secrets that are missing: made here, or asked for")
    manage = command("manage", "run a command of manage.py there")
    manage.add_argument("arguments", nargs=argparse.REMAINDER, metavar="-- COMMAND …")
    return top


def main(arguments: Sequence[str] | None = None, aws: Aws | None = None) -> int:
    """Run a command; every failure is a sentence on stderr and a status."""
    options = parser().parse_args(arguments)
    try:
        environment = load(options.environment)
        site = Site.open(environment, aws or Aws(environment.region), _say)
        return _COMMANDS[options.command](site, options)
    except DeployError as error:
        _complain(str(error))
        return error.status
    except (BotoCoreError, ClientError) as error:
        _complain(explained(error))
        return DeployError.status
    except KeyboardInterrupt:
        _complain("Interrupted. What AWS was told to do goes on; look with `make releases`.")
        return _INTERRUPTED


def _deploy(site: Site, options: argparse.Namespace) -> int:
    tag = options.tag or _described()
    if not _TAG.fullmatch(tag):
        raise Refused(f"{tag!r} is no tag: 1 to 40 letters, digits and . _ + -")
    template = Template.read(TEMPLATE)
    if options.plan:
        deployment.plan(site, template, tag)
        return 0
    deployment.deploy(
        site,
        template,
        Options(
            tag=tag,
            confirm=_confirmed if not options.yes else _agreed,
            push=not options.no_push,
            allow_loss=frozenset(options.allow_loss),
            first=options.first,
            ask_address=not options.no_address,
        ),
    )
    return 0


def _rollback(site: Site, options: argparse.Namespace) -> int:
    release = site.releases.before(options.to)
    site.say(f"Back to {release.tag} (release {release.number} of {release.at})")
    deployment.go_back(
        site,
        release,
        Options(
            tag=release.tag,
            confirm=_confirmed if not options.yes else _agreed,
            push=False,
            allow_loss=frozenset(options.allow_loss),
            ask_address=not options.no_address,
        ),
    )
    return 0


def _destroy(site: Site, options: argparse.Namespace) -> int:
    name = site.environment.name
    book = "and the book of its releases " if options.with_data else ""
    site.say(
        f"{site.stack.name} in account {site.environment.account} is taken down, with its queues, "
        f"logs and images {book}- all that can be made again."
    )
    site.say("The database, the buckets on R2 and the secrets are not touched.")
    if options.name is None:
        _require_terminal("--name NAME")
        options.name = input(f"Write the name of the environment to go on ({name}): ").strip()
    if options.name != name:
        raise Refused(f"{options.name!r} is not {name!r}. Nothing was changed.")
    left = destruction.destroy(site, with_data=options.with_data)
    for kind, thing in left:
        site.say(f"  left: {kind} {thing}")
    if left and options.with_data:
        raise DeployError(f"{len(left)} things are left; they are listed above.")
    site.say(f"{name} is gone." if not left else f"{name} is gone; what is left is listed above.")
    return 0


def _releases(site: Site, _options: argparse.Namespace) -> int:
    listed = site.releases.all()
    for release in listed:
        site.say(release.line())
    if not listed:
        site.say(f"Nothing was deployed to {site.environment.name} yet.")
    return 0


def _compare(site: Site, options: argparse.Namespace) -> int:
    operate.compare(site, deep=options.deep)
    return 0


def _logs(site: Site, options: argparse.Namespace) -> int:
    lines = operate.logs(site, options.role, options.since, options.match, follow=options.follow)
    for line in lines:
        site.say(line)
    return 0


def _scale(site: Site, options: argparse.Namespace) -> int:
    found = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", options.count)
    if found is None:
        raise Refused(f"{options.count!r} is neither a number nor LEAST-MOST.")
    least = int(found[1])
    most = int(found[2]) if found[2] else least
    if most < least:
        raise Refused(f"{options.count}: the greatest number is the second one.")
    operate.scale(site, options.role, least, most)
    return 0


def _wanted(site: Site) -> Values:
    """What the template that is checked out comes to here, whatever the release."""
    template = Template.read(TEMPLATE)
    given = template.values(site.environment.values("none", running=True))
    return site.values(template, given)


def _buckets(site: Site, options: argparse.Namespace) -> int:
    buckets.ensure(site, _wanted(site), check=options.check)
    return 0


def _database(site: Site, options: argparse.Namespace) -> int:
    database.ensure(site, _confirmed if not options.yes else _agreed)
    return 0


def _secrets(site: Site, _options: argparse.Namespace) -> int:
    values = _wanted(site)
    store = Secrets(site.aws, site.environment)
    store.store(store.named(values.template, values), site.say)
    return 0


def _manage(site: Site, options: argparse.Namespace) -> int:
    given = options.arguments
    wanted = given[1:] if given[:1] == ["--"] else given
    if not wanted:
        raise Refused("Nothing to run. Write the command after --")
    return operate.manage(site, wanted)


_COMMANDS: dict[str, Callable[[Site, argparse.Namespace], int]] = {
    "deploy": _deploy,
    "rollback": _rollback,
    "destroy": _destroy,
    "releases": _releases,
    "compare": _compare,
    "logs": _logs,
    "scale": _scale,
    "buckets": _buckets,
    "database": _database,
    "secrets": _secrets,
    "manage": _manage,
}


def _described() -> str:
    """The release that is checked out, as its images are tagged; Refused where it has no name."""
    tag = current().version
    if tag == "dev":
        raise Refused("This is no git checkout: name the release with --tag.")
    if tag.endswith("-dirty"):
        raise Refused("The checkout has changes that are not committed: commit them, or --tag.")
    return tag


def _confirmed(question: str) -> bool:
    _require_terminal("--yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _agreed(_question: str) -> bool:
    return True


def _require_terminal(option: str) -> None:
    if not sys.stdin.isatty():
        raise Refused(f"Nobody is there to ask. A machine says {option}.")


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(text: str) -> None:
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    print(f"\033[31m{text}\033[0m" if colour else text, file=sys.stderr)
