"""Phones of students lie sealed: no digits in the table, and yet they are found."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from academy.core import personal
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.roster import batches, sealing
from academy.roster.fields import NAMES
from academy.roster.models import UNSEALED, Student
from academy.roster.selectors import student_numbers, students_list
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]

PARENT, OWN = "01048151623", "01042108151"


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def imported(tenant: Tenant, *people: dict[str, str]) -> batches.Tally:
    rows = [[one.get(name) for name in NAMES] for one in people]
    return batches.store(tenant.pk, rows)


def only(tenant: Tenant) -> Student:
    return Student.objects.for_tenant(tenant).get()


def raw() -> str:
    """The whole table as text: bytes as they are, and their hex."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM roster_student")
        rows = cursor.fetchall()
    cells = [bytes(cell) if isinstance(cell, memoryview) else cell for row in rows for cell in row]
    return "".join(f"{cell!r}{cell.hex() if isinstance(cell, bytes) else ''}" for cell in cells)


@pytest.mark.parametrize("way", ["row", "list"])
def test_the_table_holds_no_digits_and_the_student_has_them(tenant: Tenant, way: str) -> None:
    known = {"name": "김보기", "parent_phone": PARENT, "student_phone": OWN}
    if way == "row":
        Student.objects.for_tenant(tenant).create(**known)
    else:
        assert imported(tenant, known) == batches.Tally(1, 0, 0)
    held = raw()
    assert "김보기" in held
    for digits in (PARENT, OWN, PARENT[-4:], OWN[-4:]):
        assert digits not in held
        assert digits.encode().hex() not in held
    student = only(tenant)
    assert (student.parent_phone, student.student_phone) == (PARENT, OWN)
    assert imported(tenant, known) == batches.Tally(0, 0, 1)


def test_an_import_keeps_a_phone_it_does_not_know_and_changes_one_it_does(tenant: Tenant) -> None:
    known = {"name": "김보기", "parent_phone": PARENT}
    imported(tenant, {**known, "student_phone": OWN})
    assert imported(tenant, known) == batches.Tally(0, 0, 1)
    assert only(tenant).student_phone == OWN
    other = {**known, "student_phone": "01011112222"}
    assert batches.look(tenant.pk, [[other.get(name) for name in NAMES]]) == batches.Tally(0, 1, 0)
    assert imported(tenant, other) == batches.Tally(0, 1, 0)
    assert (only(tenant).student_phone, only(tenant).parent_phone) == ("01011112222", PARENT)


def test_another_academy_neither_opens_nor_finds_the_same_number(tenant: Tenant) -> None:
    other = make_tenant()
    for one in (tenant, other):
        imported(one, {"name": "김보기", "parent_phone": PARENT, "student_phone": PARENT})
    here, there = only(tenant), only(other)
    for column in ("parent_phone_index", "parent_phone_tail", "student_phone_index"):
        assert bytes(getattr(here, column)) != bytes(getattr(there, column))
    here.parent_phone_sealed = there.parent_phone_sealed
    with pytest.raises(AppError, match="student_phone_unreadable"):
        _ = here.parent_phone


def test_students_are_found_by_any_ending_of_their_parents_phone(tenant: Tenant) -> None:
    imported(
        tenant,
        {"name": "가", "parent_phone": PARENT},
        {"name": "나", "parent_phone": "01000001623"},
    )

    def found(digits: str) -> list[str]:
        rows = students_list(tenant=tenant, search=digits).order_by("name")
        return list(rows.values_list("name", flat=True))

    assert found("1623") == ["가", "나"]
    assert [found(PARENT[-length:]) for length in range(5, 12)] == [["가"]] * 7
    assert found("623") == found("91623") == found(f"0{PARENT}") == []
    numbers = dict(student_numbers(students_list(tenant=tenant), "parent_phone"))
    assert sorted(numbers.values()) == ["01000001623", PARENT]


def test_all_phones_are_sealed_anew_under_the_present_secret(
    tenant: Tenant, settings: LazySettings
) -> None:
    old, new = "o" * 40, "n" * 40
    settings.PERSONAL_DATA_SECRETS = [old]
    people = [{"name": f"보기{n}", "parent_phone": f"0100000{n:04}"} for n in range(5)]
    imported(tenant, {**people[0], "student_phone": OWN}, *people[1:])
    settings.PERSONAL_DATA_SECRETS = [new, old]
    resealed = personal.reseal(batch=2)
    assert resealed["roster_student.parent_phone_sealed"] == 5
    assert resealed["roster_student.student_phone_sealed"] == 1
    assert not any(personal.reseal().values())
    settings.PERSONAL_DATA_SECRETS = [new]
    assert imported(tenant, *people) == batches.Tally(0, 0, 5)
    phones = {one.name: one.parent_phone for one in Student.objects.for_tenant(tenant)}
    assert phones == {one["name"]: one["parent_phone"] for one in people}


# ------------------------------------------------------------------ the migration


_STEPS = ("0001_students", "0002_sealed_phones", "0003_phones_sealed")


class Steps:
    """The roster's migrations, taken by hand: what Django would render of other apps is slow."""

    def __init__(self) -> None:
        self._loader = MigrationLoader(connection)
        self._at = len(_STEPS) - 1

    def to(self, place: int) -> None:
        """Go to a step, forwards or backwards."""
        while self._at != place:
            forwards = place > self._at
            step = max(self._at, self._at + 1 if forwards else 0)
            migration = self._loader.graph.nodes["roster", _STEPS[step]]
            settle()
            with connection.schema_editor() as editor:
                run = migration.apply if forwards else migration.unapply
                run(self._state(step - 1), editor)
            self._at += 1 if forwards else -1

    def _state(self, place: int) -> Any:
        return self._loader.project_state([("roster", _STEPS[place])])


def settle() -> None:
    """Check now what the test wrote, or tables with open checks could not change."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Old:
    """A process of 0.1.0: it knows the phones in the clear alone."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def add(self, name: str, parent: str, own: str = "") -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO roster_student (id, tenant_id, name, parent_phone, student_phone,
                    number, school, grade, gender, class_name, state, memo, created_at, updated_at)
                VALUES (%s, %s, %s, %s, %s, '', '', '', '', '', 'enrolled', '', now(), now())
                ON CONFLICT (tenant_id, parent_phone, name) DO NOTHING""",
                [new_id(), self._tenant.pk, name, parent, own],
            )

    def change(self, name: str, **values: str) -> None:
        with connection.cursor() as cursor:
            for column, value in values.items():
                cursor.execute(
                    f"UPDATE roster_student SET {column} = %s WHERE tenant_id = %s AND name = %s",
                    [value, self._tenant.pk, name],
                )

    def reads(self) -> list[tuple[str, str, str]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, parent_phone, student_phone FROM roster_student"
                " WHERE tenant_id = %s ORDER BY name",
                [self._tenant.pk],
            )
            return cursor.fetchall()


def known(tenant: Tenant) -> list[tuple[str, str, str]]:
    found = Student.objects.for_tenant(tenant).order_by("name")
    return [(one.name, one.parent_phone, one.student_phone) for one in found]


def test_the_previous_release_works_on_beside_sealed_phones_until_they_are_all(
    tenant: Tenant,
) -> None:
    steps = Steps()
    steps.to(0)
    old = Old(tenant)
    people = [("가", PARENT, OWN), ("나", PARENT, ""), ("다", "01000000001", "0111234567")]
    for one in people:
        old.add(*one)
    steps.to(2)
    assert Student.unscoped.filter(UNSEALED).count() == 0
    assert known(tenant) == old.reads() == people
    assert students_list(tenant=tenant, search=PARENT[-4:]).count() == 2
    # Each reads and finds what the other writes.
    imported(tenant, {"name": "라", "parent_phone": OWN})
    old.add("라", OWN)
    old.add("마", OWN)
    old.change("가", parent_phone="01000000009", student_phone="")
    old.change("나", memo="x")
    now = [("가", "01000000009", ""), *people[1:], ("라", OWN, ""), ("마", OWN, "")]
    assert known(tenant) == old.reads() == now
    assert Student.unscoped.filter(UNSEALED).count() == 2
    assert imported(tenant, {"name": "마", "parent_phone": OWN}) == batches.Tally(0, 0, 1)
    old.add("바", OWN)
    assert (sealing.sweep(), sealing.sweep()) == (1, 0)
    assert students_list(tenant=tenant, search=PARENT[-4:]).count() == 1
    # The upgrade is complete.
    settle()
    call_command("students_phones_finish")
    imported(tenant, {"name": "사", "parent_phone": PARENT, "student_phone": OWN})
    held = raw()
    now += [("바", OWN, ""), ("사", PARENT, OWN)]
    assert known(tenant) == now
    assert not any(phone in held for _, *phones in now for phone in phones if phone)
    assert {clear for _, *phones in old.reads() for clear in phones} == {None}
    settle()
    assert sealing.finish() == 0
    # And there is a way back.
    steps.to(0)
    assert old.reads() == now
    steps.to(2)
