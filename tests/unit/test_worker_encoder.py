"""What a worker says of its encoder as it starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from academy.video import encoders
from tasks.worker import fleet
from tasks.worker.boot import BootChecks
from tasks.worker.encoder import Encoder
from tests.support.nvenc import GpuHost, gpu_host


@pytest.fixture
def host(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[GpuHost]:
    monkeypatch.setattr(fleet, "_facts", {})
    yield gpu_host(tmp_path / "gpu", settings, monkeypatch)
    encoders.forget()


def worker(queue: str) -> Any:
    app = SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=[queue])))
    return SimpleNamespace(app=app)


def test_a_video_worker_probes_once_and_its_row_tells_the_encoder(host: GpuHost) -> None:
    Encoder(worker("video"))
    probes = len(host.calls)
    assert probes > 0
    assert fleet.facts() == {"video_encoder": "nvenc"}
    assert fleet.facts() == {"video_encoder": "nvenc"}
    assert len(host.calls) == probes


def test_a_video_worker_of_a_cpu_host_says_so_and_probes_nothing(host: GpuHost) -> None:
    host.become_cpu()
    Encoder(worker("video"))
    assert fleet.facts() == {"video_encoder": "x264"}
    assert host.calls == []


def test_workers_of_other_queues_have_no_encoder(host: GpuHost) -> None:
    Encoder(worker("ai-basic"))
    assert fleet.facts() == {}
    assert host.calls == []


def test_the_configuration_is_checked_before_anything_is_probed() -> None:
    assert BootChecks in Encoder.requires
