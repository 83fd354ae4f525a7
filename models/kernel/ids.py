"""Identifiers that every feature uses, and who acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

ReaderId = NewType("ReaderId", str)
ReservationId = NewType("ReservationId", str)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who causes a change, and by which way: it is written into the history."""

    by: str
    via: str
