"""A reader's e-mail address, as apps and pages show it."""

from __future__ import annotations

from handlers.email_addresses.schemas import EmailAddressOut
from handlers.messages import presenter as messages
from models.email_addresses.entities import AddressSource, EmailAddress, mask
from models.kernel.time_range import to_local


def email_address(found: EmailAddress) -> EmailAddressOut:
    """Addresses masked, and all kinds of messages."""
    pending = found.pending
    return EmailAddressOut(
        address=found.masked or None,
        from_campus=bool(found.address) and found.source is AddressSource.CAMPUS,
        undeliverable=found.undeliverable,
        pending=mask(pending.address) if pending else None,
        pending_until=to_local(pending.expires_at) if pending else None,
        kinds=messages.kinds(found.choices),
    )
