"""The story of a deployment: check, plan, push, migrate, change, prove, or go back.

The schema is changed first and only ever widened, so the release before lives with it. From then
on whatever fails ends with that release at work again: CloudFormation puts a stack back by itself,
and a stack that is whole but does not work is put back by deploying what served before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deploy.aws import changes, health, images, preflight
from deploy.aws.cloudformation import ChangeSet, StackFailed
from deploy.aws.errors import DeployError, Refused, RolledBack
from deploy.aws.lock import Lock, held
from deploy.aws.oneoff import Ended
from deploy.aws.readback import ReadBack
from deploy.aws.releases import Release
from deploy.aws.site import Site
from deploy.aws.template import Template
from deploy.aws.values import Values

_RUNBOOK = "See deploy/runbooks/deploy-failed.md."
#: A migration of a large table may take its time; statements have limits of their own.
MIGRATE_SECONDS = 3600.0


@dataclass(frozen=True)
class Options:
    """How a release is deployed. ``confirm`` is asked once the plan is told."""

    tag: str
    confirm: Callable[[str], bool]
    push: bool = True
    #: Logical ids whose loss or replacement is meant.
    allow_loss: frozenset[str] = frozenset()
    #: Begin as if nothing were there, although a stack runs.
    first: bool = False
    #: Where the API's address is not asked: behind a door that this machine cannot pass.
    ask_address: bool = True


def plan(site: Site, template: Template, tag: str) -> None:
    """Tell what a deployment would change; change nothing."""
    values = _checked(site, template, tag)
    if not site.stack.serving():
        site.say(f"{site.stack.name} does not exist yet. Everything would be made:")
        made = [one for one in values.template.resources.values() if values.made(one)]
        for kind in sorted({one["Type"] for one in made}):
            site.say(f"  + {sum(one['Type'] == kind for one in made):>3} {kind}")
        return
    change = _prepared(site, values)
    if change is None:
        site.say("Nothing would change in the stack.")
        return
    try:
        _tell(site, change, values)
    finally:
        site.stack.discard(change)


def deploy(site: Site, template: Template, options: Options) -> Release:
    """Bring a release into service; RolledBack where the one before serves again.

    Raises Refused or Busy before anything is changed.
    """
    values = _checked(site, template, options.tag)
    site.store.ensure()
    with held(site.store, f"deploy {options.tag}") as lock:
        work = _Work(site, lock, options, values)
        if site.releases.current() is not None:
            return work.update()
        lost = not site.releases.all() and site.stack.parameters().get("Running") == "yes"
        if lost and not options.first:
            raise Refused(
                f"{site.stack.name} runs, and the book of its releases in {site.store.bucket} is "
                "empty. Restore its objects (older versions are kept), or deploy as for the first "
                "time, with --first: every process stops until the schema is there."
            )
        return work.first()


def go_back(site: Site, release: Release, options: Options) -> Release:
    """Deploy what an earlier release was made from; the schema stays as it is."""
    values = site.of_release(release)
    with held(site.store, f"rollback to {release.tag}") as lock:
        return _Work(site, lock, options, values, again=release.number).update()


def _checked(site: Site, template: Template, tag: str) -> Values:
    """The values of a release, after every check that can be made beforehand."""
    parameters = template.values(site.environment.values(tag, running=True))
    values = site.values(template, parameters)
    site.say(f"Checking {site.environment.name} (account {site.environment.account})")
    for note in preflight.run(site.environment, site.stack, site.who, values):
        site.say(f"  note: {note.text}")
    return values


def _prepared(site: Site, values: Values) -> ChangeSet | None:
    return site.stack.prepare(
        values.template,
        values.given,
        tags=site.tags,
        upload=site.store.template_address,
    )


def _tell(site: Site, change: ChangeSet, values: Values) -> None:
    before, old = site.stack.parameters(), site.stack.template()
    for line in changes.plan_lines(change.changes, old, values.template, (before, values.given)):
        site.say(line)


class _Work:
    """One deployment that holds the lock."""

    def __init__(
        self,
        site: Site,
        lock: Lock,
        options: Options,
        values: Values,
        again: int | None = None,
    ) -> None:
        self.site = site
        self.lock = lock
        self.options = options
        self.values = values
        self.again = again
        self.wanted = images.wanted(values)

    def first(self) -> Release:
        """Make the stack without a process, fill its registry, make the schema, then start."""
        site = self.site
        empty = site.values(self.values.template, {**self.values.given, "Running": "no"})
        self._ask(f"Make {site.stack.name} in account {site.environment.account}?")
        site.say("Making the stack, without a process yet")
        self._change(empty)
        self._push()
        digests = images.check(site.aws, self.wanted)
        self._migrate(first=True)
        release = self._begun(digests)
        site.say("Starting the processes")
        try:
            self._change(self.values)
            self._prove()
        except DeployError as error:
            site.releases.end(release, "failed", str(error))
            raise DeployError(f"{error}\nThere is no release to go back to. {_RUNBOOK}") from error
        return self._served(release)

    def update(self) -> Release:
        """Change what runs to another release."""
        site = self.site
        previous = site.releases.current()
        assert previous is not None
        if self.again is None:
            self._push()
        digests = images.check(site.aws, self.wanted)
        change = _prepared(site, self.values)
        if change is not None:
            try:
                self._judge(change)
            except BaseException:
                site.stack.discard(change)
                raise
        else:
            site.say("The stack is already as this release wants it.")
        if self.again is None:
            try:
                self._migrate(first=False)
            except BaseException:
                if change is not None:
                    site.stack.discard(change)
                raise
        release = self._begun(digests)
        try:
            if change is not None:
                self.lock.check()
                site.say("Changing the stack")
                site.stack.execute(change)
            self._prove()
        except StackFailed as error:
            self._after_failure(release, previous, error, put_back=True)
        except DeployError as error:
            self._after_failure(release, previous, error, put_back=False)
        return self._served(release)

    def _ask(self, question: str) -> None:
        if not self.options.confirm(question):
            raise Refused("Nothing was changed.")

    def _judge(self, change: ChangeSet) -> None:
        _tell(self.site, change, self.values)
        lost = {one.name for one in change.changes if one.loses_data} - self.options.allow_loss
        if lost:
            raise Refused(
                "The plan loses data that cannot be brought back. Where it is meant, name each "
                "with --allow-loss:",
                sorted(lost),
            )
        self._ask(f"Do this to {self.site.environment.name}?")

    def _push(self) -> None:
        if self.options.push and self.site.environment.own_registry:
            self.site.say("Pushing images")
            images.push(self.site.aws, self.wanted, self.site.say)

    def _migrate(self, *, first: bool) -> None:
        """The schema of the release, judged before it is changed."""
        self.lock.check()
        site = self.site
        one_off = site.one_off()
        site.say("Migrating the database")
        values = site.values(
            self.values.template, self.values.given, made=site.stack.physical_ids()
        )
        with one_off.of_release(values) as definition:

            def run(*arguments: str) -> Ended:
                return one_off.run(
                    arguments, seconds=MIGRATE_SECONDS, say=site.say, definition=definition
                )

            if not first:
                judged = run("check_migrations")
                if judged.exit_code != 0:
                    raise Refused(
                        f"{judged.told('check_migrations')}\nThe release that serves would not "
                        "survive the new schema; nothing was changed."
                    )
            migrated = run("migrate", "--no-input")
            if migrated.exit_code != 0:
                raise DeployError(
                    f"{migrated.told('migrate')}\nThe release before serves as it did. {_RUNBOOK}"
                )

    def _change(self, values: Values) -> None:
        self.lock.check()
        change = _prepared(self.site, values)
        if change is not None:
            self.site.stack.execute(change)

    def _begun(self, digests: dict[str, str]) -> Release:
        return self.site.releases.begin(
            self.values.given["ImageTag"],
            self.values.template,
            self.values.given,
            digests,
            by=self.site.who.arn,
            again=self.again,
        )

    def _prove(self) -> None:
        """Read back what runs, ask the API, and send work through."""
        site = self.site
        site.say("Reading back what runs")
        _read_back(site, self.values, self.wanted)
        if self.options.ask_address:
            site.say(f"Asking {site.environment.url}readyz")
            health.ready(site.environment, site.aws)
        site.say("Sending work through the queues")
        for note in health.deep_check(site.environment, site.one_off(), site.say):
            site.say(f"  note: {note.text}")

    def _served(self, release: Release) -> Release:
        self.lock.check()
        ended = self.site.releases.end(release, "serves")
        self.site.say(
            f"{self.site.environment.name} serves {release.tag} (release {release.number})"
        )
        return ended

    def _after_failure(
        self, release: Release, previous: Release, error: DeployError, *, put_back: bool
    ) -> None:
        """Put the release before into service, where CloudFormation has not done so already."""
        site = self.site
        site.say(f"Failed: {str(error).splitlines()[0]}")
        site.say(f"Going back to {previous.tag}")
        values = site.of_release(previous)
        try:
            if not put_back:
                self._change(values)
            _read_back(site, values, images.wanted(values))
        except DeployError as second:
            site.releases.end(release, "failed", str(error))
            raise DeployError(
                f"{error}\nGoing back to {previous.tag} failed as well: {second}\n{_RUNBOOK}"
            ) from second
        site.releases.end(release, "rolled back", str(error))
        raise RolledBack(
            f"{release.tag} failed:\n{error}\n{previous.tag} serves again; the schema stays as "
            f"{release.tag} made it. {_RUNBOOK}"
        ) from error


def _read_back(site: Site, values: Values, wanted: list[images.Image]) -> None:
    found = ReadBack(site.environment, site.stack, values).findings([one.address for one in wanted])
    for note in found:
        if not note.fatal:
            site.say(f"  note: {note.text}")
    if wrong := [one.text for one in found if one.fatal]:
        reasons = "\n".join(f"  - {text}" for text in wrong)
        raise DeployError(f"What runs is not what was deployed:\n{reasons}")
