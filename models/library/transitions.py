from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line
from models.library.entities import Area, AreaState
from models.library.errors import AreaNotRetired, AreaRetired
from models.library.names import Names, check_names
from models.library.plan_editing import HIGHEST_FLOOR, LONGEST_NAME, LOWEST_FLOOR

LAST: Final = 10**6
"""A position (`order`) that is behind all areas of a floor."""


def rename(area: Area, name: str, floor: int, names: Names) -> Area:
    """The area's next revision. Raises: Malformed if a name or the floor is outside the limits."""
    if not 0 < len(name) <= LONGEST_NAME or not is_printable_line(name):
        raise Malformed("name", "area_name_length", most=LONGEST_NAME)
    if not LOWEST_FLOOR <= floor <= HIGHEST_FLOOR:
        raise Malformed("floor", "floor_out_of_range", least=LOWEST_FLOOR, most=HIGHEST_FLOOR)
    check_names("names", names, LONGEST_NAME)
    return replace(area, name=name, names=names, floor=floor, rev=area.rev + 1)


def put_in_order(area: Area, place: int, floor: Sequence[Area]) -> list[Area]:
    """Moves ``area`` to position ``place`` (from 0) of its floor; returns the areas whose position
    changes, ``area`` first. ``floor``: its areas in present order, with or without ``area``."""
    others = [one for one in floor if one.id != area.id]
    others.insert(min(max(place, 0), len(others)), area)
    changed = [area]
    for order, one in enumerate(others):
        if one is area:
            changed[0] = replace(area, order=order)
        elif one.order != order:
            changed.append(replace(one, order=order, rev=one.rev + 1))
    return changed


def retire(area: Area) -> Area:
    """The area as retired: it keeps its seats, which readers no longer see. Raises: AreaRetired."""
    if not area.in_use:
        raise AreaRetired()
    return replace(
        area, state=AreaState.RETIRED, seats=(), retired_seats=area.seats, rev=area.rev + 1
    )


def bring_back(area: Area) -> Area:
    """The retired area as in use again, with the seats that it had. Raises: AreaNotRetired."""
    _check_retired(area)
    return replace(
        area, state=AreaState.IN_USE, seats=area.retired_seats, retired_seats=(), rev=area.rev + 1
    )


def delete(area: Area) -> Area:
    """The retired area as deleted. It keeps its retired seats: a worker that does not know of
    the retirement yet may accept a booking, which needs their names. Raises: AreaNotRetired."""
    _check_retired(area)
    return replace(area, state=AreaState.DELETED, rev=area.rev + 1)


def _check_retired(area: Area) -> None:
    if area.state is not AreaState.RETIRED:
        raise AreaNotRetired()
