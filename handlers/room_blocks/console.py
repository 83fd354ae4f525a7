"""研修间占用: the library's own stays in study rooms, and the forms that make and change them."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.forms import decode, form_key
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import keep_typed, refuse
from handlers.texts.labels import WEEKDAYS
from handlers.texts.room_blocks import why_not
from languages.text import Text
from models.identity.roles import Role
from models.kernel.errors import Malformed, NotFound
from models.kernel.zone import Zone
from models.library.names import label_text
from models.library.rooms import Room, RoomId
from models.reservations.room_block import RoomBlock
from models.rooms.errors import SeriesDoesNotFit
from models.rooms.series import LONGEST_TITLE, MOST_DATES, BlockChange, BlockSeries, PlannedDate
from models.rooms.staff import StaffRoomBlocks
from models.staff.audit import AuditAction

PAGE: Final = "/console/rooms/blocks"
_LISTED: Final = 500
_ID_CHARS: Final = 24


class SeriesForm(msgspec.Struct):
    """``last``: None for one day. ``weekday``: 1 is Monday; without any every day."""

    room: Annotated[str, Meta(min_length=1)]
    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]
    first: date
    start: time
    end: time
    last: date | None = None
    weekday: frozenset[str] = frozenset()
    but: frozenset[str] = frozenset()
    keeps_buffer: bool = False


class BlockForm(msgspec.Struct):
    """``following``: also the later blocks of the series."""

    room: Annotated[str, Meta(min_length=1)]
    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]
    date: date
    start: time
    end: time
    keeps_buffer: bool = False
    following: bool = False


@dataclass(frozen=True, slots=True)
class _Time:
    """A stay as the page shows it."""

    id: str
    date: date
    start: datetime
    end: datetime
    title: str = ""


@dataclass(frozen=True, slots=True)
class _Day:
    """A day of the series in the form. ``why``: why it cannot be stored, in words; ``left_out``:
    the form says that it is not wanted."""

    date: date
    why: Text | str = ""
    bookings: Sequence[_Time] = ()
    blocks: Sequence[_Time] = ()
    stored: bool = False
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    """A block in the list. ``following``: the number of later ones of its series."""

    time: _Time
    begun: bool
    following: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """The days that the form would block or change, or (``done``) has. ``mark``: that of its other
    fields."""

    days: Sequence[_Day]
    mark: str
    done: bool = False


async def room_blocks(visit: PageRequest, plan: _Plan | None = None) -> web.StreamResponse:
    """The blocks to come by room, and the form for new ones. ``plan``: of the form as typed."""
    context, staff = staff_context(visit), visit[StaffRoomBlocks]
    venues = visit.rights.venues if visit.rights is not None else None
    blocks = await staff.to_come(context, venues, _LISTED)
    rooms = visit[REFERENCE].rooms_in_use()
    return render(
        visit,
        "room_blocks",
        plan=plan,
        rooms=_choices(visit),
        buffers=any(room.rules.buffer_minutes for room in rooms),
        blocked=_by_room(visit, blocks),
        undo=await _ended(visit),
        listed=len(blocks) if len(blocks) == _LISTED else 0,
        left=visit.request.query.get("left", ""),
        weekdays=[*enumerate(WEEKDAYS, 1)],
        today=visit.zone.day(visit.now),
        longest_title=LONGEST_TITLE,
        most=MOST_DATES,
    )


def _choices(visit: PageRequest) -> list[tuple[RoomId, Text | str]]:
    """The rooms in use about which this staff member decides, with their names."""
    return [
        (room.id, _label(visit, room))
        for room in visit[REFERENCE].rooms_in_use()
        if visit.may_in(room.venue_id, Role.LIBRARIAN)
    ]


def _label(visit: PageRequest, room: Room) -> Text | str:
    venue = visit[REFERENCE].catalog.venues[room.venue_id]
    return label_text(venue, venue.floor(room.floor), room)


def _by_room(
    visit: PageRequest, blocks: Sequence[RoomBlock]
) -> list[tuple[Text | str, bool, list[tuple[str, list[_Line]]]]]:
    """The rooms with whether this staff member decides about them, and their blocks by series."""
    rooms = []
    ordered = sorted(blocks, key=lambda b: (b.room_id, b.series, b.span.start))
    days: dict[str, list[date]] = {}
    for b in sorted(blocks, key=lambda b: b.day):
        days.setdefault(b.series, []).append(b.day)
    for room_id, of_room in groupby(ordered, lambda b: b.room_id):
        room = visit[REFERENCE].rooms.get(room_id)
        series = []
        for _series, those in groupby(of_room, lambda b: b.series):
            listed = [*those]
            lines = [
                _Line(
                    _time(visit.zone, b),
                    b.span.start <= visit.now,
                    len(days[b.series]) - bisect_right(days[b.series], b.day),
                )
                for b in listed
            ]
            series.append((listed[0].title, lines))
        series.sort(key=lambda one: one[1][0].time.start)
        label = _label(visit, room) if room is not None else room_id
        venue = room.venue_id if room is not None else None
        rooms.append((label, visit.may_in(venue, Role.LIBRARIAN), series))
    return rooms


def _time(zone: Zone, b: RoomBlock) -> _Time:
    return _Time(b.id, b.day, zone.local(b.span.start), zone.local(b.span.end), b.title)


async def _ended(visit: PageRequest) -> _Time | None:
    """The block that the query names, if it has just been ended by this staff member's form and can
    be restored."""
    if not (id := visit.request.query.get("ended")):
        return None
    try:
        b = await visit[StaffRoomBlocks].get(id)
    except NotFound:
        return None
    restorable = b.ended_at is not None and visit.now < b.span.end
    return _time(visit.zone, b) if restorable and visit.sees(b.venue_id) else None


async def block_room(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Shows what would be stored; with the ``operation`` all or fitting stores it, if it is what
    the page has shown. The page says of each day what has become of it."""
    series, context, staff = _typed(visit, form), staff_context(visit), visit[StaffRoomBlocks]
    operation = form_text(form, "operation")
    keep_typed(visit, form)
    if operation not in ("all", "fitting") or form_text(form, "mark") != _mark(series):
        return await room_blocks(visit, _plan(visit, series, await staff.plan(context, series)))
    try:
        made = await staff.make(context, series, only_all=operation == "all")
    except SeriesDoesNotFit as error:
        refuse(visit, form, error)
        return await room_blocks(visit, _plan(visit, series, await staff.plan(context, series)))
    if all(p.stored for p in made):
        return redirect(f"{PAGE}?done={AuditAction.BLOCK_ROOM}")
    return await room_blocks(visit, _plan(visit, series, made, done=True))


async def block(visit: PageRequest, plan: _Plan | None = None) -> web.StreamResponse:
    """A block with the form that changes it. ``plan``: of the form as typed."""
    b = await visit[StaffRoomBlocks].get(visit.id)
    visit.require_in(b.venue_id, Role.LIBRARIAN)
    rooms = _choices(visit)
    following = await visit[StaffRoomBlocks].following(b)
    return render(
        visit,
        "room_block",
        block=_time(visit.zone, b),
        room=b.room_id,
        keeps_buffer=b.buffer > timedelta(),
        following=following,
        plan=plan,
        rooms=rooms,
        buffers=any(room.rules.buffer_minutes for room in visit[REFERENCE].rooms_in_use()),
        changeable=b.ended_at is None and visit.now < b.span.end,
        longest_title=LONGEST_TITLE,
    )


async def change_block(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Shows what would become of the block and those that follow; with the ``operation`` all or
    fitting changes them, if it is what the page has shown."""
    context, staff = staff_context(visit), visit[StaffRoomBlocks]
    change = _change(visit, form, await staff.get(visit.id))
    operation = form_text(form, "operation")
    keep_typed(visit, form)
    mark = _mark_of((visit.id, change))
    if operation in ("all", "fitting") and form_text(form, "mark") == mark:
        try:
            done = await staff.change(context, visit.id, change, only_all=operation == "all")
        except SeriesDoesNotFit as error:
            refuse(visit, form, error)
        else:
            if all(p.stored for p in done):
                return redirect(f"{PAGE}?done={AuditAction.CHANGE_BLOCK}")
            return await block(visit, _Plan(_days(visit, done), mark, done=True))
    plan = await staff.plan_change(context, visit.id, change)
    return await block(visit, _Plan(_days(visit, plan), mark))


def _change(visit: PageRequest, form: Form, b: RoomBlock) -> BlockChange:
    """The change that the form describes. Raises: Malformed."""
    typed = decode(visit.zone, form, BlockForm)
    return BlockChange(
        RoomId(typed.room),
        typed.title,
        typed.date if typed.date != b.day else None,
        typed.start,
        typed.end,
        typed.keeps_buffer,
        typed.following,
    )


async def end_block(visit: PageRequest, form: Form) -> web.StreamResponse:
    following = form_text(form, "operation") == "following"
    await visit[StaffRoomBlocks].end(staff_context(visit), visit.id, following=following)
    return redirect(f"{PAGE}?done={AuditAction.END_BLOCK}&ended={visit.id}")


async def restore_block(visit: PageRequest, _: Form) -> web.StreamResponse:
    blocks = await visit[StaffRoomBlocks].restore(staff_context(visit), visit.id)
    left = sum(b.ended_at is not None for b in blocks)
    return redirect(f"{PAGE}?done={AuditAction.RESTORE_BLOCK}{f'&left={left}' if left else ''}")


def _typed(visit: PageRequest, form: Form) -> BlockSeries:
    """The series that the form describes, with an id of the form's idempotency key: a form sent
    twice stores it once. Raises: Malformed."""
    typed = decode(visit.zone, form, SeriesForm)
    try:
        weekdays = frozenset(map(int, typed.weekday))
        but = frozenset(map(date.fromisoformat, typed.but))
    except ValueError:
        raise Malformed("first", "page_outdated") from None
    key = f"{visit.reader.id}:{form_key(form)}"
    return BlockSeries(
        hashlib.sha256(key.encode()).hexdigest()[:_ID_CHARS],
        RoomId(typed.room),
        typed.title,
        typed.first,
        typed.last or typed.first,
        typed.start,
        typed.end,
        weekdays,
        but,
        typed.keeps_buffer,
    )


def _mark(series: BlockSeries) -> str:
    """The mark of the series as the page has shown it; days can be left out afterwards."""
    return _mark_of(
        (
            *(series.room_id, series.title, series.first, series.last, series.start, series.end),
            *(sorted(series.weekdays), series.keeps_buffer),
        )
    )


def _mark_of(typed: object) -> str:
    return hashlib.sha256(repr(typed).encode()).hexdigest()[:_ID_CHARS]


def _plan(
    visit: PageRequest, series: BlockSeries, plan: Sequence[PlannedDate], *, done: bool = False
) -> _Plan:
    days = _days(visit, plan)
    days += [_Day(day, left_out=True) for day in series.but]
    return _Plan(sorted(days, key=lambda d: d.date), _mark(series), done)


def _days(visit: PageRequest, plan: Sequence[PlannedDate]) -> list[_Day]:
    zone = visit.zone
    return [
        _Day(
            p.day,
            why_not(p.error) if p.error is not None else "",
            [
                _Time(b.id, b.day, zone.local(b.span.start), zone.local(b.span.end))
                for b in p.bookings
            ],
            [_time(zone, b) for b in p.blocks],
            p.stored,
        )
        for p in plan
    ]
