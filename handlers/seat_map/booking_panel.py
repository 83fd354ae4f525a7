"""TODO docstring."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handlers.http import presenting
from handlers.http.pages import PageRequest
from handlers.seat_map import presenter, schemas
from handlers.seat_map.cache import CachedAreaMap
from handlers.seat_map.pages import MARK_TEXT
from handlers.seat_map.search import MapSearch
from handlers.texts.errors import text_of
from handlers.texts.labels import SEAT_TEXT
from models.kernel.errors import DomainError, NotFound
from models.library.entities import Area, Seat
from models.reservations.errors import SeatTaken
from models.reservations.transitions import check_in_window
from models.seat_map import service as seat_map_service
from models.seat_map.availability import SeatStatus
from models.seat_map.service import TimeFilter


def _marks_of(seat: Seat) -> list[str]:
    return [text for name, text in MARK_TEXT.items() if getattr(seat, name)]


@dataclass(slots=True)
class BookingPanel:
    """The chosen seat with its times. ``refusal`` says why the last try did not succeed."""

    seat: Seat
    label: str
    marks: list[str]
    status: str
    starts: list[schemas.Choice] = field(default_factory=list)
    start: str = ""
    ends: list[schemas.Choice] = field(default_factory=list)
    end: str = ""
    check_in: str = ""
    counts: bool = True
    """Does it count as a violation not to come?"""
    doubtful: bool = False
    """It is shown in use, and whoever stands before it may see that nobody is there."""
    gone: str = ""
    """The start that was chosen and is not free any more."""
    refusal: str = ""
    nearest: list[tuple[str, str]] = field(default_factory=list)


def _clock(instant: datetime | None) -> str:
    return presenting.clock(instant) if instant is not None else ""


async def _panel(
    visit: PageRequest,
    area: Area,
    asked: MapSearch,
    shown: CachedAreaMap,
    kind: str,
    wished_end: str,
) -> BookingPanel:
    """The times of the chosen seat: a start is chosen already, the filter's or the first."""
    desk, now = visit.services.desk, visit.now
    seat = desk.seat(asked.seat)
    if seat.area_id != area.id:
        raise NotFound()
    day = TimeFilter(asked.day, None, None)
    view = shown.states_for(desk, visit.reader.id)[area.seats.index(seat)]
    panel = BookingPanel(
        seat=seat,
        label=desk.library.seat_label(seat),
        marks=_marks_of(seat),
        status=SEAT_TEXT[kind][view.status.value],
        doubtful=kind == "moment" and view.status is SeatStatus.OCCUPIED,
    )
    starts = await seat_map_service.seat_starts(desk, seat, day, now, visit.reader.id, asked.change)
    panel.starts = [presenter.start(value) for value, _ in starts]
    if not starts:
        return panel
    instants = dict(starts)
    if asked.begin and asked.begin not in instants:
        # Never another time than was chosen, a tap away from being booked.
        panel.gone = presenter.start(asked.begin).label
        return panel
    panel.start = next((v for v in (asked.begin, asked.start) if v in instants), starts[0][0])
    ends = await seat_map_service.seat_ends(
        desk, seat, day, panel.start, now, visit.reader.id, asked.change
    )
    panel.ends = [presenter.choice(end) for end in ends]
    values = [choice.value for choice in panel.ends]
    usual = values[min(1, len(values) - 1)] if values else ""
    wished = (wished_end, asked.until, asked.end)
    panel.end = next((v for v in wished if v in values), usual)
    if panel.end:
        begin = instants[panel.start]
        end = ends[values.index(panel.end)]
        policy = desk.policy_for(area.id, asked.day)
        opens, closes, excused = check_in_window(begin, end, now, policy)
        panel.check_in = f"{presenting.clock(max(opens, now))}–{presenting.clock(closes)}"
        panel.counts = not excused
    return panel


def _show_error(panel: BookingPanel, error: DomainError, asked: MapSearch, area: Area) -> None:
    panel.refusal = text_of(error.code, error.details)

    def to_seat(id: str) -> str:
        """The same time on another seat."""
        return asked.to(f"/areas/{area.id}", seat=id, begin=asked.begin, until=asked.until)

    if isinstance(error, SeatTaken):
        near: Any = error.details.get("nearest", [])
        panel.nearest = [(one["no"], to_seat(one["id"])) for one in near]
