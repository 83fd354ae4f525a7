"""Kiosks and gates, added by the staff, and their keys; what proves presence in a venue."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from models.gates.entities import Gate
from models.gates.repository import GateRepository
from models.kiosks.errors import DeviceExists
from models.kiosks.keys import new_key, new_secret
from models.kiosks.repository import KioskRepository
from models.library.entities import Kiosk, PresenceSource, Venue
from models.library.errors import VenueChanged
from models.library.repository import CatalogRepository
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction, JsonObject
from models.staff.recorder import AuditedOperation, AuditLog, StaffContext, as_it_is, nothing


class StaffDevices:
    """Gives devices their keys, which are kept nowhere as they are."""

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

    async def add(self, ctx: StaffContext, device: Kiosk | Gate, reason: str) -> str:
        """The key of a new kiosk or gate. Raises: DeviceExists."""

        async def work() -> str:
            if isinstance(device, Kiosk):
                added = await self._catalogs.add_kiosk(device)
            else:
                added = await self._gates.add(device)
            if not added:
                raise DeviceExists()
            key = await self._issue_key(ctx, device)
            await self._reference.refresh()
            return key

        operation = AuditedOperation(AuditAction.ADD_DEVICE, _target(device), None, reason)
        return await self._audit.record(ctx, operation, work, lambda _: {"name": device.name})

    async def rotate_key(self, ctx: StaffContext, device: Kiosk | Gate, reason: str) -> str:
        """Another key; the old one is worth nothing any more."""
        operation = AuditedOperation(AuditAction.ROTATE_KEY, _target(device), None, reason)
        return await self._audit.record(
            ctx, operation, lambda: self._issue_key(ctx, device), nothing
        )

    async def change_presence_sources(
        self, ctx: StaffContext, old: Venue, sources: AbstractSet[PresenceSource], reason: str
    ) -> None:
        """What proves presence in the venue from now on. Raises: VenueChanged where somebody else
        was first; nothing has changed then."""

        async def work() -> JsonObject:
            new = replace(old, presence_sources=frozenset(sources), rev=old.rev + 1)
            if not await self._catalogs.replace_venue(new):
                raise VenueChanged()
            await self._reference.refresh()
            return {"presence_sources": sorted(new.presence_sources)}

        before = {"presence_sources": sorted(old.presence_sources)}
        operation = AuditedOperation(
            AuditAction.CHANGE_VENUE, f"venue:{old.id}", None, reason, before
        )
        await self._audit.record(ctx, operation, work, as_it_is)

    async def _issue_key(self, ctx: StaffContext, device: Kiosk | Gate) -> str:
        key = new_key()
        if isinstance(device, Kiosk):
            await self._kiosks.issue_kiosk_key(device.id, key, new_secret(), ctx.now)
        else:
            await self._gates.issue_key(device.id, key)
        return key


def _target(device: Kiosk | Gate) -> str:
    return f"{'kiosk' if isinstance(device, Kiosk) else 'gate'}:{device.id}"
