"""Answers that many readers share: made once, sent as they are."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.hdrs import ACCEPT_ENCODING, IF_NONE_MATCH
from aiohttp.web_request import BaseRequest

_JSON: Final = "application/json; charset=utf-8"
_PRIVATE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of what concerns one reader: nothing keeps it, and nothing takes it for something else."""
_LEVEL: Final = 1
"""Of gzip: 0.3 ms for a plan; more takes longer and saves little on such text."""
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class CachedBody:
    """An answer's bytes with the ETag that stands for them.

    Who takes gzip gets a tenth of the bytes, with an ETag of its own; compressed once, when the
    first one asks. Either ETag is as good to say what one has.
    """

    __slots__ = ("_content", "_etag", "_gzipped", "_headers", "_kind", "_plain")

    def __init__(
        self, content: bytes, etag: str, kind: str = _JSON, headers: Mapping[str, str] | None = None
    ) -> None:
        """``headers`` stand beside the usual ones, or in their place."""
        self._content = content
        self._etag = etag
        self._kind = kind
        self._headers = dict(headers or {})
        self._plain = _Encoding(content, kind, f'"{etag}"', self._headers)
        self._gzipped: _Encoding | None = None

    def answer(self, request: web.Request) -> web.StreamResponse:
        """The body, or 304 for who has it."""
        headers = request.headers
        form = self._form(headers.get(ACCEPT_ENCODING))
        given = headers.get(IF_NONE_MATCH)
        known = given is not None and (given == form.etag or self._is_known(given))
        if _is_plain_http11(request):
            return (
                PrebuiltResponse(304, form.known_tail)
                if known
                else PrebuiltResponse(200, form.whole_tail)
            )
        if known:
            return web.Response(status=304, headers=form.known)
        return web.Response(body=form.content, headers=form.whole)

    def _form(self, accepted: str | None) -> _Encoding:
        # What refuses an encoding by a quality of zero is rare enough to get the plain form.
        if accepted is None or "gzip" not in accepted or "q=0" in accepted:
            return self._plain
        if self._gzipped is None:
            packed = gzip.compress(self._content, _LEVEL, mtime=0)
            self._gzipped = _Encoding(
                packed, self._kind, f'"{self._etag}-gz"', self._headers, "gzip"
            )
        return self._gzipped

    def _is_known(self, given: str) -> bool:
        known = (f'"{self._etag}"', f'"{self._etag}-gz"')
        return any(part.strip().removeprefix("W/") in known for part in given.split(","))


class _Encoding:
    """One encoding of a body: its headers, and both answers as they are sent."""

    __slots__ = ("content", "etag", "known", "known_tail", "whole", "whole_tail")

    def __init__(
        self, content: bytes, kind: str, etag: str, headers: dict[str, str], encoding: str = ""
    ) -> None:
        self.content, self.etag = content, etag
        self.known = {
            "ETag": etag,
            "Cache-Control": "private, no-cache",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            **headers,
        }
        self.whole = {"Content-Type": kind, **self.known}
        if encoding:
            self.whole["Content-Encoding"] = encoding
        self.known_tail = _lines(self.known) + b"\r\n"
        length = {"Content-Length": str(len(content))}
        self.whole_tail = _lines({**self.whole, **length}) + b"\r\n" + content


class PrebuiltResponse(web.StreamResponse):
    """Sends bytes that hold headers and body already, behind the headers of this very answer.

    For the usual request only. Making the same headers anew for each reader took a fifth of the
    time of an answer from memory. There are no others: whoever sets one here finds no ``headers``,
    as the class above, which would make them, is not asked to.
    """

    def __init__(self, status: int, tail: bytes) -> None:
        self._status = status
        self._tail = tail
        self._own = b""
        self._sent = False

    def set_common_headers(self, request_id: str, time: bytes) -> None:
        """Set the headers that every answer has; ``time`` are the lines with the server's time."""
        self._own = b"X-Request-Id: %s\r\n%s" % (request_id.encode(), time)

    @property
    def keep_alive(self) -> bool | None:
        return self._keep_alive is not False

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        if not self._sent:
            self._sent = True
            line = _STATUS_LINES[self._status]
            own = self._own if self.keep_alive else self._own + b"Connection: close\r\n"
            # In one piece: for several of them uvloop makes objects that cost more than joining.
            transport.write(b"".join((line, own, self._tail)))
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """All is sent already."""


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode()


_JSON_HEAD: Final = _lines({"Content-Type": _JSON, **_PRIVATE}) + b"Content-Length: "


def json_answer(request: web.Request, status: int, content: bytes) -> web.StreamResponse:
    """An answer of this very request."""
    if _is_plain_http11(request):
        return PrebuiltResponse(status, b"%s%d\r\n\r\n%s" % (_JSON_HEAD, len(content), content))
    return web.Response(
        status=status,
        body=content,
        content_type="application/json",
        charset="utf-8",
        headers=_PRIVATE,
    )


def _is_plain_http11(request: web.Request) -> bool:
    """By HTTP/1.1 on a connection that stays open, and a body is wanted."""
    return request.version == HttpVersion11 and request.keep_alive and request.method != "HEAD"
