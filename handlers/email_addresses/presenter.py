from __future__ import annotations

from handlers.email_addresses.schemas import EmailAddressOut
from handlers.messages import presenter as messages
from models.email_addresses.entities import AddressSource, EmailAddress, mask
from models.kernel.zone import Zone


def email_address(zone: Zone, address: EmailAddress) -> EmailAddressOut:
    """A reader's mail settings for the API: masked addresses, and the choice by kind of message."""
    pending = address.pending
    return EmailAddressOut(
        address=address.masked or None,
        from_campus=bool(address.address) and address.source is AddressSource.CAMPUS,
        undeliverable=address.undeliverable,
        pending=mask(pending.address) if pending else None,
        pending_until=zone.local(pending.expires_at) if pending else None,
        kinds=messages.kinds(address.choices),
    )
