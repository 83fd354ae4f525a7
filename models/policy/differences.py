from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from models.library.entities import AreaId, VenueId
from models.policy.entities import Policy

FOLLOWS: Final = "follows"
"""In the place of a value: the value of the wider place applies."""


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value in which two policies differ, of the library, a venue or an area. A venue or an
    area with ``FOLLOWS`` as the old or the new value has none of its own."""

    name: str
    was: Any
    now: Any
    area_id: AreaId | None = None
    venue_id: VenueId | None = None


def value_changes(old: Policy, new: Policy, names: Iterable[str]) -> list[ValueChange]:
    """The values in ``names`` in which policies differ: first the library's, then each venue's,
    then each area's."""
    names = tuple(names)
    changes = [ValueChange(name, getattr(old, name), getattr(new, name)) for name in names]
    for venue_id in dict.fromkeys((*new.venues, *old.venues)):
        was, now = old.venues.get(venue_id, {}), new.venues.get(venue_id, {})
        changes += [
            ValueChange(name, was.get(name, FOLLOWS), now.get(name, FOLLOWS), venue_id=venue_id)
            for name in names
        ]
    for area_id in dict.fromkeys((*new.areas, *old.areas)):
        was, now = old.areas.get(area_id, {}), new.areas.get(area_id, {})
        changes += [
            ValueChange(name, was.get(name, FOLLOWS), now.get(name, FOLLOWS), area_id)
            for name in names
        ]
    return [change for change in changes if change.was != change.now]
