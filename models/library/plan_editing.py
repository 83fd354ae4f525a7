from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line, natural
from models.library.entities import (
    SEAT_SIZE,
    Area,
    AreaId,
    Fixture,
    Seat,
    SeatDraft,
    SeatId,
    features_of,
)
from models.library.names import Names, check_names
from models.library.seat_names import (
    LONGEST_SEAT_NAME,
    is_id_of,
    is_seat_name,
    name_key,
    new_ids,
    tidy,
)

MARK_KINDS: Final = ("wall", "window", "bookshelf", "door", "pillar", "kiosk")
LARGEST: Final = 10_000
"""The longest permitted side of a plan, in plan units."""
MOST_SEATS: Final = 1000
MOST_MARKS: Final = 500
LOWEST_FLOOR: Final = -9
HIGHEST_FLOOR: Final = 99
LONGEST_NAME: Final = 40
LONGEST_REASON: Final = 50


@dataclass(frozen=True, slots=True)
class PlanDraft:
    name: str
    floor: int
    width: int
    height: int
    seats: Sequence[SeatDraft]
    marks: Sequence[Fixture]
    names: Names | None = None
    """The area's names in further languages; None keeps them."""


def apply_draft(old: Area, draft: PlanDraft, elsewhere: Collection[SeatId]) -> Area:
    """The area's next revision, with the plan of the draft. Seats that the draft lacks are removed.
    ``elsewhere``: ids of other areas' seats, which are taken. Raises: Malformed (first problem)."""
    draft = replace(draft, seats=[replace(seat, no=tidy(seat.no)) for seat in draft.seats])
    for problem in problems_of(draft):
        raise problem
    ids_of_seats = _ids(old, draft.seats, elsewhere)
    seats = [_seat(id, old.id, d) for id, d in zip(ids_of_seats, draft.seats, strict=True)]
    ids = {seat.id for seat in seats}
    removed = [s for s in (*old.seats, *old.removed_seats) if s.id not in ids]
    return replace(
        old,
        name=draft.name,
        names=old.names if draft.names is None else draft.names,
        floor=draft.floor,
        width=draft.width,
        height=draft.height,
        seats=tuple(sorted(seats, key=lambda seat: natural(seat.number))),
        fixtures=tuple(draft.marks),
        removed_seats=tuple(sorted(removed, key=lambda seat: seat.id)),
        rev=old.rev + 1,
    )


def problems_of(draft: PlanDraft) -> Iterator[Malformed]:
    """All problems of a draft with ``tidy`` seat names. Too many seats count as one problem."""
    if not 0 < len(draft.name) <= LONGEST_NAME or not is_printable_line(draft.name):
        yield Malformed("name", "area_name_length", most=LONGEST_NAME)
    try:
        check_names("names", draft.names or {}, LONGEST_NAME)
    except Malformed as error:
        yield error
    if not LOWEST_FLOOR <= draft.floor <= HIGHEST_FLOOR:
        yield Malformed("floor", "floor_out_of_range", least=LOWEST_FLOOR, most=HIGHEST_FLOOR)
    if not (SEAT_SIZE <= draft.width <= LARGEST and SEAT_SIZE <= draft.height <= LARGEST):
        yield Malformed("width", "plan_size", least=SEAT_SIZE, most=LARGEST)
    if len(draft.seats) > MOST_SEATS:
        yield Malformed("seats", "too_many_seats", most=MOST_SEATS)
    elif len(draft.marks) > MOST_MARKS:
        yield Malformed("marks", "too_many_fixtures", most=MOST_MARKS)
    else:
        yield from _problems_of_seats(draft)
        yield from _overlaps(draft.seats)
        for mark in draft.marks:
            if mark.kind not in MARK_KINDS:
                yield Malformed("marks", "unknown_fixture", kind=mark.kind)
            elif mark.w < 1 or mark.h < 1 or not _inside(draft, mark.x, mark.y, mark.w, mark.h):
                yield Malformed("marks", "fixture_outside_plan")


def _inside(draft: PlanDraft, x: int, y: int, w: int, h: int) -> bool:
    return x >= 0 and y >= 0 and x + w <= draft.width and y + h <= draft.height


def _problems_of_seats(draft: PlanDraft) -> Iterator[Malformed]:
    names: set[str] = set()
    for d in draft.seats:
        if not is_seat_name(d.no):
            yield Malformed("seats", "seat_number_format", no=d.no, most=LONGEST_SEAT_NAME)
        if name_key(d.no) in names:
            yield Malformed("seats", "seat_number_twice", no=d.no)
        names.add(name_key(d.no))
        if not _inside(draft, d.x, d.y, SEAT_SIZE, SEAT_SIZE):
            yield Malformed("seats", "seat_outside_plan", no=d.no)
        yield from _problems_of_outage(d)


def _problems_of_outage(d: SeatDraft) -> Iterator[Malformed]:
    if d.disabled is None:
        if d.disabled_from is not None or d.disabled_until is not None:
            yield Malformed("seats", "unavailability_reason_missing", no=d.no)
        return
    if not 0 < len(d.disabled) <= LONGEST_REASON or not is_printable_line(d.disabled):
        yield Malformed("seats", "unavailability_reason_length", no=d.no, most=LONGEST_REASON)
    if d.disabled_from and d.disabled_until and d.disabled_until < d.disabled_from:
        yield Malformed("seats", "unavailability_dates", no=d.no)


def _overlaps(seats: Sequence[SeatDraft]) -> Iterator[Malformed]:
    """A problem for each seat that overlaps an earlier one. To be fast, only seats in
    neighbouring cells of a grid are compared."""
    cells: dict[tuple[int, int], list[SeatDraft]] = {}
    for d in seats:
        column, row = d.x // SEAT_SIZE, d.y // SEAT_SIZE
        near = ((column + i, row + j) for i in (-1, 0, 1) for j in (-1, 0, 1))
        under = next(
            (
                other
                for cell in near
                for other in cells.get(cell, ())
                if abs(other.x - d.x) < SEAT_SIZE and abs(other.y - d.y) < SEAT_SIZE
            ),
            None,
        )
        if under is not None:
            yield Malformed("seats", "seats_overlap", no=d.no, other=under.no)
        cells.setdefault((column, row), []).append(d)


def _ids(old: Area, seats: Sequence[SeatDraft], elsewhere: Collection[SeatId]) -> list[SeatId]:
    """The ids of ``seats``, in the same order. A seat keeps its id even if its number changes."""
    explicit = [SeatId(d.id) for d in seats if d.id is not None]
    known_here = {seat.id for seat in (*old.seats, *old.removed_seats)}
    for seat_id in explicit:
        # Another area must not be able to assign the same id at the same moment.
        if seat_id in elsewhere or not (seat_id in known_here or is_id_of(old.id, seat_id)):
            raise Malformed("seats", "seat_id_not_allowed", id=seat_id)
    taken = set(explicit)
    if len(taken) < len(explicit):
        raise Malformed("seats", "seat_id_twice")
    # If two seats had a number, the one on the plan comes last and wins.
    by_no = {name_key(seat.number): seat.id for seat in (*old.removed_seats, *old.seats)}
    used = {*taken, *elsewhere, *(seat.id for seat in (*old.removed_seats, *old.seats))}
    ids = []
    for d in seats:
        id: SeatId | None = SeatId(d.id) if d.id is not None else by_no.get(name_key(d.no))
        if id is None or (d.id is None and id in taken):
            id = next(i for i in new_ids(old.id, d.no) if i not in used)
        taken.add(id)
        used.add(id)
        ids.append(id)
    return ids


def _seat(id: SeatId, area: AreaId, d: SeatDraft) -> Seat:
    return Seat(
        id=id,
        area_id=area,
        number=d.no,
        x=d.x,
        y=d.y,
        **features_of(d),
        disabled=d.disabled,
        disabled_from=d.disabled_from,
        disabled_until=d.disabled_until,
        features=tuple(sorted(set(d.features))),
    )


# --- what is new ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class PlanDiff:
    """The differences between two plans. Seats are listed by new numbers, removed ones by old.
    `marks`: True if fixtures differ; `area_properties`: True if names, floor or size differ."""

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
        """True if the plans differ in anything but the outages of seats."""
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
        features_changed=[a.number for b, a in both if _features(b) != _features(a)],
        disabled=[a.number for _, a in outages if a.disabled is not None],
        enabled=[a.number for _, a in outages if a.disabled is None],
        marks=old.fixtures != new.fixtures,
        area_properties=_frame(old) != _frame(new),
    )


def _features(seat: Seat) -> tuple[object, ...]:
    return features_of(seat), seat.features


def _unavailability(seat: Seat) -> tuple[object, ...]:
    return seat.disabled, seat.disabled_from, seat.disabled_until


def _frame(area: Area) -> tuple[object, ...]:
    return area.name, dict(area.names), area.floor, area.width, area.height
