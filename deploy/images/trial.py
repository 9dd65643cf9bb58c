"""The whole platform in containers, on the services of a local one: the trial of every image."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from deploy.images import jobs
from deploy.images.container import Container, ContainerError, Unpacked, wait_until
from deploy.images.table import Image, by_queue
from deploy.local.demo_api import Api, DemoError
from deploy.local.demo_upload import upload_file
from tasks.queues import table

#: What a container is told of the platform around it; the images have the rest.
VARIABLES: Final = (
    *("DJANGO_SETTINGS_MODULE", "SECRET_KEY", "API_KEY_PEPPER", "ALLOWED_HOSTS", "PUBLIC_BASE_URL"),
    *("DATABASE_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED", "SQS_ENDPOINT_URL", "SQS_WAIT_SECONDS"),
    *("R2_ENDPOINT_URL", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_REGION"),
    *("PREMIUM_ON_CPU", "FLOWER_PORT", "FLOWER_BASIC_AUTH", "CONSOLE_LOGIN"),
)
#: Placeholders under which production's settings boot; nothing is asked of any of these addresses.
PRODUCTION: Final = {
    "DJANGO_SETTINGS_MODULE": "academy.settings.production",
    "SECRET_KEY": "placeholder-of-the-check-".ljust(64, "0"),
    "API_KEY_PEPPER": "another-placeholder-of-the-check-".ljust(64, "0"),
    "ALLOWED_HOSTS": "check.invalid",
    "PUBLIC_BASE_URL": "https://check.invalid",
    "DATABASE_URL": "postgresql://check:check@127.0.0.1:1/check?sslmode=require",
    "R2_ENDPOINT_URL": "https://check.invalid",
    "R2_ACCESS_KEY_ID": "placeholder",
    "R2_SECRET_ACCESS_KEY": "placeholder",
    "TRUSTED_PROXIES": "1",
}
_START_SECONDS: Final = 300.0
_COMMAND_SECONDS: Final = 300.0
_GRACE_SECONDS: Final = 120.0
_UNWELL_SECONDS: Final = 180.0
_FINISH_SECONDS: Final = "2"
_CREDITS_KRW: Final = 1_000


@dataclass
class Outcome:
    """What was seen of one image."""

    start_seconds: float = 0.0
    stop_seconds: float = 0.0
    did: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class Trial:
    """Starts containers of every image, gives them work, wedges them, and stops them."""

    def __init__(
        self, images: Sequence[Image], unpacked: Mapping[str, Unpacked], folder: Path
    ) -> None:
        self._queues = by_queue(tuple(images))
        self._unpacked = unpacked
        self._folder = folder
        self._around = {name: os.environ[name] for name in VARIABLES if name in os.environ}
        self._base_url = os.environ["PUBLIC_BASE_URL"]
        self._running: dict[str, tuple[str, Container]] = {}
        self._key = ""
        self.outcomes = {image.name: Outcome() for image in images}

    def run(self) -> None:
        """Everything; what fails is written down with its image, and the rest goes on."""
        with ExitStack() as stack:
            stack.callback(self._remove_all)
            steps = (
                ("academy-api", self._production),
                ("academy-api", self._prepare),
                ("academy-api", self._start_servers),
            )
            for image, step in steps:
                if not self._attempt(image, step):
                    return
            self._start_workers()
            self._attempt("academy-flower", self._flower_page)
            self._attempt("academy-api", self._work)
            for name, (image, container) in self._running.items():
                self._attempt(image, partial(self._confined, container), name)
            self._wedge()
            self._attempt("academy-video-worker", self._warm_stop)
            self._stop_all()

    def _attempt(self, image: str, step: Callable[[], object], name: str = "") -> bool:
        try:
            step()
        except (ContainerError, DemoError, httpx.HTTPError, OSError, ValueError) as error:
            self.outcomes[image].failed.append(f"{name or image}: {error}")
            return False
        return True

    # ------------------------------------------------------------------ start

    def _container(self, image: str, name: str, *arguments: str, **environment: str) -> Container:
        return Container(
            self._unpacked[image],
            name,
            self._folder,
            arguments=arguments,
            environment={**self._around, **environment},
        )

    def _start(self, image: str, name: str, *arguments: str, **environment: str) -> None:
        container = self._container(image, name, *arguments, **environment)
        container.start()
        self._running[name] = (image, container)
        self._until_well(name)

    def _until_well(self, name: str) -> None:
        image, container = self._running[name]
        container.until_health(well=True, within=_START_SECONDS)
        outcome = self.outcomes[image]
        outcome.start_seconds = max(outcome.start_seconds, container.age_seconds)

    def _production(self) -> None:
        """Production's settings boot, and a static file has its hashed name and its content."""
        bind = urlsplit(self._base_url).netloc
        container = self._container("academy-api", "api-production", BIND=bind, **PRODUCTION)
        container.start()
        try:
            container.until_health(well=True, within=_START_SECONDS)
            answer = httpx.get(
                f"{self._base_url}/static/staticfiles.json",
                headers={"Host": "check.invalid", "X-Forwarded-Proto": "https"},
            )
            answer.raise_for_status()
            hashed = next(iter(answer.json()["paths"].values()))
            page = httpx.get(
                f"{self._base_url}/static/{hashed}",
                headers={"Host": "check.invalid", "X-Forwarded-Proto": "https"},
            )
            page.raise_for_status()
            if "immutable" not in page.headers.get("Cache-Control", ""):
                raise ContainerError(f"/static/{hashed} is not served to be kept")
            container.stop(_GRACE_SECONDS)
        finally:
            container.remove()
        self.outcomes["academy-api"].did.append("production's settings, static files")

    def _prepare(self) -> None:
        """Schema, queues, buckets and an operator, by the image's own commands."""
        for number, command in enumerate(
            (
                ("migrate", "--no-input"),
                ("ensure_queues",),
                ("ensure_buckets",),
                ("staff_create", "--from-environment"),
            )
        ):
            container = self._container("academy-api", f"manage-{number}", "manage", *command)
            try:
                container.run(_COMMAND_SECONDS)
            finally:
                container.remove()

    def _start_servers(self) -> None:
        bind = urlsplit(self._base_url).netloc
        self._start("academy-api", "api", BIND=bind)
        self._start("academy-api", "relay", "relay")

    def _start_workers(self) -> None:
        """One after another, so that each start is measured by itself."""
        flower = partial(self._start, "academy-flower", "flower", FLOWER_ADDRESS="127.0.0.1")
        self._attempt("academy-flower", flower)
        for queue in table():
            start = partial(self._start_worker, queue.name)
            self._attempt(self._queues[queue.name].name, start, f"worker-{queue.name}")

    def _start_worker(self, queue: str, copy: str = "") -> None:
        image = self._queues[queue].name
        self._start(
            image,
            f"worker-{queue}{copy}",
            *("worker", queue),
            HOST_KIND="cpu",
            WORKER_FINISH_SECONDS=_FINISH_SECONDS,
        )

    # ------------------------------------------------------------------ work

    def _academy(self) -> str:
        """An academy with some credit; its API key."""
        username, _, password = os.environ["CONSOLE_LOGIN"].partition(":")
        with Api(self._base_url) as visitor:
            login = {"username": username, "password": password}
            session = visitor.post("/api/v1/auth/token", login)
        with Api(self._base_url, session["access"]) as api:
            order = {"slug": "check", "name": "Check", "plan": "grow", "owner_username": "check"}
            made = api.post("/api/v1/tenants", order)
            api.post(
                f"/api/v1/ops/tenants/{made['tenant']['id']}/message-credits",
                {"kind": "top_up", "amount": _CREDITS_KRW, "key": "check"},
            )
        key: str = made["api_key"]["token"]
        return key

    def _work(self) -> None:
        self._key = self._academy()
        self.outcomes["academy-api"].did.append("REST, uploads and jobs of five queues")
        with Api(self._base_url, self._key) as api, tempfile.TemporaryDirectory() as folder:
            for queue, order in jobs.ORDERS:
                image = self._queues[queue].name
                self._attempt(image, partial(self._do, image, order, api, Path(folder)))

    def _do(self, image: str, order: Callable[[Api, Path], str], api: Api, folder: Path) -> None:
        self.outcomes[image].did.append(order(api, folder))

    def _flower_page(self) -> None:
        """Flower's page of the broker, with the queues of the table."""
        login = tuple(os.environ["FLOWER_BASIC_AUTH"].split(":", 1))
        url = f"http://127.0.0.1:{os.environ['FLOWER_PORT']}/broker"
        said = ""

        def shows_all() -> bool:
            nonlocal said
            answer = httpx.get(url, auth=httpx.BasicAuth(*login), timeout=30.0)
            said = answer.text
            return answer.is_success and all(queue.name in said for queue in table())

        wait_until(shows_all, within=60, what="Flower's broker page with five queues")
        self.outcomes["academy-flower"].did.append("broker page with five queues")

    # ------------------------------------------------------------------ what must not work

    def _confined(self, container: Container) -> None:
        """Nothing but /tmp and /scratch can be written, by a user without any privilege."""
        seconds = 60.0
        script = "id -u; for f in / /app /opt/venv /models /usr /etc; do touch $f/x 2>&1; done; "
        script += "touch /tmp/x /scratch/x && rm /tmp/x /scratch/x && echo writable; "
        script += "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status"
        _, said = container.execute(("sh", "-c", script), seconds)
        refused = said.count("Read-only file system")
        wanted = {"10001", "writable", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"}
        if refused != 6 or not wanted <= set(said.splitlines()):
            raise ContainerError(f"it is not confined: {said}")

    def _wedge(self) -> None:
        """Stop every process of every container where it stands: each must become unhealthy."""
        for name, (image, container) in self._running.items():
            self._attempt(image, partial(container.signal_all, signal.SIGSTOP), name)
        try:
            for name, (image, container) in self._running.items():
                self._attempt(
                    image,
                    partial(container.until_health, well=False, within=_UNWELL_SECONDS),
                    f"{name}, wedged",
                )
        finally:
            for name, (image, container) in self._running.items():
                self._attempt(image, partial(container.signal_all, signal.SIGCONT), name)
        for name, (image, container) in self._running.items():
            self._attempt(
                image,
                partial(container.until_health, well=True, within=_UNWELL_SECONDS),
                f"{name}, freed again",
            )

    # ------------------------------------------------------------------ stop

    def _warm_stop(self) -> None:
        """SIGTERM in the middle of a lecture: it is given back at once, and finished elsewhere."""
        if not self._key or "worker-video" not in self._running:
            raise ContainerError("there is no worker to stop")
        image, container = self._running.pop("worker-video")
        with Api(self._base_url, self._key) as api, tempfile.TemporaryDirectory() as folder:
            source = jobs.clip(Path(folder) / "long.mp4", seconds=60)
            upload = upload_file(api, source, lambda _: None)
            order = {
                "kind": "video.transcode",
                "params": {"upload": upload.upload_id, "title": "Stopped"},
            }
            job = api.post("/api/v1/jobs", order, idempotency_key="warm-stop")
            path = job["links"]["self"]
            api.until(path, lambda now: now["state"] == "running", _START_SECONDS)
            status, seconds = container.stop(_GRACE_SECONDS)
            container.remove()
            after = api.get(path)["state"]
            if status != 0 or after in ("running", "failed", "dead"):
                raise ContainerError(f"it ended with {status} and left its job {after}")
            self.outcomes[image].stop_seconds = seconds
            self._start_worker("video", "-again")
            done = api.until(
                path, lambda now: now["state"] in ("succeeded", "failed", "dead"), 1800.0
            )
        if done["state"] != "succeeded":
            raise ContainerError(f"the lecture is {done['state']} after a warm stop")
        self.outcomes[image].did.append(f"warm stop in {seconds:.1f} s, finished by another")

    def _stop_all(self) -> None:
        """SIGTERM to all that is left; each must end in order."""
        for name in sorted(self._running, key=lambda one: not one.startswith("worker")):
            image, container = self._running.pop(name)
            self._attempt(image, partial(self._stop, image, container), f"{name}, stopped")
            container.remove()

    def _stop(self, image: str, container: Container) -> None:
        status, seconds = container.stop(_GRACE_SECONDS)
        if status != 0:
            raise ContainerError(f"it ended with {status}: {container.tail()}")
        outcome = self.outcomes[image]
        outcome.stop_seconds = max(outcome.stop_seconds, seconds)

    def _remove_all(self) -> None:
        for _, container in self._running.values():
            container.remove()
