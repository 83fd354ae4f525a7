"""Venues, areas, plans, and the times of a seat. Bodies that many look at are made once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from datetime import date, time
from typing import Final

import msgspec
from aiohttp import web

from handlers.api import present
from handlers.api import schemas as s
from handlers.api.contract import Call
from models import rules
from models.booking import views
from models.booking.desk import DayBoard
from models.library import Area, Venue
from models.plan import free_ends, free_starts
from models.reservation import ReaderId
from models.rules import Wish
from models.timerange import floor_minute, local, local_date

_WEEKDAYS: Final = "一二三四五六日"


class Bodies:
    """Encoded answers by all that they depend on; the newest few hundred."""

    def __init__(self, size: int = 512) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        return self._kept.get(key)

    def keep(self, key: Hashable, body: bytes) -> bytes:
        self._kept[key] = body
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return body


BODIES: Final = web.AppKey("bodies", Bodies)


def clock(text: str | None) -> time | None:
    return time.fromisoformat(text) if text is not None else None


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
    desk = call.services.desk
    if query.venue is not None and query.venue not in desk.library.venues:
        return _json(call, msgspec.json.encode(s.AreasOut([])))
    asked = _window(call, query.date, query.start, query.end)
    board = await desk.occupancy.board(asked.day)
    key = ("areas", query.venue, asked, board.version, *_versions(call))
    bodies = call.request.app[BODIES]
    body = bodies.get(key)
    if body is None:
        wanted = [
            area for area in desk.library.areas.values() if query.venue in (None, area.venue_id)
        ]
        out = s.AreasOut([_area(call, area, asked, board) for area in wanted])
        body = bodies.keep(key, msgspec.json.encode(out))
    return _json(call, body)


def _area(call: Call, area: Area, asked: views.Window, board: DayBoard) -> s.AreaOut:
    desk = call.services.desk
    look = views.look_at(desk, area, asked, floor_minute(call.now))
    n = views.count(board, area, look)
    return s.AreaOut(
        id=area.id,
        name=area.name,
        floor=area.floor,
        seats_total=n.total,
        seats_free=n.free,
        seats_in_use=n.in_use,
        seats_away=n.away,
        seats_disabled=n.disabled,
        max_minutes=look.policy.max_minutes,
        step_minutes=look.policy.step_minutes,
    )


async def plan(call: Call, query: s.WindowQuery) -> web.StreamResponse:
    desk = call.services.desk
    area = desk.area(call.id)
    asked = _window(call, query.date, query.start, query.end)
    board = await desk.occupancy.board(asked.day)
    mine = _reader_here(call, area, board)
    key = ("plan", area.id, asked, board.version, mine, *_versions(call))
    bodies = call.request.app[BODIES]
    body = bodies.get(key)
    if body is None:
        body = bodies.keep(key, _plan_body(call, area, asked, board, mine))
    return _json(call, body)


def _reader_here(call: Call, area: Area, board: DayBoard) -> ReaderId | None:
    """The reader, where they hold a seat of this area on that day: else the body is everybody's."""
    reader_id = call.reader.id
    for seat in area.seats:
        for taken in board.by_seat.get(seat.id, ()):
            if taken.reader_id == reader_id:
                return reader_id
    return None


def _plan_body(
    call: Call, area: Area, asked: views.Window, board: DayBoard, mine: ReaderId | None
) -> bytes:
    desk = call.services.desk
    look = views.look_at(desk, area, asked, floor_minute(call.now))
    seats = [
        s.SeatOut(
            id=seat.id,
            no=seat.no,
            x=seat.x,
            y=seat.y,
            status=view.status.value,
            free_until=present.moment(view.free_until),
            next_free=present.moment(view.next_free),
            power=seat.power,
            window=seat.window,
            computer=seat.computer,
            accessible=seat.accessible,
        )
        for seat, view in views.see_area(board, area, look, mine)
    ]
    states = msgspec.json.encode([seats, desk.library.version, desk.policy.version])
    venue = desk.library.venues[area.venue_id].name
    return msgspec.json.encode(
        s.MapOut(
            area=s.AreaHead(area.id, area.name, area.floor, venue),
            width=area.width,
            height=area.height,
            seats=seats,
            marks=[s.MarkOut(m.kind, m.x, m.y, m.w, m.h) for m in area.marks],
            version=hashlib.sha256(states).hexdigest()[:16],
        )
    )


def _versions(call: Call) -> tuple[Hashable, ...]:
    desk = call.services.desk
    return desk.library.version, desk.policy.version, floor_minute(call.now)


def _window(call: Call, day: date | None, start: str | None, end: str | None) -> views.Window:
    asked = views.window(day, clock(start), clock(end), call.now)
    rules.day_in_horizon(asked.day, call.services.desk.policy, call.now)
    return asked


def _json(call: Call, body: bytes) -> web.StreamResponse:
    """With an ETag that is the body's hash, so it is the same on every worker."""
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    given = call.request.headers.get("If-None-Match", "")
    if etag in (part.strip().removeprefix("W/") for part in given.split(",")):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=body, content_type="application/json", charset="utf-8", headers=headers
    )


async def seat_day(call: Call, query: s.SeatDayQuery) -> s.SeatDayOut:
    desk = call.services.desk
    seat = desk.seat(call.id)
    asked = _window(call, query.date, None, None)
    board = await desk.occupancy.board(asked.day)
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
    board = await desk.occupancy.board(asked.day)
    taken = board.by_seat.get(seat.id, ())
    if seat.disabled is not None:
        return s.TimesOut(starts=[]) if query.start is None else s.TimesOut(ends=[])
    if query.start is None:
        starts = free_starts(taken, look)
        return s.TimesOut(
            starts=[s.Choice(value, "现在" if value == "now" else value) for value, _ in starts]
        )
    wished = None if query.start == "now" else clock(query.start)
    start = rules.decide_start(Wish(asked.day, wished, time(0)), look.policy, call.now)
    return s.TimesOut(ends=[present.choice(end) for end in free_ends(taken, look, start)])
