"""Students go out as a file that comes back as the same students; memory stays flat."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from academy.core.storage import Bucket, store
from academy.documents.workbench import sha256
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.roster import batches
from academy.roster.fields import BY_NAME, NAMES
from academy.roster.models import Student
from academy.roster.results import ExportResult
from academy.tenants.models import Tenant
from tests.support import sheets
from tests.support.jobs import make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
_FLAT = """
import sys
from pathlib import Path
from academy.documents.tables.writing import Column, Kind, write_table

def peak():
    (line,) = [one for one in open("/proc/self/status") if one.startswith("VmHWM")]
    return int(line.split()[1])

columns = [Column("이름"), Column("연락처", Kind.PHONE), *[Column(f"열{n}") for n in range(9)]]
before = peak()
rows = ((f"김보기{n}", "01000000001", *(f"값 {n} {m}" for m in range(9))) for n in range(20_000))
assert write_table(Path(sys.argv[1]), sys.argv[2], columns, rows) == 20_000
print(before // 1024, peak() // 1024)
"""


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def add(tenant: Tenant, **values: Any) -> Student:
    named = {"name": "김보기", "parent_phone": "01000000001", **values}
    return Student.objects.for_tenant(tenant).create(**named)


def finished(tenant: Tenant, kind: str, **params: Any) -> Job:
    job = jobs_submit(by=Submitter(tenant, "test"), orders=[Order(kind, params)])[0]
    run(job)
    assert job.state == JobState.SUCCEEDED, (job.error_code, job.error_params)
    return job


def exported(tenant: Tenant, folder: Path, **params: Any) -> Path:
    """The file, which is what the result says."""
    job = finished(tenant, "roster.export", **params)
    (artifact,) = job.artifacts
    path = folder / artifact["name"]
    store(Bucket.EXCEL).get_file(artifact["key"], path)
    ExportResult.model_validate(job.result)
    result = job.result["result"]
    assert (result["sha256"], result["size"]) == (sha256(path).hex(), path.stat().st_size)
    return path


def known(tenant: Tenant) -> list[tuple[Any, ...]]:
    rows = Student.objects.for_tenant(tenant)
    return sorted((tuple(getattr(one, name) for name in NAMES) for one in rows), key=str)


def text(limit: int) -> st.SearchStrategy[str]:
    awkward = st.sampled_from(
        ["=1+1", "+1", "-1", "@x", "'", "''x", "'=x", '="010"', '"', "a,b;c|d", "_x0041_", "TRUE",
         "0012", "1e5", "#REF!", "<b>&amp;", "2026-03-01", "줄\n둘", "탭\t둘", "é", "🙂"]
    )  # fmt: skip
    return (awkward | st.text(max_size=limit)).filter(lambda one: len(one.encode()) < 400)


@st.composite
def students(draw: st.DrawFn) -> dict[str, Any]:
    """A student as the API or an import would store one."""
    values: dict[str, Any] = {
        "gender": draw(st.sampled_from(["", "male", "female"])),
        "state": draw(st.sampled_from(["enrolled", "paused", "left"])),
        "enrolled_on": draw(st.none() | st.dates(date(1990, 1, 1), date(2090, 1, 1))),
        "student_phone": draw(st.sampled_from(["", "01012345678", "0111234567"])),
    }
    for name in ("number", "school", "grade", "class_name", "memo"):
        values[name] = draw(text(12).map(lambda raw, name=name: BY_NAME[name].read(raw) or ""))
    return values


@pytest.mark.parametrize("file_format", ["xlsx", "csv"])
@settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(people=st.lists(students(), min_size=25, max_size=40))
def test_what_goes_out_comes_back_as_it_was(
    people: list[dict[str, Any]], file_format: str, tmp_path: Path
) -> None:
    tenant, other = make_tenant(), make_tenant()
    for number, values in enumerate(people):
        add(tenant, parent_phone=f"010{number:08}", **values)
    path = exported(tenant, tmp_path, format=file_format)
    upload = sheets.uploaded(other, path)
    job = finished(other, "roster.import", upload=str(upload.pk), dry_run=False)
    assert job.result is not None
    assert job.result["result"]["errors"] == []
    assert known(other) == known(tenant)


def test_nothing_in_a_cell_is_a_formula_and_phones_keep_their_zero(
    tenant: Tenant, tmp_path: Path
) -> None:
    add(tenant, name="=HYPERLINK()", memo="@x", enrolled_on=date(2026, 3, 1))
    page = openpyxl.load_workbook(exported(tenant, tmp_path, format="xlsx")).active
    cells = {page.cell(1, cell.column).value: cell for cell in page[2]}
    assert (cells["이름"].value, cells["이름"].data_type) == ("=HYPERLINK()", "s")
    phone = cells["학부모 연락처"]
    assert (phone.value, phone.number_format) == ("010-0000-0001", "@")
    assert cells["등록일"].is_date
    content = exported(tenant, tmp_path, format="csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert b"'=HYPERLINK()" in content
    assert b"'@x" in content


def test_an_export_has_those_who_were_asked_for_and_no_removed_ones(
    tenant: Tenant, tmp_path: Path
) -> None:
    add(tenant, name="가", class_name="A")
    add(tenant, name="나", class_name="B")
    add(tenant, name="다", class_name="A", removed_at="2026-03-01T00:00:00Z")
    add(tenant, name="라", class_name="A", state="left")
    add(make_tenant(), name="마", class_name="A")

    def names(**params: Any) -> list[str]:
        path = exported(tenant, tmp_path, **params)
        rows = openpyxl.load_workbook(path).active.iter_rows(min_row=2, min_col=2, max_col=2)
        return [row[0].value for row in rows]

    assert names() == ["가", "나", "라"]
    assert names(class_name="A", state="enrolled") == ["가"]


@pytest.mark.parametrize("file_format", ["xlsx", "csv"])
def test_a_long_table_is_written_at_flat_memory(file_format: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FLAT, str(tmp_path / "a"), file_format],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    before, after = map(int, done.stdout.split())
    assert after - before <= 4
    assert after < 60


def test_a_batch_says_what_is_new_what_changes_and_what_stays(tenant: Tenant) -> None:
    rows = [[None, "가", f"0100000000{n}", *[None] * (len(NAMES) - 3)] for n in range(3)]
    assert batches.look(tenant.pk, rows) == batches.Tally(created=3)
    assert batches.store(tenant.pk, rows[:2]) == batches.Tally(created=2)
    rows[0][NAMES.index("school")] = "보기중학교"
    assert batches.look(tenant.pk, rows) == batches.Tally(1, 1, 1)
    assert batches.store(tenant.pk, rows) == batches.Tally(1, 1, 1)
    assert batches.store(tenant.pk, rows) == batches.Tally(same=3)
