"""``manage.py tenant_create``: an academy, its owner and its first API key."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.core.errors import AppError
from academy.tenants.plans import PLANS
from academy.tenants.services import tenant_create


class Command(BaseCommand):
    help = "Make an academy; print its owner's password and a first API key, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--slug", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--plan", choices=sorted(PLANS), default="start")
        parser.add_argument("--owner-username", required=True)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            new = tenant_create(
                slug=options["slug"],
                name=options["name"],
                plan=options["plan"],
                owner_username=options["owner_username"],
            )
        except AppError as error:
            raise CommandError(f"{error} {error.params or ''}".rstrip()) from None
        shown = {
            "tenant": str(new.tenant.pk),
            "slug": new.tenant.slug,
            "username": new.owner.member.user.username,
            "password": new.owner.password,
            "api_key": new.key.token,
        }
        if options["json"]:
            self.stdout.write(json.dumps(shown))
            return
        for name, value in shown.items():
            self.stdout.write(f"{name:<9} {value}")
        self.stdout.write("The password and the key are shown once.")
