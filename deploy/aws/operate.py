"""What an operator does between deployments: read logs, change how much runs, run a command."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from botocore.exceptions import ClientError

from deploy.aws import health, images
from deploy.aws.errors import DeployError, Drifted, Refused, error_code
from deploy.aws.findings import Finding
from deploy.aws.lock import held
from deploy.aws.readback import ReadBack, drift
from deploy.aws.site import Site

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"(\d+)([smhd])")
_FOLLOW_SECONDS = 2.0
COMMAND_SECONDS = 3600.0


def seconds(span: str) -> int:
    """``90s``, ``15m``, ``2h`` or ``1d`` in seconds; Refused for anything else."""
    found = _SPAN.fullmatch(span)
    if found is None:
        raise Refused(f"{span!r} is no span of time: write 90s, 15m, 2h or 1d.")
    return int(found[1]) * _UNITS[found[2]]


def logs(site: Site, role: str, since: str, pattern: str, *, follow: bool) -> Iterator[str]:
    """Lines of a role's log, oldest first; with ``follow`` without an end."""
    client = site.aws.client("logs")
    group = f"/academy/{site.environment.name}/{role}"
    # The emulator, like CloudWatch, counts in milliseconds since 1970.
    start = (int(time.time_ns() // 1_000_000)) - seconds(since) * 1000
    seen: set[str] = set()
    while True:
        try:
            pages = client.get_paginator("filter_log_events").paginate(
                logGroupName=group,
                startTime=start,
                **({"filterPattern": pattern} if pattern else {}),
            )
            for page in pages:
                for event in page["events"]:
                    if event["eventId"] in seen:
                        continue
                    seen.add(event["eventId"])
                    # Events of one millisecond come in any order and any number of looks.
                    start = max(start, event["timestamp"] - 10_000)
                    stamp = time.strftime("%H:%M:%S", time.gmtime(event["timestamp"] / 1000))
                    yield f"{stamp} {event['logStreamName']} {event['message'].rstrip()}"
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise Refused(f"There is no log of {role!r} ({group}).", _roles(site)) from None
            raise
        if not follow:
            return
        time.sleep(_FOLLOW_SECONDS)


def scale(site: Site, role: str, least: int, most: int) -> None:
    """Change how many tasks of a role run, until the next deployment.

    A role that scales by its queue gets bounds; any other gets as many as ``least``. What must last
    belongs into the environment's file or the table of sizes.
    """
    name = f"{site.environment.stack}-{role}"
    with held(site.store, f"scale {role}"):
        service = _service(site, name)
        target = f"service/{site.environment.stack}/{name}"
        if _scales_itself(site, target):
            _bound(site, target, least, most)
            site.say(f"{name}: {least} to {most} tasks, as its queue wants")
        elif least != most:
            raise Refused(f"{name} does not scale by itself: give one number.")
        else:
            site.aws.client("ecs").update_service(
                cluster=site.environment.stack, service=name, desiredCount=least
            )
            site.say(f"{name}: {service['desiredCount']} -> {least} tasks")
    site.say("The next deployment sets it back to what the environment's size says.")


def _scales_itself(site: Site, target: str) -> bool:
    client = site.aws.client("application-autoscaling")
    found = client.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[target])
    return bool(found["ScalableTargets"])


def _bound(site: Site, target: str, least: int, most: int) -> None:
    site.aws.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=target,
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=least,
        MaxCapacity=most,
    )


def _service(site: Site, name: str) -> dict[str, int]:
    described = site.aws.client("ecs").describe_services(
        cluster=site.environment.stack, services=[name]
    )
    found = [one for one in described["services"] if one["status"] == "ACTIVE"]
    if not found:
        raise Refused(f"There is no service {name}.", _roles(site))
    return dict(found[0])


def _roles(site: Site) -> list[str]:
    prefix = f"/academy/{site.environment.name}/"
    groups = site.aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix)
    return sorted(one["logGroupName"].removeprefix(prefix) for one in groups)


def manage(site: Site, arguments: list[str]) -> int:
    """Run a command of ``manage.py`` in the account and tell what it says; its exit status."""
    ended = site.one_off().run(arguments, seconds=COMMAND_SECONDS, say=site.say)
    for line in ended.log:
        site.say(line)
    if ended.exit_code is None:
        raise DeployError(ended.told("The command"))
    return ended.exit_code


def compare(site: Site, *, deep: bool) -> None:
    """Drifted where what runs is not what was deployed; with ``deep`` work is sent through too."""
    current = site.releases.current()
    if current is None:
        raise Refused(f"{site.environment.name} was never deployed.")
    values = site.of_release(current)
    wanted = [one.address for one in images.wanted(values)]
    found: list[Finding] = [
        *ReadBack(site.environment, site.stack, values).findings(wanted),
        *drift(site.stack),
    ]
    for note in found:
        if not note.fatal:
            site.say(f"note: {note.text}")
    if wrong := list(dict.fromkeys(one.text for one in found if one.fatal)):
        reasons = "\n".join(f"  - {text}" for text in wrong)
        raise Drifted(
            f"{site.environment.name} is not as release {current.number} ({current.tag}) made "
            f"it:\n{reasons}\nDeploying that release again repairs what CloudFormation sees as "
            "changed by a new template; the rest is undone by hand."
        )
    site.say(f"{site.environment.name} is as release {current.number} ({current.tag}) made it.")
    if deep:
        health.ready(site.environment, site.aws)
        for note in health.deep_check(site.environment, site.one_off(), site.say):
            site.say(f"note: {note.text}")
