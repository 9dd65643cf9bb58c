"""Academies: what they use beside what they may, and exceptions from their plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from academy.core.errors import AppError
from academy.fleet import audit
from academy.ops import selectors_audit, selectors_tenants, services
from academy.ops.console.forms import LimitForm, VideoLimitForm
from academy.ops.console.pages import ReasonForm, confirm, operator, posted, require_form, show
from academy.ops.selectors_jobs import JobFilter, jobs_page
from academy.ops.templatetags.console import size
from academy.tenants.models import LimitException, Tenant
from academy.tenants.plans import PLANS

_RECENT = 10
GB: Final = 10**9


@require_safe
def tenants(request: HttpRequest) -> HttpResponse:
    """Academies by slug."""
    text = request.GET.get("find", "").strip()[:100].replace("\0", "")
    after = request.GET.get("after", "")[:40].replace("\0", "")
    page = selectors_tenants.tenants_page(text=text, after=after)
    return show(
        request, "tenants.html", section="tenants", live=30, page=page, find=text, after=after
    )


@require_safe
def tenant(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """One academy."""
    found = selectors_tenants.tenant_find(tenant_id)
    row = selectors_tenants.rows_of([found])[0]
    overrides = selectors_tenants.overrides_of(found)
    in_force = {limit.queue for limit in row.overrides}
    return show(
        request,
        "tenant.html",
        section="tenants",
        live=10,
        tenant=found,
        row=row,
        plan=PLANS[found.plan],
        overrides=overrides,
        video=selectors_tenants.video_use(found),
        in_force=in_force,
        recent=jobs_page(JobFilter(tenant_id=found.pk), limit=_RECENT).jobs,
        deeds=selectors_audit.named(audit.actions_on(found.slug)[:_RECENT]),
    )


@require_form
def limit(request: HttpRequest, tenant_id: UUID, queue: str) -> HttpResponse:
    """Grant an exception, or change the one that is there."""
    found = _tenant_with(tenant_id, queue)
    present = selectors_tenants.overrides_of(found).get(queue)
    plan = PLANS[found.plan].limits[queue]

    def act(values: Mapping[str, Any]) -> str:
        services.limit_set(tenant_id=tenant_id, queue=queue, by=operator(request), **values)
        return gettext("The new limits on %(queue)s apply at once.") % {"queue": queue}

    initial = _initial(present)
    return confirm(
        request,
        LimitForm(posted(request), initial=initial),
        section="tenants",
        title=gettext("Limits of %(slug)s on %(queue)s") % {"slug": found.slug, "queue": queue},
        effects=[
            gettext(
                "Its plan %(plan)s allows %(in_flight)s in flight at once, %(backlog)s not ended "
                "and %(per_day)s in 24 hours."
            )
            % {
                "plan": found.plan,
                "in_flight": f"{plan.in_flight:,}",
                "backlog": f"{plan.backlog:,}",
                "per_day": f"{plan.per_day:,}",
            },
            *_of_exceptions(),
        ],
        button=gettext("Apply"),
        back=resolve_url("console:tenant", tenant_id=tenant_id),
        act=act,
    )


@require_form
def limit_remove(request: HttpRequest, tenant_id: UUID, queue: str) -> HttpResponse:
    """Back to the plan."""
    found = _tenant_with(tenant_id, queue)

    def act(values: Mapping[str, Any]) -> str:
        services.limit_remove(
            tenant_id=tenant_id, queue=queue, by=operator(request), reason=values["reason"]
        )
        return gettext("The plan's limits hold again on %(queue)s.") % {"queue": queue}

    return confirm(
        request,
        ReasonForm(posted(request)),
        section="tenants",
        title=gettext("Remove the exception of %(slug)s on %(queue)s?")
        % {"slug": found.slug, "queue": queue},
        effects=[gettext("The limits of the plan %(plan)s hold at once.") % {"plan": found.plan}],
        button=gettext("Remove"),
        back=resolve_url("console:tenant", tenant_id=tenant_id),
        act=act,
    )


@require_form
def video_limit(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """The same on lectures and their viewers."""
    found = selectors_tenants.tenant_find(tenant_id)
    present = selectors_tenants.video_use(found).override
    plan = PLANS[found.plan]

    def act(values: Mapping[str, Any]) -> str:
        limits = dict(values)
        gigabytes = limits.pop("storage_gb")
        services.video_limit_set(
            tenant_id=tenant_id,
            by=operator(request),
            storage_bytes=None if gigabytes is None else gigabytes * GB,
            **limits,
        )
        return gettext("The new limits on lectures apply at once.")

    initial = _initial(present)
    if present is not None and present.storage_bytes is not None:
        initial["storage_gb"] = present.storage_bytes // GB
    return confirm(
        request,
        VideoLimitForm(posted(request), initial=initial),
        section="tenants",
        title=gettext("Limits of %(slug)s on lectures") % {"slug": found.slug},
        effects=[
            gettext(
                "Its plan %(plan)s has %(minutes)s minutes of lectures a month and %(storage)s; "
                "each viewer may play %(viewings)s at once, on %(devices)s devices in 30 days."
            )
            % {
                "plan": found.plan,
                "minutes": f"{plan.video.minutes_per_month:,}",
                "storage": size(plan.video.storage_bytes),
                "viewings": plan.playback.viewings,
                "devices": plan.playback.devices,
            },
            gettext("How many lectures are encoded at once is a limit on the queue video."),
            *_of_exceptions(),
        ],
        button=gettext("Apply"),
        back=resolve_url("console:tenant", tenant_id=tenant_id),
        act=act,
    )


@require_form
def video_limit_remove(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """Back to the plan."""
    found = selectors_tenants.tenant_find(tenant_id)

    def act(values: Mapping[str, Any]) -> str:
        services.video_limit_remove(
            tenant_id=tenant_id, by=operator(request), reason=values["reason"]
        )
        return gettext("The plan's limits hold again on lectures.")

    return confirm(
        request,
        ReasonForm(posted(request)),
        section="tenants",
        title=gettext("Remove the exception of %(slug)s on lectures?") % {"slug": found.slug},
        effects=[gettext("The limits of the plan %(plan)s hold at once.") % {"plan": found.plan}],
        button=gettext("Remove"),
        back=resolve_url("console:tenant", tenant_id=tenant_id),
        act=act,
    )


def _initial(present: LimitException | None) -> dict[str, Any]:
    """What an exception's form begins with."""
    if present is None:
        return {}
    return {name: getattr(present, name) for name in (*present.LIMITS, "until")}


def _of_exceptions() -> list[str]:
    return [
        gettext("An empty field leaves that limit as the plan has it."),
        gettext("When the end has passed, the plan's limits hold again by themselves."),
    ]


@require_form
def switch(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """Stop an academy, or let it work again."""
    found = selectors_tenants.tenant_find(tenant_id)
    turn_on = not found.is_active

    def act(values: Mapping[str, Any]) -> str:
        services.tenant_switch(
            tenant_id=tenant_id, is_active=turn_on, by=operator(request), reason=values["reason"]
        )
        text = gettext("%(slug)s works again.") if turn_on else gettext("%(slug)s is stopped.")
        return text % {"slug": found.slug}

    off = [
        gettext("Its people cannot sign in and its keys are refused."),
        gettext("What it has queued waits; what runs goes on to its end."),
        gettext("Nothing is deleted. You can let it work again at any time."),
    ]
    on = [gettext("Its people can sign in, its keys work, and its queued jobs go on.")]
    title = gettext("Let %(slug)s work again?") if turn_on else gettext("Stop %(slug)s?")
    return confirm(
        request,
        ReasonForm(posted(request)),
        section="tenants",
        title=title % {"slug": found.slug},
        effects=on if turn_on else off,
        button=gettext("Let it work") if turn_on else gettext("Stop the academy"),
        back=resolve_url("console:tenant", tenant_id=tenant_id),
        act=act,
        danger=not turn_on,
    )


def _tenant_with(tenant_id: UUID, queue: str) -> Tenant:
    found = selectors_tenants.tenant_find(tenant_id)
    if queue not in PLANS[found.plan].limits:
        raise AppError("queue_unknown", queue=queue)
    return found
