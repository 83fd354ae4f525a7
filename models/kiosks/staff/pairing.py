from __future__ import annotations

from models.identity.roles import Role
from models.kiosks.entities import KeyHolder, PairingRequest
from models.kiosks.pairing_repository import PairingRepository
from models.library.entities import Kiosk
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext, instant_text


class StaffPairing:
    def __init__(self, audit: AuditLog, pairings: PairingRepository) -> None:
        self._audit, self._pairings = audit, pairings

    async def confirm(
        self,
        ctx: StaffContext,
        kiosk: Kiosk,
        request: PairingRequest,
        holder: KeyHolder,
        reason: str,
    ) -> None:
        """Pairs the screen that sent ``request`` with the kiosk. ``holder``: the present screen
        that the administrator saw; its key stops working. Raises: PairingOver, KioskKeyChanged."""
        ctx.require(kiosk.venue_id, Role.ADMINISTRATOR)
        before = {"browser": holder.browser, "since": instant_text(ctx.zone, holder.since)}
        async with self._audit.entry(
            ctx, AuditAction.PAIR_KIOSK, target=f"kiosk:{kiosk.id}", reason=reason, before=before
        ) as entry:
            await self._pairings.pair(request, kiosk.id, holder.rev, ctx.now)
            entry.after = {"browser": request.browser, "since": instant_text(ctx.zone, ctx.now)}
