"""Reader groups: who belongs to one, and what it decides.

A group's rules are few and in every worker's memory. A membership stands in its reader's own entry,
which each request loads anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final, NewType

from models.kernel.days import is_within
from models.kernel.ids import ReaderId
from models.library.entities import Area, AreaId, Seat, SeatId
from models.policy.entities import Policy

GroupId = NewType("GroupId", str)
Groups = frozenset[GroupId]
NO_GROUPS: Final[Groups] = frozenset()
CampusAttributes = Mapping[str, Sequence[str]]
"""What the campus's sign-on releases about who signs in."""


class MembershipSource(StrEnum):
    """Where a membership comes from. A source changes its own memberships only. The value is
    stored."""

    CAMPUS = "campus"
    FILE = "file"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class Membership:
    """A reader belongs to the group from the day ``first`` until ``last``, both included; without
    bound where one is None. ``by`` is who of the staff has entered it."""

    group_id: GroupId
    source: MembershipSource
    first: date | None = None
    last: date | None = None
    by: ReaderId | None = None
    at: datetime | None = None

    def is_active_on(self, day: date) -> bool:
        return is_within(day, self.first, self.last)


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """A group's own numbers in the place of the library's; None leaves the library's."""

    max_minutes: int | None = None
    booking_window_days: int | None = None

    def narrowed_by(self, before: Policy, after: Policy) -> dict[str, int]:
        """The group's numbers that were no smaller than the library's and now are: what was meant
        as a privilege takes something away."""
        return {
            name: own
            for name, own in asdict(self).items()
            if own is not None and getattr(before, name) <= own < getattr(after, name)
        }


NO_LIMITS: Final = GroupLimits()


@dataclass(frozen=True, slots=True)
class CampusPattern:
    """Whoever has this attribute with such a value belongs to the group; ``*`` in the value stands
    for anything."""

    attribute: str
    value: str

    def matches(self, attributes: CampusAttributes) -> bool:
        return any(fnmatchcase(v, self.value) for v in attributes.get(self.attribute, ()))


@dataclass(frozen=True, slots=True)
class ReaderGroup:
    """``name`` is the staff's, ``shown_name`` what readers are told. ``default``: all readers who
    are in no group are in this one. ``areas`` and ``seats`` are reserved for its members and for
    those of the other groups that name them. ``rev`` grows with every change."""

    id: GroupId
    name: str
    shown_name: str
    default: bool = False
    limits: GroupLimits = NO_LIMITS
    areas: frozenset[AreaId] = frozenset()
    seats: frozenset[SeatId] = frozenset()
    patterns: tuple[CampusPattern, ...] = ()
    rev: int = 0


@dataclass(frozen=True, slots=True)
class ReaderGroups:
    """All groups as one value."""

    by_id: Mapping[GroupId, ReaderGroup] = field(default_factory=dict)
    _areas: dict[AreaId, Groups] = field(init=False, repr=False, compare=False)
    _seats: dict[SeatId, Groups] = field(init=False, repr=False, compare=False)
    _default: Groups = field(init=False, repr=False, compare=False)
    _in_area: dict[tuple[AreaId, int], Groups] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        areas: dict[AreaId, Groups] = {}
        seats: dict[SeatId, Groups] = {}
        for group in self.by_id.values():
            for area in group.areas:
                areas[area] = areas.get(area, NO_GROUPS) | {group.id}
            for seat in group.seats:
                seats[seat] = seats.get(seat, NO_GROUPS) | {group.id}
        object.__setattr__(self, "_areas", areas)
        object.__setattr__(self, "_seats", seats)
        default = frozenset(group.id for group in self.by_id.values() if group.default)
        object.__setattr__(self, "_default", default)

    def of(self, memberships: Iterable[Membership], day: date) -> Groups:
        """The groups that somebody with these memberships is in on that day."""
        if not self.by_id:
            return NO_GROUPS
        found = frozenset(
            m.group_id for m in memberships if m.group_id in self.by_id and m.is_active_on(day)
        )
        return found or self._default

    def limits_of(self, groups: Groups) -> GroupLimits:
        """The most generous number of those that the groups name."""
        longest, window = [], []
        for id in groups:
            limits = self.by_id[id].limits
            longest += [limits.max_minutes] if limits.max_minutes is not None else []
            ahead = limits.booking_window_days
            window += [ahead] if ahead is not None else []
        if not longest and not window:
            return NO_LIMITS
        return GroupLimits(max(longest, default=None), max(window, default=None))

    def reserved_for(self, seat: Seat) -> Groups:
        """The groups that the seat is reserved for: its own, else those of its area. Empty where
        everybody may have it."""
        return self._seats.get(seat.id) or self._areas.get(seat.area_id, NO_GROUPS)

    def may_use(self, seat: Seat, groups: Groups) -> bool:
        """May somebody in these groups have the seat?"""
        reserved = self.reserved_for(seat)
        return not reserved or not reserved.isdisjoint(groups)

    def names(self, groups: Groups) -> tuple[str, ...]:
        """What readers call them, in a steady order."""
        return tuple(sorted(self.by_id[id].shown_name for id in groups))

    def barred(self, area: Area, groups: Groups) -> dict[int, tuple[str, ...]]:
        """The places of the area's seats that are reserved for other groups, and what these are
        called."""
        return {
            place: self.names(self.reserved_for(seat))
            for place, seat in enumerate(area.seats)
            if not self.may_use(seat, groups)
        }

    def in_area(self, area: Area, groups: Groups) -> Groups:
        """Those of them that any seat of the area is reserved for: who has the same ones sees the
        area in the same way."""
        if not groups:
            return NO_GROUPS
        known = self._in_area.get((area.id, area.rev))
        if known is None:
            sets = [self.reserved_for(seat) for seat in area.seats]
            known = self._in_area[area.id, area.rev] = NO_GROUPS.union(*sets)
        return groups & known

    def with_effect(self, groups: Groups) -> Groups:
        """Those of them that reserve anything or have a longest stay of their own."""
        return frozenset(
            g
            for g in groups
            if self.by_id[g].areas
            or self.by_id[g].seats
            or self.by_id[g].limits.max_minutes is not None
        )

    def that_matter(self, groups: Groups) -> Groups:
        """Those of them for which any area or seat is reserved: readers with the same ones see the
        same seats."""
        return frozenset(g for g in groups if self.by_id[g].areas or self.by_id[g].seats)

    @property
    def campus_attributes(self) -> frozenset[str]:
        """The attributes that any pattern looks at."""
        return frozenset(p.attribute for group in self.by_id.values() for p in group.patterns)

    def with_group(self, group: ReaderGroup) -> ReaderGroups:
        """The same groups with that one in the place of the one of its id."""
        return ReaderGroups({**self.by_id, group.id: group})

    def from_campus(self, attributes: CampusAttributes) -> Groups:
        """The groups that the campus's attributes name."""
        return frozenset(
            group.id
            for group in self.by_id.values()
            if any(pattern.matches(attributes) for pattern in group.patterns)
        )
