"""Identifiers that every feature uses, and who acts."""

from __future__ import annotations

from typing import NewType

from models.kernel.records import record

ReaderId = NewType("ReaderId", str)
ReservationId = NewType("ReservationId", str)


@record
class Actor:
    """Who causes a change, and by which way: it is written into the history."""

    by: str
    via: str
