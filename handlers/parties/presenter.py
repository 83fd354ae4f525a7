from __future__ import annotations

from collections.abc import Collection
from typing import Any

from handlers.parties import schemas
from handlers.reservations import presenter
from models.reference_data import ReferenceData
from models.reservations.party import Party, PartySeat


def invitation(
    reference: ReferenceData, party: Party, held: Collection[PartySeat]
) -> schemas.InvitationOut:
    """The party as one sees it for whom these seats are held."""
    return schemas.InvitationOut(**_fields(reference, party, held))


def own(reference: ReferenceData, party: Party, invitation: str) -> schemas.PartyOut:
    """The party as its asker sees it."""
    fields = _fields(reference, party, party.held())
    return schemas.PartyOut(**fields, invitation=invitation)


def _fields(reference: ReferenceData, party: Party, held: Collection[PartySeat]) -> dict[str, Any]:
    return {
        "seats": [
            schemas.PartySeatOut(
                presenter.seat(reference, seat.id),
                seat in held,
                seat.booking is not None,
                seat.invited is not None,
            )
            for seat in party.seats
        ],
        "date": party.day,
        "start": reference.zone.local(party.span.start),
        "end": reference.zone.local(party.span.end),
        "until": reference.zone.local(party.until),
        "ended": not held,
    }
