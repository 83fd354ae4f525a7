from __future__ import annotations

import secrets
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Final, Protocol

from models.email_addresses.entities import EmailAddress, is_address
from models.email_addresses.errors import EmailAddressRefused, EmailCodeInvalid
from models.email_addresses.repository import EmailAddressRepository
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.messages.entities import Template
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter
from models.storage.encryption import FieldCipher, token_hash

CODE_LIFETIME: Final = timedelta(minutes=10)
_DAY: Final = timedelta(days=1)
_PER_READER, _PER_ADDRESS = 6, 3
"""Daily limits of mails with a code, per reader and per address, lest they flood a mailbox."""


class CodeMailer(Protocol):
    """Sends the six digits to an address; ``notify.email`` implements it."""

    async def send_code(self, address: str, digits: str, language: str) -> None:
        """Sends the mail with the code in the language of this tag. Raises: MailUnavailable,
        EmailAddressRefused."""
        ...


class EmailAddressService:
    def __init__(
        self,
        addresses: EmailAddressRepository,
        attempts: AttemptLimiter,
        mailer: CodeMailer,
        cipher: FieldCipher,
    ) -> None:
        self._addresses, self._attempts = addresses, attempts
        self._mailer, self._cipher = mailer, cipher

    async def of(self, reader_id: ReaderId) -> EmailAddress:
        """The reader's address; an empty one if there is none."""
        return await self._addresses.of(reader_id)

    async def request(
        self,
        reader_id: ReaderId,
        address: str,
        language: str,
        now: datetime,
        while_sending: AbstractContextManager[None] | None = None,
    ) -> None:
        """Sends six digits to the address, which becomes the reader's when the reader enters the
        digits. ``language``: the tag of the mail's language. The context manager
        ``while_sending`` surrounds the wait for the mail server. Raises: EmailAddressRefused,
        TooManyAttempts, MailUnavailable."""
        address = address.strip()
        if not is_address(address):
            raise EmailAddressRefused()
        hashed = self._cipher.hashes(address.lower(), "email limit")[0]
        await self._attempts.register(
            [
                AttemptLimit(f"email:{reader_id}", _PER_READER, _DAY),
                AttemptLimit(f"email:{hashed}", _PER_ADDRESS, _DAY),
            ],
            now,
        )
        digits = f"{secrets.randbelow(1_000_000):06d}"
        with while_sending or nullcontext():
            await self._mailer.send_code(address, digits, language)
        await self._addresses.request(
            reader_id, address, _hash(reader_id, digits), now + CODE_LIFETIME
        )

    async def confirm(self, reader_id: ReaderId, digits: str, now: datetime) -> None:
        """Makes the pending address the reader's if the digits match. Raises: EmailCodeInvalid."""
        address = await self._addresses.confirm(reader_id, _hash(reader_id, digits.strip()), now)
        if address is None:
            raise EmailCodeInvalid()

    async def choose(self, reader_id: ReaderId, choices: dict[Template, bool]) -> EmailAddress:
        """Switches mails on (True) or off for kinds of messages. Raises: NotFound if the reader
        has no address."""
        address = await self._addresses.choose(reader_id, choices)
        if address is None:
            raise NotFound()
        return address

    async def unsubscribe(self, reader_id: ReaderId, template: Template) -> None:
        """Switches off mails of this kind. Has no effect if the reader has no address."""
        await self._addresses.choose(reader_id, {template: False})

    async def remove(self, reader_id: ReaderId) -> None:
        """Removes the reader's address. Later addresses from the campus are ignored."""
        await self._addresses.remove(reader_id)

    async def follow_campus(self, reader_id: ReaderId, address: str) -> None:
        """Stores an address that the campus names at a sign-in, unless the reader has entered or
        removed an address. An invalid address is ignored."""
        if is_address(address):
            await self._addresses.follow_campus(reader_id, address)


def _hash(reader_id: ReaderId, digits: str) -> str:
    return token_hash(f"{reader_id}:{digits}")
