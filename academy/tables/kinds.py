"""The tables' kind that can be submitted."""

from uuid import UUID

from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register
from academy.tables.params import ExportParams
from academy.tables.results import TableExportResult
from academy.tenants.scopes import Scope
from academy.uploads.purposes import Purpose
from academy.uploads.services import upload_ready


def export_check(tenant_id: UUID, params: ExportParams) -> None:
    """Refuse a job whose upload cannot be used. Raises AppError: those of the upload."""
    if params.upload is not None:
        upload_ready(tenant=tenant_id, upload_id=params.upload, purposes={Purpose.SPREADSHEET})


EXPORT = register(
    KindSpec(
        name="tables.export",
        version=1,
        queue="ai-lite",
        params=ExportParams,
        handler="academy.tables.handler:run",
        bucket=Bucket.EXCEL.value,
        reads=Scope.STUDENTS_READ,
        writes=Scope.STUDENTS_WRITE,
        max_attempts=5,
        timeout_seconds=1800,
        result=TableExportResult,
        check=export_check,
    )
)
