from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from models.floor_files.entities import MARGIN, MOST_PROBLEMS, AreaInFile, FileProblem
from models.kernel.errors import Malformed
from models.library.entities import SEAT_SIZE, Area, AreaId, AreaState, Catalog, VenueId
from models.library.feature_rules import check_known
from models.library.plan_editing import PlanDraft, apply_draft, problems_of
from models.library.seat_names import name_key, tidy


@dataclass(frozen=True, slots=True)
class Defaults:
    """The venue of areas and the floor of new areas, used if the file names none."""

    venue: str = ""
    floor: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedArea:
    """An area that an import would write: `old` with its changes, or a new one (`old` is None)."""

    old: Area | None
    new: Area


@dataclass(frozen=True, slots=True)
class ImportPlan:
    areas: list[PlannedArea]
    problems: list[FileProblem]


def plan_import(
    decoded_areas: Sequence[AreaInFile], catalog: Catalog, defaults: Defaults
) -> ImportPlan:
    plan = ImportPlan([], [])
    order = 1 + max((area.order for area in catalog.areas.values()), default=-1)
    taken = set(catalog.areas)
    for read in decoded_areas:
        problems = []
        try:
            old = _existing(read, catalog, defaults.venue)
            base = old or _new(read, catalog, defaults, taken, order)
            if base.id in {area.new.id for area in plan.areas}:
                raise Malformed("file", "area_twice", area=base.name)
            draft = _draft(read, base)
            check_known(draft.seats, catalog.features)
            problems = [_located(read, error) for error in problems_of(draft)]
            if not problems:
                elsewhere = {s for s, at in catalog.all_seats.items() if at.area_id != base.id}
                plan.areas.append(PlannedArea(old, apply_draft(base, draft, elsewhere)))
        except Malformed as error:
            problems = [_located(read, error)]
        else:
            taken.add(base.id)
            order += old is None
        plan.problems.extend(problems)
    del plan.problems[MOST_PROBLEMS:]
    return plan


def _located(read: AreaInFile, error: Malformed) -> FileProblem:
    """``error`` as a file problem, at the line of the faulty seat, if any, or of its area."""
    no = error.details.get("no")
    lines = [seat.line for seat in read.seats if no is not None and seat.draft.no == no]
    # If two seats share a name, the second is reported.
    line = lines[-1] if lines else read.line
    return FileProblem(error, line, read.name or read.id)


def _existing(read: AreaInFile, catalog: Catalog, venue: str) -> Area | None:
    """The existing area that ``read`` means; None if it is new. A name means an area of ``venue``,
    unless ``read`` names one. Raises: Malformed if several areas match, or if the area is retired,
    deleted or in another venue than ``read`` says."""
    if read.id and (area := catalog.areas.get(AreaId(read.id))) is not None:
        if area.state is AreaState.DELETED:
            raise Malformed("file", "area_id_deleted", id=read.id)
        _check_in_use(area)
        if read.venue and _venue(read.venue, catalog) != area.venue_id:
            raise Malformed("file", "area_of_another_venue", area=area.name)
        return area
    if read.id or not read.name:
        return None
    same = [area for area in catalog.known_areas if name_key(area.name) == name_key(read.name)]
    same = [area for area in same if read.floor in (None, area.floor)]
    here = _venue(read.venue or venue, catalog)
    same = [area for area in same if area.venue_id == here]
    if len(same) > 1:
        raise Malformed("file", "area_not_one", area=read.name)
    for area in same:
        _check_in_use(area)
    return same[0] if same else None


def _check_in_use(area: Area) -> None:
    if not area.in_use:
        raise Malformed("file", "area_out_of_use", area=area.name)


def _venue(text: str, catalog: Catalog) -> VenueId:
    """The id of the venue with this id or name. Raises: Malformed if no venue in use has it."""
    for venue in catalog.venues_in_use:
        if text == venue.id or name_key(text) == name_key(venue.name):
            return venue.id
    raise Malformed("file", "venue_unknown", venue=text[:20])


def _new(
    read: AreaInFile, catalog: Catalog, defaults: Defaults, taken: set[AreaId], order: int
) -> Area:
    """A new area with the file's venue, floor and id, and without a plan. Raises: Malformed if
    name or floor is missing, the venue unknown or the id malformed."""
    floor = read.floor if read.floor is not None else defaults.floor
    if not read.name:
        raise Malformed("file", "new_area_without_name", id=read.id[:40])
    if floor is None:
        raise Malformed("file", "new_area_without_floor", area=read.name)
    venue = _venue(read.venue or defaults.venue, catalog)
    id = AreaId(read.id) if read.id else next(i for i in _ids(floor) if i not in taken)
    if not _is_id(id):
        raise Malformed("file", "area_id_format", id=id[:40])
    return Area(id, venue, "", floor, order, 0, 0, (), (), rev=-1)


def _is_id(id: str) -> bool:
    usable = all(c in "0123456789abcdefghijklmnopqrstuvwxyz-" for c in id)
    return usable and 2 <= len(id) <= 30 and id[0] != "-" and id != "import"


def _ids(floor: int) -> Iterator[AreaId]:
    """Ids that a new area on the floor can get, in order: 5f-1, 5f-2 …; b1-1 … below ground."""
    start = f"{floor}f" if floor >= 0 else f"b{-floor}"
    yield from (AreaId(f"{start}-{n}") for n in range(1, 1000))


def _draft(read: AreaInFile, base: Area) -> PlanDraft:
    """The area's new plan according to the file. ``base``: the existing area, whose values stay
    where the file has none. Raises: Malformed if a new seat has no coordinates."""
    seats_by_name = {name_key(seat.number): seat for seat in base.seats}
    seats = []
    for entry in read.seats:
        seat = replace(entry.draft, no=tidy(entry.draft.no))
        there = seats_by_name.get(name_key(seat.no))
        if there is not None and read.features is not None:
            others = (f for f in there.features if f not in read.features)
            seat = replace(seat, features=(*seat.features, *others))
        if not entry.placed:
            if there is None:
                raise Malformed("file", "new_seat_without_place", no=seat.no)
            seat = replace(seat, x=there.x, y=there.y)
        seats.append(seat)
    fixtures = base.fixtures if read.fixtures is None else tuple(read.fixtures)
    ends = [(seat.x + SEAT_SIZE, seat.y + SEAT_SIZE) for seat in seats]
    ends += [(f.x + f.w, f.y + f.h) for f in fixtures]
    return PlanDraft(
        name=" ".join(read.name.split()) or base.name,
        floor=read.floor if read.floor is not None else base.floor,
        width=read.width or _side(base.width, [x for x, _ in ends]),
        height=read.height or _side(base.height, [y for _, y in ends]),
        seats=seats,
        marks=fixtures,
        names={**base.names, **read.names},
    )


def _side(now: int, ends: Sequence[int]) -> int:
    """The plan's width or height: the present one, or more if the plan's contents need it."""
    needed = max(ends, default=0)
    return now if now >= needed and now else needed + MARGIN
