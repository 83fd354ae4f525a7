"""The shipped nginx configuration before a real service: passed requests and its own responses."""

from __future__ import annotations

import asyncio
import io
import re
import signal
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from handlers.library.console.floor_plans import LARGEST_PLAN
from handlers.texts.errors import text_of
from models.identity.roles import Role
from tests.api.addresses import NAMES
from tests.living import Answer, Client, Living, free_port, living
from tests.nginx import shipped_nginx
from tests.survive.serving import remote
from tests.tools import ROOT
from tests.waiting import until

HTML, JSON = "text/html", "application/json"
INVITATIONS = (
    *("/api/v1/invitations/S3cret", "/together/S3cret"),
    "/api/v1/room-invitations/S3cret",
)
SECRET_BEHIND = (
    *("/login/cas?ticket", "/login/oidc/campus?code", "/login?with", "/login?next", "/bind?c"),
    "/entry?ticket",
    *("/k/2f-south?c", "/s/2f-hall-065?c", "/email/unsubscribe?t"),
)

_REPEATED = 0
"""Counts changes that were asked for once more, beside the statuses."""

Asked = tuple[int, str, Any, Any]
Answered = tuple[int, str, str]


async def ask(session: aiohttp.ClientSession, method: str, url: str, size: int = 0) -> Asked:
    """Status, type, text and headers of the response."""
    body = io.BytesIO(b"x" * size) if size else None
    async with session.request(method, url, data=body, allow_redirects=False) as answer:
        kind = answer.content_type
        said = await answer.json() if kind == JSON else await answer.text()
        return answer.status, kind, said, answer.headers


def _each_anew() -> aiohttp.ClientSession:
    """A connection for each request: nginx closes one whose body it did not read."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))


def contract(code: str, **details: object) -> dict[str, object]:
    return {"error": {"code": code, "message": text_of(code, details), "details": details}}


async def test_nginx_serves_files_passes_the_api_and_hides_the_sandbox(
    mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with (
        living(
            mongo_url,
            redis_url,
            TRUSTED_PROXIES="127.0.0.1",
            WECHAT_VERIFICATION_FILE="abC1.txt=c0ffee,MP_verify_x1.txt=x1",
        ) as service,
        shipped_nginx(tmp_path, service.base.removeprefix("http://")) as base,
        _each_anew() as session,
    ):
        await _bodies(session, base)
        for folder in ("", "/k", "/s", "/bind"):
            for name, text in (("abC1", "c0ffee"), ("MP_verify_x1", "x1")):
                file = await ask(session, "GET", f"{base}{folder}/{name}.txt")
                assert file[:3] == (200, "text/plain", text), (folder, name)
        async with session.get(f"{base}/api/v1/me", headers={"X-Request-Id": "mine"}) as seen:
            id = seen.headers["X-Request-Id"]
        assert re.fullmatch(r"[0-9a-f]{32}", id), "nginx's, which stands in its log"
        # The service's own refusals are its own, and its sandbox is not reached.
        status, kind, said, _ = await ask(session, "GET", f"{base}/api/v1/nothing")
        assert (status, kind, said["error"]["code"]) == (404, JSON, "not_found")
        assert (await ask(session, "POST", f"{base}/sandbox/reset"))[:2] == (404, HTML)
        await _watching(service, base)
        _, _, said, _ = await ask(session, "GET", f"{base}/calendar/S3cret.ics")
        assert said["error"]["code"] == "not_found"
        for path in ("/calendar/S3cret", "/calendar/S3cret.ICS", "/Calendar%2fS3cret"):
            assert (await ask(session, "GET", base + path))[0] == 404
        for path in (INVITATIONS[0], INVITATIONS[2]):
            assert (await ask(session, "GET", base + path))[0] == 401
        assert (await ask(session, "GET", base + INVITATIONS[1]))[0] == 303, "to sign in"
        for path in SECRET_BEHIND:
            await ask(session, "GET", f"{base}{path}=S3cret")
        came_from = [f"{base}/calendar/S3cret.ics", f"{base}/bind?c=S3cret"]
        back = "/language/en?back=%2Fcalendar%2FS3cret.ics"
        for path, referer in product(("/", back), came_from):
            head = {"Referer": referer}
            async with session.get(base + path, headers=head, allow_redirects=False) as seen:
                assert seen.status < 400 and seen.headers["Server"] == "nginx"

    async with (
        shipped_nginx(tmp_path, f"127.0.0.1:{free_port()}") as base,
        _each_anew() as session,
    ):
        for path in ("/api/v1/areas", "/api/v1/areas/2f-hall/events"):
            status, kind, said, headers = await ask(session, "GET", base + path)
            assert (status, kind, said) == (502, JSON, contract("unavailable", retry_after=5))
            assert headers["Retry-After"] == "5" and "Strict-Transport-Security" in headers
        for path in ("/", "/console/rules", "/areas/2f-hall"):
            status, kind, said, headers = await ask(session, "GET", base + path)
            assert (status, kind, headers["Retry-After"]) == (502, HTML, "5")
            assert "已有的预约不受影响" in said and "nginx" not in said
        for path, words in (
            ("/", "Your bookings are safe"),
            ("/api/v1/areas", "your bookings are safe"),
        ):
            async with session.get(base + path, headers={"Accept-Language": "en-GB"}) as seen:
                assert seen.status == 502 and words in await seen.text()
        for path in ("/calendar/S3cret.ics", *INVITATIONS):
            assert (await ask(session, "GET", base + path))[0] == 502
    # The logs have each address that was asked for, except those of calendars and invitations.
    for log in ("access.log", "error.log"):
        noted = (tmp_path / log).read_text("utf-8")
        assert "GET /areas/2f-hall" in noted and "S3cret" not in noted, log
    noted = (tmp_path / "access.log").read_text("utf-8")
    assert all(f'"GET {path.partition("?")[0]} HTTP/1.1"' in noted for path in SECRET_BEHIND)
    assert f" {id}\n" in (tmp_path / "access.log").read_text("utf-8")


NOT_PASSED_ON = {
    "/api/v1/areas/{id}/events": "a stream has no end; the browser's tests watch it",
}
"""Addresses that are not compared, and why. ``/sandbox`` is asked for above."""


async def test_every_address_is_answered_as_without_nginx(
    mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    rows = re.findall(r"^GET +(\S+)", (ROOT / "tests/golden/rights.txt").read_text("utf-8"), re.M)
    assert "/console" in rows and "/metrics" in rows
    async with (
        living(mongo_url, redis_url, TRUSTED_PROXIES="127.0.0.1") as service,
        shipped_nginx(tmp_path, service.base.removeprefix("http://")) as base,
        _each_anew() as session,
    ):
        administrator = await service.web_reader(role=Role.ADMINISTRATOR)
        cookie = {"Cookie": f"seat_sid={administrator.token}"}
        for row in rows:
            path = row
            for name, value in NAMES.items():
                path = path.replace(name, value)
            for headers in ({}, cookie):
                if row in NOT_PASSED_ON:
                    continue
                answers = [
                    await _answer(session, address + path, headers)
                    for address in (service.base, base)
                ]
                assert answers[0] == answers[1], row
        for path in ("/console", "/console/", "/console/plans", "/console/plans/"):
            assert (await _answer(session, base + path, cookie))[:1] == (200,), path


async def _answer(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> Answered:
    """Status, type and redirect target; the requested addresses contain secrets."""
    async with session.get(url, headers=headers, allow_redirects=False) as answer:
        place, _, _ = answer.headers.get("Location", "").partition("?")
        return answer.status, answer.content_type, place


async def test_a_rolling_restart_loses_no_request(
    mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Reads and bookings continue, and each host is restarted once the other is ready."""
    async with remote(mongo_url, redis_url, TRUSTED_PROXIES="127.0.0.1") as here:
        port = str(free_port())
        there = replace(here, base=f"http://127.0.0.1:{port}", env=here.env | {"PORT": port})
        there.process = None
        await there.start()
        hosts = [host.base.removeprefix("http://") for host in (here, there)]
        statuses: Counter[int] = Counter()
        over = asyncio.Event()
        try:
            async with shipped_nginx(tmp_path, *hosts) as base:
                front = replace(here, base=base)
                readers = [await front.reader() for _ in range(6)]
                flowing = [
                    asyncio.create_task(_flow(reader, f"2f-hall-{n + 1:03}", statuses, over))
                    for n, reader in enumerate(readers)
                ]
                for host in (here, there):
                    before, ready_at = statuses.total(), monotonic()

                    async def flows(before: int = before, ready_at: float = ready_at) -> bool:
                        # nginx tries a host that was down again after a second.
                        tried = monotonic() > ready_at + 2
                        return tried and statuses.total() > before + 50

                    await until(flows, "requests")
                    assert await host.kill(signal.SIGTERM) == 0
                    await host.start()
                over.set()
                await asyncio.gather(*flowing)
        finally:
            if there.process is not None:
                await there.kill()
        # An occupancy may say for a quarter of a second that what another host gave back is taken.
        assert set(statuses) <= {200, 201, 409, _REPEATED} and statuses[201] > 50, statuses
        assert statuses[_REPEATED] <= 2, statuses


async def _flow(reader: Client, seat: str, statuses: Counter[int], over: asyncio.Event) -> None:
    wish = {"seat_id": seat, "date": reader.service.today, "start": "10:00", "end": "11:00"}
    number = 0
    while not over.is_set():
        number += 1
        key = {"Idempotency-Key": f"{seat}:{number}"}
        made = await _change(reader, statuses, "/reservations", wish, **key)
        if made.status == 201:
            await _change(reader, statuses, f"/reservations/{made.body['id']}/cancel")
        statuses[(await reader.get("/areas")).status] += 1


async def _change(
    reader: Client, statuses: Counter[int], path: str, body: Any = None, **headers: str
) -> Answer:
    """The answer to a change, asked for once more as all clients do. nginx repeats no POST that a
    host may have had when it closed an idle connection, which on a busy machine is used again."""
    answer = await reader.post(path, body, **headers)
    if answer.status == 502:
        statuses[_REPEATED] += 1
        answer = await reader.post(path, body, **headers)
    statuses[answer.status] += 1
    return answer


async def _bodies(session: aiohttp.ClientSession, base: str) -> None:
    """Floor files and photographs are passed on to the service, which asks for a sign-in; other
    bodies must be small."""
    for path, size, too_large in (
        ("/console/plans/import", 4096 * 1024, False),
        ("/console/room-settings/import", 4096 * 1024, False),
        ("/console/plans/import", 4200 * 1024, True),
        ("/console/plans/2f-hall/picture", 12 * 2**20, False),
        ("/console/room-settings/r201/picture", 12 * 2**20, False),
        # The largest plan that the service takes: a thousand seats are a third of it.
        ("/console/plans/2f-hall", LARGEST_PLAN, False),
        ("/console/notices", 1000 * 1024, False),
        ("/console/notices", 1100 * 1024, True),
        ("/contact", 60 * 1024, False),
        ("/contact", 70 * 1024, True),
    ):
        status, kind, said, _ = await ask(session, "POST", base + path, size)
        assert (status == 413) is too_large, (path, size, status)
        assert not too_large or (kind == HTML and "超过了上限" in said and "nginx" not in said)
    answer = await ask(session, "POST", f"{base}/api/v1/reservations", 70 * 1024)
    assert answer[:3] == (413, JSON, contract("too_large"))


async def _watching(service: Living, base: str) -> None:
    """One of two addresses of this machine is listed as a monitor, by nginx and by the service."""
    for address, expected in (("127.0.0.1", 200), ("127.0.0.2", 403)):
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        async with aiohttp.ClientSession(connector=connector) as session:
            for path in ("metrics", "readyz"):
                assert (await ask(session, "GET", f"{base}/{path}"))[0] == expected, (address, path)
            assert (await ask(session, "GET", f"{base}/healthz"))[0] == 200
