"""``manage.py staff_create``: the first credential of a new platform."""

from __future__ import annotations

import json
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.core.errors import AppError
from academy.tenants.services import staff_create, staff_ensure


class Command(BaseCommand):
    help = "Make a member of the platform's staff and print the first password, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default="staff")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--from-environment",
            action="store_true",
            help="take name:password from CONSOLE_LOGIN, print no password, and be safe to repeat",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["from_environment"]:
                self._ensure(os.environ.get("CONSOLE_LOGIN", ""))
                return
            user, password = staff_create(username=options["username"])
        except AppError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps({"username": user.username, "password": password}))
            return
        self.stdout.write(f"username  {user.username}\npassword  {password}")
        self.stdout.write("The password is shown once. Log in at /console/login.")

    def _ensure(self, login: str) -> None:
        username, _, password = login.partition(":")
        if not username or not password:
            raise CommandError("CONSOLE_LOGIN is not set to name:password")
        staff_ensure(username=username, password=password)
        self.stdout.write(f"{username} may use the console")
