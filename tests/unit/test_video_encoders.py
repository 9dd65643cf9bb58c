"""Which encoder a host has, and which a lecture is given."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from academy.video import encoders, ladder
from academy.video.encoders import Hardware
from academy.video.ladder import Encoder, Plan
from tests.support.nvenc import Card, GpuHost, gpu_host
from tests.unit.test_video_probe import PICTURE, SOUND, parsed


@pytest.fixture
def host(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[GpuHost]:
    yield gpu_host(tmp_path / "gpu", settings, monkeypatch)
    encoders.forget()


@pytest.fixture(autouse=True)
def fleet(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The workers that report; none, unless the test says so."""
    rows: list[Any] = []
    monkeypatch.setattr(encoders, "workers_list", lambda **_: rows)
    return rows


def worker(queue: str, **facts: str) -> Any:
    return SimpleNamespace(row=SimpleNamespace(queue=queue, facts=facts))


def planned(**changes: Any) -> Plan:
    return ladder.plan(parsed(PICTURE | changes, SOUND))


# ---------------------------------------------------------------- the probe


def test_a_card_that_encodes_and_scales_is_used_for_both(host: GpuHost) -> None:
    assert encoders.hardware() == Hardware(nvenc=True, filters=True)
    encode, filtered = host.calls
    assert "-c:v h264_nvenc -preset p4 -rc vbr -cq 23 -forced-idr 1 -no-scenecut 1" in encode
    assert "d=0.1" in encode
    assert "hwupload_cuda,scale_cuda=320:180:format=yuv420p" in filtered


def test_the_card_is_probed_once_a_process_and_again_after_it_failed(host: GpuHost) -> None:
    for _ in range(3):
        encoders.hardware()
    assert len(host.calls) == 2
    host.card(Card.FAILS)
    encoders.forget()
    assert not encoders.hardware().nvenc
    assert len(host.calls) == 3


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_the_workers_row_no_longer_promises_a_card_that_a_child_has_seen_fail(
    host: GpuHost,
) -> None:
    assert encoders.fact() == "nvenc"
    child = os.fork()
    if child == 0:
        encoders.forget()
        os._exit(0)
    os.waitpid(child, 0)
    assert encoders.hardware().nvenc, "the parent has not asked again"
    assert encoders.fact() == "x264"
    encoders.forget()
    assert encoders.fact() == "nvenc", "and it works again"
    assert len(host.calls) == 4


@pytest.mark.parametrize(
    ("card", "why"),
    [
        (Card.FAILS, "OpenEncodeSessionEx failed: out of memory"),
        (Card.CRASHES, "ffmpeg ended with -9"),
        (Card.HANGS, "no answer in 1 s"),
    ],
)
def test_a_card_that_does_not_encode_is_none_and_the_log_says_why(
    host: GpuHost, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    card: Card, why: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(encoders, "PROBE_SECONDS", 1.0 if card is Card.HANGS else 20.0)
    host.card(card)
    with caplog.at_level(logging.INFO, "academy.video.encoders"):
        assert encoders.at_boot() == "x264"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    said = record.getMessage()
    assert said.startswith("lectures are encoded with x264: h264_nvenc fails here: ")
    assert why in said


def test_a_card_without_filters_still_encodes(host: GpuHost) -> None:
    host.card(Card.NO_FILTERS)
    found = encoders.hardware()
    assert (found.nvenc, found.filters) == (True, False)
    plan, reasons = encoders.assigned(planned(), divided=True)
    assert (plan.encoder, plan.on_gpu) == (Encoder.NVENC, False)
    assert reasons[0].startswith("encoded with NVENC; decoded and scaled by the CPU: scale_cuda")


def test_no_card_is_looked_for_on_a_cpu_host_or_where_x264_is_asked_for(host: GpuHost) -> None:
    host.become_cpu()
    assert encoders.hardware() == Hardware(nvenc=False, filters=False, why="this is a cpu host")
    assert encoders.assigned(planned(), divided=False) == (planned(), ())
    host.become_gpu()
    host.settings.VIDEO_ENCODER = "x264"
    assert encoders.fact() == "x264"
    assert encoders.assigned(planned(), divided=False)[1] == (
        "encoded with x264: VIDEO_ENCODER is x264",
    )
    assert host.calls == []


# ---------------------------------------------------------------- the choice


def test_a_plain_recording_never_leaves_the_card(host: GpuHost) -> None:
    plan, reasons = encoders.assigned(planned(), divided=True)
    assert (plan.encoder, plan.on_gpu) == (Encoder.NVENC, True)
    assert reasons == ("encoded with NVENC; decoded and scaled on the card",)
    assert host.calls
    assert ladder.on_x264(plan) == planned()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"codec_name": "mpeg4"}, "the source is mpeg4"),
        ({"pix_fmt": "yuv420p10le"}, "its pixels are yuv420p10le"),
        ({"pix_fmt": "yuv444p"}, "its pixels are yuv444p"),
        ({"color_transfer": "smpte2084", "color_space": "bt2020nc"}, "it is HDR"),
        ({"color_range": "pc"}, "its colours are converted"),
        ({"color_space": "bt2020nc"}, "its colours are converted"),
        ({"width": 4100}, "it is 4100x1080"),
        (
            {"side_data_list": [{"side_data_type": "Display Matrix", "rotation": -90}]},
            "it is turned by 90 degrees",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.usefixtures("host")
def test_what_the_card_cannot_prepare_the_cpu_does(changes: dict[str, Any], why: str) -> None:
    plan, reasons = encoders.assigned(planned(**changes), divided=True)
    assert (plan.encoder, plan.on_gpu) == (Encoder.NVENC, False)
    assert reasons == (f"encoded with NVENC; decoded and scaled by the CPU: {why}",)


@pytest.mark.usefixtures("host")
def test_interlaced_pictures_and_av1_are_the_cpus() -> None:
    source = parsed(PICTURE, SOUND)
    interlaced, _ = encoders.assigned(ladder.plan(replace(source, interlaced=True)), divided=True)
    saver, _ = encoders.assigned(ladder.plan(source, "saver"), divided=True)
    assert (interlaced.encoder, interlaced.on_gpu) == (Encoder.NVENC, False)
    assert (saver.encoder, saver.on_gpu) == (Encoder.NVENC, False)


@pytest.mark.usefixtures("host")
def test_rungs_too_small_for_some_cards_are_encoded_by_x264() -> None:
    plan, reasons = encoders.assigned(planned(width=256, height=144), divided=False)
    assert plan.encoder is Encoder.X264
    assert reasons == ("encoded with x264: 256x144 is not for every card",)


def test_a_lecture_that_all_are_to_help_with_is_nvencs_only_where_all_have_it(
    host: GpuHost, fleet: list[Any]
) -> None:
    fleet += [worker("video", video_encoder="nvenc"), worker("ai-lite")]
    assert encoders.assigned(planned(), divided=True)[0].encoder is Encoder.NVENC
    fleet += [worker("video", video_encoder="x264"), worker("video")]
    plan, reasons = encoders.assigned(planned(), divided=True)
    assert plan.encoder is Encoder.X264
    assert reasons == (
        "encoded with x264: 2 of 3 live video workers have no NVENC, and all are to help",
    )
    # One process makes a short recording, here: nobody else need have what it has.
    assert encoders.assigned(planned(), divided=False)[0].encoder is Encoder.NVENC
    host.settings.VIDEO_ENCODER = "nvenc"
    assert encoders.assigned(planned(), divided=True)[0].encoder is Encoder.NVENC


def test_a_recording_without_pictures_needs_no_encoder(host: GpuHost) -> None:
    plan = ladder.plan(parsed(SOUND))
    assert encoders.assigned(plan, divided=False) == (plan, ())
    assert host.calls == []


def test_the_name_of_an_output_tells_its_encoder(host: GpuHost) -> None:
    nvenc = encoders.name(host.ffmpeg, Encoder.NVENC)
    assert nvenc.endswith(" nvenc p4 cq 23")
    assert encoders.name(host.ffmpeg, Encoder.X264).endswith(" x264 veryfast crf 23 lanczos")
