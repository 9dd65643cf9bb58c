"""A function of ours over a stranger's file, in a child: its value, or why there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from academy.sandbox import isolation, reader

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def tests_are_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child sees the tests' own functions, as it sees the product's."""
    monkeypatch.setattr(reader, "PACKAGES", (*reader.PACKAGES, TESTS))


def read(name: str, folder: Path, request: dict[str, Any] | None = None, **options: Any) -> Any:
    return reader.run(f"tests.support.readers:{name}", request or {}, folder=folder, **options)


def test_the_value_comes_back_with_progress_and_files(tmp_path: Path) -> None:
    given, out, shares = tmp_path / "given.txt", tmp_path / "out", []
    given.write_text("문제지")
    out.mkdir()
    value = read("echo", out, {"file": str(given)}, reads=[given], on_progress=shares.append)
    assert value == {"asked": {"file": str(given)}, "read": "문제지"}
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert (out / "picture.txt").read_text() == "made"


def test_a_refusal_keeps_its_code_and_parameters(tmp_path: Path) -> None:
    with pytest.raises(reader.RefusedError) as refused:
        read("refuse", tmp_path)
    assert (refused.value.code, refused.value.params) == ("upload_too_large", {"size": 7})


@pytest.mark.parametrize(
    ("name", "limits", "error"),
    [
        ("take_memory", replace(reader.LIMITS, memory_bytes=1 << 30), reader.TooHeavyError),
        ("loop", replace(reader.LIMITS, cpu_seconds=2), reader.TooHeavyError),
        ("crash", reader.LIMITS, reader.CrashedError),
        ("mistake", reader.LIMITS, reader.CrashedError),
        ("killed", reader.LIMITS, reader.KilledError),
    ],
)
def test_whatever_the_file_does_to_it_the_worker_learns_what_it_was(
    tmp_path: Path, name: str, limits: isolation.Limits, error: type[Exception]
) -> None:
    with pytest.raises(error):
        read(name, tmp_path, limits=limits)


def test_one_that_says_nothing_more_is_ended(tmp_path: Path) -> None:
    with pytest.raises(reader.TooHeavyError):
        read("sleep", tmp_path, stall_seconds=2.0)


def test_it_ends_when_its_job_must(tmp_path: Path) -> None:
    stops: list[Callable[[], None]] = []

    @contextmanager
    def on_stop(stop: Callable[[], None]) -> Iterator[None]:
        stops.append(stop)
        yield

    def stop_it(_: float) -> None:
        threading.Timer(0.1, stops[0]).start()

    with pytest.raises(reader.StoppedError):
        read("sleep", tmp_path, on_progress=stop_it, on_stop=on_stop)


def test_it_sees_no_secret_and_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "made-up")
    secret, out = tmp_path / "secret.txt", tmp_path / "out"
    secret.write_text("made-up")
    out.mkdir()
    seen = read("look_around", out, {"secret": str(secret)})
    assert "SECRET_KEY" not in seen["environment"]
    assert seen["network"] != "open"
    granted = isolation.isolation()
    assert (seen["secret"] == "made-up") == (not granted.files)
