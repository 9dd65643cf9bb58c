"""What a message says, as it lies sealed in its row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from academy.messaging.phones import open_text, seal_text


@dataclass(frozen=True)
class Content:
    """The rendered message. AlimTalk also has the values, which the provider fills in itself."""

    text: str
    subject: str = ""
    template: str = ""
    """AlimTalk: the id of the approved template at the provider."""
    variables: Mapping[str, str] = field(default_factory=dict)
    fallback_text: str = ""
    """AlimTalk: the text message where it does not arrive; empty: none."""
    fallback_subject: str = ""

    def sealed(self, tenant_id: UUID) -> bytes:
        """For the row."""
        # Not `asdict`, which copies every value: a preview seals thousands.
        data = {name: value for name, value in vars(self).items() if value}
        return seal_text(tenant_id, json.dumps(data, ensure_ascii=False))


def opened(tenant_id: UUID, sealed: bytes | memoryview) -> Content:
    """The content of a row. Raises AppError message_sealed_unreadable."""
    return Content(**json.loads(open_text(tenant_id, sealed)))
