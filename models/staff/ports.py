"""Protocols that upper layers implement for staff: messages to readers, WeChat bindings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from models.fault_reports.entities import FaultReport
from models.feedback.entities import Feedback
from models.identity.activation_code_repository import LiveCode
from models.kernel.ids import ReaderId
from models.library.entities import Catalog, Seat
from models.reservations.room_booking import RoomBooking
from models.violations.entities import Violation
from models.violations.recording import ViolationResult


class ReaderNotifier(Protocol):
    """Notifies readers of what staff have done; ``notify.in_app`` implements it."""

    async def feedback_answered(self, feedback: Feedback, now: datetime) -> None: ...

    async def fault_closed(self, report: FaultReport, label: str) -> None: ...

    async def appeal_decided(self, violation: Violation, now: datetime) -> None: ...

    async def violation_waived(self, violation: Violation, now: datetime) -> None: ...

    async def suspension_changed(
        self, reader_id: ReaderId, until: datetime | None, reason: str, now: datetime
    ) -> None: ...

    async def room_news(self, booking: RoomBooking, missed: ViolationResult | None) -> None: ...

    async def announced(
        self, prefix: str, reader_ids: Sequence[ReaderId], title: str, text: str, now: datetime
    ) -> None: ...

    async def seat_renumbered(
        self,
        reader_id: ReaderId,
        was: str,
        catalog: Catalog,
        seat: Seat,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> None: ...


class ActivationCodeIssuer(Protocol):
    """The bindings of readers' WeChat accounts, and the codes for new ones;
    ``bind.account_binding`` implements it."""

    async def is_bound(self, reader_id: ReaderId) -> bool: ...

    async def unbind(self, reader_id: ReaderId) -> None: ...

    async def get_or_create_code(
        self, reader_id: ReaderId, renew: bool, now: datetime
    ) -> LiveCode: ...

    async def confirm(self, reader_id: ReaderId, request_id: str, now: datetime) -> None: ...

    async def refuse(self, reader_id: ReaderId, request_id: str, now: datetime) -> None: ...
