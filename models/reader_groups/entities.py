"""Reader groups, memberships and the rules that depend on them. The few groups are cached by every
worker. A reader's memberships are part of the reader's document."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, NewType, get_args

from models.kernel.days import is_within
from models.kernel.ids import ReaderId
from models.library.entities import Area, AreaId, Seat, SeatId, VenueId
from models.policy.entities import Policy

GroupId = NewType("GroupId", str)
Groups = frozenset[GroupId]
NO_GROUPS: Final[Groups] = frozenset()
CampusAttributes = Mapping[str, Sequence[str]]
"""The attributes that the campus sign-on releases about a user."""


class MembershipSource(StrEnum):
    """The stored origin of a membership. Staff and campus sign-on each change only their own."""

    CAMPUS = "campus"
    FILE = "file"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class Membership:
    """A reader's membership from ``first`` to ``last``, both included; None is an open end. ``by``
    is the staff member who entered it."""

    group_id: GroupId
    source: MembershipSource
    first: date | None = None
    last: date | None = None
    by: ReaderId | None = None
    at: datetime | None = None

    def is_active_on(self, day: date) -> bool:
        return is_within(day, self.first, self.last)


LimitName = Literal["max_minutes", "booking_window_days"]
LIMIT_NAMES: Final[tuple[LimitName, ...]] = get_args(LimitName)


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """The longest stay and booking window of a group's members, instead of the library's limits.
    A limit in ``at_least`` can only raise the library's. None: the library's limit applies."""

    max_minutes: int | None = None
    booking_window_days: int | None = None
    at_least: frozenset[LimitName] = frozenset()

    def limit(self, name: LimitName, library: int) -> int:
        """The limit ``name`` of the group's members, if the library's limit is ``library``."""
        own: int | None = getattr(self, name)
        if own is None:
            return library
        return max(own, library) if name in self.at_least else own

    def apply_to(
        self,
        policy: Policy,
        library: Policy,
        venue_id: VenueId | None,
        area_id: AreaId | None,
        day: date,
    ) -> Policy:
        """The policy of place and day, ``policy``, with the group's limits. If the whole policy
        ``library`` sets a longest stay just for this area or day, that longest stay is kept."""
        values: dict[str, Any] = {}
        if self.max_minutes is not None and not library.has_own(
            "max_minutes", venue_id, area_id, day
        ):
            longest = self.limit("max_minutes", policy.max_minutes)
            values["max_minutes"] = max(longest, policy.min_minutes)
        if self.booking_window_days is not None:
            window = self.limit("booking_window_days", policy.booking_window_days)
            values["booking_window_days"] = window
        return replace(policy, **values) if values else policy

    def narrowed_by(self, before: Policy, after: Policy) -> dict[str, int]:
        """The group's limits, by name, that extended (or equalled) those of the library's policy
        ``before`` but are stricter than those of ``after``."""
        return {
            name: own
            for name in LIMIT_NAMES
            if getattr(before, name) <= (own := self.limit(name, getattr(after, name)))
            and own < getattr(after, name)
        }


NO_LIMITS: Final = GroupLimits()


@dataclass(frozen=True, slots=True)
class CampusPattern:
    """A group with this pattern contains the readers to whom the campus sign-on gives the
    attribute with the value, in which ``*`` stands for any text."""

    attribute: str
    value: str

    def matches(self, attributes: CampusAttributes) -> bool:
        return any(fnmatchcase(v, self.value) for v in attributes.get(self.attribute, ()))


@dataclass(frozen=True, slots=True)
class ReaderGroup:
    """A group of readers. The staff see ``name``, readers ``shown_name``. A ``default`` group
    contains all readers who are in no other group. ``areas`` and ``seats`` are reserved for the
    members of the groups that list them. ``rev`` grows with every change."""

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
        """The groups that a reader with these memberships is in on that day."""
        if not self.by_id:
            return NO_GROUPS
        groups = frozenset(
            m.group_id for m in memberships if m.group_id in self.by_id and m.is_active_on(day)
        )
        return groups or self._default

    def limits_of(self, groups: Groups) -> GroupLimits:
        """The highest longest stay and the highest booking window among the groups' limits; None
        if no group has that limit. A limit is in ``at_least`` if any of the groups has it there."""
        longest, window = [], []
        at_least: frozenset[LimitName] = frozenset()
        for id in groups:
            limits = self.by_id[id].limits
            longest += [limits.max_minutes] if limits.max_minutes is not None else []
            ahead = limits.booking_window_days
            window += [ahead] if ahead is not None else []
            at_least |= limits.at_least
        if not longest and not window:
            return NO_LIMITS
        return GroupLimits(max(longest, default=None), max(window, default=None), at_least)

    def reserved_for(self, seat: Seat) -> Groups:
        """The groups for which the seat is reserved: those that list the seat or, if none does,
        those that list its area. Empty if the seat is not reserved."""
        return self._seats.get(seat.id) or self._areas.get(seat.area_id, NO_GROUPS)

    def may_use(self, seat: Seat, groups: Groups) -> bool:
        """True if a member of these groups may use the seat."""
        reserved = self.reserved_for(seat)
        return not reserved or not reserved.isdisjoint(groups)

    def known(self, ids: Collection[str]) -> Groups:
        """The groups with these ids, without deleted ones."""
        return frozenset(id for id in self.by_id if id in ids)

    def names(self, groups: Groups) -> tuple[str, ...]:
        """The groups' names for readers, sorted."""
        return tuple(sorted(self.by_id[id].shown_name for id in groups))

    def barred(self, area: Area, groups: Groups) -> dict[int, tuple[str, ...]]:
        """Seats reserved for other groups, by index in ``area.seats``, with these groups' names."""
        return {
            place: self.names(self.reserved_for(seat))
            for place, seat in enumerate(area.seats)
            if not self.may_use(seat, groups)
        }

    def in_area(self, area: Area, groups: Groups) -> Groups:
        """The groups among ``groups`` for which a seat of the area is reserved. Readers with equal
        results see the same map of the area."""
        if not groups:
            return NO_GROUPS
        reserved = self._in_area.get((area.id, area.rev))
        if reserved is None:
            sets = [self.reserved_for(seat) for seat in area.seats]
            reserved = self._in_area[area.id, area.rev] = NO_GROUPS.union(*sets)
        return groups & reserved

    def with_effect(self, groups: Groups) -> Groups:
        """The groups among ``groups`` for which an area or a seat is reserved, or which have a
        longest stay of their own."""
        return frozenset(
            g
            for g in groups
            if self.by_id[g].areas
            or self.by_id[g].seats
            or self.by_id[g].limits.max_minutes is not None
        )

    def that_matter(self, groups: Groups) -> Groups:
        """The groups among ``groups`` for which an area or a seat is reserved. Two readers with
        equal results may use the same seats."""
        return frozenset(g for g in groups if self.by_id[g].areas or self.by_id[g].seats)

    @property
    def campus_attributes(self) -> frozenset[str]:
        """The attributes that the groups' patterns match on."""
        return frozenset(p.attribute for group in self.by_id.values() for p in group.patterns)

    def with_group(self, group: ReaderGroup) -> ReaderGroups:
        """A copy with ``group`` added, or replaced by id."""
        return ReaderGroups({**self.by_id, group.id: group})

    def from_campus(self, attributes: CampusAttributes) -> Groups:
        """The ids of groups that contain a user with these attributes from the campus sign-on."""
        return frozenset(
            group.id
            for group in self.by_id.values()
            if any(pattern.matches(attributes) for pattern in group.patterns)
        )
