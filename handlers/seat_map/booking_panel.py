"""The panel beside a floor plan: the chosen seat, its times, and the form that books it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import msgspec

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.reservations.presenter import seat as seat_out
from handlers.reservations.schemas import ReservedSeat
from handlers.seat_map import presenter, schemas
from handlers.seat_map.cache import CachedAreaMap
from handlers.seat_map.proposed_time import proposed_choice
from handlers.seat_map.search import MapSearch
from handlers.texts.errors import text_of
from handlers.texts.labels import FEATURE_TEXT, SEAT_TEXT, hours_text
from handlers.texts.pages import TOO_LONG
from models.booking.service import ReservationService
from models.favourites.service import FavouriteSeats
from models.kernel.errors import DomainError, NotFound
from models.kernel.ids import ReservationId
from models.kernel.time_range import local_instant
from models.library.entities import Area, CheckInWay, Seat
from models.policy.entities import Policy
from models.reference_data import ReferenceData
from models.reservations.check_in_window import check_in_window
from models.reservations.errors import SeatTaken
from models.reservations.occupancy_rows import OccupancyRow
from models.seat_map.availability import SeatStatus
from models.seat_map.service import SeatDay, SeatMapService, StartChoice, TimeFilter
from notify.templates.rendering import later_clock

_MINUTE: Final = timedelta(minutes=1)


def feature_texts(seat: Seat) -> dict[str, str]:
    """Each feature that the seat has, with its word."""
    return {name: text for name, text in FEATURE_TEXT.items() if getattr(seat, name)}


@dataclass(frozen=True, slots=True)
class OwnBooking:
    """What the reader has at that time already."""

    id: ReservationId
    place: ReservedSeat
    begin: str
    end: str


@dataclass(slots=True)
class BookingPanel:
    """The chosen seat with its times. ``refusal`` says why the last try did not succeed."""

    seat: Seat
    place: ReservedSeat
    features: list[str]
    status: str
    check_in_by: CheckInWay
    starts: list[schemas.Choice] = field(default_factory=list)
    start: str = ""
    ends: list[schemas.Choice] = field(default_factory=list)
    end: str = ""
    check_in: str = ""
    counts: bool = True
    """Does it count as a violation not to come?"""
    can_report_empty: bool = False
    """The seat is shown in use, and whoever stands before it may see that nobody is there."""
    unavailable_start: str = ""
    """The start that was chosen and is not free any more."""
    refusal: str = ""
    reserved_for: tuple[str, ...] = ()
    """The groups that have the seat instead of the reader."""
    nearest: list[tuple[str, str]] = field(default_factory=list)
    bookings_left: int = 1
    """How many bookings the reader may still make for that day."""
    daily_limit: int = 1
    own: list[OwnBooking] = field(default_factory=list)
    """What stands in the way of what the reader may have in mind."""
    too_long: str = ""
    """The same of the length that was searched for."""
    favourite: bool = False
    timeline: str = ""
    """The seat's day as JSON, for the script that draws it."""


async def booking_panel(
    visit: PageRequest,
    area: Area,
    search: MapSearch,
    shown: CachedAreaMap,
    kind: str,
    wished_end: str,
) -> BookingPanel:
    """The chosen seat with its times: a start is chosen already, the filter's or the first.

    Raises: NotFound.
    """
    reference, seat_map = visit[REFERENCE], visit[SeatMapService]
    reader_id = visit.reader.id
    seat = reference.seat(search.seat)
    if seat.area_id != area.id:
        raise NotFound()
    place = area.seats.index(seat)
    status = shown.states_for(reader_id)[place].status
    policy = reference.policy_for(area.id, search.day, visit.reader)
    panel = BookingPanel(
        seat=seat,
        place=seat_out(reference, seat.id),
        features=list(feature_texts(seat).values()),
        status=SEAT_TEXT[kind][status.value],
        check_in_by=reference.catalog.venues[area.venue_id].check_in_way,
        reserved_for=shown.barred.get(place, ()),
        can_report_empty=kind == "moment" and status is SeatStatus.OCCUPIED,
        daily_limit=policy.daily_booking_limit,
    )
    asked = TimeFilter(search.day, None, None)
    day = await seat_map.seat_day(seat, asked, visit.now, visit.reader, search.change)
    panel.starts = [presenter.start(choice.value) for choice in day.choices]
    panel.own = [_own(reference, search.day, row) for row in day.own]
    favourites, panel.bookings_left = await asyncio.gather(
        visit[FavouriteSeats].of(reader_id),
        visit[ReservationService].bookings_left(reader_id, search.day, policy),
    )
    panel.favourite = seat in favourites
    if day.choices:
        panel.timeline = _timeline(visit, search.day, day, policy)
        await _choose(panel, visit, search, day, policy, wished_end)
    if search.is_longer_than(policy.longest):
        longest = hours_text(policy.max_minutes)
        panel.too_long = TOO_LONG.format(period=search.period, longest=longest)
    return panel


async def _choose(
    panel: BookingPanel,
    visit: PageRequest,
    search: MapSearch,
    day: SeatDay,
    policy: Policy,
    wished_end: str,
) -> None:
    """The start that was chosen, or the filter's, or today the first and on another day the usual
    one; and its end in the same way."""
    by_value = {choice.value: choice for choice in day.choices}
    if search.begin and search.begin not in by_value:
        # Never another time than was chosen, a tap away from being booked.
        panel.unavailable_start = presenter.start(search.begin).label
        return
    asked = next((v for v in (search.begin, search.start) if v in by_value), None)
    chosen = (
        by_value[asked]
        if asked is not None
        else await proposed_choice(visit, visit.reader, search.day, day, policy)
    )
    panel.start = chosen.value
    panel.ends = [presenter.choice(end, search.day) for end in chosen.ends]
    values = [choice.value for choice in panel.ends]
    usual = values[min(1, len(values) - 1)]
    panel.end = next((v for v in (wished_end, search.until, search.end) if v in values), usual)
    end = chosen.ends[values.index(panel.end)]
    opens, closes, excused = check_in_window(chosen.start, end, visit.now, policy)
    opens = max(opens, visit.now)
    panel.check_in = f"{later_clock(search.day, opens)}–{later_clock(opens, closes)}"
    panel.counts = not excused


def _own(reference: ReferenceData, day: date, row: OccupancyRow) -> OwnBooking:
    begin, end = later_clock(day, row.start), later_clock(row.start, row.end)
    return OwnBooking(row.id, seat_out(reference, row.seat_id), begin, end)


def _timeline(visit: PageRequest, day: date, seat_day: SeatDay, policy: Policy) -> str:
    """The seat's day for the script: instants as minutes since the day's midnight."""
    midnight = local_instant(day, time(0))

    def minute(instant: datetime) -> int:
        return (instant - midnight) // _MINUTE

    def times(rows: Iterable[OccupancyRow]) -> list[list[int]]:
        return [[minute(row.start), minute(row.end)] for row in rows]

    def choice(one: StartChoice) -> dict[str, Any]:
        # That of the longest stay, which a shorter one may cut: then it is excused.
        opens, _, _ = check_in_window(one.start, one.ends[-1], visit.now, policy)
        opens = max(opens, visit.now)
        full = max(one.start, visit.now) + timedelta(minutes=policy.check_in_after_minutes)
        ends = [presenter.choice(end, day) for end in one.ends]
        return {
            "value": one.value,
            "label": presenter.start(one.value).label,
            "at": minute(one.start),
            "opens": later_clock(day, opens),
            "full": {"at": minute(full), "label": later_clock(opens, full)},
            "ends": [
                {"value": e.value, "label": e.label, "at": minute(at)}
                for e, at in zip(ends, one.ends, strict=True)
            ],
        }

    return msgspec.json.encode(
        {
            "hours": [[minute(one.start), minute(one.end)] for one in seat_day.hours],
            "now": minute(visit.now),
            "longest": policy.max_minutes,
            "taken": times(seat_day.taken),
            "own": times(seat_day.own),
            "starts": [choice(one) for one in seat_day.choices],
        }
    ).decode()


def show_error(panel: BookingPanel, error: DomainError, search: MapSearch, area: Area) -> None:
    """Put the refusal into the panel, with the free seats near the one that was wanted."""
    panel.refusal = text_of(error.code, error.details)

    def to_seat(id: str) -> str:
        """The same time on another seat."""
        return search.to(f"/areas/{area.id}", seat=id, begin=search.begin, until=search.until)

    if isinstance(error, SeatTaken):
        near: Any = error.details.get("nearest", [])
        panel.nearest = [(one["no"], to_seat(one["id"])) for one in near]
