"""Responses that are encoded once and sent to many readers."""

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
"""Headers of a response for one reader: caches must not store it, browsers not guess its type."""
NO_HEADERS: Final[Mapping[str, str]] = {}
_WITH_BODY: Final = frozenset({"GET", "POST", "DELETE"})
_LEVEL: Final = 1
"""The gzip level for response bodies. At this level a floor plan takes 0.3 ms; higher levels
take longer and save little on such text."""
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class CachedBody:
    """A response body with its ETag. The body is compressed at the first request that accepts
    gzip. The compressed body has another ETag; both ETags match in If-None-Match."""

    __slots__ = ("_content", "_etag", "_gzipped", "_headers", "_kind", "_plain")

    def __init__(
        self, content: bytes, etag: str, kind: str = _JSON, headers: Mapping[str, str] | None = None
    ) -> None:
        """``etag``: without quotes. ``kind``: the content type. ``headers``: further headers of
        the response, which replace its usual headers of the same names."""
        self._content = content
        self._etag = etag
        self._kind = kind
        self._headers = dict(headers or {})
        self._plain = _Encoding(content, kind, f'"{etag}"', self._headers)
        self._gzipped: _Encoding | None = None

    def answer(self, request: web.Request) -> web.StreamResponse:
        """The response to the request: the body, or 304 if the client's copy is current."""
        headers = request.headers
        form = self._form(headers.get(ACCEPT_ENCODING))
        if_none_match = headers.get(IF_NONE_MATCH)
        unchanged = if_none_match is not None and (
            if_none_match == form.etag or self._matches(if_none_match)
        )
        if _is_plain_http11(request):
            return (
                PrebuiltResponse(304, form.not_modified_tail)
                if unchanged
                else PrebuiltResponse(200, form.whole_tail)
            )
        if unchanged:
            return web.Response(status=304, headers=form.not_modified)
        return web.Response(body=form.content, headers=form.whole)

    def _form(self, accepted: str | None) -> _Encoding:
        # A header with a quality of zero (or below one) is rare and gets the plain form.
        if accepted is None or "gzip" not in accepted or "q=0" in accepted:
            return self._plain
        if self._gzipped is None:
            packed = gzip.compress(self._content, _LEVEL, mtime=0)
            self._gzipped = _Encoding(
                packed, self._kind, f'"{self._etag}-gz"', self._headers, "gzip"
            )
        return self._gzipped

    def _matches(self, if_none_match: str) -> bool:
        etags = (f'"{self._etag}"', f'"{self._etag}-gz"')
        return any(part.strip().removeprefix("W/") in etags for part in if_none_match.split(","))


class _Encoding:
    """A body, plain or gzip, with headers and the prebuilt bytes of its responses 200 and 304."""

    __slots__ = ("content", "etag", "not_modified", "not_modified_tail", "whole", "whole_tail")

    def __init__(
        self, content: bytes, kind: str, etag: str, headers: dict[str, str], encoding: str = ""
    ) -> None:
        self.content, self.etag = content, etag
        self.not_modified = {
            "ETag": etag,
            "Cache-Control": "private, no-cache",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            **headers,
        }
        self.whole = {"Content-Type": kind, **self.not_modified}
        if encoding:
            self.whole["Content-Encoding"] = encoding
        self.not_modified_tail = header_lines(self.not_modified) + b"\r\n"
        length = {"Content-Length": str(len(content))}
        self.whole_tail = header_lines({**self.whole, **length}) + b"\r\n" + content


class PrebuiltResponse(web.StreamResponse):
    """A response whose headers and body are prebuilt bytes. Only the headers that differ by request
    are added when it is sent.

    Encoding the same headers for each reader took a fifth of the time of a response from memory.
    Use it only for plain HTTP/1.1. ``headers`` is missing: the base class is not initialised.
    """

    def __init__(self, status: int, tail: bytes) -> None:
        self._status = status
        self._tail = tail
        self._own = b""
        self._sent = False

    def set_common_headers(self, request_id: str, time: bytes) -> None:
        """Sets headers that differ by request. ``time``: header lines with the server's time."""
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
            # One write: for several parts uvloop creates objects that cost more than joining.
            transport.write(b"".join((line, own, self._tail)))
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Does nothing: ``prepare`` has already sent headers and body."""


def header_lines(headers: Mapping[str, str]) -> bytes:
    """The headers as they are sent."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode()


_JSON_HEAD: Final = header_lines({"Content-Type": _JSON, **_PRIVATE}) + b"Content-Length: "


def json_answer(
    request: web.Request, status: int, content: bytes, headers: Mapping[str, str] = NO_HEADERS
) -> web.StreamResponse:
    """A JSON response for one reader, not stored by caches. ``content``: the encoded JSON.
    ``headers``: those of this response alone."""
    if _is_plain_http11(request):
        head = header_lines(headers) + _JSON_HEAD if headers else _JSON_HEAD
        return PrebuiltResponse(status, b"%s%d\r\n\r\n%s" % (head, len(content), content))
    return web.Response(
        status=status,
        body=content,
        content_type="application/json",
        charset="utf-8",
        headers={**_PRIVATE, **headers},
    )


def page_answer(
    request: web.Request, status: int, content: bytes, headers: Mapping[str, str], head: bytes
) -> web.StreamResponse:
    """A page for one reader. ``head``: the encoded ``headers``."""
    if _is_plain_http11(request):
        tail = b"%sContent-Length: %d\r\n\r\n%s" % (head, len(content), content)
        return PrebuiltResponse(status, tail)
    return web.Response(status=status, body=content, headers=headers)


def _is_plain_http11(request: web.Request) -> bool:
    """True if the request fits a prebuilt response: HTTP/1.1, keep-alive, and a usual method, whose
    response has a body."""
    usual = request.method in _WITH_BODY
    return usual and request.version == HttpVersion11 and request.keep_alive
