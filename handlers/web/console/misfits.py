"""Bookings that fit the rules and the plan no more: what a change hits, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from handlers import deeds
from handlers.web.console.frame import SHOWN, STATES, acting, named, shown
from handlers.web.pages import LONGEST_REASON, Form, Visit, reason_in, redirect, text_in
from models.board import Row
from models.booking import misfits as outside
from models.booking.misfits import Fate
from models.errors import Malformed
from models.library import Library
from models.reader import ADMINISTRATOR, may
from models.reservation import State

_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """What a change would hit: bookings, of which the first are listed (seat, start, end), readers
    who sit there, and seats that are held for somebody in line."""

    booked: list[tuple[str, datetime, datetime]]
    count: int
    sitting: int
    held: int

    @property
    def more(self) -> int:
        return self.count - len(self.booked)


def hit(library: Library, rows: Sequence[Row]) -> Hit:
    booked = [row for row in rows if row.state is State.RESERVED]
    return Hit(
        booked=[
            (library.seat_label(library.all_seats[row.seat_id]), row.booked_start, row.end)
            for row in booked[:_LISTED]
        ],
        count=len(booked),
        sitting=sum(row.state in (State.IN_USE, State.AWAY) for row in rows),
        held=sum(row.state is State.HELD for row in rows),
    )


NOT_ASKED: Final = "又有预约受影响，请选择怎样处理"
"""Booked after the question was put, which named none."""


def fate_in(form: Form) -> Fate:
    """What becomes of the bookings that are hit; nothing where there were none to ask about.
    Raises: Malformed."""
    try:
        return Fate(text_in(form, "bookings") or Fate.KEEP)
    except ValueError as error:
        raise Malformed("bookings", "请选择怎样处理这些预约") from error


async def misfits(visit: Visit) -> web.StreamResponse:
    desk = visit.services.desk
    await desk.refresh()
    rows = await outside.misfits(desk, visit.now)
    people = await desk.readers.many({row.reader_id for row in rows[:SHOWN]})
    items = [
        (
            row,
            desk.library.seat_label(desk.library.all_seats[row.seat_id]),
            named(people.get(row.reader_id)),
        )
        for row in rows[:SHOWN]
    ]
    return shown(
        visit,
        "misfits",
        items=items,
        total=len(rows),
        changes=may(visit.reader.kind, ADMINISTRATOR),
        states=STATES,
        done="done" in visit.request.query,
        longest=LONGEST_REASON,
    )


async def call_off_misfits(visit: Visit, form: Form) -> web.StreamResponse:
    await visit.services.desk.refresh()
    await deeds.call_off_misfits(acting(visit), fate_in(form), reason_in(form))
    return redirect("/console/misfits?done")
