from __future__ import annotations

from datetime import date

from models.library.entities import Seat
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservations.errors import GroupOnly, SeatKept


def check_entitled(reference: ReferenceData, seat: Seat, reader: Reader | None, day: date) -> None:
    """Checks that the seat is not reserved for others on that day. Raises: SeatKept, GroupOnly."""
    if reference.is_kept_for_others(seat, reader.id if reader is not None else None, day):
        raise SeatKept()
    groups = reference.groups_instead(seat, reader, day)
    if groups:
        raise GroupOnly(groups)
