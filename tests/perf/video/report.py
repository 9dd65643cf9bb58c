"""The measurements as tables for people, and the targets as met or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.perf.video import compare, figures, quality
from tests.perf.video.figures import Verdict

_WIDTH = 40


def of_source(name: str, found: Mapping[str, Any]) -> list[Verdict]:
    """Print what one source took; its verdicts."""
    print(f"\n{name}: {found['seconds']:.1f} s at {found['kbps'] / 1000:.1f} Mbit/s")
    for reason in found["reasons"]:
        print(f"  {reason}")
    print(
        f"  {'':{_WIDTH}}{'CPU s/min':>10}{'wall s':>8}{'MB':>8}{'peak MiB':>10}{'first s':>9}"
        "  VMAF"
    )
    minutes = found["seconds"] / 60
    for arm, made in found["arms"].items():
        print(
            f"  {arm:{_WIDTH}}{made['cpu'] / minutes:10.1f}{made['wall']:8.1f}"
            f"{made['bytes'] / 1e6:8.2f}{made['rss']:10.0f}{_seconds(made['first']):>9}"
            f"  {_scores(made)}"
        )
    others = [arm for arm in found["arms"] if arm != compare.PEER]
    verdicts = [
        verdict
        for arm in others
        for verdict in figures.verdicts_on_source(name, found, arm=arm, peer=compare.PEER)
    ]
    return tell(verdicts)


def of_dividing(found: Mapping[str, Any]) -> list[Verdict]:
    """Print what dividing costs; its verdict."""
    print(f"\nA lecture of {found['seconds']:.0f} s at 720p in {len(found['chunks'])} chunks")
    for arm, made in found["arms"].items():
        print(f"  {arm:52}{made['cpu']:8.1f} CPU s{made['wall']:8.1f} s{made['rss']:8.0f} MiB")
    print(
        f"  the early beginning costs {found['early_cpu_seconds']:.1f} CPU s more, "
        "once a lecture, however long"
    )
    return tell([figures.verdict_on_chunks(found)])


def of_scaling(found: Mapping[str, Any]) -> list[Verdict]:
    """Print how workers share a lecture; its verdict."""
    print("\nOne lecture through the platform, each worker on a core of its own")
    for count, seconds in found.get("seconds", {}).items():
        print(f"  workers: {count}{seconds:10.1f} s, {found['pieces']} pieces")
    return tell([figures.verdict_on_workers(found)])


def of_first(found: Mapping[str, Any]) -> list[Verdict]:
    """Print when a long lecture could be watched; its verdict."""
    platform, peer = found["platform"], found["peer"]
    print(f"\nFirst picture of a lecture of {found['seconds'] / 60:.0f} minutes")
    print(
        f"  platform, {platform['workers']} workers: {platform['seconds']:8.1f} s, "
        f"with {platform['shown_seconds']:.0f} s to watch"
    )
    if peer["finished"]:
        print(f"  peer's first rung:   {peer['seconds']:8.1f} s")
    else:
        pace = peer["projected_seconds"]
        rest = "" if pace is None else f"; at its pace it would take {pace:.0f} s"
        print(f"  peer's first rung:   not finished when stopped at {peer['seconds']:.1f} s{rest}")
    return tell([figures.verdict_on_first(found)])


def tell(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Print whether each target is met, and give them back."""
    told = list(verdicts)
    for verdict in told:
        print(f"  {_word(verdict.met):13}{verdict.target}: {verdict.measured}")
    return told


def summary(verdicts: Iterable[Verdict]) -> None:
    """Print all targets once more, in one list."""
    print("\nTargets")
    tell(verdicts)
    if quality.judge() is None:
        print(f"  VMAF {quality.MISSING}")


def _word(met: bool | None) -> str:
    return {True: "met", False: "NOT MET", None: "not measured"}[met]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _scores(made: Mapping[str, Any]) -> str:
    """The score of each rung, in the order of the ladder."""
    told = []
    for rung in made["rungs"]:
        score = made["vmaf"].get(rung)
        if rung not in made["vmaf"]:
            told.append(f"{rung} copied")
        elif score is None:
            told.append(f"{rung} -")
        else:
            told.append(f"{rung} {score:.1f}")
    return ", ".join(told)
