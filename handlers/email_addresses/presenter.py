"""A reader's e-mail address, as apps and pages show it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from handlers.email_addresses.schemas import EmailAddressOut, MailKind
from handlers.texts.pages import ANSWER_KIND
from models.email_addresses.entities import EmailAddress, mask
from models.kernel.time_range import to_local
from models.messages.entities import Template
from notify.templates import TITLES

_TITLES: Final = {**TITLES, Template.ANSWER: ANSWER_KIND}


def title_of(template: Template) -> str:
    """What messages of this kind are called."""
    return _TITLES[template]


def email_address(found: EmailAddress) -> EmailAddressOut:
    """Addresses masked; all kinds, in the order of a stay."""
    pending = found.pending
    # What a kind would be once there is an address to which mail can go.
    ready = replace(found, address=found.address or "-", undeliverable=False)
    return EmailAddressOut(
        address=found.masked or None,
        from_campus=bool(found.address) and found.source == "campus",
        undeliverable=found.undeliverable,
        pending=mask(pending.address) if pending else None,
        pending_until=to_local(pending.expires_at) if pending else None,
        kinds=[
            MailKind(template.value, title_of(template), ready.wants(template))
            for template in Template
        ],
    )
