"""A base image without a registry: Debian with Python 3.11, by debootstrap.

It stands in for `python:3.11-slim-bookworm` in `make build-check`. What this machine needs to
reach packages (mirrors, folders of wheels, a certificate authority of its own) is read from pip's
configuration and goes into the stand-in alone, never into a Dockerfile.
"""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deploy.images.engine import Engine, EngineError
from deploy.local.packages import parse_pip_config, uv_variables

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
TAG = "localhost/academy-standin:bookworm"
# distutils and lib2to3 are virtual packages to python3.11-venv, which debootstrap does not resolve.
_PACKAGES = (
    *("python3.11", "python3.11-venv", "python3-distutils", "python3-lib2to3"),
    *("ca-certificates", "tzdata"),
)
_DEBOOTSTRAP_SECONDS = 1800
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
_DOCKERFILE = "FROM scratch\nADD root.tar /\nCOPY configuration/ /\n"


def pip_options() -> dict[str, str]:
    """What `python -m pip` knows on this machine."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return parse_pip_config(listing.stdout) if listing.returncode == 0 else {}


def local_folders(options: Mapping[str, str]) -> list[Path]:
    """Folders of this machine that the configuration names, to be mounted while images are built.

    An index links to files beside itself, so the folder above it is named.
    """
    folders = []
    for name in ("index-url", "extra-index-url", "find-links"):
        for place in options.get(name, "").split():
            parts = urlsplit(place)
            if parts.scheme not in ("", "file"):
                continue
            path = Path(unquote(parts.path))
            folder = path if name == "find-links" else path.parent
            if folder.is_dir() and folder not in folders:
                folders.append(folder)
    return folders


def configuration(options: Mapping[str, str], target: Path) -> None:
    """Write pip's and uv's configuration and the certificates into a folder, as seen from /."""
    (target / "etc/uv").mkdir(parents=True, exist_ok=True)
    (target / _CERTIFICATES).parent.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in options.items() if key != "cert"}
    if certificates := options.get("cert") or os.environ.get("SSL_CERT_FILE"):
        shutil.copyfile(certificates, target / _CERTIFICATES)
        kept["cert"] = f"/{_CERTIFICATES}"
    parser = configparser.RawConfigParser()
    parser["global"] = kept
    with (target / "etc/pip.conf").open("w", encoding="utf-8") as file:
        parser.write(file)
    (target / "etc/uv/uv.toml").write_text(uv_toml(uv_variables(options, {})), encoding="utf-8")


def uv_toml(variables: Mapping[str, str]) -> str:
    """What would be the environment of uv as its configuration file."""
    lines = ["native-tls = true"]
    if strategy := variables.get("UV_INDEX_STRATEGY"):
        lines.append(f"index-strategy = {json.dumps(strategy)}")
    if links := variables.get("UV_FIND_LINKS"):
        lines.append(f"find-links = {json.dumps(links.split(','))}")
    for url in variables.get("UV_INDEX", "").split():
        lines += ["[[index]]", f"url = {json.dumps(url)}"]
    if default := variables.get("UV_DEFAULT_INDEX"):
        lines += ["[[index]]", f"url = {json.dumps(default)}", "default = true"]
    return "\n".join(lines) + "\n"


def root(folder: Path, mirror: str = MIRROR) -> Path:
    """The root file system as a tar file, made once and kept. Raises EngineError."""
    tar = folder / f"{SUITE}.tar"
    if tar.is_file():
        return tar
    if shutil.which("debootstrap") is None:
        raise EngineError("debootstrap is missing: apt-get install debootstrap")
    draft = folder / "root.draft"
    shutil.rmtree(draft, ignore_errors=True)
    argv = [
        *("debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}"),
        *(SUITE, str(draft), mirror),
    ]
    _run(argv, folder / "debootstrap.log")
    for litter in ("var/cache/apt/archives", "var/lib/apt/lists", "var/log", "debootstrap"):
        shutil.rmtree(draft / litter, ignore_errors=True)
    (draft / "var/log/apt").mkdir(parents=True)
    (draft / "var/cache/apt/archives/partial").mkdir(parents=True)
    (draft / "var/lib/apt/lists/partial").mkdir(parents=True)
    fresh = tar.with_suffix(".draft")
    _run(["tar", "--create", "--file", str(fresh), "--directory", str(draft), "."], None)
    shutil.rmtree(draft)
    fresh.rename(tar)
    return tar


def build(engine: Engine, folder: Path, options: Mapping[str, str], mirror: str = MIRROR) -> str:
    """Make the stand-in in the engine's storage; its tag. Raises EngineError."""
    tar = root(folder, mirror)
    context = folder / "standin"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    os.link(tar, context / "root.tar")
    configuration(options, context / "configuration")
    (context / "Dockerfile").write_text(_DOCKERFILE, encoding="utf-8")
    engine.call(
        *("build", "--format", "docker", "--layers", "--tag", TAG),
        *("--file", str(context / "Dockerfile"), str(context)),
    )
    return TAG


def _run(argv: list[str], log: Path | None) -> None:
    done = subprocess.run(
        argv, check=False, timeout=_DEBOOTSTRAP_SECONDS,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if log is not None:
        log.write_text(done.stdout)
    if done.returncode != 0:
        tail = " | ".join(done.stdout.strip().splitlines()[-5:])
        raise EngineError(f"{argv[0]} failed: {tail}")
