"""自选座位: the areas, the plan of one, the times of a seat, and booking it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from markupsafe import Markup

from handlers.api import present
from handlers.api import schemas as s
from handlers.api.contract import malformed
from handlers.api.plans import CachedAreaMap
from handlers.errors import status_of
from handlers.messages import SEAT_TEXT, text_of
from handlers.web.pages import (
    FRAGMENT_HEADER,
    Form,
    PageRequest,
    count_error,
    form_text,
    redirect,
    render_fragment,
    render_page,
)
from models.kernel.errors import Conflict, DomainError, NotFound, RuleViolation
from models.kernel.time_range import floor_minute, local_date
from models.library.entities import FILTERABLE_FEATURES, Area, Fixture, Seat, VenueId
from models.policy.entities import time_steps
from models.readers.context import RequestContext
from models.reservations import rules
from models.reservations import service as reservations_service
from models.reservations.entities import Reservation
from models.reservations.errors import SeatTaken
from models.reservations.rules import TimeSelection
from models.reservations.transitions import check_in_window
from models.seat_map import service as seat_map_service
from models.seat_map.availability import AreaCount, SeatStatus
from models.seat_map.service import TimeFilter
from models.seat_reports import service as seat_reports_service

_FLOORS: Final = "零一二三四五六七八九"
_FEW: Final = 0.2
"""Below this share of free seats an area's bar warns."""
MARK_TEXT: Final = {"power": "电源", "window": "靠窗", "computer": "电脑", "accessible": "无障碍"}


@dataclass(frozen=True, slots=True)
class MapSearch:
    """What the address asks for: a day, perhaps a time, and on a plan a seat and its start."""

    day: date
    start: str = ""
    end: str = ""
    venue: str = ""
    seat: str = ""
    begin: str = ""
    until: str = ""
    change: str = ""
    """The reservation that shall get another seat or time."""
    marks: frozenset[str] = frozenset()
    """What a seat must have."""
    over: bool = False
    """The time that was asked for has begun already, and counts no more."""

    def to(self, path: str, **other: str) -> str:
        """The path with this search, some of it changed."""
        query = {
            "date": self.day.isoformat(),
            "start": self.start,
            "end": self.end,
            "venue": self.venue,
            "change": self.change,
            **dict.fromkeys(sorted(self.marks), "1"),
        } | other
        return f"{path}?{urlencode({name: value for name, value in query.items() if value})}"

    @property
    def hint(self) -> str:
        """What is missing for the time to count; empty where nothing is."""
        if self.over:
            return "这个时间已过，请重新选择"
        if bool(self.start) != bool(self.end):
            return "请同时选择开始和结束时间"
        return "结束时间要晚于开始时间" if self.start and self.end <= self.start else ""


class _Search(s.Request):
    date: date | None = None
    start: s.ClockTime | None = None
    end: s.ClockTime | None = None


def _asked(visit: PageRequest) -> MapSearch:
    """Raises: InvalidRequest."""
    query = visit.request.query
    # What else an address carries (WeChat adds its own) is nothing to us.
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    try:
        search = {name: given[name] for name in ("date", "start", "end") if name in given}
        found = msgspec.convert(search, _Search, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "query") from error
    asked = MapSearch(
        found.date or local_date(visit.now),
        found.start or "",
        found.end or "",
        venue=given.get("venue", ""),
        seat=given.get("seat", ""),
        begin=given.get("begin", ""),
        until=given.get("until", ""),
        change=given.get("change", ""),
        marks=_marks_in(query, visit),
    )
    # A search for tomorrow morning, looked at today in the afternoon.
    today = asked.day == local_date(visit.now)
    if today and asked.start and not asked.hint and asked.start < present.clock(visit.now):
        return replace(asked, start="", end="", over=True)
    return asked


def _of_today(visit: PageRequest, asked: MapSearch) -> web.Response | None:
    """To today, where the address is of a day that is over: a bookmark, a page left open."""
    if asked.day >= local_date(visit.now):
        return None
    today = replace(asked, day=local_date(visit.now), start="", end="")
    return redirect(today.to(visit.request.path))


def _marks_in(given: Mapping[str, Any], visit: PageRequest) -> frozenset[str]:
    """The wished marks; what the library does not let readers filter by counts as not wished."""
    policy = visit.services.desk.policy
    return frozenset(m for m in FILTERABLE_FEATURES if given.get(m) and policy.allows_filter(m))


def _window(visit: PageRequest, asked: MapSearch) -> TimeFilter:
    """The time counts where both ends are chosen. Raises: InvalidRequest, StartInPast, BeyondBookingWindow."""
    whole = bool(asked.start) and not asked.hint
    return visit.services.plans.window(
        visit.services.desk,
        asked.day,
        asked.start if whole else None,
        asked.end if whole else None,
        floor_minute(visit.now),
    )


# --- areas ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AreaTile:
    area: Area
    count: AreaCount
    max_minutes: int

    @property
    def percent(self) -> int:
        return round(100 * self.count.free / self.count.total) if self.count.total else 0

    @property
    def almost_full(self) -> bool:
        return self.count.free < _FEW * self.count.total


async def areas(visit: PageRequest) -> web.StreamResponse:
    asked = _asked(visit)
    if (moved := _of_today(visit, asked)) is not None:
        return moved
    window = _window(visit, asked)
    desk = visit.services.desk
    venues = [present.venue(desk, venue, visit.now) for venue in desk.library.venues.values()]
    venue = next((v for v in venues if v.id == asked.venue), venues[0])
    board = await desk.board.get_day(window.day)
    tiles = [
        AreaTile(
            area,
            visit.services.plans.plan(
                desk, area, board, window, floor_minute(visit.now)
            ).view.count_with_features(asked.marks),
            desk.policy_for(area.id, asked.day).max_minutes,
        )
        for area in desk.library.bookable_areas
        if area.venue_id == venue.id
    ]
    floors = [
        (f"{_FLOORS[floor]}层" if 0 <= floor < len(_FLOORS) else f"{floor}层", list(found))
        for floor, found in groupby(tiles, key=lambda tile: tile.area.floor)
    ]
    return render_page(
        visit.request,
        "areas.html",
        reader=visit.reader,
        asked=asked,
        venues=venues,
        venue=venue,
        chosen_day=_day_of(venue, asked.day),
        floors=floors,
        times=_times(visit, venue.id, asked.day),
        wishes=_wishes(visit),
        current=None if asked.change else await current_of(visit),
        changing=await _changing(visit, asked),
    )


async def _changing(visit: PageRequest, asked: MapSearch) -> s.ReservationOut | None:
    """What is about to be changed. Raises: NotFound, InvalidState where it cannot be any more."""
    if not asked.change:
        return None
    desk = visit.services.desk
    r = await desk.get_own(asked.change, visit.reader.id)
    rules.may_change(r, visit.now)
    return await present.reservation(desk, r, visit.now)


def _day_of(venue: s.VenueOut, day: date) -> s.DateOut:
    return next((d for d in venue.dates if d.date == day), venue.dates[0])


def _times(visit: PageRequest, venue_id: str, day: date) -> list[str]:
    """The clock times that a search may name: the steps of the day and its closing."""
    policy = visit.services.desk.policy.resolve(None, day)
    hours = policy.day_hours(day, VenueId(venue_id), None).hours
    if hours is None:
        return []
    steps = [*time_steps(policy, hours), hours.end]
    return [present.clock(step) for step in steps if step > visit.now]


def _wishes(visit: PageRequest) -> list[tuple[str, str]]:
    """(mark, its name) of what seats may be filtered by."""
    policy = visit.services.desk.policy
    return [(mark, MARK_TEXT[mark]) for mark in FILTERABLE_FEATURES if policy.allows_filter(mark)]


async def current_of(visit: PageRequest) -> s.ReservationOut | None:
    """What the reader's pages show first: the seat that they are at, or their next one."""
    desk = visit.services.desk
    since = visit.now - timedelta(days=1)
    live = await desk.reservations.live_of(visit.reader.id, since)
    shown = [await present.reservation(desk, r, visit.now) for r in live]
    here = [r for r in shown if r.state in ("in_use", "away")]
    return next(iter([*here, *shown]), None)


# --- a plan ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeatMarkup:
    seat: Seat
    status: str
    until: str
    free_from: str

    @property
    def marks(self) -> list[str]:
        return _marks_of(self.seat)


def _marks_of(seat: Seat) -> list[str]:
    return [text for name, text in MARK_TEXT.items() if getattr(seat, name)]


@dataclass(slots=True)
class BookingPanel:
    """The chosen seat with its times. ``refusal`` says why the last try did not succeed."""

    seat: Seat
    label: str
    marks: list[str]
    status: str
    starts: list[s.Choice] = field(default_factory=list)
    start: str = ""
    ends: list[s.Choice] = field(default_factory=list)
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


async def plan(visit: PageRequest) -> web.StreamResponse:
    asked = _asked(visit)
    return _of_today(visit, asked) or await _plan(visit, visit.id, asked)


async def _plan(
    visit: PageRequest,
    area_id: str,
    asked: MapSearch,
    *,
    status: int = 200,
    refusal: DomainError | None = None,
    wished_end: str = "",
) -> web.StreamResponse:
    desk = visit.services.desk
    area = desk.area(area_id)
    window = _window(visit, asked)
    board = await desk.board.get_day(window.day)
    shown = visit.services.plans.plan(desk, area, board, window, floor_minute(visit.now))
    kind = kind_of(shown)
    panel = None
    changing = await _changing(visit, asked)
    if asked.seat:
        if changing is not None and not wished_end:
            wished_end = present.clock(changing.end)
        panel = await _panel(visit, area, asked, shown, kind, wished_end)
        if refusal is not None:
            _show_error(panel, refusal, asked, area)
    venue = present.venue(desk, desk.library.venues[area.venue_id], visit.now)
    chosen_day = _day_of(venue, asked.day)
    if FRAGMENT_HEADER in visit.request.headers:
        return render_page(
            visit.request, "panel.html", status=status, reader=visit.reader, asked=asked,
            area=area, panel=panel, changing=changing, chosen_day=chosen_day,
        )  # fmt: skip
    query = urlencode(
        {"date": asked.day.isoformat()}
        | ({"start": asked.start, "end": asked.end} if window.start is not None else {})
    )
    return render_page(
        visit.request,
        "plan.html",
        status=status,
        reader=visit.reader,
        asked=asked,
        area=area,
        venue=venue,
        chosen_day=chosen_day,
        drawing=_drawing(visit, area, asked, shown, kind),
        marks=list(_marks(area.fixtures)),
        count=shown.view.count_with_features(asked.marks),
        max_minutes=desk.policy_for(area.id, asked.day).max_minutes,
        words=SEAT_TEXT[kind],
        words_json=msgspec.json.encode(SEAT_TEXT[kind]).decode(),
        version=shown.version(desk),
        data=f"/api/v1/areas/{area.id}",
        query=query,
        times=_times(visit, venue.id, asked.day),
        wishes=_wishes(visit),
        may_wait=not changing
        and window.start is not None
        and chosen_day.bookable
        and not shown.view.count_with_features(asked.marks).free,
        thanks="thanks" in visit.request.query,
        panel=panel,
        changing=changing,
    )


def _drawing(
    visit: PageRequest, area: Area, asked: MapSearch, shown: CachedAreaMap, kind: str
) -> Markup:
    """All seats as SVG. Made once for all who see the same: it takes most of a page's time."""
    drawings, reader_id = visit.services.plans.drawings, visit.reader.id
    asked = replace(asked, until="")
    key = (area.id, asked, kind, shown.version_for(visit.services.desk, reader_id))
    drawn = drawings.get(key)
    if drawn is None:
        seats = [
            SeatMarkup(seat, view.status.value, _clock(view.free_until), _clock(view.next_free))
            for seat, view in zip(
                area.seats, shown.states_for(visit.services.desk, reader_id), strict=True
            )
        ]
        words = SEAT_TEXT[kind]
        drawn = drawings.keep(
            key, render_fragment("seats.html", area=area, asked=asked, seats=seats, words=words)
        )
    return Markup(drawn)


def kind_of(shown: CachedAreaMap) -> str:
    """Which words a seat's state has: of this moment, of a chosen time, of a whole day."""
    assert shown.view.look is not None
    if shown.view.look.span is not None:
        return "time"
    return "moment" if shown.view.look.as_of is not None else "day"


def _clock(instant: datetime | None) -> str:
    return present.clock(instant) if instant is not None else ""


def _marks(marks: Iterable[Fixture]) -> Iterable[dict[str, Any]]:
    words = {"bookshelf": "书架", "door": "入口", "kiosk": "选座机", "window": "窗", "pillar": ""}
    for mark in marks:
        yield {"m": mark, "text": words.get(mark.kind, ""), "tall": mark.h > 2 * mark.w}


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
    panel.starts = [present.start(value) for value, _ in starts]
    if not starts:
        return panel
    instants = dict(starts)
    if asked.begin and asked.begin not in instants:
        # Never another time than was chosen, a tap away from being booked.
        panel.gone = present.start(asked.begin).label
        return panel
    panel.start = next((v for v in (asked.begin, asked.start) if v in instants), starts[0][0])
    ends = await seat_map_service.seat_ends(
        desk, seat, day, panel.start, now, visit.reader.id, asked.change
    )
    panel.ends = [present.choice(end) for end in ends]
    values = [choice.value for choice in panel.ends]
    usual = values[min(1, len(values) - 1)] if values else ""
    wished = (wished_end, asked.until, asked.end)
    panel.end = next((v for v in wished if v in values), usual)
    if panel.end:
        begin = instants[panel.start]
        end = ends[values.index(panel.end)]
        policy = desk.policy_for(area.id, asked.day)
        opens, closes, excused = check_in_window(begin, end, now, policy)
        panel.check_in = f"{present.clock(max(opens, now))}–{present.clock(closes)}"
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


# --- booking --------------------------------------------------------------------------------------


async def book(visit: PageRequest, form: Form) -> web.StreamResponse:
    """立即预约."""

    async def work(ask: RequestContext, seat_id: str, wish: TimeSelection) -> Reservation:
        return await reservations_service.create(visit.services.desk, ask, seat_id, wish)

    return await _submit_booking(visit, form, work)


async def change(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Another seat or time for a reservation: all or nothing."""

    async def work(ask: RequestContext, seat_id: str, wish: TimeSelection) -> Reservation:
        start = wish.start if wish.start is not None else "now"
        desk = visit.services.desk
        return await reservations_service.change(desk, ask, visit.id, seat_id, start, wish.end)

    return await _submit_booking(visit, form, work, visit.id)


async def _submit_booking(
    visit: PageRequest,
    form: Form,
    work: Callable[[RequestContext, str, TimeSelection], Awaitable[Reservation]],
    changing: str = "",
) -> web.StreamResponse:
    """A refusal is said where the choice was made, and leaves the choice as it was."""
    wish = {name: form_text(form, name) for name in ("seat_id", "date", "start", "end")}
    try:
        body = msgspec.convert(wish, s.CreateReservation, strict=False)
        given = {"start": form_text(form, "from"), "end": form_text(form, "to")}
        search = msgspec.convert({k: v for k, v in given.items() if v}, _Search)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    desk = visit.services.desk
    ask = visit.context_with_key(form, body)
    start = None if body.start == "now" else time.fromisoformat(body.start)
    seat = desk.seat(body.seat_id)
    try:
        wished = TimeSelection(body.date, start, time.fromisoformat(body.end))
        made = await work(ask, body.seat_id, wished)
    except (Conflict, RuleViolation) as error:
        count_error(visit.request, error)
        asked = MapSearch(
            day=body.date,
            start=search.start or "",
            end=search.end or "",
            seat=seat.id,
            begin=body.start,
            until=body.end,
            change=changing,
            marks=_marks_in(form, visit),
        )
        return await _plan(
            visit,
            seat.area_id,
            asked,
            status=status_of(type(error)),
            refusal=error,
            wished_end=body.end,
        )
    visit.services.nudge()
    return redirect(f"/reservations/{made.id}?done={'change' if changing else 'reserve'}")


async def doubt_form(visit: PageRequest) -> web.StreamResponse:
    desk = visit.services.desk
    seat = desk.seat(visit.id)
    return render_page(
        visit.request,
        "doubt.html",
        reader=visit.reader,
        seat=seat,
        label=desk.library.seat_label(seat),
    )


async def doubt(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Nobody sits there, somebody says."""
    services = visit.services
    await seat_reports_service.report_empty(
        services.desk, services.throttles, visit.ask(), visit.id
    )
    services.nudge()
    area = services.desk.seat(visit.id).area_id
    return redirect(f"/areas/{area}?{urlencode({'seat': visit.id, 'thanks': '1'})}")


async def redirect_to_start(_: PageRequest) -> web.StreamResponse:
    """A refused booking stands under this address; who opens it anew begins at the areas."""
    return redirect("/")
