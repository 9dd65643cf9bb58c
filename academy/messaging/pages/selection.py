"""What a person asks for on the page: who is to get it, what it says, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from academy.core import clock
from academy.core.http.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictSerializer,
    StrictUUIDField,
)
from academy.messaging.advertising import next_allowed
from academy.messaging.asking import (
    BODY_CHARS,
    MOST_NAMED,
    RECIPIENTS,
    OwnTextSerializer,
    SaidSerializer,
    ToPhoneSerializer,
    wording_of,
)
from academy.messaging.fields import Purpose, Recipient
from academy.messaging.models import TITLE_CHARS
from academy.messaging.policy import policy_of
from academy.messaging.preview import Request
from academy.messaging.recipients import To
from academy.roster import fields
from academy.roster.fields import Enrolment
from academy.roster.models import Student
from academy.roster.selectors import students_list
from academy.tenants.models import Tenant

NOW, AT, ALLOWED = "now", "at", "allowed"
_ALL, _GROUPS, _NAMED, _PHONES = "all", "groups", "named", "phones"
MOST_TOTAL: Final = 1_000_000
_MOST_GROUPS: Final = 300
_CHARS: Final = max(fields.CLASS_CHARS, fields.GRADE_CHARS, fields.SCHOOL_CHARS)


class GroupsField(serializers.ListField):
    """Classes, grades or schools by their names; an empty name is that of students without one."""

    child = StrictCharField(max_length=_CHARS, allow_blank=True, trim_whitespace=False)

    def __init__(self) -> None:
        super().__init__(required=False, default=list, max_length=_MOST_GROUPS)


class WhoSerializer(StrictSerializer):
    """One way of choosing, and what it needs."""

    by = serializers.ChoiceField([_ALL, _GROUPS, _NAMED, _PHONES])
    classes = GroupsField()
    grades = GroupsField()
    schools = GroupsField()
    students = serializers.ListField(
        child=StrictUUIDField(), required=False, default=list, max_length=MOST_NAMED
    )
    phones = ToPhoneSerializer(many=True, required=False, default=list, max_length=MOST_NAMED)  # type: ignore[call-arg]
    recipients = serializers.ListField(
        child=serializers.ChoiceField(RECIPIENTS), required=False, max_length=2,
        default=[Recipient.PARENT.value],
    )  # fmt: skip


class SampledWhoSerializer(WhoSerializer):
    """The same while somebody types: of a long table the page sends a sample, spread evenly."""

    total = StrictIntegerField(required=False, min_value=1, max_value=MOST_TOTAL)


class TypedSerializer(OwnTextSerializer):
    """A text that is being written: empty, to begin with."""

    body = StrictCharField(max_length=BODY_CHARS, allow_blank=True, trim_whitespace=False)


class WhenSerializer(StrictSerializer):
    """Now, at a moment, or as soon as advertising is allowed."""

    at = serializers.DateTimeField(required=False)
    by = serializers.ChoiceField([NOW, AT, ALLOWED], default=NOW)

    def validate(self, attrs: Any) -> Any:
        """A moment where one is meant."""
        if (attrs["by"] == AT) != ("at" in attrs):
            raise ValidationError({"at": [ErrorDetail("With `by: at`.", code="invalid")]})
        return attrs


class ComposedSerializer(SaidSerializer):
    """A campaign as it stands on the page."""

    title = StrictCharField(required=False, default="", allow_blank=True, max_length=TITLE_CHARS)
    text = TypedSerializer(required=False)
    who = WhoSerializer()
    when = WhenSerializer(required=False, default=lambda: {"by": NOW})
    fallback = StrictBooleanField(required=False, default=True)


class TypingSerializer(ComposedSerializer):
    """A campaign that is being written."""

    who = SampledWhoSerializer()


def request_of(tenant: Tenant, values: Mapping[str, Any]) -> Request:
    """What was asked for; students are looked up now."""
    return Request(
        title=values["title"],
        to=everyone(tenant, values["who"], values["variables"]),
        template=values.get("template"),
        wording=wording_of(values),
        purpose=Purpose(values["purpose"]),
        not_before=moment_of(values["when"]),
        fallback=values["fallback"],
    )


def moment_of(when: Mapping[str, Any]) -> datetime | None:
    """From when on it may go out; None: now."""
    if when["by"] == AT:
        at: datetime = when["at"]
        return at
    now = clock.now()
    allowed = next_allowed(now)
    return allowed if when["by"] == ALLOWED and allowed > now else None


def everyone(tenant: Tenant, who: Mapping[str, Any], common: Mapping[str, str]) -> list[To]:
    """The recipients, students by name; not more than one over what one sending may have."""
    if who["by"] == _PHONES:
        return [
            To(phone=one["phone"], variables={**common, **one["variables"]})
            for one in who["phones"]
        ]
    most = policy_of(tenant).most_per_send + 1
    ids = list(_students(tenant, who).order_by("name", "id").values_list("pk", flat=True)[:most])
    return [
        To(student=student, recipient=Recipient(recipient), variables=common)
        for recipient in dict.fromkeys(who["recipients"])
        for student in ids
    ][:most]


def groups(tenant: Tenant) -> dict[str, list[dict[str, Any]]]:
    """The classes, grades and schools of the enrolled, each with how many students it has."""
    return {
        plural: sorted(
            (
                {"name": row[name], "count": row["count"]}
                for row in _enrolled(tenant).order_by().values(name).annotate(count=Count("pk"))
            ),
            key=lambda group: _natural(group["name"]),
        )[:_MOST_GROUPS]
        for plural, name in (
            ("classes", "class_name"), ("grades", "grade"), ("schools", "school"),
        )
    }  # fmt: skip


def _natural(name: str) -> list[tuple[int, str]]:
    """The second class before the tenth."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _students(tenant: Tenant, who: Mapping[str, Any]) -> QuerySet[Student]:
    if who["by"] == _NAMED:
        # Whoever has left can be told as well, when somebody means this student.
        return students_list(tenant=tenant).filter(pk__in=who["students"])
    rows = _enrolled(tenant)
    if who["by"] == _GROUPS:
        chosen = {"class_name": who["classes"], "grade": who["grades"], "school": who["schools"]}
        given = {f"{name}__in": names for name, names in chosen.items() if names}
        return rows.filter(**given) if given else rows.none()
    return rows


def _enrolled(tenant: Tenant) -> QuerySet[Student]:
    return students_list(tenant=tenant, states=[Enrolment.ENROLLED])
