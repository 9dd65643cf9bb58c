"""Who wants what: opt-outs and consents of phones, each with who noted it and where it came from.

An opt-out is stronger than a consent: it withdraws the one that is there, and none is taken while
it stands. Both are found by the blind index of a phone, so that a student who shares a parent's
phone shares its wishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.locks import Space, lock
from academy.fleet import audit
from academy.messaging.fields import Recipient
from academy.messaging.models import Consent, OptOut
from academy.messaging.phones import canonical, index_of, seal_phone
from academy.roster.models import Student
from academy.tenants.models import Tenant

TAIL: Final = 4


class Source(StrEnum):
    """Where an opt-out came from."""

    PERSON = "person"
    IMPORT = "import"
    FREE_CALL = "080"


@dataclass(frozen=True)
class Whose:
    """A phone, by its number or as a student's."""

    phone: str = ""
    student: UUID | None = None
    recipient: Recipient = Recipient.PARENT


@dataclass(frozen=True)
class Tally:
    """What became of some phones: new ones, those that refuse more now, and those as they were."""

    added: int = 0
    widened: int = 0
    same: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.added + other.added, self.widened + other.widened, self.same + other.same)

    def as_dict(self) -> dict[str, int]:
        """As JSON has it."""
        return asdict(self)


def digits_of(tenant: Tenant, whose: Whose) -> str:
    """The digits meant.

    Raises AppError: message_phone_invalid, message_student_unknown, message_phone_missing.
    """
    if whose.student is None:
        return canonical(whose.phone)
    student = Student.objects.for_tenant(tenant).filter(pk=whose.student).first()
    if student is None:
        raise AppError("message_student_unknown")
    parent = whose.recipient is Recipient.PARENT
    phone = student.parent_phone if parent else student.student_phone
    if not phone:
        raise AppError("message_phone_missing")
    return canonical(phone)


def opt_out_list(*, tenant: Tenant, digits: str = "", tail: str = "") -> QuerySet[OptOut]:
    """Opt-outs, of one phone or of those that end with four digits."""
    rows = OptOut.objects.for_tenant(tenant)
    if digits:
        rows = rows.filter(phone_index=index_of(tenant.pk, digits))
    return rows.filter(phone_tail=tail) if tail else rows


def opt_out_set(*, tenant: Tenant, digits: str, everything: bool, by: str) -> OptOut:
    """Note that a phone wants no advertising (``everything``: nothing at all), as a person said.

    Said again it replaces what was noted before, also to narrow it.
    """
    with transaction.atomic():
        opt_out_add(
            tenant_id=tenant.pk, phones=[digits], everything=everything, source=Source.PERSON, by=by
        )
        row = opt_out_list(tenant=tenant, digits=digits).select_for_update().get()
        if row.everything != everything:
            row.everything, row.source, row.by = everything, Source.PERSON.value, by
            row.save(update_fields=["everything", "source", "by"])
    return row


# A list says who refuses; whoever refused everything already is not brought back by it.
_ADD = """
INSERT INTO message_opt_out
    (id, tenant_id, phone_index, phone, phone_tail, everything, source, by, created_at)
SELECT r.id, %(tenant)s, r.index, r.phone, r.tail, %(everything)s, %(source)s, %(by)s, %(now)s
FROM unnest(%(ids)s::uuid[], %(indexes)s::bytea[], %(phones)s::bytea[], %(tails)s::text[])
    AS r(id, index, phone, tail)
ON CONFLICT (tenant_id, phone_index) DO UPDATE
SET everything = true, source = excluded.source, by = excluded.by
WHERE excluded.everything AND NOT message_opt_out.everything
RETURNING xmax = 0
"""
_WITHDRAW = "DELETE FROM message_consent WHERE tenant_id = %s AND phone_index = ANY (%s)"


def opt_out_add(
    *, tenant_id: UUID, phones: Sequence[str], everything: bool, source: Source, by: str
) -> Tally:
    """Note many at once, in two statements however many; repeated, it changes nothing.

    ``phones`` are canonical digits. Their consents to advertising are withdrawn.
    """
    by_index = {index_of(tenant_id, digits): digits for digits in phones}
    indexes = list(by_index)
    arguments: dict[str, Any] = {
        "tenant": tenant_id, "everything": everything, "source": source.value, "by": by,
        "now": clock.now(),
        "ids": [new_id() for _ in indexes],
        "indexes": indexes,
        "phones": [seal_phone(tenant_id, digits) for digits in by_index.values()],
        "tails": [digits[-TAIL:] for digits in by_index.values()],
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        _alone(tenant_id)
        cursor.execute(_ADD, arguments)
        new = [row[0] for row in cursor.fetchall()]
        cursor.execute(_WITHDRAW, [tenant_id, indexes])
    return Tally(sum(new), len(new) - sum(new), len(phones) - len(new))


def opt_out_lift(*, tenant: Tenant, opt_out_id: UUID, by: str) -> None:
    """The owner wants messages again; a consent to advertising has to be given anew.

    Who lifted it stays on record. Raises AppError not_found.
    """
    with transaction.atomic():
        row = OptOut.objects.for_tenant(tenant).select_for_update().filter(pk=opt_out_id).first()
        if row is None:
            raise AppError("not_found")
        audit.record(
            by=by, action="opt_out.lift", target=str(row.pk), tenant=tenant.slug,
            everything=row.everything, source=row.source, noted_by=row.by,
        )  # fmt: skip
        row.delete()


def consent_list(*, tenant: Tenant, digits: str = "", tail: str = "") -> QuerySet[Consent]:
    """Consents, of one phone or of those that end with four digits."""
    rows = Consent.objects.for_tenant(tenant)
    if digits:
        rows = rows.filter(phone_index=index_of(tenant.pk, digits))
    return rows.filter(phone_tail=tail) if tail else rows


def consent_give(
    *,
    tenant: Tenant,
    digits: str,
    source: str,
    by: str,
    at_night: bool = False,
    given_at: datetime | None = None,
) -> Consent:
    """Note that the owner agreed to advertising, and how; said again it replaces what was noted.

    Raises AppError message_opt_out_first.
    """
    now = clock.now()
    values = {
        "phone_tail": digits[-TAIL:], "at_night": at_night, "source": source, "by": by,
        "given_at": min(given_at or now, now),
    }  # fmt: skip
    with transaction.atomic():
        _alone(tenant.pk)
        if opt_out_list(tenant=tenant, digits=digits).exists():
            raise AppError("message_opt_out_first")
        row, _ = Consent.unscoped.update_or_create(
            tenant=tenant, phone_index=index_of(tenant.pk, digits), defaults=values
        )
    return row


def consent_withdraw(*, tenant: Tenant, consent_id: UUID, by: str) -> None:
    """The owner wants no advertising any more. Raises AppError not_found."""
    with transaction.atomic():
        row = Consent.objects.for_tenant(tenant).select_for_update().filter(pk=consent_id).first()
        if row is None:
            raise AppError("not_found")
        audit.record(
            by=by, action="consent.withdraw", target=str(row.pk), tenant=tenant.slug,
            noted_by=row.by,
        )  # fmt: skip
        row.delete()


def _alone(tenant_id: UUID) -> None:
    """One after the other, or a consent could slip in beside an opt-out, and lists wait in circles.

    The lock is that of the sending: what is being sent now was chosen before.
    """
    lock(Space.MESSAGES, str(tenant_id))
