"""The sheets' kinds that can be submitted."""

from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register
from academy.sheets.checks import (
    export_check,
    follow_up,
    gradebook_check,
    make_check,
    read_check,
)
from academy.sheets.params import (
    ExportParams,
    GradebookParams,
    MakeParams,
    PagesParams,
    ReadParams,
)
from academy.sheets.results import (
    GradebookResult,
    MakeResult,
    PagesResult,
    ReadResult,
    SheetExportResult,
)
from academy.sheets.scans import pages_dropped, pages_stored
from academy.tenants.scopes import Scope

MAKE = register(
    KindSpec(
        name="sheets.make",
        version=1,
        queue="ai-lite",
        params=MakeParams,
        handler="academy.sheets.handlers.making:run",
        bucket=Bucket.AI.value,
        reads=Scope.SHEETS_READ,
        writes=Scope.SHEETS_WRITE,
        max_attempts=5,
        timeout_seconds=600,
        result=MakeResult,
        check=make_check,
    )
)

READ = register(
    KindSpec(
        name="sheets.read",
        version=1,
        queue="ai-basic",
        params=ReadParams,
        handler="academy.sheets.handlers.reading:run",
        bucket=Bucket.AI.value,
        reads=Scope.SHEETS_READ,
        writes=Scope.SHEETS_WRITE,
        max_attempts=5,
        timeout_seconds=3600,
        result=ReadResult,
        check=read_check,
        follow_up=follow_up,
    )
)

PAGES = register(
    KindSpec(
        name="sheets.pages",
        version=1,
        queue="ai-basic",
        params=PagesParams,
        handler="academy.sheets.handlers.pages:run",
        bucket=Bucket.AI.value,
        reads=Scope.SHEETS_READ,
        writes=Scope.SHEETS_WRITE,
        max_attempts=5,
        timeout_seconds=1800,
        internal=True,
        result=PagesResult,
        on_succeeded=pages_stored,
        on_ended=pages_dropped,
    )
)

EXPORT = register(
    KindSpec(
        name="sheets.export",
        version=1,
        queue="ai-lite",
        params=ExportParams,
        handler="academy.sheets.handlers.exporting:run",
        bucket=Bucket.EXCEL.value,
        reads=Scope.SHEETS_READ,
        writes=Scope.SHEETS_WRITE,
        max_attempts=5,
        timeout_seconds=1800,
        result=SheetExportResult,
        check=export_check,
    )
)

GRADEBOOK = register(
    KindSpec(
        name="sheets.gradebook",
        version=1,
        queue="ai-lite",
        params=GradebookParams,
        handler="academy.sheets.handlers.gradebook:run",
        bucket=Bucket.EXCEL.value,
        reads=Scope.SHEETS_READ,
        writes=Scope.SHEETS_WRITE,
        max_attempts=5,
        timeout_seconds=3600,
        result=GradebookResult,
        check=gradebook_check,
    )
)
