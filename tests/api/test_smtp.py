"""Our SMTP client against a foreign mail server: the meaning of each failure."""

from __future__ import annotations

import asyncio
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from notify.email.smtp_client import (
    SmtpClient,
    SmtpResult,
    SmtpSettings,
    SmtpStatus,
)
from tests.certificates import make_certificate
from tests.living import free_port
from tests.mail_server import PASSWORD, USER, MailServer, mail_server, text_of
from tests.waiting import patience

pytestmark = [
    # What aiosmtpd says of itself.
    pytest.mark.filterwarnings("ignore:Session.login_data:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning"),
]
TO = "anna@example.edu"


def settings(port: int, user: str = "", password: str = "") -> SmtpSettings:
    return SmtpSettings("127.0.0.1", port, False, user, password, "seats@lib.test", False)


def mail(text: str = "请在 14:30 前签到。\n.\n..点开头的行") -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "seats@lib.test", TO, "签到提醒"
    made.set_content(text, cte="8bit")
    return made


def client(port: int, **seconds: float) -> SmtpClient:
    return SmtpClient(settings(port), **seconds)


async def test_mails_arrive_unchanged_over_one_connection() -> None:
    async with mail_server() as server, client(server.port) as smtp:
        for n in range(3):
            result = await smtp.send(TO, mail(f"第 {n} 封\n.\n..两个点"))
            assert result == SmtpResult(SmtpStatus.SENT, 250)
        assert [text_of(m).splitlines() for m in server.to(TO)] == [
            [f"第 {n} 封", ".", "..两个点"] for n in range(3)
        ]
        assert server.to(TO)[0]["Subject"] == "签到提醒" and server.connections == 1
        # A connection that the server has ended meanwhile costs nobody a mail.
        await server.end_connections()
        assert (await smtp.send(TO, mail())).status is SmtpStatus.SENT
        assert server.connections == 2 and len(server.to(TO)) == 4
        assert await smtp.answers()


@pytest.mark.parametrize(
    ("staged", "wanted"),
    [
        ({"refuses": {TO: "550 5.1.1 no such user"}}, SmtpResult(SmtpStatus.NO_SUCH_ADDRESS, 550)),
        ({"refuses": {TO: "450 4.2.0 come back later"}}, SmtpResult(SmtpStatus.LATER, 450)),
        ({"refuses": {TO: "452 4.2.2 mailbox full"}}, SmtpResult(SmtpStatus.LATER, 452)),
        ({"refuses": {TO: "421 4.3.0 going down"}}, SmtpResult(SmtpStatus.AWAY, 421)),
        ({"says": "552 5.2.2 mailbox full"}, SmtpResult(SmtpStatus.REJECTED, 552)),
        ({"says": "554 5.7.1 looks like spam"}, SmtpResult(SmtpStatus.REJECTED, 554)),
        ({"says": "451 4.3.0 try again"}, SmtpResult(SmtpStatus.LATER, 451)),
        ({"sender_says": "553 5.7.1 not your name"}, SmtpResult(SmtpStatus.REFUSED, 553)),
        ({"sender_says": "452 4.3.1 no room"}, SmtpResult(SmtpStatus.AWAY, 452)),
        ({"greeting": "554 no service here"}, SmtpResult(SmtpStatus.REFUSED, 554)),
        ({"greeting": "421 too many"}, SmtpResult(SmtpStatus.AWAY, 421)),
        ({"cuts": "DATA"}, SmtpResult(SmtpStatus.AWAY)),
        ({"drops": True}, SmtpResult(SmtpStatus.AWAY, None, unknown=True)),
    ],
    ids=lambda value: str(next(iter(value.values()))) if isinstance(value, dict) else "",
)
async def test_each_smtp_answer_has_its_status(
    staged: dict[str, object], wanted: SmtpResult
) -> None:
    async with mail_server() as server, client(server.port) as smtp:
        for name, value in staged.items():
            setattr(server, name, value)
        assert await smtp.send(TO, mail()) == wanted
        assert len(server.to(TO)) == (1 if wanted.unknown else 0)
        # It goes on as soon as the server does.
        plain = MailServer()
        for name in staged:
            setattr(server, name, getattr(plain, name))
        assert (await smtp.send(TO, mail())).status is SmtpStatus.SENT


async def test_a_connection_lost_within_the_text_sends_nothing() -> None:
    async with mail_server() as server, client(server.port, before_the_dot_s=patience(5)) as smtp:
        server.cuts = "text"
        assert await smtp.send(TO, mail()) == SmtpResult(SmtpStatus.AWAY)
        assert server.to(TO) == []


async def test_an_absent_or_hanging_server_is_reported_as_away() -> None:
    async with client(free_port()) as nobody:
        assert await nobody.send(TO, mail()) == SmtpResult(SmtpStatus.AWAY)
        assert not await nobody.answers()
    async with mail_server() as server, client(server.port, send_s=0.2, ask_s=0.1) as smtp:
        server.hangs = asyncio.Event()
        assert await smtp.send(TO, mail()) == SmtpResult(SmtpStatus.AWAY), "it had no text yet"
        assert await smtp.answers(), "it answers what sends nothing"

    ended: asyncio.Queue[None] = asyncio.Queue()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        await ended.put(None)

    silent = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent, client(port, send_s=0.2, ask_s=0.1) as smtp:
        assert not await smtp.answers()
        assert (await smtp.send(TO, mail())).status is SmtpStatus.AWAY
        for _ in range(2):
            await ended.get()


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for 127.0.0.1, which this process trusts."""
    files = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(files.certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    return context


@pytest.mark.parametrize(
    ("user", "password", "wanted"),
    [
        (USER, PASSWORD, SmtpResult(SmtpStatus.SENT, 250)),
        (USER, "wrong", SmtpResult(SmtpStatus.REFUSED, 535)),
        ("", "", SmtpResult(SmtpStatus.REFUSED, 530)),
    ],
    ids=["right", "wrong password", "none"],
)
@pytest.mark.parametrize("smtps", [False, True], ids=["starttls", "smtps"])
async def test_signing_in_to_the_mail_server_succeeds_or_is_reported_refused(
    certificate: ssl.SSLContext, smtps: bool, user: str, password: str, wanted: SmtpResult
) -> None:
    async with mail_server(tls=certificate, from_the_first_byte=smtps) as server:
        account = SmtpSettings(
            "127.0.0.1", server.port, smtps, user, password, "seats@lib.test", not smtps
        )
        async with SmtpClient(account) as smtp:
            assert await smtp.send(TO, mail()) == wanted
            assert await smtp.answers(), "a refusal is an answer too"


async def test_no_password_is_sent_without_tls() -> None:
    """The server offers no STARTTLS, and the settings require it."""
    async with mail_server() as server:
        strict = SmtpSettings("127.0.0.1", server.port, False, USER, PASSWORD, "a@lib.test", True)
        async with SmtpClient(strict) as smtp:
            assert (await smtp.send(TO, mail())).status is SmtpStatus.REFUSED
        assert not server.mails
