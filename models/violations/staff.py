from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.readers.entities import FOREVER, Reader
from models.reservation_store.repository import ReservationRepository
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext, instant_text
from models.staff.ports import ReaderNotifier
from models.violations.entities import Violation, Waiver
from models.violations.service import ViolationService

_APPEALS_SEARCHED: Final = 500
"""At most this many waiting appeals are searched for those that belong to certain venues."""
FOREVER_TEXT: Final = "forever"


class StaffViolations:
    """The staff's decisions about violations, appeals and suspensions. Each decision gets an
    entry in the audit log, and the reader a message."""

    def __init__(
        self,
        audit: AuditLog,
        violations: ViolationService,
        notifier: ReaderNotifier,
        reservations: ReservationRepository,
    ) -> None:
        self._audit, self._violations, self._notifier = audit, violations, notifier
        self._reservations = reservations

    async def appeals(
        self, venues: Collection[VenueId] | None, skip: int, limit: int
    ) -> tuple[list[Violation], int]:
        """A page of the violations whose appeal waits for an answer, and the number of all of
        them. With ``venues``, only violations in these, and only among the 500 longest waiting,
        since a violation does not store its venue."""
        if venues is None:
            return await self._violations.appeals(skip, limit)
        rows, _ = await self._violations.appeals(0, _APPEALS_SEARCHED)
        venue_of = await self._reservations.venues_of({v.reservation_id for v in rows})
        own = [v for v in rows if venue_of.get(v.reservation_id) in venues]
        return own[skip : skip + limit], len(own)

    async def decide_appeal(
        self, ctx: StaffContext, id: str, granted: bool, answer: str
    ) -> Violation:
        """Grants or rejects the appeal. Raises: NotFound, OtherVenue, AppealDecided."""
        v = await self._own(ctx, id)
        async with self._audit.entry(
            ctx,
            AuditAction.DECIDE_APPEAL,
            target=f"violation:{id}",
            reader=v.reader_id,
            reason=answer,
            before=_snapshot(v),
        ) as entry:
            decided = await self._violations.decide_appeal(
                id, granted, answer, ctx.reader.id, ctx.now
            )
            await self._notifier.appeal_decided(decided, ctx.now)
            entry.after = _snapshot(decided)
        return decided

    async def waive(self, ctx: StaffContext, id: str, reason: str) -> Violation:
        """Waives the violation. Raises: NotFound, OtherVenue."""
        v = await self._own(ctx, id)
        async with self._audit.entry(
            ctx,
            AuditAction.WAIVE,
            target=f"violation:{id}",
            reader=v.reader_id,
            reason=reason,
            before=_snapshot(v),
        ) as entry:
            waived = await self._violations.waive(id, Waiver(ctx.reader.id, reason, ctx.now))
            await self._notifier.violation_waived(waived, ctx.now)
            entry.after = _snapshot(waived)
        return waived

    async def waive_all(
        self, ctx: StaffContext, start: datetime, end: datetime, reason: str
    ) -> int:
        """Waives the violations of all venues from ``start`` to before ``end``; returns their
        number. Raises: OtherVenue if the staff member's rights are not for the whole library."""

        async def notify(violation: Violation) -> None:
            await self._notifier.violation_waived(violation, ctx.now)

        ctx.require(None)
        waiver = Waiver(ctx.reader.id, reason, ctx.now)
        async with self._audit.entry(
            ctx,
            AuditAction.WAIVE_ALL,
            target="violations",
            reason=reason,
            before={"from": instant_text(ctx.zone, start), "to": instant_text(ctx.zone, end)},
        ) as entry:
            waived = await self._violations.waive_all(start, end, waiver, notify)
            entry.after = {"waived": waived}
        return waived

    async def set_suspension(
        self,
        ctx: StaffContext,
        reader: Reader,
        was: datetime | None,
        until: datetime | None,
        reason: str,
    ) -> None:
        """Suspends the reader until ``until``, or with None ends the suspension. The reader is
        notified of it with the reason. Raises: SuspensionChanged if ``was`` is not the present
        end; OtherVenue if the staff member's rights are not for the whole library."""
        ctx.require(None)
        async with self._audit.entry(
            ctx,
            AuditAction.SUSPEND if until is not None else AuditAction.RELEASE,
            reader=reader.id,
            reason=reason,
            before={"suspended_until": _end_text(ctx.zone, reader.suspended_until)},
        ) as entry:
            await self._violations.set_suspension(reader.id, was, until, reason, ctx.now)
            await self._notifier.suspension_changed(reader.id, until, reason, ctx.now)
            entry.after = {"suspended_until": _end_text(ctx.zone, until)}

    async def _own(self, ctx: StaffContext, id: str) -> Violation:
        """The violation, if in one of the staff member's venues. Raises: NotFound; OtherVenue."""
        v = await self._violations.get(id)
        venue_of = await self._reservations.venues_of({v.reservation_id})
        ctx.require(venue_of.get(v.reservation_id))
        return v


def _end_text(zone: Zone, until: datetime | None) -> str | None:
    return FOREVER_TEXT if until == FOREVER else instant_text(zone, until)


def _snapshot(v: Violation) -> JsonObject:
    waits = v.appeal is not None and v.appeal.settled_at is None
    return {"kind": v.kind, "waived": v.waived, "appeal_waits": waits}
