"""The ffmpeg commands of a plan: chunks, copied rungs, black pictures, and the GPU's own."""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from academy.video import chunks, command, ladder
from academy.video.chunks import Chunk
from academy.video.ladder import Encoder, Plan
from tests.unit.test_video_probe import PICTURE, SOUND, graph, parsed

NTSC = {"r_frame_rate": "30000/1001", "avg_frame_rate": "30000/1001"}
HALF: dict[str, Any] = PICTURE | {"width": 854, "height": 480}
FFMPEG, SOURCE = "/bin/ffmpeg", Path("/in/a.mp4")


def planned(**changes: Any) -> Plan:
    """480p and 360p of a source of that size."""
    return ladder.plan(parsed(HALF | changes, SOUND))


def chunk(plan: Plan, number: int, **changes: Any) -> Chunk:
    step = chunks.chunk_frames(plan.grid)
    made = Chunk(
        number, number * step, (number + 1) * step, is_last=False,
        seek=Fraction(59) if number else None, ranges=(),
    )  # fmt: skip
    return replace(made, **changes)


def made(plan: Plan, part: Chunk, *rungs: str) -> list[str]:
    names = rungs or tuple(rung.name for rung in plan.rungs)
    return command.encode_chunk(FFMPEG, plan, part, SOURCE, rungs=names)


def value(argv: list[str], option: str) -> str:
    assert argv.count(option) == 1, f"{option} stands {argv.count(option)} times"
    return argv[argv.index(option) + 1]


def of_rung(argv: list[str], position: int) -> dict[str, str]:
    """The options of one output stream."""
    end = f":v:{position}"
    return {
        name.removesuffix(end).lstrip("-"): argv[place + 1]
        for place, name in enumerate(argv)
        if name.startswith("-") and name.endswith(end)
    }


# ---------------------------------------------------------------- chunks


def test_a_chunk_lies_on_the_timeline_of_the_whole_lecture_at_ntsc_rates() -> None:
    plan = planned(**NTSC)
    third = made(plan, chunk(plan, 2))
    # 60 s are 15 segments of 4.004 s, and two chunks of them come before.
    assert (value(third, "-start_number"), value(third, "-hls_time")) == ("30", "4004000us")
    filters = graph(third)
    assert "fps=fps=30000/1001:round=near:start_time=120.120000000" in filters
    assert "trim=end_pts=5400:start_pts=3600" in filters
    # The base of about a second: 30 frames, whatever the rate.
    assert "setpts=PTS+30" in filters
    assert "tpad=stop=-1:stop_mode=clone" in filters
    assert value(third, "-ss") == "59.000000"
    assert "-noaccurate_seek" in third


def test_the_first_chunk_seeks_nothing_and_the_last_is_not_filled_up() -> None:
    plan = planned()
    first = made(plan, chunk(plan, 0))
    assert "-ss" not in first
    assert value(first, "-start_number") == "0"
    last = graph(made(plan, chunk(plan, 1, is_last=True)))
    assert "tpad" not in last
    assert "trim" not in last


def test_a_source_whose_clock_starts_late_is_moved_to_the_lectures() -> None:
    plan = planned()
    late = replace(plan, source=replace(plan.source, start=Fraction(7, 5)))
    assert graph(made(late, chunk(late, 1))).startswith("[0:0]setpts=PTS-(7/5)/TB")


def test_a_piece_of_one_rung_has_its_own_names_and_its_predecessors_scaling() -> None:
    plan = planned()
    argv = made(plan, chunk(plan, 0), "360p")
    assert value(argv, "-var_stream_map") == "v:0,name:360p"
    # ffmpeg fills in %v in an init's name only where there are several renditions.
    assert value(argv, "-hls_fmp4_init_filename") == "360p_init.mp4"
    assert "scale=854:480" in graph(argv)
    assert "split" not in graph(argv)
    both = made(plan, chunk(plan, 0))
    assert value(both, "-hls_fmp4_init_filename") == "%v_init.mp4"


def test_x264_encodes_each_rung_with_one_thread_and_key_frames_on_the_grid() -> None:
    plan = planned()
    assert of_rung(made(plan, chunk(plan, 1)), 1) == {
        "c": "libx264", "preset": "veryfast", "crf": "23", "bf": "2", "threads": "1",
        "flags": "+cgop", "partitions": "i4x4,i8x8",
        "motion-est": "dia", "g": "60", "force_key_frames": "expr:eq(mod(n,60),0)",
        "fps_mode": "passthrough", "pix_fmt": "yuv420p", "maxrate": "1037k", "bufsize": "2074k",
    }  # fmt: skip


# ---------------------------------------------------------------- a copied rung


def copied(plan: Plan, **changes: Any) -> tuple[Plan, Chunk]:
    part = Chunk(
        1, 300, 620, is_last=False, seek=Fraction(10), ranges=(),
        cuts=(300, 430, 560), first_segment=3,
    )  # fmt: skip
    return replace(plan, copied="480p"), replace(part, **changes)


def test_packets_are_copied_to_their_place_and_no_further_than_their_chunk() -> None:
    plan, part = copied(planned())
    argv = made(plan, part)
    assert of_rung(argv, 0) == {
        "c": "copy",
        "bsf": "noise=drop=gte(n\\,320),setts=pts=PTS+round((1.000000000)/TB)"
        ":dts=DTS+round((1.000000000)/TB):time_base=1/30",
    }
    # A copy does not end by itself: 320 frames, rounded up, and what B-frames may need.
    assert value(argv, "-t") == "13"
    assert value(argv, "-start_number") == "3"


def test_the_other_rungs_have_key_frames_where_the_copied_one_has_and_nowhere_else() -> None:
    plan, part = copied(planned())
    options = of_rung(made(plan, part), 1)
    assert options["force_key_frames"] == "expr:eq(n,0)+eq(n,130)+eq(n,260)"
    assert (options["g"], options["keyint_min"]) == ("262", "131")


def test_the_last_chunk_is_copied_to_the_end_of_the_source() -> None:
    plan, part = copied(planned(), is_last=True)
    assert "-t" not in made(plan, part)


def test_a_copy_at_ntsc_rates_starts_with_the_encoded_rungs() -> None:
    plan, part = copied(planned(**NTSC))
    assert "PTS+round((1.001000000)/TB)" in of_rung(made(plan, part), 0)["bsf"]
    assert "time_base=1001/30000" in of_rung(made(plan, part), 0)["bsf"]


def test_a_copied_rung_needs_to_know_its_cuts() -> None:
    with pytest.raises(ValueError, match="where it is cut"):
        command.encode(FFMPEG, replace(planned(), copied="480p"), SOURCE)


# ---------------------------------------------------------------- on the GPU


def on_gpu(plan: Plan) -> Plan:
    return replace(plan, encoder=Encoder.NVENC, on_gpu=True)


NVENC_OPTIONS = {
    "c": "h264_nvenc", "preset": "p4", "profile": "high", "rc": "vbr", "cq": "23", "bf": "2",
    "forced-idr": "1", "no-scenecut": "1", "g": "60",
    "force_key_frames": "expr:eq(mod(n,60),0)", "fps_mode": "passthrough",
}  # fmt: skip


def test_on_the_gpu_one_process_decodes_scales_and_encodes_there() -> None:
    plan = on_gpu(planned())
    argv = made(plan, chunk(plan, 1))
    before = argv[: argv.index("-i")]
    assert value(before, "-hwaccel") == "cuda"
    assert value(before, "-hwaccel_output_format") == "cuda"
    assert value(before, "-threads") == "1"
    assert argv.count("-i") == 1
    filters = graph(argv).split(";")
    assert [one.split("]")[-2].rsplit("[", 1)[0] for one in filters if "scale_cuda" in one] == [
        "scale_cuda=854:480:format=yuv420p:interp_algo=lanczos",
        "scale_cuda=640:360:format=yuv420p:interp_algo=lanczos",
    ]
    # Nothing between them that would have to see the pixels.
    seen = {"scale=", "[s0]format=", "format=yuv420p,", "bwdif", "tonemap", "hwupload"}
    assert not [word for word in seen if word in graph(argv)]
    assert of_rung(argv, 0) == {**NVENC_OPTIONS, "maxrate": "1476k", "bufsize": "2952k"}
    assert of_rung(argv, 1) == {**NVENC_OPTIONS, "maxrate": "1037k", "bufsize": "2074k"}


def test_a_short_recording_on_the_gpu_is_one_command_with_its_sound() -> None:
    argv = command.encode(FFMPEG, on_gpu(planned()), SOURCE)
    assert argv.count("-hwaccel") == argv.count("-i") == 1
    assert graph(argv).count("scale_cuda") == 2
    assert "aresample" in graph(argv)
    assert value(argv, "-c:a") == "aac"


def test_the_grid_is_the_same_whatever_encodes() -> None:
    plan = planned(**NTSC)
    for part in (chunk(plan, 0), chunk(plan, 2), chunk(plan, 2, is_last=True)):
        ours, theirs = made(plan, part), made(on_gpu(plan), part)
        kept = {"setpts", "fps", "trim", "tpad"}

        def grid(argv: list[str], names: set[str] = kept) -> list[str]:
            steps = [one.partition("]")[2].rpartition("[")[0] for one in graph(argv).split(";")]
            return [step for step in steps if step.partition("=")[0] in names]

        assert grid(ours) == grid(theirs) != []
        for option in ("-hls_time", "-start_number", "-var_stream_map"):
            assert value(ours, option) == value(theirs, option)
        for name in ("g", "force_key_frames", "fps_mode", "maxrate", "bufsize"):
            assert of_rung(ours, 1)[name] == of_rung(theirs, 1)[name]


def test_where_the_cpu_decodes_nvenc_is_given_its_pictures() -> None:
    plan = replace(planned(), encoder=Encoder.NVENC, deinterlace=True)
    argv = made(plan, chunk(plan, 0))
    assert "-hwaccel" not in argv
    assert "cuda" not in graph(argv)
    assert graph(argv).count("scale=") == 2
    assert of_rung(argv, 0) == {
        **NVENC_OPTIONS, "pix_fmt": "yuv420p", "maxrate": "1476k", "bufsize": "2952k",
    }  # fmt: skip
    threads = min(4, os.cpu_count() or 1)
    assert value(argv[: argv.index("-i")], "-threads") == str(threads)


def test_beside_nvenc_av1_stays_with_the_cpus_encoder() -> None:
    plan = replace(ladder.plan(parsed(PICTURE, SOUND), "saver"), encoder=Encoder.NVENC)
    argv = made(plan, chunk(plan, 0))
    assert [of_rung(argv, n)["c"] for n in range(3)] == ["h264_nvenc", "libsvtav1", "h264_nvenc"]


def test_beside_a_copied_rung_nvenc_cuts_where_that_does() -> None:
    plan, part = copied(on_gpu(planned()))
    argv = made(plan, part)
    assert of_rung(argv, 0)["c"] == "copy"
    options = of_rung(argv, 1)
    assert (options["g"], options["no-scenecut"]) == ("262", "1")
    assert options["force_key_frames"] == "expr:eq(n,0)+eq(n,130)+eq(n,260)"
    # x264's alone.
    assert "keyint_min" not in options


def test_black_pictures_are_handed_to_the_gpu() -> None:
    plan = on_gpu(planned())
    argv = command.encode_black(FFMPEG, plan, chunk(plan, 1), rungs=["480p", "360p"])
    assert "hwupload_cuda" in graph(argv)
    assert graph(argv).count("scale_cuda") == 2
    assert of_rung(argv, 0) == {**NVENC_OPTIONS, "maxrate": "1476k", "bufsize": "2952k"}
