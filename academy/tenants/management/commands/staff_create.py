"""``manage.py staff_create``: the first credential of a new platform."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.core.errors import AppError
from academy.tenants.services import staff_create


class Command(BaseCommand):
    help = "Make a member of the platform's staff and print the first password, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default="staff")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            user, password = staff_create(username=options["username"])
        except AppError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps({"username": user.username, "password": password}))
            return
        self.stdout.write(f"username  {user.username}\npassword  {password}")
        self.stdout.write("The password is shown once. Sign in with POST /api/v1/auth/token.")
