"""Who may come in: login, log-out and the language of the pages."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from academy.ops.console.middleware import open_to_all


class StaffLoginForm(AuthenticationForm):
    """A name and a password of the platform's staff."""

    error_messages = {
        "invalid_login": gettext_lazy(
            "This name and password do not fit, or there were too many attempts. After ten wrong "
            "ones the login rests for 15 minutes."
        ),
        "inactive": gettext_lazy("This account is switched off."),
        "not_staff": gettext_lazy(
            "This account belongs to an academy. The console is for the platform's staff."
        ),
    }

    def confirm_login_allowed(self, user: User) -> None:
        """Members of academies have the API, not the console."""
        super().confirm_login_allowed(user)
        if not user.is_staff:
            raise ValidationError(self.error_messages["not_staff"], code="not_staff")


login = open_to_all(
    LoginView.as_view(
        template_name="console/login.html",
        authentication_form=StaffLoginForm,
        next_page="console:overview",
    )
)
logout = open_to_all(LogoutView.as_view(next_page="console:login"))
language = open_to_all(require_POST(set_language))
