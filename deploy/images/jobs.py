"""Real work for every worker image, over REST, as any client would send it."""

from __future__ import annotations

import difflib
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont

from deploy.images.table import ROOT
from deploy.local.demo_api import Api, DemoError
from deploy.local.demo_follow import Follower
from deploy.local.demo_play import find_ffmpeg
from deploy.local.demo_upload import upload_file

_PATIENCE_SECONDS: Final = 600.0
_FONT: Final = ROOT / "academy" / "documents" / "fonts" / "NanumGothic.ttf"
_LINES: Final = ("다음 글을 읽고 물음에 답하시오", "삼각형의 세 변의 길이를 구하시오")
_ALIKE: Final = 0.9
_PROBLEMS: Final = (
    "이차방정식 x² - 5x + 6 = 0의 두 근의 합을 구하시오.",
    "등차수열의 첫째항이 3이고 공차가 4일 때 제10항을 구하시오.",
    "한 개의 주사위를 던질 때 소수의 눈이 나올 확률을 구하시오.",
)


class JobsError(DemoError):
    """A job ended otherwise than it should; the text says how."""


def run(api: Api, kind: str, **params: Any) -> dict[str, Any]:
    """A job from its order to its end, which must be success. Raises DemoError."""
    order = {"kind": kind, "params": params}
    job = api.post("/api/v1/jobs", order, idempotency_key=str(uuid.uuid4()))
    follower = Follower(api, job)
    for _ in follower.sights(within_seconds=_PATIENCE_SECONDS):
        pass
    ended = follower.job
    if ended["state"] != "succeeded":
        raise JobsError(f"{kind} is {ended['state']}: {ended.get('error')}")
    return ended


def lecture(api: Api, folder: Path) -> str:
    """Encode a lecture of four seconds (queue video)."""
    source = clip(folder / "lecture.mp4", seconds=4)
    upload = upload_file(api, source, _quietly)
    job = run(api, "video.transcode", upload=upload.upload_id, title="A lecture")
    (video,) = (
        one for one in api.get("/api/v1/videos?state=ready")["items"] if one["job"] == job["id"]
    )
    playback = api.get(f"/api/v1/videos/{video['id']}")["playback"]
    if not playback["master_url"]:
        raise JobsError("The lecture is ready and cannot be played")
    return "video.transcode: 4 s of film, ready to play"


def clip(target: Path, *, seconds: int) -> Path:
    """A film with a moving picture and a tone."""
    subprocess.run(
        [
            *(find_ffmpeg(), "-v", "error", "-y"),
            *("-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=30:duration={seconds}"),
            *("-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
            *("-c:a", "aac", "-shortest", str(target)),
        ],
        check=True,
        timeout=300,
    )
    return target


def reading(api: Api, folder: Path) -> str:
    """Read Korean from a picture (queue ai-lite): the recogniser and its language data."""
    picture = Image.new("L", (1240, 1754), 255)  # a page of 150 dots an inch
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(str(_FONT), 44)
    for index, line in enumerate(_LINES):
        draw.text((80, 90 + 110 * index), line, fill=0, font=font)
    path = folder / "page.png"
    picture.save(path)
    upload = upload_file(api, path, _quietly, purpose="image", content_type="image/png")
    job = run(api, "ai.ocr_text", upload=upload.upload_id)
    lines = [line["text"] for page in job["result"]["result"]["pages"] for line in page["lines"]]
    alike = difflib.SequenceMatcher(None, "".join(_LINES), "".join(lines)).ratio()
    if alike < _ALIKE:
        raise JobsError(f"ai.ocr_text read {lines}")
    return f"ai.ocr_text: {alike:.0%} of the characters, {job['result']['engine']}"


def variants(api: Api, _folder: Path) -> str:
    """Draw and prove problems, with a worksheet as PDF (queue ai-basic)."""
    wanted = [{"template": "quadratic-equation", "count": 3}]
    job = run(api, "ai.problem_variants", problems=wanted, worksheet=True, title="Check")
    told = job["result"]["result"]
    if len(told["items"]) != 3 or not any(
        artifact["name"] == "worksheet.pdf" for artifact in job["artifacts"]
    ):
        raise JobsError(f"ai.problem_variants made {len(told['items'])} of 3 problems")
    return "ai.problem_variants: 3 proved, and a worksheet"


def index(api: Api, _folder: Path) -> str:
    """Encode problems with the text model that is in the image (queue ai-premium)."""
    order = {"title": "Check", "origin": "textbook"}
    collection = api.post("/api/v1/problem-collections", order)["id"]
    problems = [{"number": str(n), "text": text} for n, text in enumerate(_PROBLEMS, start=1)]
    api.post(f"/api/v1/problem-collections/{collection}/problems", {"problems": problems})
    result = run(api, "ai.embedding_index", collection=collection)["result"]
    return f"ai.embedding_index: {result['model']['name']} on {result['device']}"


def search(api: Api, _folder: Path) -> str:
    """Find a problem by its meaning (queue ai-basic, after `index`): torch on a CPU tier."""
    result = run(api, "ai.matchup_search", text=_PROBLEMS[1], top_k=1)["result"]
    (question,) = result["result"]["questions"]
    if [hit["number"] for hit in question["hits"]] != ["2"]:
        raise JobsError(f"ai.matchup_search found {question['hits']}")
    return f"ai.matchup_search: found, on {result['device']}"


def message(api: Api, _folder: Path) -> str:
    """Send a message to nobody's phone through the console provider (queue messaging)."""
    api.patch("/api/v1/messaging/policy", {"sender": "0200000000", "sender_name": "Check"})
    order = {
        "title": "Check",
        "text": {"body": "휴원합니다."},
        "to": {"phones": [{"phone": "01000000000"}]},
    }
    shown = api.post("/api/v1/messages/preview", order)
    path = f"/api/v1/campaigns/{shown['campaign']['id']}"
    confirmation = {"token": shown["token"]}
    api.post("/api/v1/messages", confirmation, idempotency_key=str(uuid.uuid4()))
    api.until(path, lambda now: now["state"] == "done", _PATIENCE_SECONDS)
    states = [one["state"] for one in api.get(f"{path}/messages")["items"]]
    if states != ["delivered"]:
        raise JobsError(f"The message is {states}")
    return "messages.send: one, delivered by the console provider"


def ping(api: Api, queue: str) -> str:
    """The way through API, database, relay, queue, worker and object store, and nothing else."""
    run(api, f"system.ping.{queue}", store=True)
    return f"system.ping.{queue}"


#: For each queue what is asked of its image, in an order in which it works.
ORDERS: Final[tuple[tuple[str, Callable[[Api, Path], str]], ...]] = (
    ("video", lecture),
    ("ai-lite", reading),
    ("ai-basic", variants),
    ("ai-premium", index),
    ("ai-basic", search),
    ("messaging", message),
)


def _quietly(_bytes: int) -> None:
    """Nobody watches the transfer."""
