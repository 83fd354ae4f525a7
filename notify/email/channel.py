"""The channel by e-mail: to the address that a reader has, for the kinds that they want."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from models.email_addresses.errors import EmailAddressRefused, MailUnavailable
from models.email_addresses.repository import EmailAddressRepository
from models.kernel.ids import ReaderId
from models.messages.channel_pause import PauseReason
from models.messages.entities import Channel, Delivery, DeliveryResult, DeliveryState, Message
from models.staff.alert_kinds import AlertKind
from notify.delivery.channel import PreparedDelivery, SendOutcome, away, delay
from notify.delivery.circuit_breaker import CircuitBreaker
from notify.email.rendering import MailWriter
from notify.email.smtp_client import SmtpClient, SmtpResult, SmtpStatus

log = logging.getLogger(__name__)
CONCURRENCY: Final = 4
"""Connections to the mail server; it refuses a host that opens many."""
REPEATS_S: Final = (120.0, 600.0)
"""Before each repeat of a mail that may have arrived. A copy has the same Message-ID, and to many a
mailbox it is the same mail: better two than none."""
_LATER_S: Final = 60.0
"""A full mailbox, or a server that puts off strangers (greylisting): asking sooner is in vain."""


@dataclass(slots=True)
class EmailChannel:
    """Sends mails (a ``DeliveryChannel``)."""

    smtp: SmtpClient
    writer: MailWriter
    addresses: EmailAddressRepository
    breaker: CircuitBreaker
    name: Channel = Channel.EMAIL
    concurrency: int = CONCURRENCY
    lease: timedelta = timedelta(seconds=120)
    max_unknown: int = 1 + len(REPEATS_S)
    _gone: list[tuple[ReaderId, str]] = field(default_factory=list)
    """Addresses that do not exist, as the server has just said."""

    async def wanted(self, messages: Sequence[Message]) -> Collection[str]:
        """Those whose readers want their kind by mail."""
        addresses = await self.addresses.many({m.reader_id for m in messages})
        return {
            m.id
            for m in messages
            if (found := addresses.get(m.reader_id)) is not None and found.wants(m.template)
        }

    async def can_stand_in(self, messages: Sequence[Message]) -> Collection[str]:
        """Those whose readers have an address."""
        addresses = await self.addresses.many({m.reader_id for m in messages})
        return {
            m.id
            for m in messages
            if (found := addresses.get(m.reader_id)) is not None and found.takes(m.template)
        }

    async def prepare(
        self, going: Sequence[Delivery], send_by: float
    ) -> tuple[list[PreparedDelivery], list[DeliveryResult]]:
        """Look for the addresses: a reader may have another one by now, or none."""
        addresses = await self.addresses.many({d.message.reader_id for d in going})
        ready: list[PreparedDelivery] = []
        ends: list[DeliveryResult] = []
        for d in going:
            found = addresses.get(d.message.reader_id)
            if found is None or not found.reachable:
                ends.append(DeliveryResult(d, DeliveryState.UNBOUND))
            elif not found.takes(d.message.template):
                ends.append(DeliveryResult(d, DeliveryState.NO_CONSENT))
            else:
                ready.append(PreparedDelivery(d, found.address, send_by))
        return ready, ends

    async def answers(self) -> bool:
        """Whether the mail server answers."""
        return await self.smtp.answers()

    async def send(self, ready: PreparedDelivery) -> SendOutcome:
        """Send one mail."""
        d = ready.delivery
        result = await self.smtp.send(
            ready.address, self.writer.message(d.message, ready.address, d.id)
        )
        if result.status is SmtpStatus.NO_SUCH_ADDRESS:
            self._gone.append((d.message.reader_id, ready.address))
        return _outcome_of(result, d)

    def give_back(self, ready: PreparedDelivery) -> None:
        """Nothing was taken for it."""

    async def flush(self) -> None:
        """Write which addresses do not exist."""
        while self._gone:
            await self.addresses.mark_undeliverable(*self._gone[-1])
            self._gone.pop()


def _outcome_of(result: SmtpResult, d: Delivery) -> SendOutcome:
    """What follows from the server's answer."""
    kind, code = result.status.value, result.code
    match result.status:
        case SmtpStatus.SENT:
            return SendOutcome(DeliveryState.SENT, kind, code)
        case SmtpStatus.NO_SUCH_ADDRESS | SmtpStatus.REJECTED:
            return SendOutcome(DeliveryState.FAILED, kind, code)
        case SmtpStatus.LATER:
            wait_s = max(_LATER_S, delay(d.attempts))
            return SendOutcome(DeliveryState.QUEUED, kind, code, retry_after_s=wait_s)
        case SmtpStatus.REFUSED:
            return SendOutcome(DeliveryState.QUEUED, kind, code, pause=PauseReason.REFUSED)
    return away(d, kind, code, unknown=result.unknown, repeats=REPEATS_S)


class SmtpStaffMailer:
    """Implements ``StaffMailer``."""

    def __init__(self, smtp: SmtpClient, writer: MailWriter) -> None:
        self._smtp, self._writer = smtp, writer

    async def send_alert(self, address: str, counts: Mapping[AlertKind, int]) -> bool:
        """False where it did not go. What may have arrived counts as gone."""
        result = await self._smtp.send(address, self._writer.alert(address, counts))
        if result.status is SmtpStatus.SENT or result.unknown:
            return True
        log.warning("staff_alert_not_sent", extra={"status": result.status.value})
        return False


class SmtpCodeMailer:
    """Implements ``CodeMailer``: the six digits, at once."""

    def __init__(self, smtp: SmtpClient, writer: MailWriter) -> None:
        self._smtp, self._writer = smtp, writer
        self._places = asyncio.Semaphore(CONCURRENCY)

    async def send_code(self, address: str, digits: str) -> None:
        """Raises: MailUnavailable, EmailAddressRefused. Where a few wait for a server that hangs,
        further ones are told at once: they must not take the places of others."""
        if self._places.locked():
            raise MailUnavailable(retry_after=30)
        async with self._places:
            result = await self._smtp.send(address, self._writer.code(address, digits))
        match result.status:
            case SmtpStatus.SENT:
                return
            case SmtpStatus.NO_SUCH_ADDRESS | SmtpStatus.REJECTED:
                raise EmailAddressRefused()
        log.warning("email_code_not_sent", extra={"status": result.status.value})
        raise MailUnavailable(retry_after=60)
