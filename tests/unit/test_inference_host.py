"""What models find on a host: memory, processors, GPUs, and parents that fork."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from academy.inference import device, memory, runtime
from academy.jobs.errors import UnsuitableHostError

MIB = 1 << 20


def host(folder: Path, *, available: int, **cgroup: int | str) -> tuple[Path, Path]:
    """A host's files: MemAvailable, and `memory.*` of a control group with 10 MiB of old cache."""
    meminfo = folder / "meminfo"
    meminfo.write_text(f"MemTotal: 1 kB\nMemAvailable:  {available >> 10} kB\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {10 * MIB}\n")
    for name, value in cgroup.items():
        (folder / f"memory.{name}").write_text(f"{value}\n")
    return folder, meminfo


def test_what_is_left_is_the_least_of_host_and_control_group(tmp_path: Path) -> None:
    assert memory.free_bytes(*host(tmp_path, available=500 * MIB)) == 500 * MIB
    group = host(tmp_path, available=500 * MIB, max=300 * MIB, current=200 * MIB)
    assert memory.free_bytes(*group) == 110 * MIB
    assert memory.free_bytes(*host(tmp_path, available=90 * MIB)) == 90 * MIB
    assert memory.free_bytes(*host(tmp_path, available=500 * MIB, max="max")) == 500 * MIB


def test_an_older_control_group_counts_as_well(tmp_path: Path) -> None:
    _, meminfo = host(tmp_path, available=500 * MIB)
    old = tmp_path / "memory"
    old.mkdir()
    (old / "memory.limit_in_bytes").write_text(str(100 * MIB))
    (old / "memory.usage_in_bytes").write_text(str(40 * MIB))
    (old / "memory.stat").write_text(f"total_inactive_file {5 * MIB}\n")
    assert memory.free_bytes(tmp_path, meminfo) == 65 * MIB


def test_a_model_that_does_not_fit_is_for_another_host() -> None:
    free = memory.free_bytes()
    memory.require("a@1", 1, "cpu")
    with pytest.raises(UnsuitableHostError) as caught:
        memory.require("a@1", free, "cpu")  # what is kept free is missing
    assert caught.value.code == "model_needs_memory"
    assert caught.value.params["needed_bytes"] == free


@pytest.mark.parametrize(("limit", "most"), [("1", 1), ("64", 64), ("", 64), ("nonsense", 64)])
def test_threads_stay_below_the_limit_of_openmp(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setenv("OMP_THREAD_LIMIT", limit)
    assert 1 <= runtime.threads() <= min(most, len(os.sched_getaffinity(0)))


def test_a_quota_of_processors_is_kept(tmp_path: Path) -> None:
    assert runtime._quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert runtime._quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert runtime._quota(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert runtime._quota(tmp_path) == 1


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 sse", True),
        ("flags\t\t: fpu avx2", False),
        ("Features\t: fp asimd bf16", True),
    ],
)
def test_bfloat16_is_used_where_the_processor_has_it(tmp_path: Path, line: str, has: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{line}\n")
    assert runtime.has_bfloat16(tmp_path / "cpuinfo") is has
    assert not runtime.has_bfloat16(tmp_path / "none")


def test_a_limit_of_one_thread_does_not_hang_torch() -> None:
    pytest.importorskip("torch")
    script = (
        "import django; django.setup()\n"
        "from academy.inference import runtime\n"
        "torch = runtime.torch()\n"
        "x = torch.ones(600, 600)\n"
        "print(torch.get_num_threads(), (x @ x).sum().item() == 600**3)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "OMP_THREAD_LIMIT": "1",
            "DJANGO_SETTINGS_MODULE": "academy.settings.test",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == ["1", "True"], done.stderr


def test_numpy_computes_with_one_thread_in_the_processes_of_a_pool() -> None:
    script = (
        "import os; from academy.inference import runtime; runtime.keep_out()\n"
        "if pid := os.fork(): raise SystemExit(os.waitpid(pid, 0)[1])\n"
        "import numpy\n"
        "numpy.ones((600, 600)) @ numpy.ones((600, 600))\n"
        "print(len(os.listdir('/proc/self/task')), os.environ['OPENBLAS_NUM_THREADS'])"
    )
    plain = {name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name}
    for chosen, expected in (({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")):
        done = subprocess.run(
            [sys.executable, "-c", script], env={**plain, **chosen}, capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip
        threads, told = done.stdout.split()
        assert (told, done.returncode) == (expected, 0), done.stderr
        assert int(threads) <= int(expected)


def _ask(answers: Any) -> None:
    try:
        runtime.ensure_not_parent()
    except runtime.AskedInParentError:
        answers.put("refused")
    else:
        answers.put("allowed")


def test_a_process_that_forks_is_refused_and_its_children_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime, "_parents", set())
    device.current.cache_clear()
    runtime.keep_out()
    with pytest.raises(runtime.AskedInParentError):
        runtime.torch()
    with pytest.raises(runtime.AskedInParentError):
        device.current()

    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_ask, args=(answers,))
    child.start()
    assert answers.get(timeout=30) == "allowed"
    child.join(30)


@pytest.fixture
def gpus(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A host with the GPUs 0 and 3, and the driver's other nodes."""
    dev = tmp_path / "dev"
    dev.mkdir()
    for name in ("nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm", "null"):
        (dev / name).touch()
    settings.HOST_KIND = "gpu"
    settings.MODEL_CACHE_DIR = tmp_path / "cache"
    monkeypatch.delenv(device.VISIBLE, raising=False)
    monkeypatch.setattr(device, "_pinned", [])
    # So that what is set there is undone.
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    yield dev
    for file in device._pinned:
        file.close()
    os.environ.pop(device.VISIBLE, None)


def _pin(dev: Path, answers: Any) -> None:
    try:
        answers.put(device.pin(dev))
    except UnsuitableHostError as error:
        answers.put(error.code)


def _pinned_in_a_child(dev: Path) -> Any:
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_pin, args=(dev, answers))
    child.start()
    found = answers.get(timeout=30)
    child.join(30)
    return found


def test_each_process_has_a_gpu_of_its_own_until_none_is_left(
    gpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert device.pin(gpus) == 0
    assert os.environ[device.VISIBLE] == "0"
    assert device.pin(gpus) is None  # it has one
    os.environ.pop(device.VISIBLE)

    assert _pinned_in_a_child(gpus) == 1
    assert _pinned_in_a_child(gpus) == 1  # the first child has ended and given it back
    monkeypatch.setenv(device.VISIBLE, "0")
    assert _pinned_in_a_child(gpus) == "gpu_busy"


def test_a_gpu_named_by_its_uuid_is_left_to_the_operator(
    gpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(device.VISIBLE, "GPU-0f3b")
    assert device.pin(gpus) is None
    assert os.environ[device.VISIBLE] == "GPU-0f3b"


def test_a_cpu_host_computes_on_its_cpu(settings: Any) -> None:
    settings.HOST_KIND = "cpu"
    device.current.cache_clear()
    assert device.current() == "cpu"


def test_on_a_gpu_host_only_premium_workers_take_a_gpu(
    gpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_allowed_here", [])
    device.current.cache_clear()
    assert device.current() == "cpu"
    assert device._pinned == []
    device.current.cache_clear()


def test_a_gpu_host_without_a_gpu_that_works_says_cpu(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this host has a GPU that works")
    settings.HOST_KIND = "gpu"
    monkeypatch.setattr(device, "_allowed_here", [True])
    monkeypatch.setattr(device, "pin", lambda: None)
    device.current.cache_clear()
    assert device.current() == "cpu"
    assert "finds no GPU" in caplog.text
    device.current.cache_clear()
