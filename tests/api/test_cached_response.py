"""Cached responses on raw connections, byte by byte: a client library would hide the details."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.living import SEAT, Client, Living

AREA = SEAT.rpartition("-")[0]
PATHS = ("/api/v1/areas", f"/api/v1/areas/{AREA}/map")


@dataclass(frozen=True, slots=True)
class Raw:
    status: int
    headers: dict[str, str]
    body: bytes


async def read(reader: asyncio.StreamReader, head: bool = False) -> Raw:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = [line.partition(": ") for line in lines[1:] if line]
    headers = {name.lower(): value for name, _, value in pairs}
    assert len(headers) == len(pairs), "no header twice"
    length = 0 if head else int(headers.get("content-length", "0"))
    return Raw(int(lines[0].split()[1]), headers, await reader.readexactly(length))


async def ask(
    client: Client, path: str, *extra: str, method: str = "GET", http: str = "1.1"
) -> tuple[Raw, bool]:
    """Returns the response and whether the connection stays open."""
    place = urlsplit(client.service.base)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    lines = [f"{method} {path} HTTP/{http}", "Host: x", f"Authorization: Bearer {client.token}"]
    writer.write("\r\n".join([*lines, *extra, "", ""]).encode())
    try:
        answer = await read(reader, head=method == "HEAD")
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            stays = (await read(reader)).status == 200
        except (asyncio.IncompleteReadError, ConnectionError):
            stays = False
        return answer, stays
    finally:
        writer.close()


@pytest.mark.parametrize("path", [pytest.param(PATHS[0], marks=pytest.mark.whole), PATHS[1]])
async def test_plain_packed_and_conditional_requests_get_the_same_content(
    service: Living, path: str
) -> None:
    reader = await service.reader()
    plain, stays = await ask(reader, path)
    assert (plain.status, stays) == (200, True) and "content-encoding" not in plain.headers
    assert {"date", "x-request-id", "x-server-time", "vary", "etag"} <= set(plain.headers)
    etag = plain.headers["etag"]

    packed, stays = await ask(reader, path, "Accept-Encoding: gzip, deflate, br")
    assert packed.headers["content-encoding"] == "gzip" and stays
    assert gzip.decompress(packed.body) == plain.body and len(packed.body) * 4 < len(plain.body)
    assert packed.headers["etag"] != etag
    refusing, _ = await ask(reader, path, "Accept-Encoding: gzip;q=0")
    assert refusing.body == plain.body

    for etags in (etag, packed.headers["etag"], f'W/{etag}, "x"'):
        same, stays = await ask(reader, path, f"If-None-Match: {etags}")
        assert (same.status, same.body, same.headers["etag"], stays) == (304, b"", etag, True)
    other, _ = await ask(reader, path, 'If-None-Match: "x"')
    assert other.body == plain.body

    for extra, http, method in (
        (("Connection: close",), "1.1", "GET"),
        ((), "1.0", "GET"),
        (("Connection: close",), "1.1", "HEAD"),
    ):
        last, stays = await ask(reader, path, *extra, http=http, method=method)
        assert (last.status, stays) == (200, False), (extra, http, method)
        assert last.body == (b"" if method == "HEAD" else plain.body)
        assert last.headers["etag"] == etag
        assert last.headers["content-length"] == str(len(plain.body))


async def test_pipelined_requests_are_answered_in_order(service: Living) -> None:
    """Cached and newly made responses are mixed."""
    client = await service.reader()
    place = urlsplit(service.base)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    paths = [*PATHS, "/api/v1/me", *PATHS, "/api/v1/nowhere", *PATHS]
    for path in paths:
        lines = (f"GET {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {client.token}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
    answers = [await read(reader) for _ in paths]
    writer.close()
    assert [a.status for a in answers] == [404 if "nowhere" in p else 200 for p in paths]
    assert answers[0].body == answers[3].body == answers[6].body != answers[1].body
    assert len({a.headers["x-request-id"] for a in answers}) == len(answers)
