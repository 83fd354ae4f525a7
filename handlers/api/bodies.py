"""Answers that many readers share: made once, sent as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

_OK: Final = b"HTTP/1.1 200 OK\r\n"
_UNCHANGED: Final = b"HTTP/1.1 304 Not Modified\r\n"


class Body:
    """An answer's bytes with the ETag that stands for them."""

    __slots__ = ("_content", "_etag", "_known", "_known_tail", "_whole", "_whole_tail")

    def __init__(self, content: bytes, etag: str) -> None:
        self._content = content
        self._etag = f'"{etag}"'
        self._known = {"ETag": self._etag, "Cache-Control": "private, no-cache"}
        self._whole = {"Content-Type": "application/json; charset=utf-8", **self._known}
        self._known_tail = _lines(self._known) + b"\r\n"
        length = {"Content-Length": str(len(content))}
        self._whole_tail = _lines({**self._whole, **length}) + b"\r\n" + content

    def answer(self, request: web.Request) -> web.StreamResponse:
        """The body, or 304 for who has it."""
        given = request.headers.get("If-None-Match")
        known = given is not None and self._is_known(given)
        if request.method == "GET" and request.version == HttpVersion11 and request.keep_alive:
            return Kept(304, self._known_tail) if known else Kept(200, self._whole_tail)
        if known:
            return web.Response(status=304, headers=self._known)
        return web.Response(body=self._content, headers=self._whole)

    def _is_known(self, given: str) -> bool:
        if given == self._etag:
            return True
        return self._etag in (part.strip().removeprefix("W/") for part in given.split(","))


class Kept(web.StreamResponse):
    """Sends bytes that hold headers and body already, behind the headers of this very answer.

    For the usual request only: GET by HTTP/1.1 on a connection that stays open. Making the same
    headers anew for each reader took a fifth of the time of an answer from memory.
    """

    def __init__(self, status: int, tail: bytes) -> None:
        super().__init__(status=status)
        self._tail = tail
        self._own = b""
        self._sent = False

    def stamp(self, request_id: str, server_time: str) -> None:
        """What every answer carries."""
        own = f"X-Request-Id: {request_id}\r\nX-Server-Time: {server_time}\r\n"
        self._own = own.encode()

    @property
    def keep_alive(self) -> bool | None:
        return self._keep_alive is not False

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        if not self._sent:
            self._sent = True
            line = _OK if self.status == 200 else _UNCHANGED
            own = self._own if self.keep_alive else self._own + b"Connection: close\r\n"
            transport.writelines([line, own, self._tail])
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """All is sent already."""


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode()
