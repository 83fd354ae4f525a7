"""The e-mail channel: sends a reader the kinds of messages that the reader wants by mail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from languages.catalogue import language_with
from models.email_addresses.errors import EmailAddressRefused, MailUnavailable
from models.email_addresses.repository import EmailAddressRepository
from models.kernel.ids import ReaderId
from models.messages.channel_pause import PauseReason
from models.messages.entities import Channel, Delivery, DeliveryResult, DeliveryState, Message
from models.staff.alert_kinds import AlertKind
from notify.delivery.channel import LanguagesOf, PreparedDelivery, SendOutcome, away, delay
from notify.delivery.circuit_breaker import CircuitBreaker
from notify.email.rendering import MailWriter
from notify.email.smtp_client import SmtpClient, SmtpResult, SmtpStatus

log = logging.getLogger(__name__)
CONCURRENCY: Final = 4
"""At most this many connections to the mail server are open: it may refuse more from a host."""
_LATER_S: Final = 60.0
"""Seconds before the next attempt after the server answered that the mailbox is full or the mail
may be accepted later (greylisting)."""


@dataclass(slots=True)
class EmailChannel:
    smtp: SmtpClient
    writer: MailWriter
    addresses: EmailAddressRepository
    languages_of: LanguagesOf
    breaker: CircuitBreaker
    name: Channel = Channel.EMAIL
    concurrency: int = CONCURRENCY
    lease: timedelta = timedelta(seconds=120)
    _nonexistent: list[tuple[ReaderId, str]] = field(default_factory=list)
    """Readers and addresses that the mail server reports as nonexistent; ``flush`` records them."""

    async def requested(self, messages: Sequence[Message]) -> Collection[str]:
        addresses = await self.addresses.many({m.reader_id for m in messages})
        return {
            m.id
            for m in messages
            if (address := addresses.get(m.reader_id)) is not None and address.wants(m.template)
        }

    async def can_stand_in(self, messages: Sequence[Message]) -> Collection[str]:
        addresses = await self.addresses.many({m.reader_id for m in messages})
        return {
            m.id
            for m in messages
            if (address := addresses.get(m.reader_id)) is not None and address.takes(m.template)
        }

    async def prepare(
        self, deliveries: Sequence[Delivery], send_by: float
    ) -> tuple[list[PreparedDelivery], list[DeliveryResult]]:
        """Looks up the reader's current address for each delivery. If the reader has no address
        or has switched this kind of mail off, the delivery ends with a result."""
        readers = {d.message.reader_id for d in deliveries}
        addresses, languages = await asyncio.gather(
            self.addresses.many(readers), self.languages_of(readers)
        )
        ready: list[PreparedDelivery] = []
        ends: list[DeliveryResult] = []
        for d in deliveries:
            address = addresses.get(d.message.reader_id)
            if address is None or not address.reachable:
                ends.append(DeliveryResult(d, DeliveryState.UNBOUND))
            elif not address.takes(d.message.template):
                ends.append(DeliveryResult(d, DeliveryState.NO_CONSENT))
            else:
                language = language_with(languages.get(d.message.reader_id))
                ready.append(PreparedDelivery(d, address.address, send_by, language=language))
        return ready, ends

    async def answers(self) -> bool:
        return await self.smtp.answers()

    async def send(self, ready: PreparedDelivery) -> SendOutcome:
        d = ready.delivery
        result = await self.smtp.send(
            ready.address, self.writer.message(d.message, ready.address, d.id, ready.language)
        )
        if result.status is SmtpStatus.NO_SUCH_ADDRESS:
            self._nonexistent.append((d.message.reader_id, ready.address))
        return _outcome_of(result, d)

    def give_back(self, ready: PreparedDelivery) -> None:
        """Does nothing: ``prepare`` uses nothing up."""

    async def flush(self) -> None:
        while self._nonexistent:
            await self.addresses.mark_undeliverable(*self._nonexistent[-1])
            self._nonexistent.pop()


def _outcome_of(result: SmtpResult, d: Delivery) -> SendOutcome:
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
    return away(d, kind, code, unknown=result.unknown)


class SmtpStaffMailer:
    def __init__(self, smtp: SmtpClient, writer: MailWriter, languages_of: LanguagesOf) -> None:
        self._smtp, self._writer, self._languages_of = smtp, writer, languages_of

    async def send_alert(
        self, reader_id: ReaderId, address: str, counts: Mapping[AlertKind, int]
    ) -> bool:
        """Sends the mail about waiting work. False if the mail was surely not sent."""
        language = language_with((await self._languages_of([reader_id])).get(reader_id))
        result = await self._smtp.send(address, self._writer.alert(address, counts, language))
        if result.status is SmtpStatus.SENT or result.unknown:
            return True
        log.warning("staff_alert_not_sent", extra={"status": result.status.value})
        return False


class SmtpCodeMailer:
    def __init__(self, smtp: SmtpClient, writer: MailWriter) -> None:
        self._smtp, self._writer = smtp, writer
        self._places = asyncio.Semaphore(CONCURRENCY)

    async def send_code(self, address: str, digits: str, language: str) -> None:
        """Mails the code that confirms an address. Fails immediately while ``CONCURRENCY`` mails
        wait for a hanging server. Raises: MailUnavailable, EmailAddressRefused."""
        if self._places.locked():
            raise MailUnavailable(retry_after=30)
        async with self._places:
            result = await self._smtp.send(
                address, self._writer.code(address, digits, language_with(language))
            )
        match result.status:
            case SmtpStatus.SENT:
                return
            case SmtpStatus.NO_SUCH_ADDRESS | SmtpStatus.REJECTED:
                raise EmailAddressRefused()
        log.warning("email_code_not_sent", extra={"status": result.status.value})
        raise MailUnavailable(retry_after=60)
