"""Sends mail by SMTP. A mail ends with a line that holds only a dot. A mail that failed before
this dot was surely not sent (RFC 5321, 4.1.1.4); without an answer after the dot, the outcome is
unknown."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum
from time import monotonic
from typing import Final

import aiosmtplib

SEND_S: Final = 30.0
"""At most this many seconds are spent on one mail; many servers examine it before they answer."""
ASK_S: Final = 8.0
BEFORE_THE_DOT_S: Final = 0.05
"""Seconds between a mail's text and final dot, to notice a rejection or a closed connection."""
_KEPT_S: Final = 20.0
"""An idle connection is reused for this many seconds; servers close it after a minute or more."""
_GOING_DOWN: Final = 421
_GO_ON: Final = 354
_DOT_FIRST: Final = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The account on the mail server. `tls`: TLS from the first byte (smtps), else STARTTLS if
    offered. `require_starttls`: no mail without it. `sender`: the address in envelope and From."""

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    sender: str
    require_starttls: bool

    @property
    def account(self) -> str:
        """A name for the account: the server's host and a hash of all settings and password."""
        text = f"{self.host} {self.port} {self.user} {self.password} {self.sender}"
        return f"{self.host}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class SmtpStatus(StrEnum):
    SENT = "sent"
    AWAY = "away"
    LATER = "later"
    REFUSED = "refused"
    NO_SUCH_ADDRESS = "no_such_address"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class SmtpResult:
    """A mail's result. `code`: the server's reply code. `unknown`: the mail may have been sent."""

    status: SmtpStatus
    code: int | None = None
    unknown: bool = False


@dataclass(slots=True)
class _Text:
    """A mail for the server; ``ended`` is True once its final dot is written."""

    lines: bytes
    ended: bool = False


class SmtpClient:
    """Sends mails and checks the server. Failures are results, not exceptions. ``send_s``: limit
    of seconds for a mail; ``ask_s``: for a check or a connection. ``before_the_dot_s``: seconds
    to wait before a mail's final dot, in case the server rejects the text."""

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        send_s: float = SEND_S,
        ask_s: float = ASK_S,
        before_the_dot_s: float = BEFORE_THE_DOT_S,
    ) -> None:
        self.settings = settings
        self._send_s, self._ask_s, self._before_the_dot_s = send_s, ask_s, before_the_dot_s
        self._idle: list[tuple[float, aiosmtplib.SMTP]] = []

    async def __aenter__(self) -> SmtpClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    async def send(self, address: str, message: EmailMessage) -> SmtpResult:
        text = _Text(_DOT_FIRST.sub(b"..", message.as_bytes().removesuffix(b"\r\n") + b"\r\n"))
        try:
            async with asyncio.timeout(self._send_s):
                return await self._send(address, text)
        except TimeoutError:
            return SmtpResult(SmtpStatus.AWAY, unknown=text.ended)

    async def _send(self, address: str, text: _Text) -> SmtpResult:
        try:
            connection = await self._begin_mail(self.settings.sender)
        except (aiosmtplib.SMTPException, OSError) as error:
            return _result(error, ended=False)
        reusable = False
        try:
            await connection.rcpt(address)
            code = await self._write(connection, text)
            reusable = True
        except (aiosmtplib.SMTPException, OSError) as error:
            return _result(error, ended=text.ended)
        finally:
            if reusable:
                self._idle.append((monotonic(), connection))
            else:  # also after a cancellation: a command may be unfinished
                connection.close()
        return SmtpResult(SmtpStatus.SENT, code)

    async def _write(self, connection: aiosmtplib.SMTP, text: _Text) -> int:
        """Writes the mail's text and final dot; returns the server's reply code. Replaces
        aiosmtplib's ``data``, which hides whether the dot was written. Raises: SMTPException."""
        code, says = await connection.execute_command(b"DATA")
        protocol = connection.protocol
        if code != _GO_ON or protocol is None:
            raise aiosmtplib.SMTPDataError(code, says)
        protocol.write(text.lines)
        try:
            early = await protocol.read_response(timeout=self._before_the_dot_s)
        except aiosmtplib.SMTPReadTimeoutError:
            text.ended = True
            protocol.write(b".\r\n")
            code, says = await protocol.read_response(timeout=self._send_s)
            if code // 100 == 2:
                return code
            raise aiosmtplib.SMTPDataError(code, says) from None
        raise aiosmtplib.SMTPDataError(early.code, early.message)

    async def trouble(self) -> str:
        """Why no mail can be sent now, in English for the operator; empty if mail can be sent."""
        s = self.settings
        try:
            async with asyncio.timeout(self._ask_s):
                connection = await self._connected()
                await connection.mail(s.sender)
                connection.close()
        except aiosmtplib.SMTPAuthenticationError as error:
            return f"it refuses this account ({error.code}): correct SMTP_URL"
        except aiosmtplib.SMTPSenderRefused as error:
            return f"it does not accept the sender {s.sender} ({error.code}): correct MAIL_FROM"
        except aiosmtplib.SMTPNotSupported as error:
            return f"it offers no {error.message}: correct SMTP_URL (smtps://, or no account)"
        except aiosmtplib.SMTPResponseException as error:
            return f"it answers {error.code} {error.message}"
        except ssl.SSLCertVerificationError as error:
            return f"its certificate is not trusted ({error.verify_message}): set SSL_CERT_FILE"
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return f"no answer ({error or type(error).__name__}): check host, port and network"
        return ""

    async def answers(self) -> bool:
        """Makes a call that sends nothing. True if the server answers it, even with a refusal."""
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

    async def _begin_mail(self, sender: str) -> aiosmtplib.SMTP:
        """A connection on which a mail has begun: an idle one that is still open, or a new one."""
        while self._idle:
            since, idle = self._idle.pop()
            if monotonic() - since < _KEPT_S:
                try:
                    await idle.mail(sender)
                except (aiosmtplib.SMTPException, OSError):
                    idle.close()
                    continue
                return idle
            idle.close()
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
                await connection.ehlo()  # extensions may differ after STARTTLS
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


def _result(error: Exception, *, ended: bool) -> SmtpResult:
    """The result of a mail that failed with ``error``. ``ended``: its final dot was written."""
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return SmtpResult(SmtpStatus.REFUSED)
    if not isinstance(error, aiosmtplib.SMTPResponseException) or error.code < 0:
        return SmtpResult(SmtpStatus.AWAY, unknown=ended)
    code, final = error.code, error.code >= 500
    if code == _GOING_DOWN:
        return SmtpResult(SmtpStatus.AWAY, code)
    if isinstance(error, aiosmtplib.SMTPRecipientRefused):
        return SmtpResult(SmtpStatus.NO_SUCH_ADDRESS if final else SmtpStatus.LATER, code)
    if isinstance(error, aiosmtplib.SMTPDataError):
        return SmtpResult(SmtpStatus.REJECTED if final else SmtpStatus.LATER, code)
    # No recipient was named yet: the refusal concerns the account or this host.
    return SmtpResult(SmtpStatus.REFUSED if final else SmtpStatus.AWAY, code)
