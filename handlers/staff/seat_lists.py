"""Seats by the names that people type: 001-020, 035, A-12."""

from __future__ import annotations

import re
from collections.abc import Sequence

from handlers.texts.console import SEAT_LIST_ENDS, SEAT_RANGE_DASHES, WRONG_TEXT
from models.kernel.errors import InvalidRequest
from models.kernel.text import natural
from models.library.entities import Area, Seat, SeatId


def seat_list(area: Area, seats: frozenset[SeatId]) -> str:
    """Those of the area's seats in words: 001-010, 015."""
    parts: list[list[str]] = []
    last = -2
    for place, seat in enumerate(in_order(area.seats)):
        if seat.id not in seats:
            continue
        if place == last + 1:
            parts[-1] = [parts[-1][0], seat.number]
        else:
            parts.append([seat.number])
        last = place
    return ", ".join("-".join(part) for part in parts)


def in_order(seats: Sequence[Seat]) -> list[Seat]:
    """The seats as people count them."""
    return sorted(seats, key=lambda seat: natural(seat.number))


def chosen_seats(seats: Sequence[Seat], text: str) -> Sequence[Seat]:
    """The seats that are typed, as 001-020, 035, in their order; all where nothing is typed.

    Raises: InvalidRequest, which names what is no seat.
    """
    places = {_plain(seat.number): place for place, seat in enumerate(seats)}
    wanted: set[int] = set()
    for part in filter(str.strip, re.split(SEAT_LIST_ENDS, text)):
        whole = _span(places, part)
        spans = [whole] if whole is not None else [_span(places, word) for word in part.split()]
        if None in spans:
            wrong = WRONG_TEXT["seat_not_in_area"].format(text=part.strip()[:40])
            raise InvalidRequest("seats", wrong)
        wanted.update(place for span in spans if span is not None for place in span)
    return [seats[place] for place in sorted(wanted)] if wanted else seats


def _span(places: dict[str, int], part: str) -> range | None:
    """The places of one seat, or of all from one to another; a name may have a dash, too."""
    if (place := places.get(_plain(part))) is not None:
        return range(place, place + 1)
    for dash in re.finditer(SEAT_RANGE_DASHES, part):
        first = places.get(_plain(part[: dash.start()]))
        last = places.get(_plain(part[dash.end() :]))
        if first is not None and last is not None:
            return range(min(first, last), max(first, last) + 1)
    return None


def _plain(number: str) -> str:
    """The number as people type it: 7 for 007."""
    return number.strip().casefold().lstrip("0") or "0"
