from __future__ import annotations

from typing import NewType

from models.kernel.records import record

ReaderId = NewType("ReaderId", str)
ReservationId = NewType("ReservationId", str)


@record
class Actor:
    """The actor in a history entry. ``by``: reader, librarian or system; ``via``: channel, job or
    librarian."""

    by: str
    via: str
