"""The kinds of messaging.

The platform alone submits those that send: a campaign is what people submit. People submit lists.
"""

from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register
from academy.messaging.control import sent
from academy.messaging.free_calls import KIND as FETCH_KIND
from academy.messaging.imported import ImportOptOutsResult
from academy.messaging.params import (
    BatchParams,
    FetchOptOutsParams,
    ImportOptOutsParams,
    ResolveParams,
    SendParams,
)
from academy.roster.lists import import_check, import_succeeded
from academy.tenants.scopes import Scope

QUEUE = "messaging"

SEND = register(
    KindSpec(
        name="messages.send",
        version=1,
        queue=QUEUE,
        params=SendParams,
        handler="academy.messaging.handlers.sending:run",
        bucket=Bucket.STORAGE.value,
        reads=Scope.MESSAGES_READ,
        writes=Scope.MESSAGES_WRITE,
        max_attempts=10,
        timeout_seconds=600,
        internal=True,
        on_succeeded=sent,
    )
)

BATCH = register(
    KindSpec(
        name="messages.batch",
        version=1,
        queue=QUEUE,
        params=BatchParams,
        handler="academy.messaging.handlers.batch:run",
        bucket=Bucket.STORAGE.value,
        reads=Scope.MESSAGES_READ,
        writes=Scope.MESSAGES_WRITE,
        max_attempts=12,
        timeout_seconds=900,
        internal=True,
    )
)

RESOLVE = register(
    KindSpec(
        name="messages.resolve",
        version=1,
        queue=QUEUE,
        params=ResolveParams,
        handler="academy.messaging.handlers.resolving:run",
        bucket=Bucket.STORAGE.value,
        reads=Scope.MESSAGES_READ,
        writes=Scope.MESSAGES_WRITE,
        max_attempts=60,
        timeout_seconds=300,
        internal=True,
    )
)

REPORT = register(
    KindSpec(
        name="messages.report",
        version=1,
        queue=QUEUE,
        params=ResolveParams,
        handler="academy.messaging.handlers.reporting:run",
        bucket=Bucket.STORAGE.value,
        reads=Scope.MESSAGES_READ,
        writes=Scope.MESSAGES_WRITE,
        max_attempts=3,
        timeout_seconds=300,
        internal=True,
    )
)

FETCH_OPT_OUTS = register(
    KindSpec(
        name=FETCH_KIND,
        version=1,
        queue=QUEUE,
        params=FetchOptOutsParams,
        handler="academy.messaging.handlers.fetching:run",
        bucket=Bucket.STORAGE.value,
        reads=Scope.MESSAGES_READ,
        writes=Scope.MESSAGES_WRITE,
        max_attempts=3,
        timeout_seconds=300,
        internal=True,
    )
)

IMPORT_OPT_OUTS = register(
    KindSpec(
        name="messages.opt_outs.import",
        version=1,
        queue="ai-lite",
        params=ImportOptOutsParams,
        handler="academy.messaging.handlers.importing:run",
        bucket=Bucket.EXCEL.value,
        reads=Scope.MESSAGES_READ,
        writes=Scope.MESSAGES_WRITE,
        max_attempts=5,
        timeout_seconds=900,
        result=ImportOptOutsResult,
        check=import_check,
        on_succeeded=import_succeeded,
    )
)
