"""A small order of every kind of job, told as stories: what one job made the next one takes.

A story runs for a tenant of its own. It yields jobs, is handed control back when they have
succeeded, and asserts what they left: every row once. ``kills`` says in which kinds, internal ones
too, a worker is killed and when; see `tests.support.killing`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from academy.ai.language.models import Call, CallState
from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.jobs.submit import Submitter
from academy.messaging import credit
from academy.messaging.models import Batch, LocalGroup, Message, OptOut
from academy.problems.models import LoosePicture, Problem, ProblemVector
from academy.roster.models import Student
from academy.sheets.fields import IdentifyBy
from academy.sheets.grading import AnswerKey, KeyItem
from academy.sheets.layout import Layout, Section
from academy.sheets.models import ReadPages, Scan, SheetNetwork
from academy.sheets.services import exam_create, scan_settle
from academy.sheets.synthetic.captures import Capture, capture
from academy.sheets.synthetic.marks import Mark, Pen
from academy.sheets.synthetic.prints import print_and_fill
from academy.sheets.synthetic.streams import Stream, rng_of
from academy.sheets.synthetic.students import Filled, Placed
from academy.uploads.models import Upload
from academy.video import deletion, mp4
from academy.video.models import Video, VideoPiece
from tests.support import answer_sheets, documents, media, problems, sheets, short_answers
from tests.support import messages as campaigns
from tests.support import speech as recordings
from tests.support.killing import EFFECT, HANDLED, SETTLING
from tests.support.language_double import Asked, Plan
from tests.support.stories import Scene, Story, Telling, kills, no_torch, no_voice_model, same

# ---------------------------------------------------------------------------- answer sheets

_LAYOUT = Layout(
    title="쪽지시험", identifier_digits=4, columns=2, sections=(Section(count=40),)
)  # fmt: skip
_TAILS = ("1234", "5678")
_DPI = 150


def _hard_sheet(tail: str, seed: int) -> Image.Image:
    """A page on which every mark was rubbed out again: doubtful, and blank in truth."""
    placed = [Placed(f"id.{place}", int(digit), Mark.FULL) for place, digit in enumerate(tail)]
    placed += [Placed(f"q{n}", (n + seed) % 5 + 1, Mark.ERASED) for n in range(1, 41)]
    rng = rng_of(Stream.GATE, 900, seed)
    pen = Pen(0.95, 1.1, (25, 22, 22), 0.0)
    paper = print_and_fill(_LAYOUT, 1, Filled(pen, tuple(placed), {}, {}), _DPI, rng)
    return Image.open(io.BytesIO(capture(paper, Capture.CLEAN_SCAN, rng))).convert("L")


def _answer_sheets(scene: Scene) -> Telling:
    tenant = scene.tenant
    design = answer_sheets.design(tenant, _LAYOUT)
    key = AnswerKey(items=tuple(KeyItem(answers=(1,), points=1) for _ in range(40)))
    exam = exam_create(
        tenant=tenant, by="test", design_id=design.pk, title="3월",
        identify_by=IdentifyBy.PARENT_PHONE, key=key,
    )  # fmt: skip
    for tail in _TAILS:
        answer_sheets.student(tenant, tail)
    first, *rest = [_hard_sheet(tail, seed) for seed, tail in enumerate(_TAILS, 1)]
    box = scene.folder / "box.pdf"
    first.save(box, save_all=True, append_images=rest, resolution=_DPI)
    upload = answer_sheets.uploaded(tenant, box)
    made = scene.order("sheets.make", design=str(design.pk))
    read = scene.order("sheets.read", exam=str(exam.pk), uploads=[str(upload.pk)])
    yield [made, read]
    same([one["name"] for one in made.artifacts], ["sheet.pdf", "layout.json"])
    same([scan.index for scan in _scans(scene)], [1, 2])
    same({scan.student_id is None for scan in _scans(scene)}, {False})
    same(scene.count(ReadPages), 0)
    table = scene.order("sheets.export", exam=str(exam.pk))
    book = scene.order("sheets.gradebook", exams=[str(exam.pk)])
    yield [table, book]
    same(book.result["result"]["students"], len(_TAILS))
    same(table.result["result"]["rows"], len(_TAILS))


def _second_readings(scene: Scene) -> Telling:
    """Of what `_answer_sheets` left, by the premium kinds."""
    review = scene.order("sheets.review", exam=str(_scans(scene)[0].exam_id))
    yield [review]
    same([len(scan.reviews) for scan in _scans(scene)], [1, 1])
    for scan in _scans(scene):
        doubted = [one["question"] for one in scan.reading["answers"] if one["crop"] is not None]
        answers: dict[int, Sequence[int] | None] = {question: [] for question in doubted}
        scan_settle(tenant=scene.tenant, by="test", scan_id=scan.pk, answers=answers)
    train = scene.order("sheets.train", sheets=10, epochs=1, holdout=1)
    yield [train]
    same(
        [row.sha256 for row in SheetNetwork.objects.for_tenant(scene.tenant)],
        [train.result["result"]["sha256"]],
    )


def _scans(scene: Scene) -> list[Scan]:
    return list(Scan.objects.for_tenant(scene.tenant).order_by("index"))


# ---------------------------------------------------------------------------- documents

_LINES = tuple(f"{n}. 다음 중 옳은 것을 고르시오." for n in (1, 2, 3))
_BOX = [40, 60, 400, 300]


def _test_paper(scene: Scene) -> Upload:
    path = documents.pdf(scene.folder / "paper.pdf", documents.written(*_LINES))
    return documents.uploaded(scene.tenant, path)


def _divided_test(scene: Scene) -> Telling:
    upload = str(_test_paper(scene).pk)
    own = problems.collection(scene.tenant)
    exam = answer_sheets.exam(scene.tenant)
    student = answer_sheets.student(scene.tenant, "1234")
    sheet = answer_sheets.pdf(scene.folder / "sheet.pdf", [("1234", [1, 3, 3, 4])])
    divided = scene.order("ai.question_segmentation", upload=upload)
    graded = answer_sheets.submitted(
        scene.tenant, exam, answer_sheets.uploaded(scene.tenant, sheet)
    )
    yield [divided, graded]
    same([one["n"] for one in divided.result["result"]["questions"]], [1, 2, 3])
    taken = scene.order("ai.problem_import", collection=str(own.pk), job=str(divided.pk))
    piece = {"name": "question-001.png", "parts": [[1, _BOX]]}
    look = scene.internal("ai.question_look", upload=upload, first_page=1, last_page=1)
    cut = scene.internal("ai.question_cut", upload=upload, pieces=[piece])
    recut = scene.internal("ai.question_recut", upload=upload, pieces=[piece])
    notes = scene.order(
        "sheets.wrong_note_pdf", exam=str(exam.pk), student=str(student.pk), test=str(divided.pk)
    )
    yield [taken, look, cut, recut, notes]
    same(notes.result["result"]["questions"], 1)
    same(taken.result["result"]["added"], 3)
    same(scene.count(Problem, source_job=divided.pk), 3)
    for problem in Problem.objects.for_tenant(scene.tenant):
        same(store(Bucket.AI).read(problem.picture, 0, 4), b"\x89PNG")
    # What the first attempt had copied is written down, and goes with the sweep of loose pictures.
    same(scene.count(LoosePicture), 3)


def _matched_up(scene: Scene) -> Telling:
    own = problems.collection(scene.tenant)
    problems.added(scene.tenant, own, ["두 수의 합을 구하시오.", "임진왜란의 결과를 쓰시오."])
    index = scene.order("ai.embedding_index", collection=str(own.pk))
    yield [index]
    same(index.result["result"]["rows"], 2)
    more = problems.added(scene.tenant, own, ["가속도를 구하시오.", "소금물의 농도는?"])
    ids = sorted(one.pk for one in more)
    part = scene.internal(
        "ai.embedding_part", collection=str(own.pk), first=str(ids[0]), last=str(ids[-1])
    )
    yield [part]
    same(scene.count(ProblemVector), 4)
    found = scene.order("ai.matchup_search", text="소금물의 농도를 구하시오.")
    yield [found]
    same(found.result["result"]["compared"], 4)


def _read_by_eye(scene: Scene) -> Telling:
    upload = str(_test_paper(scene).pk)
    whole = scene.order("ai.ocr_text", upload=upload)
    pages = scene.internal(
        "ai.ocr_pages", upload=upload, first_page=1, last_page=1, force_ocr=False, overlay=False
    )
    yield [whole, pages]
    same([job.result["result"]["line_count"] for job in (whole, pages)], [3, 3])


def _short_answers(scene: Scene) -> Telling:
    page = short_answers.sheet(("12", "7"))
    upload = str(
        documents.uploaded(scene.tenant, short_answers.png(scene.folder / "a.png", page)).pk
    )
    boxes = short_answers.fractions_of(2)
    whole = scene.order("ai.short_answer_digits", upload=upload, boxes=boxes)
    pages = scene.internal(
        "ai.short_answer_pages", upload=upload, boxes=boxes, origin=1, first_page=1, last_page=1
    )
    yield [whole, pages]
    for job in (whole, pages):
        same(job.result["result"]["count"], 2)


def _exercises(scene: Scene) -> Telling:
    missed = [{"upload": str(_test_paper(scene).pk), "page": 1, "bbox": _BOX}]
    notes = scene.order("ai.wrong_note_pdf", questions=missed)
    variants = scene.order(
        "ai.problem_variants", problems=[{"template": "factoring", "count": 2}], worksheet=True,
        seed=7,
    )  # fmt: skip
    yield [notes, variants]
    same([len(job.artifacts) for job in (notes, variants)], [1, 1])


# ---------------------------------------------------------------------------- sound and pictures

LESSON_SECONDS = 130
"""Just long enough to be encoded in pieces."""


def _lesson(scene: Scene) -> Telling:
    source = media.clip(
        scene.folder / "lesson.mp4", size="128x72", rate="5", seconds=LESSON_SECONDS,
        extra=("-g", "1000", "-keyint_min", "1000", "-sc_threshold", "0"),
    )  # fmt: skip
    upload = scene.uploaded(source, Bucket.VIDEO, "video", "video/mp4")
    job = scene.order("video.transcode", upload=str(upload.pk), title="1강")
    yield [job]
    video = Video.objects.for_tenant(scene.tenant).get(job=job)
    same((video.state.value, video.manifest["frames"]), ("ready", LESSON_SECONDS * 5))
    same(scene.count(VideoPiece), Job.objects.for_tenant(scene.tenant).filter(parent=job).count())
    made = mp4.download_request(by=Submitter(scene.tenant, "test"), video_id=video.pk).job
    yield [made]
    video.refresh_from_db()
    file = store(Bucket.VIDEO).head(video.output_prefix + mp4.object_name(video.manifest))
    same(file and file.size, video.download_size)
    deletion.video_delete(tenant=scene.tenant, video_id=video.pk, by="test")
    deletion.video_purge(tenant=scene.tenant, video_id=video.pk)
    yield [scene.only("video.delete")]
    same(list(store(Bucket.VIDEO).keys(f"t/{scene.tenant.pk}/")), [])
    same(scene.count(VideoPiece), 0)


def _workbook(scene: Scene) -> Telling:
    from tests.support import workbook  # noqa: PLC0415 - needs the encoder's wheel only here

    clip = workbook.Clip(order=(0, 1), answers=(2, 7), seed=32)
    path = workbook.make(scene.folder / "workbook.mp4", clip)
    upload = scene.uploaded(path, Bucket.VIDEO, "video", "video/mp4")
    job = scene.order("ai.homework_video", upload=str(upload.pk))
    yield [job]
    same(job.result["result"]["count"], 2)


def _recording(scene: Scene) -> Upload:
    path = recordings.wav(scene.folder / "talk.wav", recordings.music(8))
    return scene.uploaded(path, Bucket.AI, "audio", "audio/wav")


def _heard(scene: Scene) -> Telling:
    job = scene.order("ai.speech_segments", upload=str(_recording(scene).pk))
    yield [job]
    same({one["name"] for one in job.artifacts}, {"segments.json", "timeline.png"})


# ---------------------------------------------------------------------------- language models


def answering(asked: Asked) -> Plan:
    """What the double of a language model says to the orders of this file."""
    if asked.file:
        return Plan([{"start": 0.5, "end": 2.0, "text": "들립니다", "avg_logprob": -0.1}])
    if "check" in str(asked.fields):
        works = {"equations": [], "unknowns": [], "asked": "5 + 7"}
        choices = ["10", "11", "12", "13", "14"]
        return Plan(
            {"items": [{"body": "5와 7의 합은?", "choices": choices, "answer": 3, "check": works}]}
        )
    return Plan({"steps": ["더합니다."], "answer": "3", "choice": None})


def _language(scene: Scene) -> Telling:
    explained = scene.order("ai.explanations", questions=[{"body": "1 + 2는?", "answer": "3"}])
    problem = scene.order("ai.problem_generation", topic="덧셈", level="초3", count=1)
    heard = scene.order("ai.transcription", upload=str(_recording(scene).pk), language="ko")
    yield [explained, problem, heard]
    same(explained.result["result"]["explained"], 1)
    same(problem.result["result"]["made"], 1)
    same(heard.result["result"]["segments"], 1)
    for job in (explained, problem, scene.only("ai.transcription_part")):
        # The call of the attempt that died counts in full, for nobody knows what became of it.
        calls = Call.objects.for_tenant(scene.tenant).filter(job=job).order_by("created_at", "id")
        same([one.state for one in calls], [CallState.LOST, CallState.SETTLED])


# ---------------------------------------------------------------------------- tables and messages


def _tables(scene: Scene) -> Telling:
    rows = [sheets.student(number) for number in range(30)]
    listed = sheets.xlsx(scene.folder / "students.xlsx", [sheets.HEADING, *rows])
    refused = [["휴대전화"], *([f"010-0000-{number:04}"] for number in range(20))]
    phones = sheets.xlsx(scene.folder / "phones.xlsx", refused)
    imported, noted, table = (
        scene.order(
            "roster.import", upload=str(sheets.uploaded(scene.tenant, listed).pk), dry_run=False
        ),
        scene.order(
            "messages.opt_outs.import", upload=str(sheets.uploaded(scene.tenant, phones).pk),
            dry_run=False,
        ),
        scene.order("tables.export", columns=[{"title": "글", "holds": "text"}], rows=[["가"]]),
    )  # fmt: skip
    yield [imported, noted, table]
    same((scene.count(Student), scene.count(OptOut)), (30, 20))
    same(imported.result["result"]["created"], 30)
    same(noted.result["result"]["added"], 20)
    exported = scene.order("roster.export")
    yield [exported]
    same(exported.result["result"]["rows"], 30)


_MESSAGES = 5


def _campaign(scene: Scene) -> Telling:
    tenant = scene.tenant
    campaigns.make_campaign(tenant, _MESSAGES)
    yield [scene.only("messages.send")]
    same(scene.count(Message, state="delivered"), _MESSAGES)
    _sent_once(scene)
    batch = Batch.objects.for_tenant(tenant).get()
    # As a worker leaves it that never had the provider's answer.
    Batch.objects.for_tenant(tenant).filter(pk=batch.pk).update(state="unknown")
    yield [scene.internal("messages.resolve", batch=str(batch.pk))]
    batch.refresh_from_db()
    same(batch.state, "sent")
    yield [scene.internal("messages.report", batch=str(batch.pk))]
    yield [scene.internal("messages.opt_outs.fetch")]
    yield [scene.order("system.ping.messaging", store=True)]
    _sent_once(scene)


def _sent_once(scene: Scene) -> None:
    """At the provider, and in the book of credits."""
    sent: list[str] = []
    for group in LocalGroup.objects.filter(sent_at__isnull=False):
        sent += group.statuses
    own = {
        str(one) for one in Message.objects.for_tenant(scene.tenant).values_list("pk", flat=True)
    }
    same(sorted(key for key in sent if key in own), sorted(own))
    same(credit.imbalance(scene.tenant.pk), (0, 0))
    same(credit.balance(scene.tenant.pk), (0, 0))


def _pings(scene: Scene) -> Telling:
    queues = ("video", "ai-lite", "ai-basic", "ai-premium")
    jobs = [scene.order(f"system.ping.{queue}", store=True) for queue in queues]
    yield jobs
    same({job.result["attempt"] for job in jobs}, {2})


STORIES = (
    Story("answer sheets", {
        "sheets.make": EFFECT, "sheets.read": HANDLED, "sheets.pages": "sheets.read",
        "sheets.export": SETTLING, "sheets.gradebook": EFFECT,
    }, _answer_sheets),
    Story("second readings", {
        "sheets.review": HANDLED, "sheets.review_pages": EFFECT, "sheets.train": EFFECT,
    }, _second_readings, no_torch, after="answer sheets"),
    Story("lesson", {
        "video.transcode": "video.planned", "video.piece": "piece.stored", "video.mp4": EFFECT,
        "video.delete": EFFECT,
    }, _lesson),
    Story("divided test", kills(
        EFFECT, "ai.question_segmentation", "ai.question_look", "ai.question_cut",
        "ai.question_recut", "sheets.wrong_note_pdf",
    ) | {"ai.problem_import": "problems.import"}, _divided_test),
    Story("matched up", {
        "ai.embedding_index": "matchup.encoded", "ai.embedding_part": "matchup.encoded",
        "ai.matchup_search": EFFECT,
    }, _matched_up, no_torch),
    Story("short answers", kills(EFFECT, "ai.short_answer_digits", "ai.short_answer_pages"),
          _short_answers, no_torch),
    Story("campaign", {
        "messages.send": HANDLED, "messages.batch": "messages.answered",
        "messages.resolve": EFFECT, "messages.report": HANDLED,
        "messages.opt_outs.fetch": HANDLED, "system.ping.messaging": EFFECT,
    }, _campaign),
    Story("language", kills("language.answered", "ai.explanations", "ai.problem_generation",
                             "ai.transcription_part") | {"ai.transcription": EFFECT}, _language),
    Story("heard", kills(EFFECT, "ai.speech_segments"), _heard, no_voice_model),
    Story("workbook", kills(EFFECT, "ai.homework_video"), _workbook),
    Story("read by eye", kills(EFFECT, "ai.ocr_text", "ai.ocr_pages"), _read_by_eye),
    Story("exercises", kills(EFFECT, "ai.wrong_note_pdf", "ai.problem_variants"), _exercises),
    Story("tables", kills(EFFECT, "roster.import", "roster.export", "tables.export",
                           "messages.opt_outs.import"), _tables),
    Story("pings", kills(EFFECT, "system.ping.video", "system.ping.ai-lite",
                          "system.ping.ai-basic", "system.ping.ai-premium"), _pings),
    Story("tables, settling", kills(SETTLING, "roster.import", "roster.export", "tables.export",
                                     "messages.opt_outs.import"), _tables),
)  # fmt: skip
