"""A video as a player without a key sees it: every address followed, every file fetched."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
from django.test import Client

from tests.support import media

_URI = re.compile(r'URI="([^"]+)"')
_FETCH_SECONDS = 30.0


def get(url: str) -> bytes:
    """What an address gives: the API's own texts, or what it redirects to."""
    if url.startswith("http://testserver") or "/media/" in urlsplit(url).path:
        answer = Client().get(urlsplit(url).path)
        if answer.status_code == 302:
            return get(answer["Location"])
        assert answer.status_code == 200, (url, answer.content)
        return bytes(answer.content)
    found = httpx.get(url, timeout=_FETCH_SECONDS)
    assert found.status_code == 200, url
    return found.content


def saved(url: str, folder: Path) -> Path:
    """The stream below ``folder``, each playlist rewritten to name the files there."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / _saved(url, folder, {})


def _saved(url: str, folder: Path, known: dict[str, str]) -> str:
    if url in known:
        return known[url]
    path = urlsplit(url).path
    # Pieces of one rendition may have files of the same name under different prefixes.
    name = f"file{len(known):03d}-{path.rpartition('/')[2]}"
    known[url] = name
    data = get(url)
    if name.endswith(".m3u8"):
        lines = []
        for line in data.decode().splitlines():
            if line and not line.startswith("#"):
                lines.append(_saved(urljoin(url, line), folder, known))
            else:
                lines.append(
                    _URI.sub(
                        lambda found: f'URI="{_saved(urljoin(url, found[1]), folder, known)}"', line
                    )
                )
        data = ("\n".join(lines) + "\n").encode()
    (folder / name).write_bytes(data)
    return name


def frames(path: Path, *options: str, stream: str = "0:v:0") -> list[tuple[int, int]]:
    """(pts, duration) of every decoded frame, by an ffmpeg that knows nothing of us."""
    done = subprocess.run(
        [media.binaries().ffmpeg, "-v", "warning", "-nostdin", "-allowed_extensions", "ALL",
         *options, "-copyts", "-i", path.name, "-map", stream, "-fps_mode", "passthrough",
         "-f", "framemd5", "-"],
        cwd=path.parent, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    rows = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    return [(int(row[2]), int(row[3])) for row in rows]
