from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from models.library.entities import AreaId
from models.policy.entities import Policy


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value in which two policies differ, of the library or of an area. Where the old or the
    new value is None, the area follows the library."""

    name: str
    was: Any
    now: Any
    area_id: AreaId | None = None


def value_changes(old: Policy, new: Policy, names: Iterable[str]) -> list[ValueChange]:
    """The values in ``names`` in which policies differ: first the library's, then each area's."""
    names = tuple(names)
    changes = [ValueChange(name, getattr(old, name), getattr(new, name)) for name in names]
    for area_id in dict.fromkeys((*new.areas, *old.areas)):
        was, now = old.areas.get(area_id, {}), new.areas.get(area_id, {})
        changes += [ValueChange(name, was.get(name), now.get(name), area_id) for name in names]
    return [change for change in changes if change.was != change.now]
