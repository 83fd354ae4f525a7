from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from models.identity.roles import Role
from models.library.entities import Venue, VenueId
from models.library.errors import VenueChanged, VenueExists
from models.library.names import Floor, Names, check_floors, check_names, names_text
from models.library.repository import CatalogRepository
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext

LONGEST_VENUE_NAME: Final = 40
LONGEST_FLOOR_NAME: Final = 20


class StaffVenues:
    """Adds, renames, orders, retires and removes venues. After an error nothing has changed.
    Presence sources are changed by ``StaffDevices``."""

    def __init__(
        self, audit: AuditLog, catalogs: CatalogRepository, reference: ReferenceData
    ) -> None:
        self._audit, self._catalogs, self._reference = audit, catalogs, reference

    async def add(self, ctx: StaffContext, venue_id: VenueId, name: str) -> None:
        """Adds the venue as the last one. ``venue_id`` is made when the form is shown, so a form
        sent twice adds one venue. Raises: VenueExists."""
        ctx.require(None, Role.ADMINISTRATOR)
        venues = self._reference.catalog.venues.values()
        if any(venue.name == name for venue in venues):
            raise VenueExists()
        last = max((venue.order for venue in venues), default=-1)
        async with self._audit.entry(
            ctx, AuditAction.ADD_VENUE, target=f"venue:{venue_id}"
        ) as entry:
            if not await self._catalogs.add_venue(Venue(venue_id, name, order=last + 1)):
                raise VenueExists()
            await self._reference.refresh()
            entry.after = {"name": name}

    async def rename(self, ctx: StaffContext, old: Venue, name: str) -> None:
        """Renames the venue, also in past bookings. Raises: VenueExists, VenueChanged."""
        ctx.require(None, Role.ADMINISTRATOR)
        others = (v for v in self._reference.catalog.venues.values() if v.id != old.id)
        if any(venue.name == name for venue in others):
            raise VenueExists()
        new = replace(old, name=name)
        await self._replace(ctx, AuditAction.RENAME_VENUE, old, new, "name")

    async def change_names(
        self, ctx: StaffContext, old: Venue, names: Names, floors: Sequence[Floor]
    ) -> None:
        """Sets the venue's names in further languages, and its floors' own names. Raises:
        Malformed, VenueChanged."""
        ctx.require(None, Role.ADMINISTRATOR)
        check_names("names", names, LONGEST_VENUE_NAME)
        check_floors(floors, LONGEST_FLOOR_NAME)
        new = replace(old, names=names, floors=tuple(floors), rev=old.rev + 1)
        async with self._audit.entry(
            ctx, AuditAction.RENAME_VENUE, target=f"venue:{old.id}", before=_names(old)
        ) as entry:
            if not await self._catalogs.replace_venue(new):
                raise VenueChanged()
            await self._reference.refresh()
            entry.after = _names(new)

    async def put_in_order(self, ctx: StaffContext, venues: Sequence[Venue]) -> None:
        """Sets the order in which readers see the venues. Raises: VenueChanged."""
        ctx.require(None, Role.ADMINISTRATOR)
        moved = [
            replace(venue, order=place, rev=venue.rev + 1)
            for place, venue in enumerate(venues)
            if venue.order != place
        ]
        async with self._audit.entry(ctx, AuditAction.ORDER_VENUES, target="venues:all") as entry:
            if not await self._catalogs.replace_venues(moved):
                raise VenueChanged()
            await self._reference.refresh()
            entry.after = {"order": ", ".join(venue.name for venue in venues)}

    async def retire(self, ctx: StaffContext, old: Venue) -> None:
        """Retires the venue: readers do not see it, and no area or device can be added to it.
        Raises: VenueInUse, VenueChanged."""
        ctx.require(None, Role.ADMINISTRATOR)
        new = replace(old, retired=True)
        await self._replace(ctx, AuditAction.RETIRE_VENUE, old, new, "retired")

    async def restore(self, ctx: StaffContext, old: Venue) -> None:
        """Puts a retired venue back into use. Raises: VenueChanged."""
        ctx.require(None, Role.ADMINISTRATOR)
        new = replace(old, retired=False)
        await self._replace(ctx, AuditAction.RESTORE_VENUE, old, new, "retired")

    async def _replace(
        self, ctx: StaffContext, action: AuditAction, old: Venue, new: Venue, field: str
    ) -> None:
        """Writes ``new``, which differs from ``old`` in ``field`` only, with an audit entry.
        Raises: VenueChanged, VenueInUse."""
        async with self._audit.entry(
            ctx, action, target=f"venue:{old.id}", before={field: getattr(old, field)}
        ) as entry:
            if not await self._catalogs.replace_venue(replace(new, rev=old.rev + 1)):
                raise VenueChanged()
            await self._reference.refresh()
            entry.after = {field: getattr(new, field)}

    async def remove(self, ctx: StaffContext, venue: Venue) -> None:
        """Deletes a venue without areas, kiosks and gates. Raises: VenueInUse, VenueChanged."""
        ctx.require(None, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx, AuditAction.REMOVE_VENUE, target=f"venue:{venue.id}", before={"name": venue.name}
        ):
            if not await self._catalogs.remove_venue(venue):
                raise VenueChanged()
            await self._reference.refresh()


def _names(venue: Venue) -> JsonObject:
    floors = (f"{f.number} {f.name} {names_text(f.names)}".strip() for f in venue.floors)
    return {"names": names_text(venue.names), "floors": "; ".join(floors)}
