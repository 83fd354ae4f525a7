from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from datetime import date, time, timedelta
from typing import Any, Final

from models.kernel.errors import NotFound
from models.kernel.zone import SLOT_MINUTES
from models.library.entities import VenueId
from models.policy.entities import Policy, PolicyOverride

NUMBER_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    field.name: field.metadata["bounds"] for field in fields(Policy) if field.metadata
}
"""The smallest and the largest value of each numeric field of a policy."""
MAX_MEAL_TIMES: Final = 6
MAX_OVERRIDES: Final = 50
MAX_OVERRIDE_NAME: Final = 20
"""An override's name has at most this many characters."""
MAX_OPENING_REASON: Final = 50
"""The reason of a closure or of other hours has at most this many characters."""
MAX_AHEAD: Final = timedelta(days=730)
"""Overrides and opening hours can be planned at most this far ahead."""


def is_within_bounds(name: str, value: int) -> bool:
    least, most = NUMBER_BOUNDS[name]
    return least <= value <= most


def is_plannable(first: date, last: date | None, today: date) -> bool:
    """True if values can be planned for these days: the last is not before the first and not over,
    and both are at most ``MAX_AHEAD`` ahead. Without ``last``, the first is not before today."""
    if last is None:
        return today <= first <= today + MAX_AHEAD
    return today <= last and first <= last <= today + MAX_AHEAD


def is_opening_time(clock: time) -> bool:
    """True for a full or half hour (the unit of claims), when the library can open or close."""
    return clock.minute % SLOT_MINUTES == 0


def settled(policy: Policy, today: date) -> Policy:
    """The policy without overrides that are over; begun permanent overrides become its values."""
    usual: dict[str, Any] = {}
    areas = {area_id: dict(numbers) for area_id, numbers in policy.areas.items()}
    venues = {venue_id: dict(values) for venue_id, values in policy.venues.items()}
    overrides = []
    for override in sorted(policy.rule_sets, key=lambda o: o.first):
        if override.last is not None or override.first > today:
            continue
        if override.area_id is not None:
            areas.setdefault(override.area_id, {}).update(override.values)
        elif override.venue_id is not None:
            venues.setdefault(override.venue_id, {}).update(override.values)
        else:
            usual |= override.values
    for override in policy.rule_sets:
        if override.first > today if override.last is None else override.last >= today:
            overrides.append(override)
    return replace(policy, venues=venues, areas=areas, rule_sets=tuple(overrides), **usual)


def without_deleted_venues(policy: Policy, venues: Collection[VenueId]) -> Policy:
    """The policy without the opening hours and rules of venues other than these."""
    in_use: Collection[VenueId | None] = (None, *venues)
    return replace(
        policy,
        opening=tuple(rule for rule in policy.opening if rule.venue_id in in_use),
        venues={id: values for id, values in policy.venues.items() if id in in_use},
        rule_sets=tuple(rules for rules in policy.rule_sets if rules.venue_id in in_use),
    )


def add_override(policy: Policy, override: PolicyOverride, today: date) -> Policy:
    """The next version of the policy, with the override. Raises: InconsistentPolicy."""
    now = settled(policy, today)
    return replace(now, version=policy.version + 1, rule_sets=(*now.rule_sets, override))


def remove_override(policy: Policy, number: int, today: date) -> Policy:
    """The next version of the policy, without override ``number``. Raises: NotFound if the
    override is over or now permanent; InconsistentPolicy for the remaining values."""
    now = settled(policy, today)
    if not 0 <= number < len(policy.rule_sets) or policy.rule_sets[number] not in now.rule_sets:
        raise NotFound()
    others = policy.rule_sets[:number] + policy.rule_sets[number + 1 :]
    return replace(settled(replace(policy, rule_sets=others), today), version=policy.version + 1)
