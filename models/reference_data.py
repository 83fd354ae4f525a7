"""The library's profile, catalog, policy, reader groups and accommodations, cached by every
worker. A job calls ``refresh`` every few seconds to load new versions; other modules only read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.kernel.zone import Zone
from models.library.entities import (
    FILTERABLE_FEATURES,
    REMOVED_FROM_PLAN,
    Area,
    AreaId,
    AreaState,
    Catalog,
    Seat,
    SeatId,
    VenueId,
)
from models.library.repository import CatalogRepository
from models.library.room_repository import RoomRepository
from models.library.rooms import Room, RoomId
from models.library.undecided_days_repository import UndecidedDays, UndecidedDaysRepository
from models.policy.entities import FARTHEST_HORIZON, Policy
from models.policy.errors import RulesChanged
from models.policy.open_hours import OpenHours, open_hours
from models.policy.repository import PolicyRepository
from models.profile.entities import LibraryProfile, SetupProgress
from models.profile.repository import ProfileRepository
from models.reader_groups.entities import NO_GROUPS, NO_LIMITS, GroupLimits, ReaderGroups
from models.reader_groups.entities import Groups as GroupSet
from models.reader_groups.repository import ReaderGroupRepository
from models.readers.accommodation_repository import AccommodationRepository
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from models.readers.entities import Reader

_DAY: Final = timedelta(days=1)
_CACHED: Final = 1000
"""At most this many resolved policies, opening hours and joined days are cached of each kind."""


class ReferenceData:
    def __init__(
        self,
        catalogs: CatalogRepository,
        rooms: RoomRepository,
        policies: PolicyRepository,
        accommodations: AccommodationRepository,
        groups: ReaderGroupRepository,
        profiles: ProfileRepository,
        undecided_days: UndecidedDaysRepository,
        default_profile: LibraryProfile,
    ) -> None:
        self._catalogs, self._rooms = catalogs, rooms
        self._policies, self._profiles = policies, profiles
        self.default_profile = self.profile = default_profile
        self.zone = default_profile.clock
        self._accommodation_repository, self._group_repository = accommodations, groups
        self.groups = ReaderGroups()
        self._groups_version = 0
        self._undecided_days = undecided_days
        self.undecided: list[UndecidedDays] = []
        self._undecided_version = 0
        self.setup = SetupProgress()
        self.catalog = Catalog("", {}, {}, {})
        self.rooms: dict[RoomId, Room] = {}
        self.rooms_on_plans: dict[AreaId, list[Room]] = {}
        """The rooms in use that have a place on a plan, by its area."""
        self.policy = Policy()
        self._loaded: tuple[int, int | None] | None = None
        self._accommodations: tuple[int, dict[ReaderId, Accommodation]] = (0, {})
        self._resolved: dict[tuple[int, VenueId | None, AreaId | None, date | None], Policy] = {}
        self._stored: dict[int, Policy] = {}
        """Older policy versions by number; they never change."""
        self._hours: dict[tuple[int, date, AreaId], OpenHours] = {}
        self._joined: dict[date, tuple[date, ...]] = {}
        self._joined_by: tuple[Policy, Catalog] = (self.policy, self.catalog)

    async def refresh(self) -> None:
        """Loads what has changed since the last call: catalog and profile (which share the
        library's version), policy, reader groups, accommodations."""
        versions = await self._catalogs.versions()
        version, groups = versions["accommodations"], versions["reader_groups"]
        if versions["seasons"] != self._undecided_version:
            self.undecided = await self._undecided_days.all()
            self._undecided_version = versions["seasons"]
        if version != self._accommodations[0]:
            self._accommodations = version, await self._accommodation_repository.all()
        if groups != self._groups_version:
            self._groups_version, self.groups = groups, await self._group_repository.all()
        versions_now = (versions["library"], await self._policies.newest())
        if versions_now == self._loaded:
            return
        catalog, rooms = await self._catalogs.load(), await self._rooms.all()
        # After the catalog: once an area exists, the zone never changes.
        profile = await self._profiles.load() or self.default_profile
        if profile.clock != self.zone:
            self._switch_zone(profile.clock)
        self.profile, self.catalog, self.rooms = profile, catalog, rooms
        self.rooms_on_plans = {}
        for room in self.rooms_in_use():
            if room.place is not None:
                self.rooms_on_plans.setdefault(room.place.area_id, []).append(room)
        self._resolved.clear()  # a venue's rules end with its retirement
        self.setup = await self._profiles.setup()
        if versions_now[1] is not None:
            self.policy = await self._policies.get(versions_now[1]) or self.policy
        self._loaded = versions_now

    def _switch_zone(self, zone: Zone) -> None:
        """Takes over the library's time zone and forgets what was computed in the former one.
        Allowed only before the first booking: stored days are not converted."""
        self.zone = zone
        self._hours.clear()
        self._joined.clear()

    async def publish(self, new: Policy, now: datetime) -> None:
        """Makes ``new`` the current policy. Raises: RulesChanged if another change came first."""
        if not await self._policies.add(new, now):
            raise RulesChanged()
        await self.refresh()

    async def policy_versions(self, limit: int) -> list[tuple[int, datetime]]:
        """The latest policy versions, each with the instant from which it has applied."""
        return await self._policies.versions(limit)

    def invalidate(self) -> None:
        """Forgets all loaded data; called when the sandbox restarts with other data."""
        self._loaded, self._accommodations = None, (0, {})
        self.undecided, self._undecided_version = [], 0
        self.groups, self._groups_version = ReaderGroups(), 0
        self._resolved.clear()
        self._stored.clear()
        self._hours.clear()
        self._joined.clear()

    # --- seats and areas ------------------------------------------------------------------------

    def seat(self, seat_id: str) -> Seat:
        """The seat with this id, if it is on a plan. Raises: NotFound."""
        seat = self.catalog.seats.get(SeatId(seat_id))
        if seat is None:
            raise NotFound()
        return seat

    def seat_even_if_removed(self, seat_id: str) -> Seat:
        """The seat with this id, out of service if removed from its plan. Raises: NotFound."""
        seat = self.catalog.seats.get(SeatId(seat_id))
        if seat is not None:
            return seat
        removed = self.catalog.all_seats.get(SeatId(seat_id))
        if removed is None:
            raise NotFound(field="seat_id")
        return replace(removed, disabled=REMOVED_FROM_PLAN, disabled_from=None, disabled_until=None)

    def area(self, area_id: str) -> Area:
        """The area, unless it is deleted. Raises: NotFound."""
        area = self.catalog.areas.get(AreaId(area_id))
        if area is None or area.state is AreaState.DELETED:
            raise NotFound()
        return area

    def area_for_readers(self, area_id: str) -> Area:
        """The area, unless it is retired or deleted. Raises: NotFound."""
        area = self.catalog.areas.get(AreaId(area_id))
        if area is None or not area.in_use:
            raise NotFound()
        return area

    def rooms_in_use(self) -> list[Room]:
        """The study rooms that can be booked."""
        venues = {venue.id for venue in self.catalog.venues_in_use}
        return [r for r in self.rooms.values() if not r.retired and r.venue_id in venues]

    def room(self, room_id: str) -> Room:
        """The study room, if it is in use. Raises: NotFound."""
        room = self.rooms.get(RoomId(room_id))
        if room is None or room not in self.rooms_in_use():
            raise NotFound()
        return room

    def is_kept_for_others(self, seat: Seat, reader_id: ReaderId | None, day: date) -> bool:
        """True if the accessible seat is kept that day for accommodations that the reader lacks."""
        accessible_only = seat.accessible and self.policy_for(seat.area_id, day).accessible_only
        return accessible_only and not self.active_accommodation(reader_id, day).accessible

    def groups_instead(self, seat: Seat, reader: Reader | None, day: date) -> tuple[str, ...]:
        """The names of the groups for which the seat is reserved; empty if it is reserved for
        none, or if the reader is in one of these groups on that day."""
        return self._names_instead(self.groups.reserved_for(seat), reader, day)

    def room_groups_instead(self, room: Room, reader: Reader | None, day: date) -> tuple[str, ...]:
        """The names of the groups that alone may book the room; empty if all readers may, or if
        the reader is in one of these groups on that day."""
        return self._names_instead(self.groups.known(room.rules.groups), reader, day)

    def _names_instead(
        self, reserved: GroupSet, reader: Reader | None, day: date
    ) -> tuple[str, ...]:
        if not reserved or not reserved.isdisjoint(self.groups_of(reader, day)):
            return ()
        return self.groups.names(reserved)

    def is_undecided(self, seat_id: SeatId, day: date) -> bool:
        """True if a season gives the seat on that day, and its holder's day is not written yet."""
        return any(
            days.first <= day <= days.last and seat_id in days.seats for days in self.undecided
        )

    def barred(self, area: Area, groups: GroupSet, day: date) -> dict[int, tuple[str, ...]]:
        """Seats that members of these groups may not use on that day, by index in ``area.seats``,
        with the names of those for whom they are kept: groups, or the holders of a season."""
        barred = self.groups.barred(area, groups)
        for days in self.undecided:
            if days.first <= day <= days.last:
                barred |= {
                    place: (days.title,)
                    for place, seat in enumerate(area.seats)
                    if seat.id in days.seats
                }
        return barred

    def may_use_seat(self, seat: Seat, reader: Reader | None, day: date) -> bool:
        """True if on that day the seat is neither reserved for other groups nor kept for readers
        with an accommodation that this reader lacks, nor for the holder of a season."""
        reader_id = reader.id if reader is not None else None
        for_others = self.is_kept_for_others(seat, reader_id, day)
        for_others = for_others or self.is_undecided(seat.id, day)
        return not for_others and self.groups.may_use(seat, self.groups_of(reader, day))

    # --- reader groups --------------------------------------------------------------------------

    def groups_of(self, reader: Reader | None, day: date) -> GroupSet:
        """The groups that the reader is in on that day; none without a reader."""
        return self.groups.of(reader.memberships, day) if reader is not None else NO_GROUPS

    def limits_of(self, reader: Reader | None, day: date) -> GroupLimits:
        """The limits that the reader's groups set on that day."""
        groups = self.groups_of(reader, day)
        return self.groups.limits_of(groups) if groups else NO_LIMITS

    def bookable_dates(
        self, reader: Reader | None, now: datetime, venue_id: VenueId | None
    ) -> list[date]:
        """Today and the days in the reader's booking window for the venue (None: for the whole
        library), including those not yet open."""
        policy = self.policy
        if (reader is None or not self.groups.by_id) and not (policy.rule_sets or policy.venues):
            return policy.bookable_dates(self.zone, now, None)
        today = self.zone.day(now)
        reader_dates = [today]
        for ahead in range(1, FARTHEST_HORIZON + 1):
            day = today + timedelta(days=ahead)
            library = self.policy_on(day, venue_id).booking_window_days
            if ahead <= self.limits_of(reader, day).limit("booking_window_days", library):
                reader_dates.append(day)
        return reader_dates

    # --- accommodations -------------------------------------------------------------------------

    def accommodation_of(self, reader_id: ReaderId) -> Accommodation:
        """The reader's accommodation, even if it has expired."""
        return self._accommodations[1].get(reader_id, NO_ACCOMMODATION)

    def active_accommodation(self, reader_id: ReaderId | None, day: date) -> Accommodation:
        """The reader's accommodation if it is active on that day, else ``NO_ACCOMMODATION``."""
        accommodation = self._accommodations[1].get(reader_id) if reader_id is not None else None
        return (
            accommodation
            if accommodation is not None and accommodation.is_active_on(day)
            else NO_ACCOMMODATION
        )

    # --- policy and hours -----------------------------------------------------------------------

    def policy_on(self, day: date, venue_id: VenueId | None) -> Policy:
        """The current policy of the venue for the day; None: the policy of the whole library."""
        return self._resolve(self.policy, venue_id, None, day)

    def policies_on(self, day: date) -> list[Policy]:
        """The current policy of each venue in use for the day; without a venue, the library's."""
        venues: list[VenueId | None] = [venue.id for venue in self.catalog.venues_in_use]
        return [self.policy_on(day, venue_id) for venue_id in venues or [None]]

    def filters_on(self, day: date) -> tuple[str, ...]:
        """The features by which readers may filter seats on that day: usual ones, then own ones."""
        usual = filter(self.policy_on(day, None).allows_filter, FILTERABLE_FEATURES)
        return (*usual, *self.catalog.features.filters)

    def policy_for(self, area_id: AreaId, day: date, reader: Reader | None = None) -> Policy:
        """The current policy for area and day, with the reader's group limits and accommodation."""
        policy = self._resolve(self.policy, None, area_id, day)
        if reader is None:
            return policy
        return self._with_accommodation(
            self.with_groups(policy, reader, area_id, day), day, reader.id
        )

    def policy_of_reader(self, day: date, venue_id: VenueId | None, reader: Reader) -> Policy:
        """The current policy of the venue for the day, with the reader's group limits."""
        library, limits = self.policy_on(day, venue_id), self.limits_of(reader, day)
        place = self.catalog.venue_in_use(venue_id)
        return limits.apply_to(library, self.policy, place, None, day)

    def with_groups(self, policy: Policy, reader: Reader, area_id: AreaId, day: date) -> Policy:
        limits = self.limits_of(reader, day)
        if limits is NO_LIMITS:
            return policy
        return limits.apply_to(policy, self.policy, self.catalog.venue_of(area_id), area_id, day)

    def longest_window(self, area_id: AreaId, day: date) -> int:
        """How many days ahead the day can be booked there by the readers who can book longest."""
        own = self.policy_for(area_id, day).booking_window_days
        of_groups = (group.limits for group in self.groups.by_id.values())
        return max([own, *(each.limit("booking_window_days", own) for each in of_groups)])

    async def policy_version_for(
        self, version: int, area_id: AreaId, day: date, reader_id: ReaderId
    ) -> Policy:
        """The policy of this version for the area and day, with the reader's accommodation. If
        the version is unknown, the current policy is used."""
        policy = self.policy
        if version != policy.version:
            cached = self._stored.get(version)
            if cached is None and (loaded := await self._policies.get(version)) is not None:
                cached = self._stored[version] = loaded
            policy = cached or policy
        return self._with_accommodation(self._resolve(policy, None, area_id, day), day, reader_id)

    def opening_hours(self, policy: Policy, day: date, area_id: AreaId) -> OpenHours:
        key = (policy.version, day, area_id)
        hours = self._hours.get(key)
        if hours is None:
            if len(self._hours) > _CACHED:
                self._hours.clear()
            hours = open_hours(
                self.zone, policy, day, self.catalog.areas[area_id].venue_id, area_id
            )
            self._hours[key] = hours
        return hours

    def joined_days(self, day: date) -> tuple[date, ...]:
        """The day, and the neighbouring days if an area is open over the midnight between:
        bookings of these days can overlap on a seat."""
        by = self._joined_by
        if self.policy is not by[0] or self.catalog is not by[1] or len(self._joined) > _CACHED:
            self._joined_by = self.policy, self.catalog
            self._joined.clear()
        days = self._joined.get(day)
        if days is None:
            before, after = (
                self._open_over(self.zone.midnight(day + n * _DAY), day) for n in (0, 1)
            )
            days = self._joined[day] = tuple(
                day + n * _DAY
                for n, open_over in ((-1, before), (0, True), (1, after))
                if open_over
            )
        return days

    def _open_over(self, midnight: datetime, day: date) -> bool:
        """True if an area is open across ``midnight``, at the start or end of ``day``."""
        opening_hours = (self.opening_hours(self.policy, day, area) for area in self.catalog.areas)
        return any(
            hours.start < midnight < hours.end for open in opening_hours for hours in open.intervals
        )

    def _with_accommodation(self, policy: Policy, day: date, reader_id: ReaderId | None) -> Policy:
        accommodation = self.active_accommodation(reader_id, day)
        return policy if accommodation is NO_ACCOMMODATION else accommodation.apply_to(policy)

    def _resolve(
        self, policy: Policy, venue_id: VenueId | None, area_id: AreaId | None, day: date
    ) -> Policy:
        """The policy as it holds in the area (None: in the venue) on the day. An area's venue
        is known from the catalog, so ``venue_id`` is ignored for an area."""
        key = (policy.version, venue_id, area_id, day if policy.rule_sets else None)
        resolved = self._resolved.get(key)
        if resolved is None:
            if len(self._resolved) > _CACHED:
                self._resolved.clear()
            catalog = self.catalog
            place = catalog.venue_in_use(venue_id) if area_id is None else catalog.venue_of(area_id)
            resolved = self._resolved[key] = policy.resolve(place, area_id, day)
        return resolved
