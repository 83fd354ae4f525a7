"""What is new in a policy, beside the one before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from models.library.entities import AreaId
from models.policy.entities import Policy


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value that was another one: the library's, or an area's own, None where that has none."""

    name: str
    was: Any
    now: Any
    area_id: AreaId | None = None


def value_changes(old: Policy, new: Policy, names: Iterable[str]) -> list[ValueChange]:
    """What has changed of the values of these names, in that order; the library's first, then area
    by area."""
    names = tuple(names)
    found = [ValueChange(name, getattr(old, name), getattr(new, name)) for name in names]
    for area_id in dict.fromkeys((*new.areas, *old.areas)):
        was, now = old.areas.get(area_id, {}), new.areas.get(area_id, {})
        found += [ValueChange(name, was.get(name), now.get(name), area_id) for name in names]
    return [change for change in found if change.was != change.now]
