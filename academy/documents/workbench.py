"""The workbench of handlers that read documents: the file, the confined reader, the artifacts.

One workbench serves one attempt. The worker itself opens no file of a stranger; see
``academy.sandbox.reader``.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from academy.core.storage import Bucket, ObjectStore, store
from academy.documents import errors  # noqa: F401 - registers the codes
from academy.jobs.context import Artifact, JobContext
from academy.jobs.errors import PermanentError, TransientError
from academy.jobs.steps import Step
from academy.sandbox import isolation, reader
from academy.uploads.models import Upload


class Workbench:
    """What an attempt works with; ``bucket`` is the kind's, where its artifacts go."""

    def __init__(self, context: JobContext[Any], bucket: Bucket) -> None:
        self.context = context
        self.objects: ObjectStore = store(bucket)
        self.folder = context.scratch / "out"
        self.folder.mkdir()
        self.artifacts: list[Artifact] = []

    def say(self, step: Step, share: float) -> None:
        """Tell people how far a step is."""
        self.context.progress(step.name, step.at(share))

    def fetch(self, upload_id: UUID) -> Path:
        """Download an upload of the job's tenant and prove that it is what was uploaded.

        Raises PermanentError: upload_not_found, document_changed.
        """
        upload = Upload.objects.for_tenant(self.context.tenant_id).filter(pk=upload_id).first()
        if upload is None:
            raise PermanentError("upload_not_found")
        path = self.context.scratch / f"{upload.pk}{Path(upload.filename).suffix[:10].lower()}"
        with self.context.span("documents.fetch", {"academy.bytes": upload.size}):
            upload.store.get_file(upload.key, path)
        self.context.raise_if_cancelled()
        if path.stat().st_size != upload.size or _changed(path, upload.sha256_b64):
            raise PermanentError("document_changed")
        return path

    def read(
        self,
        function: str,
        request: Mapping[str, Any],
        *,
        reads: Sequence[Path],
        step: Step,
        limits: isolation.Limits = reader.LIMITS,
        timeout_seconds: float = 1800.0,
    ) -> Any:
        """The value of a function over files, from a confined child (see reader.run).

        What it writes lies in ``folder``. Raises PermanentError with the code that the function
        refused the files with, document_unreadable or document_too_heavy; TransientError where the
        host and not the file is at fault.
        """
        try:
            return reader.run(
                function,
                request,
                folder=self.folder,
                reads=reads,
                limits=limits,
                timeout_seconds=timeout_seconds,
                on_progress=lambda share: self.say(step, share),
                on_tick=self.context.raise_if_cancelled,
                on_stop=self.context.on_stop,
            )
        except reader.RefusedError as refused:
            raise PermanentError(refused.code, **refused.params) from None
        except reader.TooHeavyError as error:
            self.context.log.warning("too heavy: %s", error)
            raise PermanentError("document_too_heavy") from None
        except reader.CrashedError as error:
            self.context.log.warning("the reader crashed: %s", error)
            raise PermanentError("document_unreadable") from None
        except (reader.KilledError, reader.StoppedError) as error:
            self.context.raise_if_cancelled()
            self.context.log.warning("the reader was ended: %s", error)
            raise TransientError("document_reader_killed") from None

    def put(self, name: str, path: Path, content_type: str | None = None) -> Artifact:
        """Store a file under the attempt's own prefix, as an artifact of the result."""
        kind = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        key = self.context.output_prefix + name
        self.context.raise_if_cancelled()
        self.objects.put_file(key, path, kind)
        made = Artifact(name, key, kind, path.stat().st_size, sha256(path).hex())
        self.artifacts.append(made)
        return made


def sha256(path: Path) -> bytes:
    """The digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _changed(path: Path, sha256_b64: str | None) -> bool:
    return sha256_b64 is not None and base64.b64encode(sha256(path)).decode() != sha256_b64
