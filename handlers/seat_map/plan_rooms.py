"""The study rooms on plans: their states brought up to date, and what a page draws of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from handlers.seat_map.cache import CachedAreaMap
from languages.text import Language
from models.kernel.errors import Unavailable
from models.library.names import HAN, name_in
from models.library.rooms import RoomPlace
from models.rooms.on_plans import PlanRoom, status_in
from models.rooms.service import RoomService

_EDGES: Final = 8
_LINE: Final = 16
"""The height of a line in a study room, in plan units, and of the space around its lines."""
_PARTS: Final = re.compile(f"[{HAN}-\U0010ffff]| *[^{HAN}-\U0010ffff ]+")
"""Matches a Chinese character, or a word with the spaces before it."""


async def renew_rooms(service: RoomService, plans: Iterable[CachedAreaMap]) -> None:
    """Brings the rooms of the plans up to date, with one query for each day; a plan without rooms
    needs none. Without an answer their states are unknown."""
    by_day: dict[date, list[CachedAreaMap]] = {}
    for plan in plans:
        if plan.rooms:
            by_day.setdefault(plan.time_window.day, []).append(plan)
    for day, of_day in by_day.items():
        rooms = {one.room.id: one.room for plan in of_day for one in plan.rooms}
        try:
            days = {d.room.id: d for d in await service.day(day, [*rooms.values()])}
        except Unavailable:
            days = {}
        for plan in of_day:
            query = plan.view.query
            assert query is not None
            renewed = tuple(
                replace(one, status=status_in(days[one.room.id], query) if days else None)
                for one in plan.rooms
            )
            if renewed != plan.rooms:
                plan.rooms = renewed


@dataclass(frozen=True, slots=True)
class RoomMarkup:
    """A study room on the plan. ``lines``: its name, cut to what fits above its state."""

    id: str
    name: str
    place: RoomPlace
    status: str
    lines: list[str]


def room_markup(one: PlanRoom, language: Language) -> RoomMarkup:
    place, name = one.room.place, name_in(one.room, language.tag)
    assert place is not None
    most = max(1, (place.h - _EDGES) // _LINE - 1)
    lines = lines_of(name, place.w - _EDGES, most)
    return RoomMarkup(one.room.id, name, place, one.status or "unknown", lines)


def lines_of(name: str, width: int, most: int) -> list[str]:
    """The name in at most ``most`` lines of the width, in plan units; the last one ends with "…" if
    there would be more. A word is broken only if it is longer than a line."""
    lines = [""]
    for part in _PARTS.findall(name):
        for piece in [part] if _length(part) <= width else part:
            if _length(lines[-1] + piece) > width:
                lines.append("")
            lines[-1] += piece if lines[-1] else piece.lstrip()
    if len(lines) > most:
        last = lines[most - 1]
        while last and _length(f"{last}…") > width:
            last = last[:-1]
        lines = [*lines[: most - 1], f"{last.rstrip()}…"]
    return lines


def _length(text: str) -> int:
    return sum(13 if character >= HAN else 7 for character in text)
