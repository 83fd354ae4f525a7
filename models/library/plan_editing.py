"""An area's plan as it is to be: checked against itself, and what is new in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from models.kernel.errors import InvalidRequest
from models.kernel.text import is_printable_line
from models.library.entities import SEAT_SIZE, Area, AreaId, Fixture, Seat, SeatId

MARK_KINDS: Final = ("wall", "window", "bookshelf", "door", "pillar", "kiosk")
LARGEST: Final = 10_000
"""Plan units, of each side."""
MOST_SEATS: Final = 1000
MOST_MARKS: Final = 500
LOWEST_FLOOR: Final = -9
HIGHEST_FLOOR: Final = 99
LONGEST_NAME: Final = 20
LONGEST_REASON: Final = 50


@dataclass(frozen=True, slots=True)
class SeatDraft:
    """A seat as it is written down. Without an ``id`` it is the one that has its number, or had it,
    or a new one."""

    no: str
    x: int
    y: int
    id: str | None = None
    power: bool = False
    window: bool = False
    computer: bool = False
    accessible: bool = False
    disabled: str | None = None
    disabled_from: date | None = None
    disabled_until: date | None = None


@dataclass(frozen=True, slots=True)
class PlanDraft:
    name: str
    floor: int
    width: int
    height: int
    seats: Sequence[SeatDraft]
    marks: Sequence[Fixture]


def apply_draft(old: Area, draft: PlanDraft, elsewhere: Collection[SeatId]) -> Area:
    """The area after ``old``, as the draft wants it. ``elsewhere`` are the seats of other areas.

    Seats that are in the draft no more are kept among the removed ones.

    Raises: InvalidRequest, which names the first thing that is wrong.
    """
    _check_frame(draft)
    seats = _seats(old, draft, elsewhere)
    for mark in draft.marks:
        if mark.kind not in MARK_KINDS:
            raise InvalidRequest("marks", "unknown_fixture", kind=mark.kind)
        if mark.w < 1 or mark.h < 1 or not _inside(draft, mark.x, mark.y, mark.w, mark.h):
            raise InvalidRequest("marks", "fixture_outside_plan")
    ids = {seat.id for seat in seats}
    gone = [s for s in (*old.seats, *old.removed_seats) if s.id not in ids]
    return replace(
        old,
        name=draft.name,
        floor=draft.floor,
        width=draft.width,
        height=draft.height,
        seats=tuple(sorted(seats, key=lambda seat: seat.number)),
        fixtures=tuple(draft.marks),
        removed_seats=tuple(sorted(gone, key=lambda seat: seat.id)),
        rev=old.rev + 1,
    )


def _check_frame(draft: PlanDraft) -> None:
    if not 0 < len(draft.name) <= LONGEST_NAME or not is_printable_line(draft.name):
        raise InvalidRequest("name", "area_name_length", most=LONGEST_NAME)
    if not LOWEST_FLOOR <= draft.floor <= HIGHEST_FLOOR:
        raise InvalidRequest("floor", "floor_out_of_range", least=LOWEST_FLOOR, most=HIGHEST_FLOOR)
    if not (SEAT_SIZE <= draft.width <= LARGEST and SEAT_SIZE <= draft.height <= LARGEST):
        raise InvalidRequest("width", "plan_size", least=SEAT_SIZE, most=LARGEST)
    if len(draft.seats) > MOST_SEATS:
        raise InvalidRequest("seats", "too_many_seats", most=MOST_SEATS)
    if len(draft.marks) > MOST_MARKS:
        raise InvalidRequest("marks", "too_many_fixtures", most=MOST_MARKS)


def _inside(draft: PlanDraft, x: int, y: int, w: int, h: int) -> bool:
    return x >= 0 and y >= 0 and x + w <= draft.width and y + h <= draft.height


def _seats(old: Area, draft: PlanDraft, elsewhere: Collection[SeatId]) -> list[Seat]:
    numbers: set[str] = set()
    for d in draft.seats:
        if not re.fullmatch(r"[0-9]{3}", d.no):
            raise InvalidRequest("seats", "seat_number_format", no=d.no)
        if d.no in numbers:
            raise InvalidRequest("seats", "seat_number_twice", no=d.no)
        numbers.add(d.no)
        if not _inside(draft, d.x, d.y, SEAT_SIZE, SEAT_SIZE):
            raise InvalidRequest("seats", "seat_outside_plan", no=d.no)
        _check_outage(d)
    _check_no_overlap(draft.seats)
    ids = _ids(old, draft.seats, elsewhere)
    return [_seat(id, old.id, d) for id, d in zip(ids, draft.seats, strict=True)]


def _check_outage(d: SeatDraft) -> None:
    if d.disabled is None:
        if d.disabled_from is not None or d.disabled_until is not None:
            raise InvalidRequest("seats", "unavailability_reason_missing", no=d.no)
        return
    if not 0 < len(d.disabled) <= LONGEST_REASON or not is_printable_line(d.disabled):
        raise InvalidRequest("seats", "unavailability_reason_length", no=d.no, most=LONGEST_REASON)
    if d.disabled_from and d.disabled_until and d.disabled_until < d.disabled_from:
        raise InvalidRequest("seats", "unavailability_dates", no=d.no)


def _check_no_overlap(seats: Sequence[SeatDraft]) -> None:
    """No seat lies on another: looked for in squares of a seat's size, since a plan has many."""
    cells: dict[tuple[int, int], list[SeatDraft]] = {}
    for d in seats:
        column, row = d.x // SEAT_SIZE, d.y // SEAT_SIZE
        for near in ((column + i, row + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
            for other in cells.get(near, ()):
                if abs(other.x - d.x) < SEAT_SIZE and abs(other.y - d.y) < SEAT_SIZE:
                    raise InvalidRequest("seats", "seats_overlap", no=d.no, other=other.no)
        cells.setdefault((column, row), []).append(d)


def _ids(old: Area, seats: Sequence[SeatDraft], elsewhere: Collection[SeatId]) -> list[SeatId]:
    """Each one's id. What a seat is called by readers may change; its id stays for ever."""
    given = [SeatId(d.id) for d in seats if d.id is not None]
    known_here = {seat.id for seat in (*old.seats, *old.removed_seats)}
    ours = re.compile(rf"{re.escape(old.id)}-[0-9]{{3}}(-[1-9][0-9]*)?")
    for wanted in given:
        # A new one that could be another area's as well might become so at the same moment.
        if wanted in elsewhere or not (wanted in known_here or ours.fullmatch(wanted)):
            raise InvalidRequest("seats", "seat_id_not_allowed", id=wanted)
    taken = set(given)
    if len(taken) < len(given):
        raise InvalidRequest("seats", "seat_id_twice")
    # Of two that had a number, the one that is in the plan.
    by_no = {seat.number: seat.id for seat in (*old.removed_seats, *old.seats)}
    known = {*taken, *elsewhere, *(seat.id for seat in (*old.removed_seats, *old.seats))}
    found = []
    for d in seats:
        id: SeatId | None = SeatId(d.id) if d.id is not None else by_no.get(d.no)
        if id is None or (d.id is None and id in taken):
            id = next(i for i in _new_ids(old.id, d.no) if i not in known)
        taken.add(id)
        known.add(id)
        found.append(id)
    return found


def _new_ids(area: AreaId, no: str) -> Iterable[SeatId]:
    yield SeatId(f"{area}-{no}")
    for n in range(2, 2 + 2 * MOST_SEATS):
        yield SeatId(f"{area}-{no}-{n}")


def _seat(id: SeatId, area: AreaId, d: SeatDraft) -> Seat:
    return Seat(
        id=id,
        area_id=area,
        number=d.no,
        x=d.x,
        y=d.y,
        power=d.power,
        window=d.window,
        computer=d.computer,
        accessible=d.accessible,
        disabled=d.disabled,
        disabled_from=d.disabled_from,
        disabled_until=d.disabled_until,
    )


# --- what is new ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class PlanDiff:
    """Seats by what happens to them, each with its number as it will be (``removed``: as it was).
    ``frame``: the area's name, floor or size; ``marks``: what stands there besides seats."""

    added: list[str]
    removed: list[str]
    renumbered: list[tuple[str, str]]
    moved: list[str]
    features_changed: list[str]
    disabled: list[str]
    enabled: list[str]
    marks: bool
    area_properties: bool

    @property
    def any(self) -> bool:
        return self.structural or bool(self.disabled or self.enabled)

    @property
    def structural(self) -> bool:
        """More than seats that are taken out of service or put back."""
        seats = (self.added, self.removed, self.renumbered, self.moved, self.features_changed)
        return any(seats) or self.marks or self.area_properties


def differences(old: Area, new: Area) -> PlanDiff:
    before = {seat.id: seat for seat in old.seats}
    after = {seat.id: seat for seat in new.seats}
    both = [(before[id], seat) for id, seat in after.items() if id in before]
    outages = [(b, a) for b, a in both if _unavailability(b) != _unavailability(a)]
    return PlanDiff(
        added=[seat.number for id, seat in after.items() if id not in before],
        removed=[seat.number for id, seat in before.items() if id not in after],
        renumbered=[(b.number, a.number) for b, a in both if b.number != a.number],
        moved=[a.number for b, a in both if (b.x, b.y) != (a.x, a.y)],
        features_changed=[a.number for b, a in both if _equipment(b) != _equipment(a)],
        disabled=[a.number for _, a in outages if a.disabled is not None],
        enabled=[a.number for _, a in outages if a.disabled is None],
        marks=old.fixtures != new.fixtures,
        area_properties=_frame(old) != _frame(new),
    )


def _unavailability(seat: Seat) -> tuple[object, ...]:
    return seat.disabled, seat.disabled_from, seat.disabled_until


def _equipment(seat: Seat) -> tuple[bool, ...]:
    return seat.power, seat.window, seat.computer, seat.accessible


def _frame(area: Area) -> tuple[object, ...]:
    return area.name, area.floor, area.width, area.height
