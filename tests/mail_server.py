"""A foreign mail server (aiosmtpd) on a loopback port, whose answers a test chooses."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.waiting import patience

USER, PASSWORD = "seats", "p@ss:wörd"


@dataclass(slots=True)
class MailServer:
    """Accepted mails and the chosen answers: ``refuses`` to an address, ``says`` to the text of a
    mail; with ``hangs`` it does not answer."""

    port: int = 0
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    """The same as they came."""
    refuses: dict[str, str] = field(default_factory=dict)
    says: str = ""
    greeting: str = ""
    sender_says: str = ""
    senders: set[str] = field(default_factory=set)
    """In whose names it sends; everybody's where there are none."""
    hangs: asyncio.Event | None = None
    drops: bool = False
    """It takes the mail and ends the connection without a word."""
    cuts: str = ""
    """It ends the connection at ``DATA``, or after the first line of the ``text``."""
    connections: int = 0
    _open: set[asyncio.Transport] = field(default_factory=set)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def end_connections(self) -> None:
        """Closes all open connections, as servers do with idle ones."""
        for transport in list(self._open):
            transport.abort()
        if self._open:
            self._idle.clear()
            async with asyncio.timeout(patience(5)):
                await self._idle.wait()

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to an address, in order."""
        return [mail for there, mail in self.mails if there == address]

    def code_for(self, address: str) -> str:
        """The six digits in the last mail to the address."""
        match = re.search(r"\b(\d{6})\b", text_of(self.to(address)[-1]))
        assert match is not None
        return match[1]

    # --- aiosmtpd's hooks -------------------------------------------------------------------------
    async def handle_MAIL(
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sender_says or (self.senders and address not in self.senders):
            return self.sender_says or "553 5.7.1 not your name"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.hangs is not None:
            await self.hangs.wait()
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:
        if self.says:
            return self.says
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.raw.append(content)
        self.mails += [(address, mail) for address in envelope.rcpt_tos]
        if self.drops and server.transport is not None:
            server.transport.close()
        return "250 taken"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        """Accepts one account."""
        assert isinstance(data, LoginPassword)
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)


class _Connection(SMTP):
    _here: asyncio.Transport

    def __init__(self, mail: MailServer, **options: object) -> None:
        super().__init__(mail, **options)  # type: ignore[arg-type]
        self._mail = mail

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.session is None:  # and not once more, when STARTTLS has begun
            self._mail.connections += 1
        else:
            self._mail._open.discard(self._here)
        assert isinstance(transport, asyncio.Transport)
        self._here = transport
        self._mail._open.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._mail._open.discard(self._here)
        if not self._mail._open:
            self._mail._idle.set()
        super().connection_lost(error)

    async def smtp_DATA(self, arg: str) -> None:
        if not self._mail.cuts:
            await super().smtp_DATA(arg)
            return
        if self._mail.cuts == "text":
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self._reader.readline()
        self._here.abort()

    async def _handle_client(self) -> None:
        if self._mail.greeting:
            await self.push(self._mail.greeting)
            assert self.transport is not None
            self.transport.close()
            return
        await super()._handle_client()


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, from_the_first_byte: bool = False
) -> AsyncIterator[MailServer]:
    """Runs a server for the length of the block. With ``tls`` only signed-in clients may send,
    after STARTTLS or on a connection with TLS ``from_the_first_byte``."""
    mail = MailServer()

    def connection() -> _Connection:
        return _Connection(
            mail,
            enable_SMTPUTF8=True,
            auth_required=tls is not None,
            tls_context=None if from_the_first_byte else tls,
            auth_require_tls=not from_the_first_byte,
            authenticator=mail.authenticate,
            hostname="mail.test",
        )

    server = await asyncio.get_running_loop().create_server(
        connection, "127.0.0.1", 0, ssl=tls if from_the_first_byte else None
    )
    mail.port = server.sockets[0].getsockname()[1]
    try:
        yield mail
    finally:
        if mail.hangs is not None:
            mail.hangs.set()
        server.close()
        await mail.end_connections()


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
