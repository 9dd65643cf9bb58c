"""A class in the demo: its list, an examination on paper, and a message to each parent.

People, phones and answers are made up here. What came out is compared with what was put in: every
reading that no person is asked about must be right, every parent must have exactly one message.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import openpyxl

from deploy.local.demo_api import Api, DemoError
from deploy.local.demo_follow import Follower
from deploy.local.demo_story import Story
from deploy.local.demo_upload import upload_file

CLASS_SIZE: Final = 24
CLASS_NAME: Final = "중등 A"
_SHEET: Final = {
    "title": "3월 모의고사", "identifier_digits": 8,
    "sections": [{"kind": "choice", "count": 18}, {"kind": "numeric", "count": 2, "digits": 2}],
}  # fmt: skip
_KEY: Final = [3, 1, 4, 1, 5, 2, 2, 5, 3, 4, 5, 1, 2, 4, 3, 5, 1, 2, 12, 7]
_POINTS_EACH: Final = 5
_PATIENCE_SECONDS: Final = 180.0
_ENGINE_MISSING: Final = frozenset({"model_runtime_missing", "model_not_configured"})
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_GIVEN: Final = ("가온", "나래", "다솜", "라온", "마루", "바다", "새론", "아라")


@dataclass(frozen=True)
class Pupil:
    """A made-up student."""

    name: str
    phone: str
    """Of the parent: a number that nobody has."""


def pupils() -> list[Pupil]:
    """The class, best first. Any two numbers differ in two digits, so that one slip is noticed."""
    found = []
    for index in range(CLASS_SIZE):
        digits = f"{7 * index + 11:03}"
        check = sum(map(int, digits)) % 10
        name = f"{'김이박'[index % 3]}{_GIVEN[index // 3]}"
        found.append(Pupil(name, f"0100000{digits}{check}"))
    return found


class SchoolDay:
    """The acts of the class, in order; each raises DemoError when something did not hold."""

    def __init__(self, api: Api, story: Story, folder: Path) -> None:
        self._api = api
        self._story = story
        self._folder = folder
        self._pupils = pupils()
        self._exam = ""
        self._reading: dict[str, Any] = {}
        self._points: dict[str, float] = {}
        self.report: dict[str, Any] = {}

    # ------------------------------------------------------------------ the list

    def roster(self) -> None:
        """A spreadsheet as people make it becomes students; what is wrong is handed back."""
        upload = self._upload(self._spreadsheet(), "spreadsheet", _XLSX)
        look = self._run("roster.import", upload=upload)
        told = look["result"]["result"]
        self._story.done(
            f"dry run: {told['rows']} rows, {told['good']} good, {told['faulty']} faulty"
            f" ({', '.join(sorted(told['error_counts']))})"
        )
        stored = self._run("roster.import", upload=upload, dry_run=False)["result"]["result"]
        if (stored["created"], stored["faulty"]) != (CLASS_SIZE, 1):
            raise DemoError(f"The list became {stored['created']} students, not {CLASS_SIZE}")
        self._story.done(
            f"{stored['created']} students; the faulty row came back in faulty.xlsx with its reason"
        )
        self.report["students"] = stored["created"]

    def _spreadsheet(self) -> Path:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(["중등 A반 명단"])
        sheet.append([])
        sheet.append(["이름", "학부모 연락처", "반"])
        for pupil in self._pupils:
            # As a number, so that its first zero is lost, as in every second list.
            sheet.append([pupil.name, int(pupil.phone), CLASS_NAME])
        sheet.append(["최하늘", "010-12", CLASS_NAME])
        path = self._folder / "students.xlsx"
        book.save(path)
        return path

    # ------------------------------------------------------------------ the examination

    def examination(self) -> None:
        """Design, print, sit, scan, read: scores, and what a person has to look at."""
        design = self._api.post("/api/v1/sheet-designs", {"title": "모의고사", "layout": _SHEET})
        made = self._run("sheets.make", design=design["id"])
        size = self._bytes_of(made, "sheet.pdf")
        self._story.done(f"a sheet of {design['questions']} questions as a PDF, {size // 1000} kB")
        exam = self._api.post(
            "/api/v1/exams", {"design": design["id"], "title": "3월 모의고사 수학"}
        )
        self._exam = exam["id"]
        key = [{"answers": [right], "points": _POINTS_EACH} for right in _KEY]
        self._api.put(f"/api/v1/exams/{self._exam}/key", {"items": key})
        with self._story.working(f"{CLASS_SIZE} students fill their sheets"):
            box, truth = self._sit(design["layout"])
        upload = self._upload(box, "pdf", "application/pdf")
        self._reading = self._run("sheets.read", exam=self._exam, uploads=[upload])
        told = self._reading["result"]["result"]
        self._check_scores(truth)
        self._story.done(
            f"{told['pages']} pages of a scanner, {told['identified']} students known by the digits"
            " they marked"
        )
        rows = len(_KEY) * CLASS_SIZE
        self._story.done(
            f"{rows} answers: {rows - self.report['doubtful']} certain and every one of them right,"
            f" {self.report['doubtful']} for a person to look at"
        )

    def _sit(self, layout: dict[str, Any]) -> tuple[Path, dict[str, dict[str, Any]]]:
        """The class fills in its sheets; the scanner's PDF, and what each pupil meant by name."""
        box, truth, shape = (self._folder / name for name in ("box.pdf", "truth.json", "layout"))
        shape.write_text(json.dumps(layout), encoding="utf-8")
        numbers = ",".join(pupil.phone[-8:] for pupil in self._pupils)
        command = [
            sys.executable, "-m", "academy.sheets.synthetic", "--layout", str(shape),
            "--key", ",".join(map(str, _KEY)), "--numbers", numbers, "--hurried", "0.4",
            "--out", str(box), "--truth", str(truth),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoError(f"The sheets could not be filled: {done.stderr.strip()[-300:]}")
        meant = json.loads(truth.read_text(encoding="utf-8"))
        names = [pupil.name for pupil in self._pupils]
        return box, dict(zip(names, meant, strict=True))

    def _check_scores(self, truth: dict[str, dict[str, Any]]) -> None:
        """Compare every answer that nobody is asked about with what was meant."""
        scores = self._api.get(f"/api/v1/exams/{self._exam}/scores")["items"]
        doubtful = {
            scan["id"]: set(scan["doubtful"])
            for scan in self._api.get(f"/api/v1/exams/{self._exam}/scans?limit=100")["items"]
        }
        wrong = []
        for score in scores:
            asked = set().union(*(doubtful[scan] for scan in score["scans"]))
            for mark in score["marks"]:
                meant = truth[score["name"]]["answers"][mark["question"] - 1]
                if mark["question"] not in asked and mark["values"] != [meant]:
                    wrong.append((score["name"], mark["question"]))
        if wrong:
            raise DemoError(f"Read wrong, and nobody is asked: {wrong}")
        if len(scores) != CLASS_SIZE:
            raise DemoError(f"{len(scores)} students have scores, not {CLASS_SIZE}")
        self._points = {score["student"]: score["points"] for score in scores}
        self.report["doubtful"] = sum(map(len, doubtful.values()))

    def second_look(self) -> None:
        """The doubtful rows once more, by larger networks; skipped where torch is not installed."""
        if not self.report["doubtful"]:
            self._story.done("nothing was doubtful")
            return
        job = self._api.post(f"{self._reading['links']['self']}/escalate")
        ended = self._followed(job)
        error = (ended.get("error") or {}).get("code")
        if error in _ENGINE_MISSING:
            self._story.skipped(f"skipped: {ended['error']['message']['en']}")
            self.report["second_look"] = "skipped"
            return
        told = self._succeeded(ended)["result"]
        self._story.done(
            f"{told['result']['settled']} rows settled by {told['model']['name']} on the"
            f" {told['device']}, {told['result']['left']} left for a person"
        )
        self.report["second_look"] = told["result"]["settled"]

    # ------------------------------------------------------------------ the parents

    def parents(self) -> None:
        """A message to each parent: looked at, confirmed, sent once, and paid for once."""
        self._api.patch(
            "/api/v1/messaging/policy", {"sender": "0200000000", "sender_name": "하늘학원"}
        )
        shown = self._preview()
        campaign = shown["campaign"]
        self._story.done(
            f"preview: {campaign['messages']} messages, {campaign['price_most']:g} KRW at most;"
            " nothing is sent by looking"
        )
        confirmation = {"token": shown["token"]}
        path, key = f"/api/v1/campaigns/{campaign['id']}", str(uuid.uuid4())
        before = self._api.get("/api/v1/message-credits")
        self._api.post("/api/v1/messages", confirmation, idempotency_key=key)
        self._api.post("/api/v1/messages", confirmation, idempotency_key=key)
        ended = self._api.until(path, lambda now: now["state"] == "done", _PATIENCE_SECONDS)
        messages = self._api.get(f"{path}/messages?limit=100")["items"]
        phones = Counter(message["phone"] for message in messages)
        states = Counter(message["state"] for message in messages)
        if states != {"delivered": CLASS_SIZE} or set(phones.values()) != {1}:
            raise DemoError(f"Not every parent has one message: {dict(states)}")
        after = self._api.get("/api/v1/message-credits")
        if (before["free"] - after["free"], after["held"]) != (ended["price_paid"], 0):
            raise DemoError(f"The credits do not add up: {before}, {after}, {ended['price_paid']}")
        self._story.done(
            f"confirmed twice, sent once: {CLASS_SIZE} parents, one message each,"
            f" {ended['price_paid']:g} KRW paid"
        )
        self.report["messages"] = CLASS_SIZE

    def _preview(self) -> dict[str, Any]:
        to = [
            {"id": student, "variables": {"점수": f"{points:g}"}}
            for student, points in self._points.items()
        ]
        body = "[하늘학원] #{학생명} 학생의 3월 모의고사 수학 점수는 #{점수}점입니다."
        order = {"title": "3월 모의고사 결과", "text": {"body": body}, "to": {"students": to}}
        return self._api.post("/api/v1/messages/preview", order)

    def links(self) -> dict[str, str]:
        """Pages of the examination for a teacher, signed and good for an hour."""
        order = {"actor": "demo", "expires_in": 3600}
        path = f"/api/v1/exams/{self._exam}"
        return {
            "examination": self._api.post(f"{path}/page-link", order)["url"],
            "review": self._api.post(f"{path}/review-link", order)["url"],
        }

    # ------------------------------------------------------------------ jobs

    def _upload(self, path: Path, purpose: str, content_type: str) -> str:
        return upload_file(
            self._api, path, lambda _: None, purpose=purpose, content_type=content_type
        ).upload_id

    def _run(self, kind: str, **params: Any) -> dict[str, Any]:
        """A job of this kind from its order to its end."""
        order = {"kind": kind, "params": params}
        job = self._api.post("/api/v1/jobs", order, idempotency_key=str(uuid.uuid4()))
        return self._succeeded(self._followed(job))

    def _followed(self, job: dict[str, Any]) -> dict[str, Any]:
        follower = Follower(self._api, job)
        with self._story.job(quiet=True) as show:
            for sight in follower.sights(within_seconds=_PATIENCE_SECONDS):
                show(sight)
        return follower.job

    @staticmethod
    def _succeeded(job: dict[str, Any]) -> dict[str, Any]:
        must_have_succeeded(job)
        return job

    def _bytes_of(self, job: dict[str, Any], name: str) -> int:
        (artifact,) = (one for one in job["artifacts"] if one["name"] == name)
        answer = httpx.get(artifact["url"], timeout=30.0)
        if not answer.is_success or not answer.content.startswith(b"%PDF-"):
            raise DemoError(f"{name} of the job {job['id']} is no PDF")
        return len(answer.content)


def must_have_succeeded(job: dict[str, Any]) -> None:
    """DemoError with the job's own reason where it did not."""
    if job["state"] == "succeeded":
        return
    error = job.get("error") or {}
    text = (error.get("message") or {}).get("en", "no reason was given")
    raise DemoError(
        f"The job {job['id']} ({job['kind']}) is {job['state']}: "
        f"{error.get('code', 'no code')}: {text} Look at w-{job['queue']}.log"
    )
