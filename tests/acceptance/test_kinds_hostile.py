"""Files that were made to hurt, in every kind that opens an upload: each is refused by its code or
read as far as it goes, by workers whose processes outlive all of them.

`docs/explanation/hostile-files.md` says how; the files are those of `tests.support.hostile_files`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from academy.core.catalogue import CATALOGUE
from academy.core.storage import Bucket, store
from academy.jobs import kinds
from academy.jobs.models import Job, JobAttempt
from academy.sheets.layout import Layout, Section
from tests.support import answer_sheets, hostile_files, invariants, sheets
from tests.support.hostile_files import DOCUMENTS, FILMS, SOUNDS, TABLES, Make
from tests.support.kind_orders import answering
from tests.support.language_double import LanguageDouble, serving
from tests.support.processes import Process
from tests.support.stories import Scene, no_torch, no_voice_model
from tests.support.world import World

QUEUES = ("video", "ai-lite", "ai-basic", "ai-premium")
SECONDS = 480.0
DOCS = Path(__file__).resolve().parents[2] / "docs/explanation/hostile-files.md"
OK = "succeeded"
BOX = {"page": 1, "x": 0.1, "y": 0.1, "w": 0.2, "h": 0.1}
_LOGO = Layout(
    title="쪽지시험", identifier_digits=4, columns=1, sections=(Section(count=4),), logo=True
)  # fmt: skip
_TYPES = {
    ".pdf": ("pdf", "application/pdf"), ".png": ("image", "image/png"),
    ".tif": ("image", "image/tiff"), ".xlsx": ("spreadsheet", "text/csv"),
    ".wav": ("audio", "audio/wav"), ".mp4": ("video", "video/mp4"),
}  # fmt: skip

#: What becomes of each file; a bar stands between outcomes that both are right, where a host may
#: lack the recogniser's data or has another ffmpeg.
OF_DOCUMENTS = {
    "nothing": "document_changed",
    "text as a PDF": "document_unreadable",
    "text as a picture": "document_unreadable",
    "a shortened PDF": "document_unreadable",
    "a shortened picture": "document_page_damaged",
    "a PDF with turned bits": "document_unreadable",
    "a picture with turned bits": "document_page_damaged",
    "a bomb of pixels": "document_too_many_pixels",
    "a picture that inflates": OK,
    "a PDF that inflates": OK,
    "ten thousand pages": "document_too_many_pages",
    "pages in a circle": "document_unreadable",
    "forms in a circle": OK,
    "an endless page": "document_too_heavy",
    "a locked PDF": "document_locked",
    "a polyglot": OK,
    "too many frames": "document_too_many_pages",
}
OF_TABLES = {
    "nothing": "document_changed",
    "text as a workbook": "roster_header_not_found",
    "a shortened workbook": "table_damaged",
    "a workbook with turned bits": "table_damaged",
    "a zip bomb": "table_zip_bomb",
    "an entity bomb": "table_unsafe_xml",
    "an entity of the host": "table_unsafe_xml",
    "a far cell": OK,
    "a PDF as a workbook": "table_format",
}
OF_SOUNDS = {
    "nothing": "video_source_changed",
    "text as a recording": "video_not_media",
    "a shortened recording": OK,
    "a recording with turned bits": OK,
    "a head that lies": OK,
    "twelve hours claimed": OK,
    "64 channels": "speech_layout_unsupported",
    "a playlist of the host": "video_not_media",
}
OF_FILMS = {
    "nothing": "video_source_changed",
    "text as a film": "video_not_media",
    "a shortened film": "video_damaged",
    "a film with turned bits": "video_no_streams|video_damaged",
    "twelve hours": "video_too_long",
    "a playlist of the host": "video_not_media",
    "a list of the host": "video_not_media",
    "a box around nothing": "video_damaged",
    "a picture as a film": "video_not_media",
}


@dataclass(frozen=True)
class Reader:
    """A kind that opens uploads: how it is asked, and what becomes of each file."""

    files: Mapping[str, tuple[str, Make]]
    outcomes: Mapping[str, str]
    params: Callable[[Scene, str], dict[str, Any]] = lambda _scene, upload: {"upload": upload}
    bucket: Bucket = Bucket.AI
    missing: Callable[[], str | None] = lambda: None


def _of_list(_scene: Scene, upload: str) -> dict[str, Any]:
    return {"upload": upload, "dry_run": False}


def _of_logo(scene: Scene, upload: str) -> dict[str, Any]:
    return {"design": str(answer_sheets.design(scene.tenant, _LOGO).pk), "logo": upload}


def _of_exam(scene: Scene, upload: str) -> dict[str, Any]:
    return {"exam": str(answer_sheets.exam(scene.tenant).pk), "uploads": [upload]}


_PICTURES = {name: made for name, made in DOCUMENTS.items() if made[0] != "a.pdf"}
_READABLE = f"{OK}|ocr_not_installed"
_NONE_FOUND = "questions_not_found"
_LEFT_OUT = "page unreadable"

READERS: Mapping[str, Reader] = {
    "ai.ocr_text": Reader(DOCUMENTS, OF_DOCUMENTS | {
        "a picture that inflates": _READABLE, "forms in a circle": _READABLE,
    }),
    "ai.question_segmentation": Reader(DOCUMENTS, OF_DOCUMENTS | {
        "a picture that inflates": _NONE_FOUND, "a PDF that inflates": _NONE_FOUND,
        "forms in a circle": _NONE_FOUND,
    }),
    "ai.short_answer_digits": Reader(
        DOCUMENTS, OF_DOCUMENTS, lambda _scene, upload: {"upload": upload, "boxes": [BOX]},
        missing=no_torch,
    ),
    "ai.wrong_note_pdf": Reader(
        DOCUMENTS, OF_DOCUMENTS, lambda _scene, upload: {"questions": [{"upload": upload}]}
    ),
    "sheets.read": Reader(DOCUMENTS, OF_DOCUMENTS | dict.fromkeys((
        "a shortened picture", "a picture with turned bits", "a bomb of pixels",
        "a picture that inflates", "a PDF that inflates", "forms in a circle", "an endless page",
        "a polyglot",
    ), _LEFT_OUT), _of_exam),
    "sheets.make": Reader(
        _PICTURES,
        dict.fromkeys(_PICTURES, "sheet_logo_unreadable") | {"a picture that inflates": OK},
        _of_logo,
    ),
    "roster.import": Reader(TABLES, OF_TABLES, _of_list, Bucket.EXCEL),
    # Each line of a letter is a row without a phone, and is told as one.
    "messages.opt_outs.import": Reader(
        TABLES, OF_TABLES | {"text as a workbook": OK}, _of_list, Bucket.EXCEL
    ),
    "tables.export": Reader(
        TABLES, OF_TABLES | {"text as a workbook": "tables_columns_missing"},
        lambda _scene, upload: {
            "upload": upload, "columns": [{"title": "이름", "holds": "text"}],
        },
        Bucket.EXCEL,
    ),
    "ai.speech_segments": Reader(SOUNDS, OF_SOUNDS, missing=no_voice_model),
    "ai.transcription": Reader(SOUNDS, OF_SOUNDS),
    "video.transcode": Reader(
        FILMS, OF_FILMS, lambda _scene, upload: {"upload": upload, "title": "1강"}, Bucket.VIDEO
    ),
    "ai.homework_video": Reader(
        FILMS, OF_FILMS | {"nothing": "document_changed"}, bucket=Bucket.VIDEO
    ),
}  # fmt: skip
CASES = [(kind, name) for kind, reader in READERS.items() for name in reader.files]


@dataclass
class Met:
    """Every hostile job at its end, a sound one of each queue after them, and the workers."""

    jobs: dict[tuple[str, str], Job] = field(default_factory=dict)
    sound: list[Job] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)
    before: dict[str, set[int]] = field(default_factory=dict)
    after: dict[str, set[int]] = field(default_factory=dict)

    def processes(self) -> dict[str, set[int]]:
        """The processes of each worker's pool, without the confined children of the moment."""
        return {
            worker.name: {
                child.pid
                for child in psutil.Process(worker.pid).children()
                if "celery" in " ".join(child.cmdline())
            }
            for worker in self.workers
        }


class _Files:
    """Each file is made once, and uploaded for every kind that opens it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, Make], Path] = {}

    def path(self, name: str, make: Make) -> Path:
        if (name, make) not in self._made:
            folder = self._folder / str(len(self._made))
            folder.mkdir()
            self._made[name, make] = make(folder / name)
        return self._made[name, make]

    def uploaded(self, scene: Scene, bucket: Bucket, name: str, make: Make) -> str:
        path = self.path(name, make)
        purpose, content_type = _TYPES[path.suffix]
        upload = sheets.uploaded(
            scene.tenant, path, bucket=bucket.value, purpose=purpose, content_type=content_type,
            # No row says that it has nothing; the object of one may.
            size=max(1, path.stat().st_size),
        )  # fmt: skip
        store(bucket).put_file(upload.key, path, content_type)
        return str(upload.pk)


@pytest.fixture(scope="module")
def met(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Met]:
    folder = tmp_path_factory.mktemp("hostile")
    files, found = _Files(folder), Met()
    with serving(LanguageDouble()) as double, pytest.MonkeyPatch.context() as patch:
        double.answers(answering)
        patch.setattr("django.conf.settings.LANGUAGE", double.language())
        environ = {**double.environ(), "JOB_LEASE_SECONDS": "20", "MODEL_WARM_START": "0"}
        found.workers = [world.worker(queue, **environ) for queue in QUEUES]
        for kind, reader in READERS.items():
            if reader.missing() is not None:
                continue
            scene = Scene(world.tenant(), folder)
            for name, (file, make) in reader.files.items():
                upload = files.uploaded(scene, reader.bucket, file, make)
                found.jobs[kind, name] = scene.order(kind, **reader.params(scene, upload))
        for worker in found.workers:
            worker.said(" ready.", 120)
        found.before = found.processes()
        world.relay()
        world.end(*found.jobs.values(), seconds=SECONDS)
        found.sound = _sound(Scene(world.tenant(), folder), files)
        world.end(*found.sound, seconds=120)
        found.after = found.processes()
        yield found


def _sound(scene: Scene, files: _Files) -> list[Job]:
    """A job of each queue with a file that is what it says."""
    table = files.uploaded(scene, Bucket.EXCEL, "a.xlsx", hostile_files.xlsx)
    paper = files.uploaded(scene, Bucket.AI, "a.pdf", hostile_files.pdf)
    film = files.uploaded(scene, Bucket.VIDEO, "a.mp4", hostile_files.clip)
    jobs = [
        scene.order("roster.import", upload=table, dry_run=False),
        scene.order("ai.question_segmentation", upload=paper),
        scene.order("video.transcode", upload=film, title="1강"),
    ]
    if no_torch() is None:
        jobs.append(scene.order("ai.short_answer_digits", upload=paper, boxes=[BOX]))
    return jobs


def outcome(job: Job) -> str:
    """The code of a refusal, or what was made of the file."""
    if job.state != "succeeded":
        return job.error_code or job.state
    assert job.result is not None
    return _LEFT_OUT if job.result.get("result", job.result).get("unreadable") else OK


def documented(name: str, wanted: str) -> str:
    """The file's line in the explanation."""
    said = ("read" if one == OK else f"`{one}`" for one in wanted.split("|"))
    return f"| {name} | {' or '.join(said)} |"


def test_the_explanation_lists_every_file_and_its_end() -> None:
    told = DOCS.read_text(encoding="utf-8").splitlines()
    for outcomes in (OF_DOCUMENTS, OF_TABLES, OF_SOUNDS, OF_FILMS):
        assert not {documented(*one) for one in outcomes.items()} - set(told)


@pytest.mark.timeout(600)  # the first to ask for the jobs waits for all of them
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_hostile_file_has_its_own_end(met: Met, kind: str, name: str) -> None:
    reader = READERS[kind]
    if (reason := reader.missing()) is not None:
        pytest.skip(reason)
    job = met.jobs[kind, name]
    found = outcome(job)
    assert found in reader.outcomes[name].split("|"), (job.state, job.error_code, job.error_params)
    assert job.state in {"succeeded", "failed"}
    if job.state == "failed":
        assert job.error_code in CATALOGUE
        assert not CATALOGUE[job.error_code].retryable


def test_no_hostile_file_is_tried_again_or_ends_a_job_by_mistake(met: Met) -> None:
    ids = [job.pk for job in met.jobs.values()]
    family = Job.unscoped.filter(pk__in=ids) | Job.unscoped.filter(parent__in=ids)
    bad = {"lost", "transient", "poison"}
    attempts = JobAttempt.objects.filter(job__in=family, outcome__in=bad)
    assert [(one.job.kind, one.outcome, one.job.error_code) for one in attempts] == []
    codes = set(family.values_list("error_code", flat=True))
    assert not codes & {"handler_error", "document_reader_killed", "retries_exhausted"}


def test_the_same_processes_then_do_sound_work(met: Met) -> None:
    assert met.before == met.after
    assert all(len(found) >= 1 for found in met.before.values())
    assert [(job.kind, job.state, job.attempt) for job in met.sound] == [
        (job.kind, "succeeded", 1) for job in met.sound
    ]
    holders = JobAttempt.objects.filter(job__in=met.sound).values_list("worker", flat=True)
    pids = {int(worker.rpartition("/")[2]) for worker in holders}
    assert pids <= {pid for found in met.before.values() for pid in found}


def test_every_row_and_log_is_sound(met: Met) -> None:
    assert invariants.finally_(Job.unscoped.values_list("pk", flat=True)) == []


def test_every_kind_that_takes_an_upload_is_among_the_readers() -> None:
    taking = {
        spec.name
        for spec in kinds.all_kinds()
        if not spec.internal
        and not spec.name.startswith("test.")
        and "purpose `" in str(spec.params.model_json_schema())
    }
    assert taking == set(READERS)
