from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Final

from models.kernel.errors import NotFound
from models.library.entities import Catalog, VenueId
from models.policy.entities import Policy
from models.policy.opening import OpeningKind, OpeningPlace, OpeningRule, strongest

DayPlan = tuple[time, time] | None
"""The opening and the closing time of a weekday; None if it is closed."""
_MONDAY: Final = date(2024, 1, 1)
"""Any Monday: weekly entries depend on the weekday only, so they are compared in one week."""


def add_opening_rule(policy: Policy, rule: OpeningRule) -> Policy:
    return replace(policy, version=policy.version + 1, opening=(*policy.opening, rule))


def remove_opening_rule(policy: Policy, number: int) -> Policy:
    """The policy without the exception or closure at position ``number`` of its entries. Raises:
    NotFound, also for an entry of the week."""
    if not 0 <= number < len(policy.opening) or policy.opening[number].kind is OpeningKind.WEEK:
        raise NotFound()
    remaining = policy.opening[:number] + policy.opening[number + 1 :]
    return replace(policy, version=policy.version + 1, opening=remaining)


def own_week(policy: Policy, place: OpeningPlace) -> tuple[OpeningRule | None, ...]:
    """The place's own weekly entry for each weekday, Monday first; None on days without one."""
    own = [r for r in policy.opening if r.kind is OpeningKind.WEEK and r.place == place]
    return tuple(strongest([r for r in own if weekday in r.weekdays]) for weekday in range(7))


def effective_week(
    policy: Policy, place: OpeningPlace, venue_id: VenueId | None
) -> tuple[OpeningRule | None, ...]:
    """Each weekday's deciding entry, Monday first: the place's, its venue's or the library's."""
    week = [r for r in policy.opening if r.kind is OpeningKind.WEEK]
    days = (_MONDAY + timedelta(days=n) for n in range(7))
    return tuple(
        own or strongest([r for r in week if r.applies_to(day, venue_id, place.area_id)])
        for own, day in zip(own_week(policy, place), days, strict=True)
    )


def has_week(
    policy: Policy, place: OpeningPlace, days: Sequence[DayPlan], independent: bool
) -> bool:
    return all(
        rule is not None and rule.independent == independent and plan_of(rule) == plan
        for rule, plan in zip(own_week(policy, place), days, strict=True)
    )


def plan_of(rule: OpeningRule) -> DayPlan:
    if rule.opens is None or rule.closes is None:
        return None
    return rule.opens, rule.closes


def venue_of(catalog: Catalog, place: OpeningPlace) -> VenueId | None:
    """The venue that the place is or belongs to; None for the whole library."""
    if place.area_id is None:
        return place.venue_id
    area = catalog.areas.get(place.area_id)
    return area.venue_id if area is not None else None


def places_with_week(policy: Policy) -> list[OpeningPlace]:
    """The places that have weekly hours of their own, widest first."""
    places = dict.fromkeys(r.place for r in policy.opening if r.kind is OpeningKind.WEEK)
    return sorted(places, key=lambda place: place.narrowness)


def is_library_week_unused(policy: Policy, catalog: Catalog) -> bool:
    """True if each venue in use has its own hours for every weekday."""
    venues = [OpeningPlace(venue_id=venue.id) for venue in catalog.venues_in_use]
    return bool(venues) and not any(None in own_week(policy, venue) for venue in venues)


def set_week(
    policy: Policy, place: OpeningPlace, days: Sequence[DayPlan], independent: bool = False
) -> Policy:
    """The policy with these weekly hours for the place instead of its earlier ones. ``days``:
    Monday first; days with equal hours become one entry."""
    weekdays: dict[DayPlan, set[int]] = {}
    for weekday, plan in enumerate(days):
        weekdays.setdefault(plan, set()).add(weekday)
    table = tuple(
        OpeningRule(
            opens=plan[0] if plan else None,
            closes=plan[1] if plan else None,
            weekdays=frozenset(numbers),
            venue_id=place.venue_id,
            area_id=place.area_id,
            independent=independent,
        )
        for plan, numbers in weekdays.items()
    )
    return replace(
        policy, version=policy.version + 1, opening=(*table, *_without_week(policy, place))
    )


def remove_week(policy: Policy, place: OpeningPlace) -> Policy:
    """The policy without the place's own weekly hours. Raises: NotFound if the place has none,
    and for the whole library."""
    remaining = _without_week(policy, place)
    if not place.narrowness or len(remaining) == len(policy.opening):
        raise NotFound()
    return replace(policy, version=policy.version + 1, opening=remaining)


def _without_week(policy: Policy, place: OpeningPlace) -> tuple[OpeningRule, ...]:
    return tuple(r for r in policy.opening if r.kind is not OpeningKind.WEEK or r.place != place)
