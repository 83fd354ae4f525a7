from __future__ import annotations

from typing import NewType

from models.kernel.records import record

ReaderId = NewType("ReaderId", str)
ReservationId = NewType("ReservationId", str)


@record
class Actor:
    """The author of a change. ``by``: reader, librarian, system; ``via``: channel, job,
    librarian."""

    by: str
    via: str
