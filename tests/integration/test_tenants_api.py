"""Academies over REST, from one bootstrap credential; limits with exceptions that end."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from academy.core import clock
from academy.core.ids import new_id
from academy.tenants.models import QueueLimit, Tenant
from academy.tenants.plans import PLANS
from academy.tenants.quotas import limits_for, limits_for_tenants
from tests.support.rest import (
    client_with,
    error_of,
    key_client,
    new_tenant,
    owner_client,
    sign_in,
    staff_client,
)

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]


def test_a_platform_is_set_up_over_rest_from_one_printed_credential() -> None:
    printed = io.StringIO()
    call_command("staff_create", "--username", "first.staff", "--json", stdout=printed)
    staff = json.loads(printed.getvalue())
    access = sign_in(staff["username"], staff["password"]).json()["access"]
    made = client_with(access).post(
        "/api/v1/tenants",
        {"slug": "hanbit-math", "name": "한빛수학학원", "owner_username": "owner.hanbit"},
        format="json",
    )
    assert made.status_code == 201, made.content
    body = made.json()
    me = client_with(body["api_key"]["token"]).get("/api/v1/me").json()
    assert me["tenant"]["slug"] == "hanbit-math"
    owner = sign_in("owner.hanbit", body["owner"]["password"]).json()
    key = client_with(owner["access"]).post("/api/v1/api-keys", {"name": "demo"}, format="json")
    assert client_with(key.json()["token"]).get("/api/v1/tenant").status_code == 200


def test_the_command_makes_the_same_and_refuses_nonsense() -> None:
    printed = io.StringIO()
    options = {"slug": "areum", "name": "아름학원", "owner_username": "owner.areum", "json": True}
    call_command("tenant_create", **options, stdout=printed)
    made = json.loads(printed.getvalue())
    assert client_with(made["api_key"]).get("/api/v1/me").json()["tenant"]["slug"] == "areum"
    assert sign_in(made["username"], made["password"]).status_code == 200
    for change in ({}, {"slug": "Not A Slug"}, {"slug": "other", "owner_username": "owner.areum"}):
        with pytest.raises(CommandError):
            call_command("tenant_create", **{**options, **change})
    assert Tenant.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"slug": "taken"}, 409, "slug_taken"),
        ({"owner_username": "owner.taken"}, 409, "username_taken"),
        ({"slug": "UPPER"}, 400, "validation_failed"),
        ({"slug": "new-"}, 400, "validation_failed"),
        ({"plan": "free"}, 400, "validation_failed"),
        ({"owner": "x"}, 400, "unknown_field"),
        ({"name": "\u0000"}, 400, "malformed_request"),
    ],
)
def test_what_cannot_be_made_leaves_nothing_behind(change: dict, status: int, code: str) -> None:
    client, _ = staff_client()
    body = {"slug": "taken", "name": "n", "owner_username": "owner.taken"}
    assert client.post("/api/v1/tenants", body, format="json").status_code == 201
    fresh = {"slug": "fresh", "name": "n", "owner_username": "owner.fresh"}
    answer = client.post("/api/v1/tenants", {**fresh, **change}, format="json")
    assert error_of(answer, status)["code"] == code
    assert Tenant.objects.count() == 1


def test_only_staff_make_list_and_suspend_academies() -> None:
    new = new_tenant()
    for client in (owner_client(new), key_client(new.tenant)):
        error_of(client.get("/api/v1/tenants"), 403)
        error_of(client.post("/api/v1/tenants", {}, format="json"), 403)
    staff, _ = staff_client()
    assert [item["slug"] for item in staff.get("/api/v1/tenants").json()["items"]] == [
        new.tenant.slug
    ]
    path = f"/api/v1/tenants/{new.tenant.pk}"
    assert staff.patch(path, {"is_active": False}, format="json").json()["is_active"] is False
    error_of(sign_in(new.owner.member.user.username, new.owner.password), 403)
    error_of(staff.patch(f"/api/v1/tenants/{new_id()}", {}, format="json"), 404)


def test_owners_manage_people_and_teachers_do_not() -> None:
    new = new_tenant()
    owner = owner_client(new)
    added = owner.post(
        "/api/v1/members", {"username": "teacher.dahye", "role": "teacher"}, format="json"
    ).json()
    teacher = client_with(sign_in("teacher.dahye", added["password"]).json()["access"])
    assert teacher.get("/api/v1/tenant").status_code == 200
    error_of(teacher.get("/api/v1/members"), 403)
    error_of(teacher.get("/api/v1/api-keys"), 403)
    listed = owner.get("/api/v1/members").json()["items"]
    assert [member["username"] for member in listed] == [
        "teacher.dahye",
        new.owner.member.user.username,
    ]
    assert "password" not in json.dumps(listed)


def test_the_last_owner_stays() -> None:
    new = new_tenant()
    owner = owner_client(new)
    error = error_of(owner.delete(f"/api/v1/members/{new.owner.member.pk}"), 409)
    assert error["code"] == "last_owner"


def test_lists_page_without_gaps_while_rows_arrive() -> None:
    new = new_tenant()
    owner = owner_client(new)
    for _ in range(5):
        body = {"username": f"teacher-{new_id().hex}", "role": "teacher"}
        owner.post("/api/v1/members", body, format="json")
    expected = [item["id"] for item in owner.get("/api/v1/members").json()["items"]]
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = owner.get("/api/v1/members", query).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        body = {"username": f"late-{new_id().hex}", "role": "staff"}
        owner.post("/api/v1/members", body, format="json")
        if cursor is None:
            break
    assert seen == expected
    error = error_of(owner.get("/api/v1/members", {"cursor": "made.up"}), 400)
    assert error["code"] == "invalid_cursor"


def test_an_exception_replaces_what_it_names_until_it_ends() -> None:
    tenant, other = new_tenant().tenant, new_tenant("grow").tenant
    plan = PLANS["start"].limits["video"]
    QueueLimit.objects.for_tenant(tenant).create(
        queue="video", in_flight=7, until=clock.now() + timedelta(hours=1)
    )
    limits = limits_for(tenant.pk, "video")
    assert (limits.in_flight, limits.backlog, limits.per_day) == (7, plan.backlog, plan.per_day)
    both = limits_for_tenants([tenant.pk, other.pk, new_id()], "video")
    assert both == {tenant.pk: limits, other.pk: PLANS["grow"].limits["video"]}
    shown = key_client(tenant).get("/api/v1/tenant").json()["queues"]
    assert shown["video"]["in_flight"] == 7
    with clock.shifted(timedelta(hours=2)):
        assert limits_for(tenant.pk, "video") == plan


def test_a_zero_limit_is_a_limit() -> None:
    tenant = new_tenant().tenant
    QueueLimit.objects.for_tenant(tenant).create(queue="messaging", per_day=0)
    assert limits_for(tenant.pk, "messaging").per_day == 0
