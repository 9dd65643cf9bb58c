"""Download in ranges, upload as segments appear."""

from __future__ import annotations

import base64
import hashlib
import threading
from pathlib import Path

import pytest

from academy.jobs.errors import PermanentError
from academy.video import download
from academy.video.upload import SegmentUploader

SIZE = 3 * download.RANGE_BYTES + 1234


class Objects:
    """A store in memory."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.stored: dict[str, tuple[bytes, str]] = {}
        self.fail_on: str | None = None
        self._lock = threading.Lock()

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        return self.data[start : start + (length or len(self.data))]

    def put_file(
        self, key: str, path: Path, content_type: str, cache_control: str | None = None
    ) -> None:
        if key == self.fail_on:
            raise ConnectionError(key)
        with self._lock:
            assert key not in self.stored, f"{key} was stored twice"
            self.stored[key] = (path.read_bytes(), content_type)


def data() -> bytes:
    return bytes(range(256)) * (SIZE // 256) + bytes(SIZE % 256)


def digest(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_ranges_are_put_together_and_checked(tmp_path: Path) -> None:
    seen: list[int] = []
    download.fetch(
        Objects(data()), "key", tmp_path / "source", size=SIZE, sha256_b64=digest(data()),
        on_bytes=seen.append,
    )  # fmt: skip
    assert (tmp_path / "source").read_bytes() == data()
    assert seen == sorted(seen)
    assert seen[-1] == SIZE


@pytest.mark.parametrize("content", [b"x" * 100, bytes(SIZE)])
def test_another_content_than_the_uploaded_one_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(PermanentError, match="video_source_changed"):
        download.fetch(
            Objects(content), "key", tmp_path / "source", size=SIZE, sha256_b64=digest(data()),
            on_bytes=lambda _: None,
        )  # fmt: skip


def test_what_the_callback_raises_ends_the_download(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(_: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        download.fetch(
            Objects(data()), "key", tmp_path / "source", size=SIZE, sha256_b64=None, on_bytes=stop
        )


def test_segments_go_up_as_they_appear_and_never_while_they_are_written(tmp_path: Path) -> None:
    objects = Objects()
    with SegmentUploader(objects, "p/", tmp_path, {"720p": 0}) as uploader:
        (tmp_path / "720p_00000.m4s").write_bytes(b"first")
        (tmp_path / "720p_00001.m4s.tmp").write_bytes(b"half")
        (tmp_path / "720p_init.mp4").write_bytes(b"init")
        uploader.scan()
    assert objects.stored == {"p/720p_00000.m4s": (b"first", "video/iso.segment")}


def test_nothing_is_stored_twice_and_the_sizes_come_back(tmp_path: Path) -> None:
    objects = Objects()
    progress: list[tuple[int, int]] = []
    for number in range(20):
        (tmp_path / f"720p_{number:05d}.m4s").write_bytes(bytes(number + 1))
    names = [f"720p_{number:05d}.m4s" for number in range(20)]
    with SegmentUploader(objects, "p/", tmp_path, {"720p": 0}) as uploader:
        uploader.scan()
        uploader.scan()
        sizes = uploader.put(names, on_done=lambda *step: progress.append(step))
    assert sizes == {name: number + 1 for number, name in enumerate(names)}
    assert progress == [(number, 20) for number in range(1, 21)]
    assert len(objects.stored) == 20


def test_a_failed_upload_is_raised_by_the_next_look(tmp_path: Path) -> None:
    objects = Objects()
    objects.fail_on = "p/720p_00000.m4s"
    (tmp_path / "720p_00000.m4s").write_bytes(b"x")
    with SegmentUploader(objects, "p/", tmp_path, {"720p": 0}) as uploader:
        uploader.scan()
        with pytest.raises(ConnectionError):
            uploader.put(["720p_00000.m4s"], on_done=lambda *_: None)
        with pytest.raises(ConnectionError):
            uploader.scan()
