"""``manage.py messages_page SLUG``: a link to an academy's pages of messages, for who runs it."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.desk.links import Grant, expiry, link
from academy.messaging.pages.purposes import MESSAGES, ids_of
from academy.tenants.models import Member, Role, Tenant

_PAGES: Final = {"campaigns": "", "compose": "/compose", "outbox": "/outbox"}
_ACTOR: Final = "manage.py"
"""Stands in the audit trail beside the owner, in whose name it is."""


class Command(BaseCommand):
    help = "Print a link to an academy's campaigns, to writing one, or to its outbox."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--page", choices=list(_PAGES), default="campaigns")

    def handle(self, *_args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(f"there is no academy {options['slug']}")
        owners = Member.objects.for_tenant(tenant).filter(role=Role.OWNER, user__is_active=True)
        owner = owners.order_by("user_id").first()
        if owner is None:
            raise CommandError(f"{tenant.slug} has no owner who could open it")
        grant = Grant(
            tenant.pk, f"user:{owner.user_id}", _ACTOR, frozenset(MESSAGES.scopes),
            expiry(MESSAGES.lifetime),
        )  # fmt: skip
        made = link(MESSAGES, ids_of(tenant), grant, path=_PAGES[options["page"]])
        self.stdout.write(made.url)
