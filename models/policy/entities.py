"""The policy: all limits, with a version. A booking keeps the version under which it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final

from models.kernel.time_range import (
    TimeRange,
)
from models.kernel.zone import SLOT_MINUTES, Zone
from models.library.entities import AreaId, VenueId
from models.policy.errors import InconsistentPolicy
from models.policy.opening import DayHours as DayHours
from models.policy.opening import OpeningPlace, decide_opening
from models.policy.opening import OpeningRule as OpeningRule

AREA_OVERRIDABLE: Final = frozenset(
    {"step_minutes", "min_minutes", "max_minutes", "leave_minutes", "meal_leave_minutes"}
)


_DAY: Final = timedelta(days=1)
FARTHEST_HORIZON: Final = 14
"""The largest ``booking_window_days`` that a policy may have."""
_DATELESS: Final = frozenset({"version", "opening", "venues", "areas", "rule_sets"})
"""Fields of a policy that no override can change; opening hours have dates of their own."""
_OF_ALL_VENUES: Final = frozenset(
    {
        "daily_booking_limit",
        "parties_a_day",
        "violations_limit",
        "violations_window_days",
        "suspension_days",
        "away_timeout_is_violation",
        "kiosk_code_seconds",
        "filter_by_window",
        "filter_by_power",
    }
)
"""Fields that are the same in all venues; docs/booking.md gives the reasons."""


@dataclass(frozen=True, slots=True)
class PolicyOverride:
    """Other values of the policy, for the library, one venue or one area, from day `first` to
    day `last` (inclusive; None: permanent). `values`: the values by field name. The names are
    among ``DATE_OVERRIDABLE``; for a venue, ``VENUE_OVERRIDABLE``; for an area,
    ``AREA_OVERRIDABLE``."""

    name: str
    first: date
    last: date | None
    values: Mapping[str, Any]
    area_id: AreaId | None = None
    venue_id: VenueId | None = None

    @property
    def narrowness(self) -> int:
        return OpeningPlace(self.venue_id, self.area_id).narrowness

    @property
    def overridable(self) -> frozenset[str]:
        """The fields that an override for this place can change."""
        return (DATE_OVERRIDABLE, VENUE_OVERRIDABLE, AREA_OVERRIDABLE)[self.narrowness]

    def applies_to(self, day: date, venue_id: VenueId | None, area_id: AreaId | None) -> bool:
        return (
            self.first <= day
            and (self.last is None or day <= self.last)
            and self.venue_id in (None, venue_id)
            and self.area_id in (None, area_id)
        )


def _number(usual: int, least: int, most: int) -> int:
    """A numeric field of a policy: its default, and the least and greatest value staff may set."""
    number: int = field(default=usual, metadata={"bounds": (least, most)})
    return number


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of the library's policy. docs/booking.md explains the defaults of the fields."""

    version: int = 1
    opening: tuple[OpeningRule, ...] = (OpeningRule(time(7, 0), time(22, 30)),)
    booking_window_days: int = _number(1, 0, FARTHEST_HORIZON)
    booking_opens_at: time | None = None
    opening_draw: bool = False
    step_minutes: int = _number(60, 30, 240)
    min_minutes: int = _number(10, 1, 1440)
    max_minutes: int = _number(240, 30, 1440)
    daily_booking_limit: int = _number(5, 1, 48)
    party_people: int = _number(4, 1, 6)
    parties_a_day: int = _number(2, 1, 10)
    party_share_percent: int = _number(20, 1, 100)
    check_in_before_minutes: int = _number(30, 0, 240)
    check_in_after_minutes: int = _number(30, 1, 240)
    leave_minutes: int = _number(30, 1, 240)
    meal_leave_minutes: int = _number(60, 1, 240)
    meal_times: tuple[tuple[time, time], ...] = ((time(11), time(13)), (time(17), time(19)))
    extend_within_minutes: int = _number(60, 1, 1440)
    max_extensions: int = _number(2, 0, 48)
    ending_soon_minutes: int = _number(20, 1, 120)
    leave_reminder_minutes: int = _number(10, 1, 120)
    presence_check_minutes: int = _number(20, 5, 120)
    kiosk_code_seconds: int = _number(15, 5, 120)
    away_timeout_is_violation: bool = False
    violations_limit: int = _number(3, 1, 100)
    violations_window_days: int = _number(30, 1, 366)
    suspension_days: int = _number(7, 1, 366)
    filter_by_window: bool = False
    filter_by_power: bool = False
    accessible_only: bool = False
    hall_display: bool = False
    public_occupancy: bool = False
    venues: Mapping[VenueId, Mapping[str, Any]] = field(default_factory=dict)
    areas: Mapping[AreaId, Mapping[str, int]] = field(default_factory=dict)
    rule_sets: tuple[PolicyOverride, ...] = ()

    def __post_init__(self) -> None:
        for venue_id, values in self.venues.items():
            if unknown := set(values) - VENUE_OVERRIDABLE:
                raise ValueError(f"venue {venue_id} cannot override {sorted(unknown)}")
        for area_id, numbers in self.areas.items():
            if unknown := set(numbers) - AREA_OVERRIDABLE:
                raise ValueError(f"area {area_id} cannot override {sorted(unknown)}")
        for rules in self.rule_sets:
            if unknown := set(rules.values) - rules.overridable:
                raise ValueError(f"a policy override cannot change {sorted(unknown)}")
        venues = {*self.venues, *(r.venue_id for r in self.rule_sets)}
        areas = {*self.areas, *(r.area_id for r in self.rule_sets)}
        self.check([(None, None), *((v, None) for v in venues), *((None, a) for a in areas)])

    def check(self, places: Iterable[tuple[VenueId | None, AreaId | None]]) -> None:
        """Checks the values at these places (a venue, or an area with its venue) on all days.
        Raises: InconsistentPolicy if they contradict one another."""
        # Values change only on these days.
        days = {r.first for r in self.rule_sets}
        days |= {r.last + _DAY for r in self.rule_sets if r.last is not None}
        for venue_id, area_id in places:
            for day in (None, *days):
                _validate(self, self._values(venue_id, area_id, day))

    def _values(
        self, venue_id: VenueId | None, area_id: AreaId | None, day: date | None
    ) -> dict[str, Any]:
        """The values that differ from the policy's fields at this place (both None: the library)
        on this day (None: no override). Temporary values win over permanent ones; among each,
        areas win over venues, and venues over the library."""
        fitting = [
            r for r in self.rule_sets if day is not None and r.applies_to(day, venue_id, area_id)
        ]
        usual = sorted((r for r in fitting if r.last is None), key=lambda r: r.first)
        of_venue = self.venues.get(venue_id, {}) if venue_id is not None else {}
        of_area = self.areas.get(area_id, {}) if area_id is not None else {}
        values: dict[str, Any] = {}
        for narrowness, own in enumerate(({}, of_venue, of_area)):
            values |= own
            for rules in usual:
                if rules.narrowness == narrowness:
                    values |= rules.values
        for rules in sorted((r for r in fitting if r.last), key=lambda r: r.narrowness):
            values |= rules.values
        return values

    def resolve(
        self, venue_id: VenueId | None, area_id: AreaId | None, day: date | None = None
    ) -> Policy:
        """The policy as it holds in the venue (None: the library) or in an area of it and, if
        ``day`` is set, on that day: values of venues, areas and overrides are resolved."""
        own = self._values(venue_id, area_id, day)
        return replace(self, venues={}, areas={}, rule_sets=(), **own)

    def has_own(
        self, name: str, venue_id: VenueId | None, area_id: AreaId | None, day: date | None
    ) -> bool:
        """True if ``name`` has a value of its own for the area or the day: set for the area, or
        by an override that is temporary or the area's own. A permanent value of the venue is
        none: there it is what the library's value is elsewhere."""
        if area_id is not None and name in self.areas.get(area_id, {}):
            return True
        return day is not None and any(
            name in rules.values
            for rules in self.rule_sets
            if rules.applies_to(day, venue_id, area_id) and (rules.last or rules.area_id)
        )

    def day_hours(
        self, zone: Zone, day: date, venue_id: VenueId, area_id: AreaId | None
    ) -> DayHours:
        """The opening hours of an area (None: the venue) that begin on that day. These hours may
        end on the next day."""
        decision = decide_opening(zone, self.opening, day, venue_id, area_id)
        return DayHours(decision.hours, decision.reason)

    def opens_at_instant(self, zone: Zone, day: date) -> datetime | None:
        """The instant from which ``day`` can be booked; None if the policy sets no such time."""
        if self.booking_opens_at is None:
            return None
        return zone.instant(day - timedelta(days=self.booking_window_days), self.booking_opens_at)

    def draw_opens_at(self, zone: Zone, day: date, now: datetime) -> datetime | None:
        """The instant from which ``day`` can be booked, if requests of that instant are served
        in a random order (draw at an opening); else None."""
        if not self.opening_draw or day <= zone.day(now):
            return None
        return self.opens_at_instant(zone, day)

    def bookable_dates(self, zone: Zone, now: datetime, venue_id: VenueId | None) -> list[date]:
        """Today and the other days of the venue's booking window (None: the library's), even
        before their booking has opened."""
        today = zone.day(now)
        if not self.rule_sets and not self.venues:
            return [today + n * _DAY for n in range(self.booking_window_days + 1)]
        ahead = ((n, today + n * _DAY) for n in range(FARTHEST_HORIZON + 1))
        name, usual = "booking_window_days", self.booking_window_days
        return [day for n, day in ahead if n <= self._values(venue_id, None, day).get(name, usual)]

    def allows_filter(self, mark: str) -> bool:
        """True if readers may filter seats by ``mark``, a usual feature."""
        return {"window": self.filter_by_window, "power": self.filter_by_power}.get(mark, False)

    @property
    def longest(self) -> timedelta:
        return timedelta(minutes=self.max_minutes)


DATE_OVERRIDABLE: Final = frozenset(f.name for f in fields(Policy)) - _DATELESS
"""Fields that an override for the whole library can change."""
VENUE_OVERRIDABLE: Final = DATE_OVERRIDABLE - _OF_ALL_VENUES
"""Fields that can have a value of their own in a venue, permanently or by an override."""


def _validate(policy: Policy, numbers: Mapping[str, Any]) -> None:
    """Checks that the policy with these values by field name is consistent. Raises:
    InconsistentPolicy."""
    window = numbers.get("booking_window_days", policy.booking_window_days)
    if not 0 <= window <= FARTHEST_HORIZON:
        raise InconsistentPolicy("booking_window_days", f"must be from 0 to {FARTHEST_HORIZON}")
    step = numbers.get("step_minutes", policy.step_minutes)
    if step < SLOT_MINUTES or step % SLOT_MINUTES:
        # Two bookings in one half hour would need the same claim.
        raise InconsistentPolicy("step_minutes", "must be a multiple of 30")
    shortest = numbers.get("min_minutes", policy.min_minutes)
    if not 0 < shortest <= numbers.get("max_minutes", policy.max_minutes):
        raise InconsistentPolicy("min_minutes", "must be more than 0 and at most max_minutes")


@lru_cache(maxsize=256)
def _times(zone: Zone, step_minutes: int, hours: TimeRange) -> tuple[datetime, ...]:
    first, last = zone.day(hours.start), zone.last_day(hours)
    days = (first + n * _DAY for n in range((last - first).days + 1))
    steps = (step for day in days for step in zone.steps(day, step_minutes))
    return tuple(step for step in steps if hours.contains(step))


def time_steps(zone: Zone, policy: Policy, hours: TimeRange) -> tuple[datetime, ...]:
    """The times in ``hours`` at which a booking may start: whole steps that the library's clocks
    show, counted from 00:00; in a doubled hour the first ones."""
    return _times(zone, policy.step_minutes, hours)
