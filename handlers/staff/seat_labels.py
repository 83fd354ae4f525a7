"""The labels of an area's seats, to be printed on A4: all of them, or those that are chosen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from handlers import keys
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.qr import svg
from handlers.staff.forms import refusal
from handlers.staff.layout import render
from handlers.texts.console import SEAT_LIST_ENDS, SEAT_RANGE_DASHES, WRONG_TEXT
from models.kernel.errors import InvalidRequest
from models.library.entities import PresenceSource, Seat

LABELS_OF_A_SHEET: Final = 30
"""Five in a row, six rows (labels.css)."""


async def seat_labels(visit: PageRequest) -> web.StreamResponse:
    """A label for each seat, in sheets: its number and its code."""
    await visit[REFERENCE].refresh()
    area = visit[REFERENCE].area(visit.id)
    venue = visit[REFERENCE].catalog.venues[area.venue_id]
    typed = {"seats": visit.request.query.get("seats", "").strip()}
    told: dict[str, Any] = {"wrong": "", "typed": typed}
    chosen: Sequence[Seat] = ()
    try:
        chosen = chosen_seats(area.seats, typed["seats"])
    except InvalidRequest as error:
        told = refusal(visit, error, typed)
    labels = []
    for seat in chosen:
        # Drawing takes a moment, in which others are served.
        picture = await asyncio.to_thread(svg, visit[keys.SEAT_LABELS].link(seat.id))
        labels.append((seat.number, picture))
    starts = range(0, len(labels), LABELS_OF_A_SHEET)
    return render(
        visit,
        "seat_labels",
        area=area,
        venue=venue,
        count=len(labels),
        sheets=[labels[start : start + LABELS_OF_A_SHEET] for start in starts],
        used=PresenceSource.SEAT_LABEL in venue.presence_sources,
        **told,
    )


def chosen_seats(seats: Sequence[Seat], text: str) -> Sequence[Seat]:
    """The seats that are typed, as 001-020, 035, in the area's order; all where nothing is typed.

    Raises: InvalidRequest, which names what is no seat.
    """
    places = {_plain(seat.number): place for place, seat in enumerate(seats)}
    wanted: set[int] = set()
    for part in filter(None, re.split(SEAT_LIST_ENDS, text)):
        span = _span(places, part)
        if span is None:
            raise InvalidRequest("seats", WRONG_TEXT["seat_not_in_area"].format(text=part))
        wanted.update(span)
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
