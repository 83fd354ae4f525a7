"""Stand-ins for WeChat, WeCom and a mail server, each of which can be stopped for a while."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from typing import Any, Final, Protocol

from aiohttp import web

_FIRST: Final = 100
"""A card is known by so many first characters of its text: a longer text is cut in WeCom."""
_MESSAGE_ID: Final = re.compile(rb"^Message-ID: <([^@>]+)@", re.IGNORECASE | re.MULTILINE)


def wechat_card(openid: str, template: str, reservation: str) -> str:
    """The card of a subscribe message: one for all messages of a template about a reservation."""
    return f"wechat {openid} {template} {reservation}"


def wecom_card(member: str, title: str, text: str, reservation: str) -> str:
    """The card of a text card. ``reservation``: the one to which it leads, or empty."""
    return f"wecom {member} {title} {text[:_FIRST]} {reservation}"


def mail_card(message_id: str) -> str:
    """The card of a mail. ``message_id``: its name in the header Message-ID."""
    return f"mail {message_id}"


class OtherEnd(Protocol):
    """A stand-in for a channel's service. It counts messages in memory, outside all databases."""

    taken: Counter[str]
    """How often each card was sent."""

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Refuses connections from now on. Messages taken so far are kept."""
        ...


class _HttpEnd:
    """A stand-in that speaks HTTP."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.taken: Counter[str] = Counter()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def routes(self) -> list[web.RouteDef]:
        raise NotImplementedError

    async def start(self) -> None:
        app = web.Application()
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


class WeChat(_HttpEnd):
    """A stand-in for WeChat, which takes subscribe messages."""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/cgi-bin/stable_token", self._token),
            web.post("/cgi-bin/message/subscribe/send", self._send),
        ]

    async def _token(self, _: web.Request) -> web.Response:
        return web.json_response({"access_token": "rig", "expires_in": 7200})

    async def _send(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = json.loads(await request.read())
        about = (body.get("page") or "").partition("?id=")[2]
        self.taken[wechat_card(body["touser"], body["template_id"], about)] += 1
        answer = {"errcode": 0, "errmsg": "ok", "msgid": self.taken.total()}
        return web.json_response(answer)


class WeCom(_HttpEnd):
    """A stand-in for WeCom, which takes text cards for every member."""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/cgi-bin/gettoken", self._token),
            web.post("/cgi-bin/message/send", self._send),
        ]

    async def _token(self, _: web.Request) -> web.Response:
        return web.json_response({"errcode": 0, "access_token": "rig", "expires_in": 7200})

    async def _send(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = json.loads(await request.read())
        card: dict[str, str] = body["textcard"]
        about = card["url"].partition("/reservations/")[2]
        self.taken[wecom_card(body["touser"], card["title"], card["description"], about)] += 1
        return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": "m"})


_ANSWERS: Final = {b"EHLO": b"250 rig", b"DATA": b"354 go on", b"QUIT": b"221 bye"}


class MailServer:
    """A mail server for every address, with the commands of SMTP (RFC 5321) that a sender needs."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.taken: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            writer.write(b"220 rig\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                writer.write(_ANSWERS.get(verb, b"250 ok") + b"\r\n")
                if verb == b"DATA":
                    mail = await reader.readuntil(b"\r\n.\r\n")
                    for name in _MESSAGE_ID.findall(mail)[:1]:
                        self.taken[mail_card(name.decode())] += 1
                    writer.write(b"250 taken\r\n")
                if verb == b"QUIT":
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the server is stopped, or the sender is gone
        finally:
            self._open.discard(writer)
            writer.close()
