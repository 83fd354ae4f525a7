"""The statistics of study rooms as tables: by room, and by month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.tables import Cell, Column, Kind, Table
from handlers.texts.statistics import COLUMN_TEXT, TABLE_TEXT
from models.library.entities import VenueId
from models.library.rooms import RoomId
from models.reference_data import ReferenceData
from models.statistics.room_service import RoomStatistics
from models.statistics.room_use import DailyRoomUse, room_summary

_RATES: Final = ("booked_rate", "no_show_rate")
_COUNTS: Final = ("booked", "checked_in", "cancelled", "declined", "released", "no_show")
_COLUMNS: Final = (
    *(Column(COLUMN_TEXT[name], Kind.RATE) for name in _RATES),
    *(Column(COLUMN_TEXT[name], Kind.COUNT) for name in _COUNTS),
    *(Column(COLUMN_TEXT[name], Kind.HOURS) for name in ("booked_hours", "used_hours", "group")),
)
_PLACE: Final = tuple(Column(COLUMN_TEXT[name], Kind.TEXT) for name in ("venue", "floor", "room"))


async def room_tables(visit: PageRequest, first: date, last: date) -> list[Table]:
    """Tables of the rooms that this staff member sees: with a row for each room, the most booked
    one of a venue first, and one with a row for each month. None without statistics of a room."""
    days = await visit[RoomStatistics].between(first, last)
    days = [day for day in days if visit.sees(day.venue_id)]
    if not days:
        return []
    of_room: dict[tuple[VenueId, RoomId], list[DailyRoomUse]] = {}
    of_month: dict[str, list[DailyRoomUse]] = {}
    for day in days:
        of_room.setdefault((day.venue_id, day.room_id), []).append(day)
        of_month.setdefault(f"{day.day:%Y-%m}", []).append(day)
    reference = visit[REFERENCE]
    venues = [*reference.catalog.venues]
    rooms = sorted(
        of_room.items(),
        key=lambda one: (venues.index(one[0][0]), -(room_summary(one[1]).booked_rate or 0.0)),
    )
    return [
        Table(
            "rooms",
            TABLE_TEXT["rooms"],
            (*_PLACE, *_COLUMNS),
            [(*place_of_room(reference, id, venue), *_cells(mine)) for (venue, id), mine in rooms],
        ),
        Table(
            "room_months",
            TABLE_TEXT["room_months"],
            (Column(COLUMN_TEXT["month"], Kind.TEXT), *_COLUMNS),
            [(month, *_cells(mine)) for month, mine in of_month.items()],
        ),
    ]


def place_of_room(reference: ReferenceData, id: RoomId, venue_id: VenueId) -> tuple[str, str, str]:
    """Venue, floor and name of a room in the library's first language; a floor without a name is
    its number."""
    venue, room = reference.catalog.venues[venue_id], reference.rooms.get(id)
    if room is None:
        return venue.name, "", id
    return venue.name, venue.floor(room.floor).name or str(room.floor), room.name


def _cells(days: Sequence[DailyRoomUse]) -> tuple[Cell, ...]:
    totals = room_summary(days)
    return (
        *(getattr(totals, name) for name in (*_RATES, *_COUNTS)),
        totals.booked_minutes / 60,
        totals.used_minutes / 60,
        totals.group,
    )
