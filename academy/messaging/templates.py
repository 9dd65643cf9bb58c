"""Templates: texts with variables, in versions that never change."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from academy.core import clock
from academy.core.errors import AppError
from academy.messaging import text, variables
from academy.messaging.fields import Channel, Purpose
from academy.messaging.models import Template, TemplateVersion
from academy.messaging.text import TextError
from academy.tenants.models import Tenant


@dataclass(frozen=True)
class Wording:
    """What a version says. ``provider_template`` and the fallback are AlimTalk's."""

    body: str
    subject: str = ""
    provider_template: str = ""
    fallback_body: str = ""
    fallback_subject: str = ""

    def checked(self, channel: Channel) -> Wording:
        """The wording as it is stored.

        Raises AppError: message_template_id_missing, message_fallback_of_text,
        message_fallback_variables, and what is wrong with a text.
        """
        made = Wording(
            text.normal(self.body),
            text.normal(self.subject),
            self.provider_template.strip(),
            text.normal(self.fallback_body),
            text.normal(self.fallback_subject),
        )
        try:
            names = made.names()
            if channel is Channel.ALIMTALK:
                text.fit_alimtalk(made.body)
            else:
                text.fit_text(made.body, made.subject)
            if made.fallback_body:
                text.fit_text(made.fallback_body, made.fallback_subject)
        except TextError as error:
            raise AppError(error.code, **error.params) from error
        if channel is Channel.TEXT and (made.provider_template or made.fallback_body):
            raise AppError("message_fallback_of_text")
        if channel is Channel.ALIMTALK and not made.provider_template:
            raise AppError("message_template_id_missing")
        strange = [name for name in variables.names(made.fallback_body) if name not in names]
        if strange:
            raise AppError("message_fallback_variables", names=", ".join(strange))
        return made

    def names(self) -> tuple[str, ...]:
        """The variables of subject and body. Raises TextError."""
        both = (*variables.names(self.subject), *variables.names(self.body))
        return tuple(dict.fromkeys(both))


def template_create(
    *, tenant: Tenant, name: str, channel: Channel, purpose: Purpose, wording: Wording, by: str
) -> TemplateVersion:
    """A new template with its first version.

    Raises AppError: message_template_exists, message_ad_is_text, and what `Wording.checked` raises.
    """
    if channel is Channel.ALIMTALK and purpose is Purpose.AD:
        raise AppError("message_ad_is_text")
    made = wording.checked(channel)
    try:
        with transaction.atomic():
            template = Template.objects.for_tenant(tenant).create(
                name=name.strip(), channel=channel.value, purpose=purpose.value
            )
            return _version(template, made, 1, by)
    except IntegrityError as error:
        raise AppError("message_template_exists") from error


def template_revise(
    *, tenant: Tenant, template_id: UUID, wording: Wording, by: str
) -> TemplateVersion:
    """A new version; what was sent keeps its own. Raises AppError: not_found, as `checked` does."""
    with transaction.atomic():
        template = _template(tenant, template_id, lock=True)
        made = wording.checked(Channel(template.channel))
        last = template.versions.aggregate(last=Max("number"))["last"] or 0
        return _version(template, made, last + 1, by)


def template_archive(*, tenant: Tenant, template_id: UUID) -> None:
    """Offer it no more; its name is free again. Raises AppError not_found."""
    with transaction.atomic():
        template = _template(tenant, template_id, lock=True)
        template.archived_at = clock.now()
        template.save(update_fields=["archived_at"])


def version_current(*, tenant: Tenant, template_id: UUID) -> TemplateVersion:
    """The version that new messages take. Raises AppError not_found."""
    template = _template(tenant, template_id)
    rows = TemplateVersion.objects.for_tenant(tenant).filter(template=template)
    version = rows.select_related("template").order_by("-number").first()
    assert version is not None
    return version


def _version(template: Template, wording: Wording, number: int, by: str) -> TemplateVersion:
    return TemplateVersion.objects.for_tenant(template.tenant_id).create(
        template=template,
        number=number,
        subject=wording.subject,
        body=wording.body,
        variables=list(wording.names()),
        provider_template=wording.provider_template,
        fallback_subject=wording.fallback_subject,
        fallback_body=wording.fallback_body,
        created_by=by,
    )


def _template(tenant: Tenant, template_id: UUID, *, lock: bool = False) -> Template:
    rows = Template.objects.for_tenant(tenant).filter(archived_at__isnull=True)
    if lock:
        rows = rows.select_for_update()
    template = rows.filter(pk=template_id).first()
    if template is None:
        raise AppError("not_found")
    return template
