"""The roster's kinds that can be submitted."""

from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register
from academy.roster.lists import import_check, import_succeeded
from academy.roster.params import ExportParams, ImportParams
from academy.roster.results import ExportResult, ImportResult
from academy.tenants.scopes import Scope

IMPORT = register(
    KindSpec(
        name="roster.import",
        version=1,
        queue="ai-lite",
        params=ImportParams,
        handler="academy.roster.handlers.importing:run",
        bucket=Bucket.EXCEL.value,
        reads=Scope.STUDENTS_READ,
        writes=Scope.STUDENTS_WRITE,
        max_attempts=5,
        timeout_seconds=1800,
        result=ImportResult,
        check=import_check,
        on_succeeded=import_succeeded,
    )
)

EXPORT = register(
    KindSpec(
        name="roster.export",
        version=1,
        queue="ai-lite",
        params=ExportParams,
        handler="academy.roster.handlers.exporting:run",
        bucket=Bucket.EXCEL.value,
        # The file has every phone in the clear, or an import could not read it back.
        reads=Scope.STUDENTS_PHONES,
        writes=Scope.STUDENTS_PHONES,
        max_attempts=5,
        timeout_seconds=1800,
        result=ExportResult,
    )
)
