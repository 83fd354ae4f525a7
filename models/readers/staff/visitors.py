"""Visitors: readers without a campus account, for a number of days."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from models.booking.service import ReservationService
from models.identity.activation_code_repository import LiveCode
from models.kernel.errors import NotFound, WrongState
from models.kernel.ids import ReaderId
from models.readers.card_repository import CardRepository
from models.readers.entities import Reader, Visit
from models.readers.errors import CardTaken, VisitChanged
from models.readers.repository import ReaderRepository
from models.reservation_store.repository import ReservationRepository
from models.reservations.state_machine import ReservationState
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext
from models.staff.ports import ActivationCodeIssuer
from models.storage.mongo import new_id
from models.waitlist.service import WaitlistService


class StaffVisitors:
    def __init__(
        self,
        audit: AuditLog,
        readers: ReaderRepository,
        cards: CardRepository,
        codes: ActivationCodeIssuer,
        stored: ReservationRepository,
        reservations: ReservationService,
        waitlist: WaitlistService,
        on_reader_changed: Callable[[ReaderId], Awaitable[None]],
    ) -> None:
        self._audit, self._readers, self._cards = audit, readers, cards
        self._codes, self._stored = codes, stored
        self._reservations, self._waitlist = reservations, waitlist
        self._on_reader_changed = on_reader_changed

    async def add(
        self, ctx: StaffContext, name: str, visit: Visit, card: str, reason: str
    ) -> ReaderId:
        """Creates a visitor and returns the id. Raises: CardTaken; no visitor is created then."""
        id = ReaderId(new_id())
        async with self._audit.entry(
            ctx, AuditAction.ADD_VISITOR, reader=id, reason=reason
        ) as entry:
            await self._readers.admit_visitor(id, name, visit, ctx.now)
            if card and not await self._cards.give(card, id):
                await self._readers.delete_visitor(id)
                raise CardTaken()
            entry.after = {**_days(visit), "card": bool(card)}
        return id

    async def change_visit(
        self, ctx: StaffContext, reader: Reader, visit: Visit, reason: str
    ) -> None:
        """Changes a visitor's days, cancels bookings on other days and notifies the visitor.
        Raises: NotFound if the reader is no visitor; VisitChanged if the days changed meanwhile."""
        was = reader.stay
        if was is None:
            raise NotFound()
        async with self._audit.entry(
            ctx, AuditAction.CHANGE_VISIT, reader=reader.id, reason=reason, before=_days(was)
        ) as entry:
            if not await self._readers.set_visit(reader.id, was, visit):
                raise VisitChanged()
            await self._on_reader_changed(reader.id)
            cancelled = await self._cancel_outside(ctx, reader, visit)
            entry.after = {**_days(visit), "cancelled": cancelled}

    async def _cancel_outside(self, ctx: StaffContext, reader: Reader, visit: Visit) -> int:
        """Cancels bookings and waitlist entries outside the visit. Returns the bookings' number."""
        reader_ctx, cancelled = ctx.acting_for(reader), 0
        for entry in await self._waitlist.open_of(reader.id):
            if not visit.first <= entry.day(ctx.zone) <= visit.last:
                await self._waitlist.leave(reader_ctx, entry.id, by_library=True)
        for r in await self._stored.live_of(reader.id, ctx.now - timedelta(days=1)):
            reserved = r.state is ReservationState.RESERVED
            if reserved and not visit.first <= r.date <= visit.last:
                with suppress(WrongState):
                    await self._reservations.cancel(reader_ctx, r.id)
                    cancelled += 1
        return cancelled

    async def reveal_activation_code(self, ctx: StaffContext, reader: Reader) -> LiveCode:
        """The activation code with which a visitor, who cannot sign in, binds WeChat. The staff
        show it at the desk. Raises: NotFound if the visit is over or the reader is no visitor."""
        if reader.stay is None or reader.stay.last < ctx.zone.day(ctx.now):
            raise NotFound()
        async with self._audit.entry(ctx, AuditAction.REVEAL_CODE, reader=reader.id):
            return await self._codes.get_or_create_code(reader.id, False, ctx.now)

    async def answer_binding(
        self, ctx: StaffContext, reader: Reader, request_id: str, theirs: bool
    ) -> None:
        """Records the answer that a visitor gives at the service desk to a request to bind
        WeChat. ``theirs``: True if the request is the visitor's own. Raises: NotFound if the
        reader is no visitor; the errors of ``AccountBindingService.confirm``."""
        if reader.stay is None:
            raise NotFound()
        answer = self._codes.confirm if theirs else self._codes.refuse
        action = AuditAction.CONFIRM_BINDING if theirs else AuditAction.REFUSE_BINDING
        async with self._audit.entry(ctx, action, reader=reader.id) as entry:
            await answer(reader.id, request_id, ctx.now)
            entry.after = {"bound": theirs}


def _days(visit: Visit) -> dict[str, object]:
    return {"first": visit.first.isoformat(), "last": visit.last.isoformat()}
