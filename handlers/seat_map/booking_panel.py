"""The panel beside a floor plan: the chosen seat, its times and the booking form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest
from handlers.http.presenting import later_clock
from handlers.kiosks.presenter import kiosk_names
from handlers.reservations.presenter import seat as seat_out
from handlers.reservations.schemas import ReservedSeat
from handlers.seat_map import presenter, schemas
from handlers.seat_map.cache import CachedAreaMap
from handlers.seat_map.proposed_time import proposed_choice
from handlers.seat_map.search import MapSearch, feature_texts
from handlers.texts.errors import text_of
from handlers.texts.labels import SEAT_TEXT, hours_text
from handlers.texts.pages import TOO_LONG
from models.booking.overview_queries import ReaderOverviews
from models.kernel.errors import DomainError, NotFound
from models.kernel.ids import ReservationId
from models.kernel.zone import Zone
from models.library.entities import Area, CheckInWay, Seat
from models.parties.rules import most_people
from models.policy.entities import Policy
from models.reference_data import ReferenceData
from models.reservations.check_in_window import check_in_window
from models.reservations.errors import SeatTaken
from models.reservations.occupancy_rows import OccupancyRow
from models.seat_map.availability import SeatStatus
from models.seat_map.service import SeatDay, SeatMapService, StartChoice, TimeFilter
from notify.templates.rendering import from_to

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class OwnBooking:
    """A booking that the reader already has on the day. A new booking must not overlap it."""

    id: ReservationId
    place: ReservedSeat
    begin: str
    end: str


@dataclass(slots=True)
class BookingPanel:
    """The panel's template data: the chosen seat, ``starts`` and ``ends`` with the preselected
    ``start`` and ``end``. ``refusal``: why the last booking failed; empty if none has failed."""

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
    kiosk: str = ""
    """The name of the nearest kiosk at which readers check in; empty if the venue has none."""
    counts: bool = True
    """Whether a no-show of this booking would count as a violation."""
    together: bool = False
    """Whether readers may hold seats of the area for friends."""
    can_report_empty: bool = False
    """Whether the reader may report the seat as empty: it is recorded as occupied now."""
    unavailable_start: str = ""
    """The start that the reader chose, if the seat is not free then any more; otherwise empty."""
    refusal: str = ""
    reserved_for: tuple[str, ...] = ()
    """The reader groups that the seat is reserved for; empty if the reader may use it."""
    nearest: list[tuple[str, str]] = field(default_factory=list)
    bookings_left: int = 1
    """The number of bookings that the reader may still make for that day."""
    daily_limit: int = 1
    own: list[OwnBooking] = field(default_factory=list)
    too_long: str = ""
    """A sentence saying that the searched time exceeds the longest stay; empty if it does not."""
    favourite: bool = False
    timeline: dict[str, Any] | None = None
    """The seat's free and booked times of the day, for the script's timeline."""


async def booking_panel(
    visit: PageRequest,
    area: Area,
    search: MapSearch,
    plan: CachedAreaMap,
    kind: str,
    wished_end: str,
) -> BookingPanel:
    """The panel of the seat that ``search`` selects, with a preselected start and end.
    ``wished_end``: the end to preselect if the seat is free until then. ``kind``: the key of the
    words for a seat's state. Raises: NotFound if the seat is in another area."""
    reference, seat_map = visit[REFERENCE], visit[SeatMapService]
    reader_id = visit.reader.id
    seat = reference.seat(search.seat)
    if seat.area_id != area.id:
        raise NotFound()
    place = area.seats.index(seat)
    status = plan.states_for(reader_id)[place].status
    policy = reference.policy_for(area.id, search.day, visit.reader)
    panel = BookingPanel(
        seat=seat,
        place=seat_out(reference, seat.id),
        features=list(feature_texts(visit, seat).values()),
        status=SEAT_TEXT[kind][status.value],
        check_in_by=reference.catalog.venues[area.venue_id].check_in_way,
        reserved_for=plan.barred.get(place, ()),
        together=most_people(area, policy) > 1,
        can_report_empty=kind == "moment" and status is SeatStatus.OCCUPIED,
        daily_limit=policy.daily_booking_limit,
    )
    time_window = TimeFilter(search.day, None, None)
    day = await seat_map.seat_day(seat, time_window, visit.now, visit.reader, search.change)
    panel.starts = [presenter.start(choice.value) for choice in day.choices]
    panel.own = [_own(reference, search.day, row) for row in day.own]
    overview = await visit[ReaderOverviews].of(reader_id, search.day, visit.now)
    panel.favourite = seat.id in overview.favourites
    panel.bookings_left = overview.bookings_left(policy)
    if day.choices:
        panel.timeline = _timeline(visit, search.day, day, policy)
        _choose(panel, visit, search, day, policy, wished_end)
        venue, language = reference.catalog.venues[area.venue_id], language_of(visit.request)
        panel.kiosk = next(iter(kiosk_names(reference, [venue], language, area)), "")
    if search.is_longer_than(policy.longest):
        longest = hours_text(policy.max_minutes)
        panel.too_long = TOO_LONG.format(period=search.period, longest=longest)
    return panel


def _choose(
    panel: BookingPanel,
    visit: PageRequest,
    search: MapSearch,
    day: SeatDay,
    policy: Policy,
    wished_end: str,
) -> None:
    """Preselects the first start that exists: the chosen, the searched or the proposed one. Then
    preselects the first possible end: the wished, the chosen, the searched or a usual one. If
    the seat is no longer free at the chosen start, preselects nothing."""
    by_value = {choice.value: choice for choice in day.choices}
    if search.begin and search.begin not in by_value:
        # Do not preselect a time that the reader has not chosen: it could be booked by mistake.
        panel.unavailable_start = presenter.start(search.begin).label
        return
    preselected = next((v for v in (search.begin, search.start) if v in by_value), None)
    chosen = (
        by_value[preselected]
        if preselected is not None
        else proposed_choice(visit, visit.reader, search.day, day, policy)
    )
    panel.start = chosen.value
    panel.ends = [presenter.choice(visit.zone, end, search.day) for end in chosen.ends]
    values = [choice.value for choice in panel.ends]
    usual = values[min(1, len(values) - 1)]
    panel.end = next((v for v in (wished_end, search.until, search.end) if v in values), usual)
    end = chosen.ends[values.index(panel.end)]
    opens, closes, excused = check_in_window(chosen.start, end, visit.now, policy)
    opens = max(opens, visit.now)
    panel.check_in = from_to(
        later_clock(visit.zone, search.day, opens), later_clock(visit.zone, opens, closes)
    )
    panel.counts = not excused


def _own(reference: ReferenceData, day: date, row: OccupancyRow) -> OwnBooking:
    begin, end = (
        later_clock(reference.zone, day, row.start),
        later_clock(reference.zone, row.start, row.end),
    )
    return OwnBooking(row.id, seat_out(reference, row.seat_id), begin, end)


def _timeline(visit: PageRequest, day: date, seat_day: SeatDay, policy: Policy) -> dict[str, Any]:
    """The seat's day for the script's timeline. Times are minutes since midnight."""
    midnight = visit.zone.midnight(day)

    def minute(instant: datetime) -> int:
        return (instant - midnight) // _MINUTE

    def times(rows: Iterable[OccupancyRow]) -> list[list[int]]:
        return [[minute(row.start), minute(row.end)] for row in rows]

    def choice(one: StartChoice) -> dict[str, Any]:
        # The check-in window of the longest stay; one that a shorter stay cuts is excused.
        opens, _, _ = check_in_window(one.start, one.ends[-1], visit.now, policy)
        opens = max(opens, visit.now)
        full = max(one.start, visit.now) + timedelta(minutes=policy.check_in_after_minutes)
        ends = [presenter.choice(visit.zone, end, day) for end in one.ends]
        return {
            "value": one.value,
            "label": presenter.start(one.value).label,
            "at": minute(one.start),
            "opens": later_clock(visit.zone, day, opens),
            "full": {"at": minute(full), "label": later_clock(visit.zone, opens, full)},
            "ends": [
                {"value": e.value, "label": e.label, "at": minute(at)}
                for e, at in zip(ends, one.ends, strict=True)
            ],
        }

    return {
        "hours": [[minute(one.start), minute(one.end)] for one in seat_day.hours],
        "now": minute(visit.now),
        "longest": policy.max_minutes,
        "ahead": _ahead(visit.zone, day),
        "taken": times(seat_day.taken),
        "own": times(seat_day.own),
        "starts": [choice(one) for one in seat_day.choices],
    }


def _ahead(zone: Zone, day: date) -> list[tuple[int, int]]:
    """Since which minutes the clocks are ahead of the minutes since midnight, and by how many;
    empty unless they jump on the day or the next one."""
    midnight = zone.midnight(day)
    ahead: list[tuple[int, int]] = []
    for instant in (midnight, *zone.next_changes(midnight)):
        if instant >= midnight + timedelta(days=2):
            break
        clock, since = zone.local(instant), (instant - midnight) // _MINUTE
        days = (clock.date() - day).days
        more = 1440 * days + 60 * clock.hour + clock.minute - since
        if more != (ahead[-1][1] if ahead else 0):
            ahead.append((since, more))
    return ahead


def show_error(panel: BookingPanel, error: DomainError, search: MapSearch, area: Area) -> None:
    """Adds a refusal's reason to the panel, and links to free seats nearby if the seat is taken."""
    panel.refusal = text_of(error.code, search.zone.local_facts(error.details))

    def to_seat(id: str) -> str:
        return search.to(f"/areas/{area.id}", seat=id, begin=search.begin, until=search.until)

    if isinstance(error, SeatTaken):
        near: Any = error.details.get("nearest", [])
        panel.nearest = [(one["no"], to_seat(one["id"])) for one in near]
