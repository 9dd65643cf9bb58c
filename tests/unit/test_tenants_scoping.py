"""A query that does not name its tenant cannot be written; limits and scopes are coherent."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

from academy.core.ids import new_id
from academy.deadletters.models import DeadLetter
from academy.tenants.models import ApiKey, Member, Role, Tenant
from academy.tenants.plans import PLANS
from academy.tenants.scopes import AUTHENTICATED, PLATFORM_SCOPES, ROLE_SCOPES, Scope
from academy.tenants.scoping import TenantScopedManager, TenantScopedModel, UnscopedQueryError
from tasks.queues import table


@pytest.mark.parametrize(
    "method",
    ["all", "get", "filter", "exclude", "create", "bulk_create", "count", "aggregate", "raw",
     "values", "none", "first", "update_or_create", "get_or_create", "in_bulk", "iterator"],
)  # fmt: skip
def test_nothing_but_for_tenant_reads_a_scoped_model(method: str) -> None:
    with pytest.raises(UnscopedQueryError, match="for_tenant"):
        getattr(ApiKey.objects, method)()


def test_a_misspelt_method_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError):
        ApiKey.objects.no_such_method()


@pytest.mark.parametrize("tenant", [None, "", "academy", 3, object()])
def test_for_tenant_refuses_what_is_no_tenant(tenant: Any) -> None:
    with pytest.raises(UnscopedQueryError):
        ApiKey.objects.for_tenant(tenant)


def test_the_tenant_is_in_the_where_clause_of_every_derived_query() -> None:
    tenant_id = new_id()
    query = ApiKey.objects.for_tenant(tenant_id).filter(name="x").order_by("id").all()
    assert str(tenant_id) in str(query.query)


def test_a_scoped_queryset_creates_for_no_other_tenant() -> None:
    mine = Member.objects.for_tenant(new_id()).filter(role=Role.OWNER)
    with pytest.raises(UnscopedQueryError):
        mine.create(tenant_id=new_id(), role=Role.OWNER)
    with pytest.raises(UnscopedQueryError):
        mine.create(tenant=Tenant(slug="other"), role=Role.OWNER)
    with pytest.raises(UnscopedQueryError):
        mine.bulk_create([Member(tenant_id=new_id())])


#: Rows of the platform's operators: they may be about an academy (a message that nobody can read is
#: about none), and no academy ever reads them.
OPERATORS_OWN = frozenset({DeadLetter})


def test_every_model_with_a_tenant_is_scoped_and_its_tenant_never_null() -> None:
    seen = 0
    for model in apps.get_models():
        fields = [field for field in model._meta.concrete_fields if field.related_model is Tenant]
        if not fields or model in OPERATORS_OWN:
            continue
        seen += 1
        assert issubclass(model, TenantScopedModel), model
        assert isinstance(model.__dict__.get("objects", model.objects), TenantScopedManager), model
        assert not any(field.null for field in fields), model
        # Django's own code (relations, admin) must not meet the closed manager.
        assert model._default_manager.name == "unscoped", model
    assert seen >= 4


def views() -> dict[str, Any]:
    found: dict[str, Any] = {}

    def walk(patterns: list[Any], prefix: str) -> None:
        for entry in patterns:
            route = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                walk(entry.url_patterns, route)
            elif isinstance(entry, URLPattern) and hasattr(entry.callback, "cls"):
                found[route] = entry.callback.cls

    walk(get_resolver().url_patterns, "")
    return {route: view for route, view in found.items() if route.startswith("api/v1/")}


def test_every_method_of_every_view_names_a_known_scope_or_is_open_on_purpose() -> None:
    known = {*Scope, AUTHENTICATED}
    open_views = set()
    assert views()
    for route, view in views().items():
        if view.permission_classes == ():
            open_views.add(route)
            continue
        methods = {
            name.upper()
            for name in ("get", "post", "put", "patch", "delete")
            if hasattr(view, name)
        }
        assert methods == set(view.required_scopes), route
        assert set(view.required_scopes.values()) <= known, route
    # A provider has no account here: its own word is looked at.
    assert {route for route in open_views if "auth/" not in route} == {
        "api/v1/messaging/webhooks/<slug:provider>"
    }


def test_roles_and_keys_never_carry_platform_rights() -> None:
    assert set(ROLE_SCOPES) == set(Role)
    for scopes in ROLE_SCOPES.values():
        assert not scopes & PLATFORM_SCOPES
    assert ROLE_SCOPES[Role.TEACHER] < ROLE_SCOPES[Role.OWNER]


def test_every_plan_limits_every_queue_of_the_platform() -> None:
    queues = {queue.name for queue in table()}
    for plan in PLANS.values():
        assert set(plan.limits) == queues
        for limits in plan.limits.values():
            assert 0 < limits.in_flight <= limits.backlog <= limits.per_day
