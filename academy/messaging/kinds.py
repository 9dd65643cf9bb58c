"""The kinds of messaging. Only the platform submits them: a campaign is what people submit."""

from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register
from academy.messaging.control import sent
from academy.messaging.params import BatchParams, ResolveParams, SendParams
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
