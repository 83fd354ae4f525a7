"""Bookings that fit the rules and the plan no more, and what becomes of them."""

from __future__ import annotations

from aiohttp import web

from handlers import deeds
from handlers.web.console.frame import (
    SHOWN,
    STATES,
    acting,
    named,
    shown,
)
from handlers.web.pages import (
    LONGEST_REASON,
    Form,
    Visit,
    reason_in,
    redirect,
)
from models.booking import calendar as hours
from models.reader import (
    ADMINISTRATOR,
    may,
)


async def misfits(visit: Visit) -> web.StreamResponse:
    """Bookings outside of the opening hours: kept, or made in the seconds before all knew."""
    desk = visit.services.desk
    await desk.refresh()
    rows = await hours.misfits(desk, desk.policy, visit.now)
    people = await desk.readers.many({row.reader_id for row in rows[:SHOWN]})
    items = [
        (row, desk.library.seat_label(desk.library.seats[row.seat_id]), named(people.get(id)))
        for row in rows[:SHOWN]
        for id in (row.reader_id,)
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
    await deeds.call_off_misfits(acting(visit), reason_in(form))
    return redirect("/console/misfits?done")
