"""The demo: a day of an academy through the whole platform, seen from outside, as a REST client.

    python -m deploy.local demo [--video FILE] [--seconds N] [--keep]

runs it beside a platform of its own. It uses nothing that another client would not have: the API's
address, one credential of the platform's staff, and the URLs that the API hands out. The exit
status is 0 only if everything it claims was checked; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import httpx

from deploy.local import demo_play
from deploy.local.demo_api import Api, DemoError
from deploy.local.demo_class import SchoolDay, must_have_succeeded
from deploy.local.demo_follow import Follower
from deploy.local.demo_play import Played
from deploy.local.demo_report import (
    Steps,
    figures,
    rendition_report,
    seconds_between,
    timing_rows,
)
from deploy.local.demo_story import Story, clock, megabytes
from deploy.local.demo_upload import upload_file
from deploy.local.lecture import SLIDES, LectureError, make_lecture

CHAPTERS = 10
_CREDITS_KRW = 10_000
_STOPPING = "Stopping: workers finish or give back what they hold. Ctrl-C once more kills them."


@dataclass(frozen=True)
class Surroundings:
    """The platform this demo was started beside, from the environment."""

    api_url: str
    flower_url: str
    flower_login: str
    console_login: str
    logs: Path
    scratch: Path

    @staticmethod
    def of_environment() -> Surroundings:
        """DemoError where it is not a platform's environment."""
        try:
            scratch = Path(os.environ["SCRATCH_DIR"])
            address = f"{os.environ['FLOWER_ADDRESS']}:{os.environ['FLOWER_PORT']}"
            return Surroundings(
                api_url=os.environ["PUBLIC_BASE_URL"].rstrip("/"),
                flower_url=f"http://{address}/",
                flower_login=os.environ["FLOWER_BASIC_AUTH"],
                console_login=os.environ["CONSOLE_LOGIN"],
                logs=scratch.parent / "log",
                scratch=scratch,
            )
        except KeyError as error:
            raise DemoError(f"{error.args[0]} is not set. Start the demo with: make demo") from None


@dataclass(frozen=True)
class Academies:
    """The academy whose lecture it is, and one that must see nothing of it."""

    name: str
    key: str
    foreign_key: str


class Demo:
    """The acts of the demo, in order; each raises DemoError when something did not hold."""

    def __init__(self, options: argparse.Namespace, story: Story, around: Surroundings) -> None:
        self.options = options
        self.story = story
        self.around = around
        self.ffmpeg = demo_play.find_ffmpeg()
        self.report: dict[str, Any] = {"seconds": story.seconds}

    def run(self) -> None:
        """Everything; `report` is filled on the way."""
        story = self.story
        story.rule("A day of an academy through the whole platform")
        story.say(f"API      {self.around.api_url}/api/v1/")
        story.say(f"Logs     {self.around.logs}, a file for each process")
        with tempfile.TemporaryDirectory(prefix="demo-", dir=self.around.scratch) as folder:
            with story.chapter("academy", "An academy and its API key"):
                academies = self.make_academies()
            with Api(self.around.api_url, academies.key) as api:
                day = SchoolDay(api, story, Path(folder))
                with story.chapter("roster", "A list of students, from a spreadsheet"):
                    day.roster()
                with story.chapter("lecture", "The lecture"):
                    source = self.lecture(Path(folder))
                    source_seconds = demo_play.seconds_of(self.ffmpeg, source)
                with story.chapter("upload", "Upload, past the API, into the bucket"):
                    upload_id = self.upload(api, source)
                with story.chapter("transcode", "Transcode"):
                    job = self.transcode(api, source, upload_id)
                with story.chapter("verify", "Play it, every rendition from first to last segment"):
                    video = self.verify(api, job, source_seconds)
                with story.chapter("examination", "A box of answer sheets becomes scores"):
                    day.examination()
                with story.chapter("second_look", "What was doubtful, once more on ai-premium"):
                    day.second_look()
                with story.chapter("parents", "Every parent gets exactly one message"):
                    day.parents()
                with story.chapter("isolation", "Another academy sees nothing of it"):
                    self.isolation(academies, job, video)
                self.report |= day.report
                links = day.links()
            story.rule("How long it took")
            story.table(("", ""), timing_rows(story.seconds, self.report["steps"]))
            self.pages(video, links)

    # ------------------------------------------------------------------ acts

    def make_academies(self) -> Academies:
        """Sign in as staff, make two academies; a key comes with each."""
        username, _, password = self.around.console_login.partition(":")
        with Api(self.around.api_url) as visitor:
            session = visitor.post(
                "/api/v1/auth/token", {"username": username, "password": password}
            )
        with Api(self.around.api_url, session["access"]) as api:
            ours = self._make_academy(api, "Haneul Academy", "haneul")
            other = self._make_academy(api, "Byeol Academy", "byeol")
            api.post(
                f"/api/v1/ops/tenants/{ours['tenant']['id']}/message-credits",
                {"kind": "top_up", "amount": _CREDITS_KRW, "key": "demo"},
            )
        key = ours["api_key"]["token"]
        self.story.done(f"{ours['tenant']['name']} ({ours['tenant']['slug']}), plan grow")
        self.story.done(f"API key ak_{ours['api_key']['prefix']}_…, stored as a hash only")
        return Academies(ours["tenant"]["name"], key, other["api_key"]["token"])

    def _make_academy(self, api: Api, name: str, slug: str) -> dict[str, Any]:
        unique = f"{slug}-{uuid.uuid4().hex[:6]}"
        return api.post(
            "/api/v1/tenants",
            {"slug": unique, "name": name, "plan": "grow", "owner_username": f"owner.{unique}"},
        )

    def lecture(self, folder: Path) -> Path:
        """The file to upload: the person's own, or a generated one."""
        given: Path | None = self.options.video
        if given is not None:
            self.story.done(f"{given.name}, {megabytes(given.stat().st_size)}")
            return given
        length = self.options.seconds
        with self.story.working(f"drawing {length:g} s of slides, a teacher and a voice"):
            try:
                path = make_lecture(folder / "lecture.mp4", self.ffmpeg, length)
            except LectureError as error:
                raise DemoError(str(error)) from error
        self.story.done(f"{length:g} s at 1920x1080, {megabytes(path.stat().st_size)}, made here")
        return path

    def title(self, source: Path) -> str:
        """What students read above the video."""
        return source.stem[:200] if self.options.video else SLIDES[0].heading

    def upload(self, api: Api, source: Path) -> str:
        """Presigned PUT with a bar, then the API's own look at what arrived."""
        size = source.stat().st_size
        with self.story.transfer(size) as advance:
            sent = upload_file(api, source, advance)
        how = f"in {sent.parts} parts" if sent.parts > 1 else "in one signed PUT"
        self.story.done(f"{megabytes(size)} {how}, {size / 1e6 / sent.seconds:.0f} MB/s")
        self.story.done(f"the API looked at the object itself: {sent.content_type}, complete")
        self.report["upload"] = {"id": sent.upload_id, "bytes": size, "parts": sent.parts}
        self.story.seconds["upload_transfer"] = round(sent.seconds, 2)
        return sent.upload_id

    def transcode(self, api: Api, source: Path, upload_id: str) -> dict[str, Any]:
        """Submit once, prove that twice is once, then watch it live."""
        order = {
            "kind": "video.transcode",
            "params": {"upload": upload_id, "title": self.title(source)},
        }
        key = str(uuid.uuid4())
        job = api.post("/api/v1/jobs", order, idempotency_key=key)
        again = api.post("/api/v1/jobs", order, idempotency_key=key)
        if again["id"] != job["id"]:
            raise DemoError("The same Idempotency-Key made two jobs")
        self.report["job_id"] = job["id"]
        self.story.done(f"job {job['id']} (the same request sent twice is still one job)")
        follower = Follower(api, job)
        steps = Steps()
        with self.story.job() as show:
            for sight in follower.sights(within_seconds=self.options.patience):
                steps.see(sight.step if sight.state == "running" else "")
                show(sight)
        done = follower.job
        self.report["state"] = done["state"]
        must_have_succeeded(done)
        self.story.seconds["queue_wait"] = seconds_between(done, "created_at", "started_at")
        self.story.seconds["transcode_run"] = seconds_between(done, "started_at", "finished_at")
        self.report["steps"] = steps.seconds
        self.story.done(
            f"waited {self.story.seconds['queue_wait']:.2f} s for a worker, then "
            f"{clock(self.story.seconds['transcode_run'])} of work"
        )
        if follower.broken_streams:
            self.story.say(
                f"(the event stream broke {follower.broken_streams} times; read instead)"
            )
        return done

    def verify(self, api: Api, job: dict[str, Any], source_seconds: float) -> dict[str, Any]:
        """Play all of it without a warning and look at the poster."""
        video = self._video_of(api, job)
        master = video["playback"]["master_url"]
        renditions = demo_play.read_master(master)
        played: list[Played] = []
        for rendition in renditions:
            with self.story.working(f"playing {rendition.name}"):
                played.append(demo_play.play(self.ffmpeg, rendition))
        with self.story.working("reading the master playlist as a whole"):
            demo_play.read_all(self.ffmpeg, master)
        demo_play.check_lengths(played, source_seconds)
        poster = demo_play.check_poster(video["playback"]["poster_url"])
        self.story.table(
            ("     rendition", "size", "peak", "frames", "plays for"),
            [(f"     {item.rendition.name}", *figures(item)) for item in played],
        )
        self.story.done("no warning from ffmpeg, and every rendition as long as the source")
        self.story.done(f"poster, {poster / 1000:.0f} kB")
        self.report["renditions"] = [rendition_report(item) for item in played]
        self.report["master_url"] = master
        return video

    def _video_of(self, api: Api, job: dict[str, Any]) -> dict[str, Any]:
        """The video that the job was submitted for, ready to play."""
        for listed in api.get("/api/v1/videos?state=ready")["items"]:
            if listed["job"] == job["id"]:
                return api.get(f"/api/v1/videos/{listed['id']}")
        raise DemoError("The job succeeded, but no video of it is ready. Look at api.log")

    def isolation(self, academies: Academies, job: dict[str, Any], video: dict[str, Any]) -> None:
        """With another academy's key, job and video do not exist."""
        paths = (job["links"]["self"], f"{job['links']['self']}/events")
        with Api(self.around.api_url, academies.foreign_key) as foreign:
            for path in (*paths, f"/api/v1/videos/{video['id']}"):
                status = foreign.status_of(path)
                if status != 404:
                    raise DemoError(f"Another academy's key got {status} for {path}, not 404")
        self.story.done("its key gets 404 for the job, its events and the video")

    def pages(self, video: dict[str, Any], links: dict[str, str]) -> None:
        """Where a person goes on; each address is opened once."""
        urls = {
            "master playlist": self.report["master_url"],
            "player": video["playback"]["player_url"],
            **links,
            "API docs": f"{self.around.api_url}/api/docs",
            "console": f"{self.around.api_url}/console",
            "Flower": self.around.flower_url,
        }
        logins = {"Flower": self.around.flower_login, "console": self.around.console_login}
        login = tuple(self.around.flower_login.split(":", 1))
        for name, url in urls.items():
            auth = httpx.BasicAuth(*login) if name == "Flower" else None
            answer = httpx.get(url, auth=auth, timeout=30.0, follow_redirects=True)
            if answer.status_code != 200:
                raise DemoError(f"The page {url} ({name}) was answered with {answer.status_code}")
        self.report["urls"] = urls
        self.story.rule("Where everything is")
        for name, url in urls.items():
            suffix = f"  (login {logins[name]})" if name in logins else ""
            self.story.say(f"{name:<16} {url}{suffix}")
        if not self.options.keep:
            self.story.say("(the platform stops now; to open these, run: make demo KEEP=1)")


def _keep_logs(around: Surroundings) -> str:
    """Copy the processes' logs to a place that outlives the platform; say where."""
    kept = Path(tempfile.mkdtemp(prefix="academy-demo-log-"))
    try:
        shutil.copytree(around.logs, kept, dirs_exist_ok=True)
    except OSError as error:
        return f"the logs could not be kept: {error}"
    return f"the logs are kept in {kept}"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in the demo's own way: a sentence, and JSON in the last line."""

    def error(self, message: str) -> NoReturn:
        """Exit with 1."""
        print(f"make demo: {message}", file=sys.stderr)
        print(json.dumps({"ok": False, "error": message}))
        sys.exit(1)


def _existing_file(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {path}")
    return path


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The demo's options; exits with a sentence when they are wrong."""
    parser = _Parser(prog="make demo", description="A day of an academy, seen from outside.")
    parser.add_argument(
        "--video", type=_existing_file, help="your own file instead of a generated lecture"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the generated one")
    parser.add_argument("--keep", action="store_true", help="stay up until Ctrl-C")
    parser.add_argument(
        "--patience", type=float, default=1800.0, help="longest wait for the job, in seconds"
    )
    return parser.parse_args(arguments)


def _wait_for_the_person(story: Story) -> None:
    story.say("Everything stays up. Ctrl-C stops it.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        story.rule(_STOPPING)


def _stop(_number: int, _frame: object) -> None:
    # After a Ctrl-C the launcher's SIGTERM follows: one is enough.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point: 0 when everything held, 1 with a sentence when not, 130 when interrupted."""
    options = parse(arguments)
    story = Story(CHAPTERS)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    started = time.monotonic()
    around = None
    try:
        around = Surroundings.of_environment()
        demo = Demo(options, story, around)
        demo.run()
        story.seconds["total"] = round(time.monotonic() - started, 2)
        story.rule(f"All of it held, in {clock(story.seconds['total'])}.")
        if options.keep:
            _wait_for_the_person(story)
        story.json(json.dumps({"ok": True, **demo.report}))
    except (DemoError, httpx.HTTPError) as error:
        story.failed(f"{error}" + (f"\n  {_keep_logs(around)}" if around else ""))
        story.json(json.dumps({"ok": False, "error": str(error)}))
        return 1
    except KeyboardInterrupt:
        story.rule(_STOPPING)
        story.json(json.dumps({"ok": False, "error": "interrupted"}))
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
