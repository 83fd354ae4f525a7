from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from models.gates.entities import Gate
from models.gates.repository import GateRepository
from models.identity.roles import Role
from models.kiosks.errors import DeviceChanged, DeviceExists, DeviceUsed
from models.kiosks.keys import new_key, new_secret
from models.kiosks.repository import KioskRepository
from models.library.entities import Kiosk, Venue
from models.library.errors import VenueChanged
from models.library.names import names_text
from models.library.repository import CatalogRepository
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext

Device = Kiosk | Gate


class StaffDevices:
    """Adds, changes and removes kiosks and gates. A device's key is returned once, never again."""

    def __init__(
        self,
        audit: AuditLog,
        catalogs: CatalogRepository,
        kiosks: KioskRepository,
        gates: GateRepository,
        reference: ReferenceData,
    ) -> None:
        self._audit, self._catalogs, self._kiosks = audit, catalogs, kiosks
        self._gates, self._reference = gates, reference

    async def add(self, ctx: StaffContext, device: Device, reason: str) -> str:
        """Adds the device and returns its key. Raises: DeviceExists."""
        ctx.require(device.venue_id, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx, AuditAction.ADD_DEVICE, target=_target(device), reason=reason
        ) as entry:
            if isinstance(device, Kiosk):
                added = await self._catalogs.add_kiosk(device)
            else:
                added = await self._gates.add(device)
            if not added:
                raise DeviceExists()
            key = await self._issue_key(ctx, device)
            await self._reference.refresh()
            entry.after = {"name": device.name}
        return key

    async def change(self, ctx: StaffContext, old: Device, new: Device, reason: str) -> None:
        """Replaces ``old`` by ``new``. A device that is retired by this loses its key. Raises:
        DeviceChanged, without any change, if the device is no longer as in ``old``."""
        for place in (old, new):
            ctx.require(place.venue_id, Role.ADMINISTRATOR)
        if new.venue_id != old.venue_id:
            new = replace(new, order=None)
        action = AuditAction.RETIRE_DEVICE if new.retired else AuditAction.CHANGE_DEVICE
        before = {} if new.retired else _facts(old)
        async with self._audit.entry(
            ctx, action, target=_target(old), reason=reason, before=before
        ) as entry:
            await self._replace(old, new)
            entry.after = {} if new.retired else _facts(new)

    async def put_in_order(self, ctx: StaffContext, devices: Sequence[Device]) -> None:
        """Sets the order in which devices are listed. ``devices``: all kiosks, or all gates, of
        one venue in the new order. Raises: DeviceChanged."""
        venue_id = devices[0].venue_id
        ctx.require(venue_id, Role.ADMINISTRATOR)
        kiosks = [device for device in devices if isinstance(device, Kiosk)]
        gates = [device for device in devices if isinstance(device, Gate)]
        async with self._audit.entry(
            ctx, AuditAction.ORDER_DEVICES, target=f"venue:{venue_id}"
        ) as entry:
            if kiosks:
                ordered = await self._catalogs.put_kiosks_in_order(kiosks)
            else:
                ordered = await self._gates.put_in_order(gates)
            if not ordered:
                raise DeviceChanged()
            await self._reference.refresh()
            entry.after = {"order": ", ".join(device.name for device in devices)}

    async def bring_back(self, ctx: StaffContext, old: Device, reason: str) -> str:
        """Puts a retired device back into use; returns its new key. Raises: DeviceChanged."""
        ctx.require(old.venue_id, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx, AuditAction.BRING_BACK_DEVICE, target=_target(old), reason=reason
        ):
            await self._replace(old, replace(old, retired=False))
            return await self._issue_key(ctx, old)

    async def delete(self, ctx: StaffContext, device: Device, reason: str) -> None:
        """Deletes a device that was never in contact with the service. Raises: DeviceUsed."""
        ctx.require(device.venue_id, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx,
            AuditAction.DELETE_DEVICE,
            target=_target(device),
            reason=reason,
            before=_facts(device),
        ):
            if isinstance(device, Kiosk):
                deleted = await self._catalogs.delete_kiosk(device)
            else:
                deleted = await self._gates.delete(device.id)
            if not deleted:
                raise DeviceUsed()
            await self._reference.refresh()

    async def _replace(self, old: Device, new: Device) -> None:
        if isinstance(old, Kiosk) and isinstance(new, Kiosk):
            replaced = await self._catalogs.replace_kiosk(old, new)
        else:
            assert isinstance(old, Gate) and isinstance(new, Gate)
            replaced = await self._gates.replace(old, new)
        if not replaced:
            raise DeviceChanged()
        await self._reference.refresh()

    async def rotate_key(self, ctx: StaffContext, device: Device, reason: str) -> str:
        """Gives the device a new key and returns it; the old key stops working. Raises:
        DeviceChanged if the device was retired meanwhile."""
        ctx.require(device.venue_id, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx, AuditAction.ROTATE_KEY, target=_target(device), reason=reason
        ):
            return await self._issue_key(ctx, device)

    async def change_presence_sources(
        self, ctx: StaffContext, venues: Sequence[Venue], reason: str
    ) -> None:
        """Sets how readers prove presence to what ``venues`` have, the present revisions otherwise.
        Raises: VenueChanged, changing none of them."""
        for venue in venues:
            ctx.require(venue.id, Role.ADMINISTRATOR)
        now = self._reference.catalog.venues
        async with AsyncExitStack() as entries:
            opened = [
                await entries.enter_async_context(
                    self._audit.entry(
                        ctx,
                        AuditAction.CHANGE_VENUE,
                        target=f"venue:{venue.id}",
                        reason=reason,
                        before={"presence_sources": sorted(now[venue.id].presence_sources)},
                    )
                )
                for venue in venues
            ]
            next_revisions = [replace(venue, rev=venue.rev + 1) for venue in venues]
            if not await self._catalogs.replace_venues(next_revisions):
                raise VenueChanged()
            await self._reference.refresh()
            for entry, venue in zip(opened, venues, strict=True):
                entry.after = {"presence_sources": sorted(venue.presence_sources)}

    async def _issue_key(self, ctx: StaffContext, device: Device) -> str:
        key = new_key()
        if isinstance(device, Kiosk):
            issued = await self._kiosks.issue_kiosk_key(device.id, key, new_secret(), ctx.now)
        else:
            issued = await self._gates.issue_key(device.id, key)
        if not issued:
            raise DeviceChanged()
        return key


def _facts(device: Device) -> JsonObject:
    names = names_text(device.names) if isinstance(device, Kiosk) else ""
    return {"name": device.name, "venue": device.venue_id} | ({"names": names} if names else {})


def _target(device: Device) -> str:
    return f"{'kiosk' if isinstance(device, Kiosk) else 'gate'}:{device.id}"
