"""The library's mail server: a few connections that are kept open for a while.

What a failure means depends on when it comes. Before the text of a mail was sent nothing has been
taken; after it, without an answer, nobody knows.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum
from time import monotonic
from typing import Final

import aiosmtplib

SEND_S: Final = 30.0
"""For one mail; many a server looks through it while we wait for the answer."""
ASK_S: Final = 8.0
_KEPT_S: Final = 20.0
"""An idle connection is used again for so long: servers end them after a minute or more."""
_GOING_DOWN: Final = 421


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """``tls`` from the first byte (smtps), else STARTTLS where the server has it, and always before
    a password is sent to another machine. ``sender`` is the address in the envelope and in From."""

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    sender: str
    require_starttls: bool

    @property
    def account(self) -> str:
        """The account's name with this password; another one makes another name."""
        text = f"{self.host} {self.port} {self.user} {self.password} {self.sender}"
        return f"{self.host}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class SmtpStatus(StrEnum):
    """The kinds of answer that call for different doings."""

    SENT = "sent"
    AWAY = "away"
    LATER = "later"
    REFUSED = "refused"
    NO_SUCH_ADDRESS = "no_such_address"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class SmtpResult:
    """``code`` is the server's, None without an answer; ``unknown``: it may have been taken."""

    status: SmtpStatus
    code: int | None = None
    unknown: bool = False


class SmtpClient:
    """Sends mails. Failures are results, not exceptions.

    Args:
        settings: the server and the account.
        send_s, ask_s: seconds for one mail, and for one question.
    """

    def __init__(
        self, settings: SmtpSettings, *, send_s: float = SEND_S, ask_s: float = ASK_S
    ) -> None:
        self.settings = settings
        self._send_s, self._ask_s = send_s, ask_s
        self._idle: list[tuple[float, aiosmtplib.SMTP]] = []

    async def __aenter__(self) -> SmtpClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    async def send(self, address: str, message: EmailMessage) -> SmtpResult:
        """Send it to one address."""
        try:
            async with asyncio.timeout(self._send_s):
                return await self._send(address, message)
        except TimeoutError:
            # Whether the text was on its way by then nobody knows.
            return SmtpResult(SmtpStatus.AWAY, unknown=True)

    async def _send(self, address: str, message: EmailMessage) -> SmtpResult:
        sender = self.settings.sender
        try:
            connection = await self._begun(sender)
        except (aiosmtplib.SMTPException, OSError) as error:
            return _result(error, taken=False)
        taken = kept = False
        try:
            await connection.rcpt(address)
            taken = True
            code, _ = await connection.data(message.as_bytes(), timeout=self._send_s)
            kept = True
        except (aiosmtplib.SMTPException, OSError) as error:
            return _result(error, taken=taken)
        finally:
            if kept:
                self._idle.append((monotonic(), connection))
            else:  # also where we are cut off: it is in the middle of something
                connection.close()
        return SmtpResult(SmtpStatus.SENT, code)

    async def trouble(self) -> str:
        """Why no mail could be sent just now, in English for the operator; empty where it could."""
        s = self.settings
        try:
            async with asyncio.timeout(self._ask_s):
                connection = await self._connected()
                await connection.mail(s.sender)
                connection.close()
        except aiosmtplib.SMTPAuthenticationError as error:
            return f"it does not let this account in ({error.code}): correct SMTP_URL"
        except aiosmtplib.SMTPSenderRefused as error:
            return f"it does not send in the name of {s.sender} ({error.code}): correct MAIL_FROM"
        except aiosmtplib.SMTPNotSupported as error:
            return f"it offers no {error.message}: correct SMTP_URL (smtps://, or no account)"
        except aiosmtplib.SMTPResponseException as error:
            return f"it answers {error.code} {error.message}"
        except ssl.SSLCertVerificationError as error:
            return f"its certificate is not trusted ({error.verify_message}): SSL_CERT_FILE"
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return f"no answer ({error or type(error).__name__}): look at host, port and network"
        return ""

    async def answers(self) -> bool:
        """Whether the server answers a call that sends nothing, be it with a refusal."""
        try:
            async with asyncio.timeout(self._ask_s):
                connection = await self._connected()
                await connection.noop()
                connection.close()
        except aiosmtplib.SMTPResponseException as error:
            return error.code != _GOING_DOWN
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return False
        return True

    async def _begun(self, sender: str) -> aiosmtplib.SMTP:
        """A connection on which a mail has begun. One that was kept may have ended meanwhile."""
        while self._idle:
            since, kept = self._idle.pop()
            if monotonic() - since < _KEPT_S:
                try:
                    await kept.mail(sender)
                except (aiosmtplib.SMTPException, OSError):
                    kept.close()
                    continue
                return kept
            kept.close()
        connection = await self._connected()
        try:
            await connection.mail(sender)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _connected(self) -> aiosmtplib.SMTP:
        s = self.settings
        connection = aiosmtplib.SMTP(
            hostname=s.host,
            port=s.port,
            use_tls=s.tls,
            start_tls=False,
            timeout=self._ask_s,
        )
        await connection.connect()
        try:
            await connection.ehlo()
            if not s.tls and connection.supports_extension("starttls"):
                await connection.starttls()
                await connection.ehlo()  # what it offers now
            elif s.require_starttls:
                raise aiosmtplib.SMTPNotSupported("STARTTLS")
            if s.user:
                if not connection.supports_extension("auth"):
                    raise aiosmtplib.SMTPNotSupported("AUTH")
                await connection.login(s.user, s.password)
        except BaseException:
            connection.close()
            raise
        return connection


def _result(error: Exception, *, taken: bool) -> SmtpResult:
    """What a failure means. ``taken``: the server had agreed to the address before it."""
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return SmtpResult(SmtpStatus.REFUSED)
    if not isinstance(error, aiosmtplib.SMTPResponseException) or error.code < 0:
        return SmtpResult(SmtpStatus.AWAY, unknown=taken)
    code, final = error.code, error.code >= 500
    if code == _GOING_DOWN:
        return SmtpResult(SmtpStatus.AWAY, code)
    if isinstance(error, aiosmtplib.SMTPRecipientRefused):
        return SmtpResult(SmtpStatus.NO_SUCH_ADDRESS if final else SmtpStatus.LATER, code)
    if isinstance(error, aiosmtplib.SMTPDataError):
        return SmtpResult(SmtpStatus.REJECTED if final else SmtpStatus.LATER, code)
    # Before there was an address: it concerns the account or this host.
    return SmtpResult(SmtpStatus.REFUSED if final else SmtpStatus.AWAY, code)
