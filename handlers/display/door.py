"""The content of a door's screen: whether a study room is free now, until when, and the next stays:
times only, no reader's name or purpose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from aiohttp import web

from handlers.display.board import Board, ClosedState, assets, board_of, closed_state
from handlers.display.made_once import MadeOnce
from handlers.http.language import library_language
from handlers.http.templates import render_fragment
from models.kernel.time_range import TimeRange, floor_minute
from models.library.rooms import Room, RoomId
from models.reference_data import ReferenceData
from models.rooms.service import RoomDay, RoomService

_NEXT: Final = 4
"""At most this many stays to come are listed; more do not fit on a small screen."""


@dataclass(frozen=True, slots=True)
class DoorState:
    """A room at an instant. ``until``: when the state ends; of a closed room, when it opens again
    today. None if today it does not. ``reason``: why a room is closed all day."""

    state: Literal["free", "taken"] | ClosedState
    until: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PublicStay:
    """A stay as everybody may see it. ``title``: of a library's event; empty for readers."""

    time: TimeRange
    title: str = ""


def door_state(d: RoomDay, now: datetime) -> DoorState:
    hours = d.hours.containing(now)
    if hours is None:
        return DoorState(*closed_state(d.hours, now), d.hours.reason)
    taken = next((times for times in d.taken if times.contains(now)), None)
    if taken is not None:
        return DoorState("taken", min(taken.end, hours.end))
    return DoorState("free", min([hours.end, *(t.start for t in d.taken if now < t.start)]))


class DoorBoards:
    def __init__(self, reference: ReferenceData, rooms: RoomService) -> None:
        self._reference, self._rooms = reference, rooms
        self._boards = MadeOnce(reference, self._make)

    async def board(self, room: Room, now: datetime) -> Board:
        """The room's board, at most five seconds old. Raises: Unavailable."""
        return await self._boards.get(room.id, now)

    async def _make(self, room_id: RoomId, now: datetime) -> Board:
        minute, zone = floor_minute(now), self._reference.zone
        day = zone.day(minute)
        (of_day,) = await self._rooms.day(day, [self._reference.room(room_id)])
        stays = [
            *(PublicStay(b.span) for b in await self._rooms.stays(of_day, day) if b.live),
            *(PublicStay(b.span, b.title) for b in of_day.blocks),
        ]
        stays.sort(key=lambda stay: stay.time.start)
        state = door_state(of_day, minute)
        language = library_language(self._reference.profile)
        html = render_fragment(
            "display/door_board.html",
            zone,
            language,
            now=state,
            since=day,
            until_ms=int(state.until.timestamp() * 1000) if state.until is not None else 0,
            event=next((stay.title for stay in stays if stay.time.contains(minute)), ""),
            stays=[stay for stay in stays if minute < stay.time.start][:_NEXT],
        )
        return board_of(html, assets(language, "door"))


DOOR_BOARDS: Final = web.AppKey("door_boards", DoorBoards)
