"""The shapes of blocks of rooms, for the staff."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, field

from handlers.http.schemas import ClockTime, Id, Request, Response
from models.rooms.series import LONGEST_TITLE

DatesOfSeries = Annotated[list[date], Meta(max_length=366)]


class SeriesRequest(Request):
    """Blocks of a room, on one day or several. ``weekdays``: 1 is Monday; empty for every day.
    ``but``: days of which none is made. ``end``: on the next day if it is no later than ``start``.
    ``keeps_buffer``: after each of them the room stays empty as after a booking."""

    room_id: Id
    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE, pattern=r"\S")]
    first: date
    last: date
    start: ClockTime
    end: ClockTime
    weekdays: Annotated[list[Annotated[int, Meta(ge=1, le=7)]], Meta(max_length=7)] = field(
        default_factory=list
    )
    but: DatesOfSeries = field(default_factory=list)
    keeps_buffer: bool = True


class MakeSeries(SeriesRequest, kw_only=True):
    """``id``: that of the preview; a request repeated with it has one effect. ``all``: nothing is
    stored unless every day fits."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{24}$")]
    all: bool


class PreviewChange(Request):
    """A change of a block: what is left out stays as it is. ``following``: also of all later
    blocks of its series, for which ``date`` cannot be given."""

    room_id: Id | None = None
    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE, pattern=r"\S")] | None = None
    date: date | None = None
    start: ClockTime | None = None
    end: ClockTime | None = None
    keeps_buffer: bool | None = None
    following: bool = False


class ChangeBlock(PreviewChange, kw_only=True):
    """``all``: nothing is changed unless every block fits."""

    all: bool


class InTheWayOut(Response):
    """A stay that has the room. ``title``: of a block."""

    id: str
    kind: Literal["booking", "block"]
    start: datetime
    end: datetime
    title: str


class PlannedDateOut(Response):
    """A day of a series. ``block``: the id of its block if it is ``stored``. ``error``: the code of
    what keeps it from being stored (room_taken, closed, in_the_past, off_grid, wrong_state). Of a
    change ``block`` is always there, and ``stored`` says that the block is as requested."""

    date: date
    stored: bool
    block: str | None
    error: str | None
    in_the_way: list[InTheWayOut]


class SeriesOut(Response):
    """``id``: for the request that stores the series."""

    id: str
    dates: list[PlannedDateOut]


class RoomBlockOut(Response):
    """A block of a room. ``series``: the blocks that were made together share it. ``ended_at``:
    when it was cancelled or ended early."""

    id: str
    series: str
    room_id: str
    title: str
    date: date
    start: datetime
    end: datetime
    ended_at: datetime | None


class RoomBlocksOut(Response):
    items: list[RoomBlockOut]


class EndBlock(Request):
    """``following``: also all later blocks of its series."""

    following: bool = False
