"""The panel beside a floor plan: the chosen seat, its times, and the form that books it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.keys import SEAT_MAP
from handlers.seat_map import presenter, schemas
from handlers.seat_map.cache import CachedAreaMap
from handlers.seat_map.search import MapSearch
from handlers.texts.errors import text_of
from handlers.texts.labels import FEATURE_TEXT, SEAT_TEXT
from models.kernel.errors import DomainError, NotFound
from models.library.entities import Area, CheckInWay, Seat
from models.reservations.errors import SeatTaken
from models.reservations.transitions import check_in_window
from models.seat_map.availability import SeatStatus
from models.seat_map.service import TimeFilter
from notify.templates.rendering import later_clock


def feature_labels(seat: Seat) -> list[str]:
    """What the seat has, in words."""
    return [text for name, text in FEATURE_TEXT.items() if getattr(seat, name)]


@dataclass(slots=True)
class BookingPanel:
    """The chosen seat with its times. ``refusal`` says why the last try did not succeed."""

    seat: Seat
    label: str
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
    reference, seat_map = visit[REFERENCE], visit[SEAT_MAP]
    reader_id = visit.reader.id
    seat = reference.seat(search.seat)
    if seat.area_id != area.id:
        raise NotFound()
    place = area.seats.index(seat)
    status = shown.states_for(reader_id)[place].status
    panel = BookingPanel(
        seat=seat,
        label=reference.catalog.seat_label(seat),
        features=feature_labels(seat),
        status=SEAT_TEXT[kind][status.value],
        check_in_by=reference.catalog.venues[area.venue_id].check_in_way,
        reserved_for=shown.barred.get(place, ()),
        can_report_empty=kind == "moment" and status is SeatStatus.OCCUPIED,
    )
    day = TimeFilter(search.day, None, None)
    starts = await seat_map.seat_starts(seat, day, visit.now, visit.reader, search.change)
    panel.starts = [presenter.start(value) for value, _ in starts]
    if not starts:
        return panel
    instants = dict(starts)
    if search.begin and search.begin not in instants:
        # Never another time than was chosen, a tap away from being booked.
        panel.unavailable_start = presenter.start(search.begin).label
        return panel
    panel.start = next((v for v in (search.begin, search.start) if v in instants), starts[0][0])
    ends = await seat_map.seat_ends(seat, day, panel.start, visit.now, visit.reader, search.change)
    panel.ends = [presenter.choice(end, search.day) for end in ends]
    values = [choice.value for choice in panel.ends]
    usual = values[min(1, len(values) - 1)] if values else ""
    wished = (wished_end, search.until, search.end)
    panel.end = next((v for v in wished if v in values), usual)
    if panel.end:
        end = ends[values.index(panel.end)]
        policy = reference.policy_for(area.id, search.day, visit.reader)
        opens, closes, excused = check_in_window(instants[panel.start], end, visit.now, policy)
        opens = max(opens, visit.now)
        panel.check_in = f"{later_clock(search.day, opens)}–{later_clock(opens, closes)}"
        panel.counts = not excused
    return panel


def show_error(panel: BookingPanel, error: DomainError, search: MapSearch, area: Area) -> None:
    """Put the refusal into the panel, with the free seats near the one that was wanted."""
    panel.refusal = text_of(error.code, error.details)

    def to_seat(id: str) -> str:
        """The same time on another seat."""
        return search.to(f"/areas/{area.id}", seat=id, begin=search.begin, until=search.until)

    if isinstance(error, SeatTaken):
        near: Any = error.details.get("nearest", [])
        panel.nearest = [(one["no"], to_seat(one["id"])) for one in near]
