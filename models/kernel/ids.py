from __future__ import annotations

from typing import NewType

from models.kernel.records import record

ReaderId = NewType("ReaderId", str)
ReservationId = NewType("ReservationId", str)
PartyId = NewType("PartyId", str)


@record
class Actor:
    """A change's author. ``by``: reader, librarian or system; ``via``: channel, job or staff id."""

    by: str
    via: str
