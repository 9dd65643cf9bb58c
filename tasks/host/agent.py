"""The loop: look, ask, decide, do. One thread; no error of AWS ends it."""

from __future__ import annotations

import logging
import logging.config
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from botocore.exceptions import BotoCoreError, ClientError

from academy.core import clock
from academy.core.logs import logging_config
from tasks.host.config import HostConfig, HostConfigError, read
from tasks.host.crew import Crew
from tasks.host.decide import Action, Decision, Facts, decide
from tasks.host.metadata import Metadata, MetadataError, Notice
from tasks.host.place import Alone, Aws, Locator, Member, Place, Unknown
from tasks.host.protection import EcsProtection, ProtectionError

logger = logging.getLogger("tasks.host")

_AWS_ERRORS = (BotoCoreError, ClientError, ProtectionError)


@dataclass
class Pause:
    """Doubling pauses between tries that fail; *first* and *longest* are seconds."""

    first: float
    longest: float
    until: float = 0.0
    failures: int = 0

    def over(self, now: float) -> bool:
        """Whether the next try may be made."""
        return now >= self.until

    def failed(self, now: float) -> None:
        """Wait longer than after the last failure."""
        self.until = now + min(self.first * 2**self.failures, self.longest)
        self.failures = min(self.failures + 1, 16)

    def worked(self) -> None:
        """Wait no more."""
        self.until, self.failures = 0.0, 0


class Agent:
    """One host agent. Its collaborators are given so that a test can choose them."""

    def __init__(
        self,
        config: HostConfig,
        *,
        metadata: Metadata | None,
        aws: Aws,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._config = config
        self._now = now
        self._metadata = metadata
        self._aws = aws
        self._crew = Crew(config.health_dir, now=now)
        self._locator = Locator(config, metadata, aws)
        self._ecs = EcsProtection(config.ecs_agent_uri, now=now) if config.ecs_agent_uri else None
        self._place: Place = Unknown("not asked yet")
        self._asked_at = float("-inf")
        self._notice: Notice | None = None
        self._said: Decision | None = None
        self._gone = False
        self._stopping = threading.Event()
        self._metadata_pause = Pause(config.poll_seconds, 30)
        self._place_pause = Pause(config.refresh_seconds, 300)
        self._protect_pause = Pause(config.refresh_seconds, 300)
        self._giving_up_pause = Pause(60, 3_600)
        self._hook_pause = Pause(5, 60)

    def stop(self, *_: object) -> None:
        """End after the present round; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Go on until told to stop. Protection stays as it is: a successor takes over."""
        config = self._config
        idle_stop = f"after {config.idle_stop_seconds:g} s" if config.idle_stop_seconds else "never"
        logger.info("host agent up: %s, gives up an idle host %s", config.health_dir, idle_stop)
        while not self._stopping.is_set():
            try:
                self.tick()
            except Exception:
                logger.exception("a round of the host agent failed; it goes on")
            self._stopping.wait(config.poll_seconds)
        logger.info("host agent down")

    def tick(self) -> None:
        """One round."""
        self._look_for_notice()
        if self._asks_again():
            self._ask()
        decision = self._decide()
        self._say(decision)
        if decision.action is Action.LEAVE:
            self._leave()
            return
        if decision.protect is not None:
            self._protect(wanted=decision.protect)
        if decision.action is not Action.STAY:
            self._give_up(decision)

    # ---------------------------------------------------------------- what is known

    def _decide(self) -> Decision:
        return decide(
            Facts(
                look=self._crew.look(),
                place=self._place,
                notice=self._notice,
                idle_stop_seconds=self._config.idle_stop_seconds,
                release_seconds=self._config.release_seconds,
            )
        )

    def _look_for_notice(self) -> None:
        """A notice is final: what is being taken away does not come back."""
        now = self._now()
        if self._notice or self._metadata is None or self._config.in_ecs:
            return
        if not self._metadata_pause.over(now):
            return
        try:
            self._notice = self._metadata.notice()
        except MetadataError:
            self._metadata_pause.failed(self._now())
        else:
            self._metadata_pause.worked()

    def _asks_again(self) -> bool:
        now = self._now()
        return now - self._asked_at >= self._config.refresh_seconds and self._place_pause.over(now)

    def _ask(self) -> None:
        self._place = self._locator.ask()
        self._asked_at = self._now()
        if isinstance(self._place, Unknown):
            self._place_pause.failed(self._asked_at)
        else:
            self._place_pause.worked()

    def _say(self, decision: Decision) -> None:
        if decision != self._said:
            protect = {True: ", protected", False: ", not protected", None: ""}[decision.protect]
            logger.info("%s%s: %s", decision.action, protect, decision.why)
        self._said = decision

    # ---------------------------------------------------------------- what is done

    def _protect(self, *, wanted: bool) -> None:
        """Ask for protection, or for none, where that is a change.

        Between the last look and the end of the protection a worker may have taken a message, and
        the host may then be taken away. Its workers get SIGTERM, by the notice or by the system's
        shutdown, and give back what they cannot finish: the lease and the fence make that safe,
        and it costs the seconds of work since. Protection is there to save long work, not results.
        """
        if not self._protect_pause.over(self._now()):
            return
        try:
            if isinstance(self._place, Member) and self._place.protected is not wanted:
                self._aws.protect(self._place, wanted=wanted)
                self._place = replace(self._place, protected=wanted)
            elif self._ecs is not None and self._ecs.due(wanted=wanted):
                self._ecs.set(wanted=wanted)
        except _AWS_ERRORS as error:
            if not self._protect_pause.failures:
                logger.warning("Scale-in protection could not be changed (%s).", _name(error))
            self._protect_pause.failed(self._now())
        else:
            self._protect_pause.worked()

    def _give_up(self, decision: Decision) -> None:
        """Stop or terminate this computer, if all of it still holds when asked once more.

        The call comes first and the workers are drained after it: when AWS refuses, nothing has
        been touched. What a worker took since the last look it finishes or gives back.
        """
        if not self._giving_up_pause.over(self._now()):
            return
        self._look_for_notice()
        self._ask()
        again = self._decide()
        if again.action is not decision.action:
            self._say(again)
            return
        try:
            if again.action is Action.STOP and isinstance(self._place, Alone):
                self._aws.stop(self._place)
            elif again.action is Action.TERMINATE and isinstance(self._place, Member):
                self._aws.terminate(self._place)
        except _AWS_ERRORS as error:
            self._giving_up_pause.failed(self._now())
            logger.warning("It stays: AWS did not let it go (%s).", _name(error))
            return
        self._notice = Notice("it gave itself up", from_group=again.action is Action.TERMINATE)

    def _leave(self) -> None:
        """Drain the workers, and tell the group when they are gone; said once."""
        there = self._crew.drain()
        if there or self._gone:
            return
        if self._notice and self._notice.from_group and not self._complete():
            return
        self._gone = True
        logger.info("No worker is left: this computer may go.")

    def _complete(self) -> bool:
        """Release the group's termination hooks, so that nobody waits for their time-out."""
        if not self._hook_pause.over(self._now()):
            return False
        if not isinstance(self._place, Member):
            self._place = self._locator.ask()
        if isinstance(self._place, Unknown):
            self._hook_pause.failed(self._now())
            return False
        if not isinstance(self._place, Member):
            return True
        try:
            hooks = self._aws.complete_termination(self._place)
        except _AWS_ERRORS as error:
            # Also where the hook does not wait yet; in the end its own time-out frees it.
            self._hook_pause.failed(self._now())
            logger.warning("The group's termination hook still waits (%s).", _name(error))
            return False
        if hooks:
            logger.info("Told the group's hooks to go on: %s.", ", ".join(hooks))
        return True


def _name(error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {error.response['Error'].get('Code')}"
    if isinstance(error, ProtectionError):
        return str(error)
    return type(error).__name__


def build(config: HostConfig) -> Agent:
    """The agent of this computer."""
    metadata = Metadata(config.metadata_url) if config.metadata_url else None

    def region() -> str | None:
        return config.region or (metadata.region() if metadata else None)

    return Agent(config, metadata=metadata, aws=Aws(region))


def main() -> int:
    """Entry point; SIGTERM and SIGINT end it in order."""
    try:
        config = read()
    except HostConfigError as error:
        print(f"The host agent must not start. {error}", file=sys.stderr)  # noqa: T201
        return 2
    logging.config.dictConfig(logging_config(log_format=config.log_format, level=config.log_level))
    agent = build(config)
    signal.signal(signal.SIGTERM, agent.stop)
    signal.signal(signal.SIGINT, agent.stop)
    agent.run()
    return 0
