"""Reference data: the library's profile, the catalog, the policy and the accommodations, kept in
memory by every worker.

A job asks every few seconds whether a newer version is stored (``refresh``). Nobody else writes to
what is here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone
from typing import Final

from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.kernel.time_range import use_zone
from models.library.entities import REMOVED_FROM_PLAN, Area, AreaId, Catalog, Seat, SeatId
from models.library.repository import CatalogRepository
from models.policy.entities import DayHours, Policy, forget_time_steps
from models.policy.errors import RulesChanged
from models.policy.repository import PolicyRepository
from models.profile.entities import LibraryProfile, SetupProgress
from models.profile.repository import ProfileRepository
from models.readers.accommodation_repository import AccommodationRepository
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation

_CACHED: Final = 1000
"""Resolved policies and opening hours, each of an area and a day."""


class ReferenceData:
    """What a rule needs to know of the library, without a query."""

    def __init__(
        self,
        catalogs: CatalogRepository,
        policies: PolicyRepository,
        accommodations: AccommodationRepository,
        profiles: ProfileRepository,
        default_profile: LibraryProfile,
    ) -> None:
        self._catalogs, self._policies, self._profiles = catalogs, policies, profiles
        self.default_profile = self.profile = default_profile
        self._accommodation_repository = accommodations
        self.setup = SetupProgress()
        """How far the first run has come."""
        self.catalog = Catalog("", {}, {}, {})
        self.policy = Policy()
        self._loaded: tuple[int, int | None] | None = None
        self._accommodations: tuple[int, dict[ReaderId, Accommodation]] = (0, {})
        self._resolved: dict[tuple[int, AreaId, date | None], Policy] = {}
        self._stored: dict[int, Policy] = {}
        """Older versions of the policy: they never change."""
        self._hours: dict[tuple[int, date, AreaId], DayHours] = {}

    async def refresh(self) -> None:
        """Load the profile, the catalog, the current policy and the accommodations, where they have
        changed. The library's number counts changes of the profile too."""
        version = await self._accommodation_repository.version()
        if version != self._accommodations[0]:
            self._accommodations = version, await self._accommodation_repository.all()
        found = (await self._catalogs.version(), await self._policies.newest())
        if found == self._loaded:
            return
        catalog = await self._catalogs.load()
        # After the catalog: once there is an area, the zone is what it will always be.
        profile = await self._profiles.load() or self.default_profile
        if profile.clock != self.profile.clock:
            self._turn_clock(profile.clock)
        self.profile, self.catalog = profile, catalog
        self.setup = await self._profiles.setup()
        if found[1] is not None:
            self.policy = await self._policies.get(found[1]) or self.policy
        self._loaded = found

    def _turn_clock(self, clock: timezone) -> None:
        """Let the library's clock be that one: nothing has been counted by another yet."""
        use_zone(clock)
        self._hours.clear()
        forget_time_steps()

    async def publish(self, new: Policy, now: datetime) -> None:
        """Let ``new`` be the policy from now on. Raises: RulesChanged where somebody else was
        first."""
        if not await self._policies.add(new, now):
            raise RulesChanged()
        await self.refresh()

    async def policy_versions(self, limit: int) -> list[tuple[int, datetime]]:
        """The last versions of the policy, and since when each has been one."""
        return await self._policies.versions(limit)

    def invalidate(self) -> None:
        """Nothing that was loaded is true any more (the sandbox starts anew)."""
        self._loaded, self._accommodations = None, (0, {})
        self._resolved.clear()
        self._stored.clear()
        self._hours.clear()

    # --- seats and areas ------------------------------------------------------------------------

    def seat(self, seat_id: str) -> Seat:
        """Raises: NotFound."""
        seat = self.catalog.seats.get(SeatId(seat_id))
        if seat is None:
            raise NotFound()
        return seat

    def seat_even_if_removed(self, seat_id: str) -> Seat:
        """The seat; one that has left the plan is out of service. Raises: NotFound."""
        seat = self.catalog.seats.get(SeatId(seat_id))
        if seat is not None:
            return seat
        removed = self.catalog.all_seats.get(SeatId(seat_id))
        if removed is None:
            raise NotFound()
        return replace(removed, disabled=REMOVED_FROM_PLAN, disabled_from=None, disabled_until=None)

    def area(self, area_id: str) -> Area:
        """Raises: NotFound."""
        area = self.catalog.areas.get(AreaId(area_id))
        if area is None:
            raise NotFound()
        return area

    def may_use_seat(self, seat: Seat, reader_id: ReaderId | None, day: date) -> bool:
        """May the reader have the seat at all: is it not reserved for others?"""
        reserved = seat.accessible and self.policy.accessible_only
        return not reserved or self.active_accommodation(reader_id, day).accessible

    # --- accommodations -------------------------------------------------------------------------

    def accommodation_of(self, reader_id: ReaderId) -> Accommodation:
        """The reader's accommodation, whether its time is over or not."""
        return self._accommodations[1].get(reader_id, NO_ACCOMMODATION)

    def active_accommodation(self, reader_id: ReaderId | None, day: date) -> Accommodation:
        """The reader's accommodation on that day."""
        if reader_id is None:
            return NO_ACCOMMODATION
        found = self.accommodation_of(reader_id)
        return found if found.is_active_on(day) else NO_ACCOMMODATION

    # --- policy and hours -----------------------------------------------------------------------

    def policy_for(self, area_id: AreaId, day: date, reader_id: ReaderId | None = None) -> Policy:
        """The current policy with the numbers of that area and day, and with the reader's
        accommodation."""
        return self._with_accommodation(self._resolve(self.policy, area_id, day), day, reader_id)

    async def policy_version_for(
        self, version: int, area_id: AreaId, day: date, reader_id: ReaderId
    ) -> Policy:
        """As ``policy_for``, of an older version of the policy; of the current one where that
        version is unknown."""
        policy = self.policy
        if version != policy.version:
            stored = self._stored.get(version)
            if stored is None and (found := await self._policies.get(version)) is not None:
                stored = self._stored[version] = found
            policy = stored or policy
        return self._with_accommodation(self._resolve(policy, area_id, day), day, reader_id)

    def opening_hours(self, policy: Policy, day: date, area_id: AreaId) -> DayHours:
        """When the area is open on that day by ``policy``."""
        key = (policy.version, day, area_id)
        known = self._hours.get(key)
        if known is None:
            if len(self._hours) > _CACHED:
                self._hours.clear()
            known = policy.day_hours(day, self.catalog.areas[area_id].venue_id, area_id)
            self._hours[key] = known
        return known

    def _with_accommodation(self, policy: Policy, day: date, reader_id: ReaderId | None) -> Policy:
        found = self.active_accommodation(reader_id, day)
        return policy if found is NO_ACCOMMODATION else found.apply_to(policy)

    def _resolve(self, policy: Policy, area_id: AreaId, day: date) -> Policy:
        key = (policy.version, area_id, day if policy.rule_sets else None)
        known = self._resolved.get(key)
        if known is None:
            if len(self._resolved) > _CACHED:
                self._resolved.clear()
            known = self._resolved[key] = policy.resolve(area_id, day)
        return known
