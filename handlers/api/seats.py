"""Venues, areas, plans, and the times of a seat."""

from __future__ import annotations

from datetime import date, time
from typing import Final

from aiohttp import web

from handlers.api import present
from handlers.api import schemas as s
from handlers.api.contract import Call
from handlers.middleware import stamps
from models import rules
from models.board import DayBoard
from models.booking import views
from models.library import Venue, VenueId
from models.plan import free_ends, free_starts
from models.rules import Wish
from models.timerange import floor_minute, local, local_date

_WEEKDAYS: Final = "一二三四五六日"


async def venues(call: Call) -> s.VenuesOut:
    desk = call.services.desk
    return s.VenuesOut([_venue(call, venue) for venue in desk.library.venues.values()])


def _venue(call: Call, venue: Venue) -> s.VenueOut:
    policy = call.services.desk.policy
    dates = [_date(call, venue, day) for day in policy.bookable_dates(call.now)]
    return s.VenueOut(venue.id, venue.name, dates[0].open, dates)


def _date(call: Call, venue: Venue, day: date) -> s.DateOut:
    policy = call.services.desk.policy
    place = policy.open_day(day, venue.id, None)
    opens_at = policy.opens_at_instant(day)
    today = local_date(call.now)
    waits = opens_at is not None and day > today and call.now < opens_at
    over = place.hours is not None and call.now >= place.hours.end
    name = {0: "今天", 1: "明天"}.get((day - today).days, f"周{_WEEKDAYS[day.weekday()]}")
    hours = place.hours
    return s.DateOut(
        date=day,
        label=f"{name} {day.month}月{day.day}日",
        bookable=hours is not None and not waits and not over,
        opens_at=present.moment(opens_at) if waits else None,
        open=s.OpenOut(present.clock(hours.start), present.clock(hours.end)) if hours else None,
        reason=place.reason,
    )


async def areas(call: Call, query: s.AreasQuery) -> web.StreamResponse:
    desk, plans, minute = call.services.desk, call.services.plans, floor_minute(call.now)
    asked = plans.window(desk, query.date, query.start, query.end, minute)
    board = await _board(call, asked.day)
    venue = VenueId(query.venue) if query.venue is not None else None
    body = plans.areas(desk, board, venue, asked, minute)
    return body.answer(call.request)


async def plan(call: Call, query: s.WindowQuery) -> web.StreamResponse:
    desk, plans, minute = call.services.desk, call.services.plans, floor_minute(call.now)
    area = desk.area(call.id)
    asked = plans.window(desk, query.date, query.start, query.end, minute)
    board = await _board(call, asked.day)
    shown = plans.plan(desk, area, board, asked, minute)
    return shown.body(desk, call.reader.id).answer(call.request)


async def events(call: Call, query: s.WindowQuery) -> web.StreamResponse:
    area = call.services.desk.area(call.id)
    asked = _window(call, query.date, query.start, query.end)
    headers = {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store",
        # A proxy that gathers an answer before it passes it on would keep the events back.
        "X-Accel-Buffering": "no",
        **stamps(call.request, call.services),
    }
    return await call.services.streams.watch(call.request, headers, area, asked, call.reader.id)


async def _board(call: Call, day: date) -> DayBoard:
    board = call.services.desk.board
    return board.current(day) or await board.day(day)


def _window(call: Call, day: date | None, start: str | None, end: str | None) -> views.Window:
    minute = floor_minute(call.now)
    return call.services.plans.window(call.services.desk, day, start, end, minute)


async def seat_day(call: Call, query: s.SeatDayQuery) -> s.SeatDayOut:
    desk = call.services.desk
    seat = desk.seat(call.id)
    asked = _window(call, query.date, None, None)
    board = await _board(call, asked.day)
    return s.SeatDayOut(
        id=seat.id,
        no=seat.no,
        area_id=seat.area_id,
        label=desk.library.seat_label(seat),
        power=seat.power,
        window=seat.window,
        computer=seat.computer,
        accessible=seat.accessible,
        disabled=seat.disabled,
        date=asked.day,
        taken=[s.TakenOut(local(t.start), local(t.end)) for t in board.by_seat.get(seat.id, ())],
    )


async def seat_times(call: Call, query: s.TimesQuery) -> s.TimesOut:
    """The starts that are free; with a start, the ends that are."""
    desk = call.services.desk
    seat = desk.seat(call.id)
    asked = _window(call, query.date, None, None)
    look = views.look_at(desk, desk.library.areas[seat.area_id], asked, call.now)
    board = await _board(call, asked.day)
    taken = board.by_seat.get(seat.id, ())
    if seat.disabled is not None:
        return s.TimesOut(starts=[]) if query.start is None else s.TimesOut(ends=[])
    if query.start is None:
        starts = free_starts(taken, look)
        return s.TimesOut(
            starts=[s.Choice(value, "现在" if value == "now" else value) for value, _ in starts]
        )
    wished = None if query.start == "now" else time.fromisoformat(query.start)
    start = rules.decide_start(Wish(asked.day, wished, time(0)), look.policy, call.now)
    return s.TimesOut(ends=[present.choice(end) for end in free_ends(taken, look, start)])
