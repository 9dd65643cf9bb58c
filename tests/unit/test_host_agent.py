"""The agent's rounds: asked again before it acts, patient with AWS, and never one of a spiral."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.host.agent import Agent, Pause
from tasks.host.config import HostConfig, read
from tasks.host.metadata import MetadataError, Notice
from tasks.host.place import Alone, Member
from tasks.host.protection import ProtectionError

IDLE_STOP = 300.0
ROUND = 10.0


class Clock:
    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


def refused(operation: str, code: str = "ValidationError") -> ClientError:
    return ClientError({"Error": {"Code": code}}, operation)


class Group:
    """An Auto Scaling group as AWS keeps it: it starts a host whenever fewer than desired live."""

    def __init__(self, *, desired: int, minimum: int) -> None:
        self.desired, self.minimum = desired, minimum
        self.hosts: list[str] = []
        self.launched = self.terminated = 0
        self.replace()

    def replace(self) -> None:
        while len(self.hosts) < self.desired:
            self.launched += 1
            self.hosts.append(f"i-{self.launched}")

    def give_up(self, host: str) -> None:
        if self.desired - 1 < self.minimum:
            raise refused("TerminateInstanceInAutoScalingGroup")
        self.desired -= 1
        self.terminated += 1
        self.hosts.remove(host)
        self.replace()


class FakeAws:
    """AWS as one host sees it; ``stale`` is what it last read of the group, if not the truth."""

    def __init__(self, group: Group | None = None) -> None:
        self.group = group
        self.stale: tuple[int, int] | None = None
        self.calls: list[str] = []
        self.protected = False
        self.error: Exception | None = None
        self.asked = 0

    def member(self, instance_id: str) -> Member | None:
        self._call()
        self.asked += 1
        if self.group is None:
            return None
        desired, minimum = self.stale or (self.group.desired, self.group.minimum)
        return Member(instance_id, "video", "InService", self.protected, 1, desired, minimum)

    def alone(self, instance_id: str) -> Alone:
        return Alone(instance_id)

    def protect(self, member: Member, *, wanted: bool) -> None:
        self._call(f"protect {wanted}")
        self.protected = wanted

    def terminate(self, member: Member) -> None:
        self._call("terminate")
        assert self.group is not None
        self.group.give_up(member.instance_id)

    def stop(self, alone: Alone) -> None:
        self._call("stop")

    def complete_termination(self, member: Member) -> list[str]:
        self._call("complete")
        return ["drain"]

    def _call(self, *names: str) -> None:
        self.calls += names
        if self.error is not None:
            raise self.error


class FakeMetadata:
    def __init__(self, instance_id: str = "i-1") -> None:
        self.id = instance_id
        self.coming: Notice | None = None
        self.error: MetadataError | None = None
        self.asked = 0

    def instance_id(self) -> str:
        return self.id

    def notice(self) -> Notice | None:
        self.asked += 1
        if self.error:
            raise self.error
        return self.coming


class Host:
    """One agent on a host of its own, with one worker's health file."""

    def __init__(self, folder: Path, aws: FakeAws, clock: Clock, *, name: str = "i-1") -> None:
        self.folder, self.clock = folder, clock
        self.folder.mkdir(exist_ok=True)
        self.metadata = FakeMetadata(name)
        self.aws = aws
        self.config: HostConfig = replace(
            read({}), health_dir=folder, idle_stop_seconds=IDLE_STOP, poll_seconds=ROUND
        )
        agent: Any = Agent
        self.agent = agent(self.config, metadata=self.metadata, aws=aws, now=clock)

    def round(self, seconds: float = ROUND, *, held: int = 0) -> None:
        """Let time pass, have the worker report, and the agent do one round."""
        self.clock.at += seconds
        self.tick(held=held)

    def tick(self, *, held: int = 0) -> None:
        report = {
            "pid": 2**22 - 1,
            "written": self.clock.at,
            "held": held,
            "running": held,
            "taken": 0,
            "full": bool(held),
            "queues": {"video": self.clock.at},
        }
        (self.folder / "academy-worker-video.json").write_text(json.dumps(report))
        self.agent.tick()

    def idle(self, seconds: float) -> None:
        for _ in range(int(seconds / ROUND)):
            self.round()


@pytest.fixture
def group() -> Group:
    return Group(desired=2, minimum=1)


@pytest.fixture
def host(tmp_path: Path, group: Group) -> Host:
    return Host(tmp_path / "h", FakeAws(group), Clock())


def test_a_host_above_the_minimum_leaves_and_lowers_the_desired_capacity(
    host: Host, group: Group
) -> None:
    host.idle(IDLE_STOP + 2 * ROUND)
    assert host.aws.calls.count("terminate") == 1
    assert (group.desired, group.launched) == (1, 2)


def test_protection_follows_the_work_and_is_asked_for_on_change_alone(host: Host) -> None:
    for _ in range(5):
        host.round(held=1)
    assert host.aws.calls == ["protect True"]
    host.idle(90)
    assert host.aws.calls == ["protect True", "protect False"]
    host.round(held=1)
    assert host.aws.calls[-1] == "protect True"


def test_protection_that_somebody_took_away_is_asked_for_again(host: Host) -> None:
    host.round(held=1)
    host.aws.protected = False
    for _ in range(8):
        host.round(held=1)
    assert host.aws.calls == ["protect True", "protect True"]


def test_work_that_comes_at_the_last_moment_keeps_the_host(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.idle(IDLE_STOP)
    ask = host.aws.member

    def work_arrives(instance_id: str) -> Member | None:
        path = host.folder / "academy-worker-video.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "held": 1}))
        return ask(instance_id)

    monkeypatch.setattr(host.aws, "member", work_arrives)
    host.round()
    host.round(0)
    assert "terminate" not in host.aws.calls


def test_a_group_that_shrank_meanwhile_keeps_the_host(host: Host, group: Group) -> None:
    host.idle(IDLE_STOP - ROUND)
    group.desired = 1
    host.idle(10 * IDLE_STOP)
    assert "terminate" not in host.aws.calls


def test_a_refusal_of_aws_leaves_everything_as_it_was(
    host: Host, group: Group, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    host.aws.stale = (2, 1)
    group.desired = 1
    host.idle(3_600)
    assert group.desired == 1
    assert group.launched == 2
    # Tried again with ever longer pauses, not every round.
    assert 2 <= host.aws.calls.count("terminate") <= 7
    assert "It stays: AWS did not let it go" in caplog.text
    assert "Told worker" not in caplog.text


def test_an_aws_that_does_not_answer_is_asked_more_and_more_rarely(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    host.aws.error = refused("DescribeAutoScalingInstances", "AccessDenied")
    host.idle(3_600)
    assert host.aws.asked == 0
    assert host.aws.calls == []
    assert "idle, but not known who would start it again" in caplog.text
    assert "AccessDenied" in caplog.text
    host.aws.error = None
    host.idle(600)
    assert host.aws.calls.count("terminate") == 1


def test_a_change_of_mind_is_one_line(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="tasks.host")
    host.config = replace(host.config, idle_stop_seconds=0)
    host.aws.group = Group(desired=1, minimum=1)
    for held in (1, 1, 0, 1, 0, 0, 1):
        host.round(held=held)
    assert [record.getMessage() for record in caplog.records] == ["stay, protected: at work"]
    host.idle(1_000)
    host.round(held=1)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "stay, protected: at work",
        "stay, not protected: idle, for less than 300 s",
        "stay, not protected: idle, but its group is at its minimum and would start another",
        "stay, protected: at work",
    ]


def test_a_notice_drains_and_frees_the_groups_hook_once(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    host.round(held=1)
    host.metadata.coming = Notice("the group is taking it away", from_group=True)
    for _ in range(5):
        host.round(held=1)
    assert host.aws.calls == ["protect True", "complete"]
    assert caplog.text.count("this computer may go") == 1


def test_a_hook_that_does_not_wait_yet_is_told_later(host: Host) -> None:
    host.round()
    host.metadata.coming = Notice("the group is taking it away", from_group=True)
    host.aws.error = refused("CompleteLifecycleAction")
    host.idle(30)
    tried = host.aws.calls.count("complete")
    assert tried >= 1
    host.aws.error = None
    host.idle(120)
    assert host.aws.calls.count("complete") == tried + 1


def test_metadata_that_is_silent_is_asked_less_often_and_listened_to_again(host: Host) -> None:
    host.metadata.error = MetadataError("time-out")
    for _ in range(60):
        host.round(held=1)
    assert host.metadata.asked < 30
    host.metadata.error = None
    host.metadata.coming = Notice("spot interruption: terminate")
    for _ in range(4):
        host.round(held=1)
    assert host.agent._notice == host.metadata.coming


def test_a_failed_protection_is_tried_again_and_said_once(
    host: Host, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def refuse(member: Member, *, wanted: bool) -> None:
        nonlocal tries
        tries += 1
        raise ProtectionError("DEPLOYMENT_BLOCKED")

    monkeypatch.setattr(host.aws, "protect", refuse)
    for _ in range(180):
        host.round(held=1)
    assert 3 <= tries <= 10
    assert caplog.text.count("could not be changed (DEPLOYMENT_BLOCKED)") == 1


def test_an_error_of_our_own_does_not_end_the_agent(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rounds = 0

    def broken() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            host.agent.stop()
        raise RuntimeError("a bug")

    monkeypatch.setattr(host.agent, "tick", broken)
    monkeypatch.setattr(host.agent, "_config", replace(host.config, poll_seconds=0.01))
    host.agent.run()
    assert rounds == 3
    assert caplog.text.count("it goes on") == 3


def test_a_standalone_host_is_stopped_once(tmp_path: Path) -> None:
    host = Host(tmp_path / "h", FakeAws(), Clock())
    host.idle(2 * IDLE_STOP)
    assert host.aws.calls == ["stop"]


@settings(deadline=None, max_examples=20)
@given(
    desired=st.integers(0, 6),
    minimum=st.integers(0, 6),
    order=st.randoms(use_true_random=False),
    stale=st.booleans(),
)
def test_no_group_of_idle_hosts_ever_starts_one_again(
    tmp_path_factory: pytest.TempPathFactory, desired: int, minimum: int, order: Any, stale: bool
) -> None:
    """The failure of the past: a host that stops itself is replaced, stops itself, and so on.

    All hosts of a group decide at once, in any order, and may all have read that it is above its
    minimum before the first of them leaves.
    """
    group = Group(desired=max(desired, minimum), minimum=minimum)
    launched = group.launched
    folder, clock = tmp_path_factory.mktemp("group"), Clock()
    hosts = [Host(folder / name, FakeAws(group), clock, name=name) for name in group.hosts]
    if stale:
        for host in hosts:
            host.aws.stale = (group.desired, group.minimum)
    for _ in range(45):
        clock.at += ROUND
        order.shuffle(hosts)
        for host in list(hosts):
            host.tick()
            if host.metadata.id not in group.hosts:
                hosts.remove(host)
    assert group.launched == launched
    assert group.desired == len(group.hosts) == minimum


def test_pauses_double_to_their_longest_and_start_anew() -> None:
    pause = Pause(5, 60)
    waits = []
    for _ in range(6):
        pause.failed(0)
        waits.append(pause.until)
    assert waits == [5, 10, 20, 40, 60, 60]
    pause.worked()
    assert pause.over(0)
    pause.failed(0)
    assert pause.until == 5
