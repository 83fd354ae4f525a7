"""Books and uses a seat in a demo over HTTP, step by step, as a newcomer would by hand."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from typing import Any, Final

import aiohttp

_TEMPLATES: Final = (
    "RESERVED",
    "CHECK_IN_REMINDER",
    "CHECKED_IN",
    "LEAVE",
    "LEAVE_REMINDER",
    "ENDING_SOON",
    "ENDED",
)
_AREA: Final = "2f-hall"
_KIOSK: Final = "2f-south"
_ASKS: Final = 60
"""Most attempts to advance the clock of a busy demo. After each attempt the demo asks for a
pause of a second or more."""


class WalkthroughFailed(Exception):
    """A step of the walkthrough got an unexpected response; the text names the step in one line."""


class DemoBusy(WalkthroughFailed):
    """The demo is busy, and asks to repeat the request after ``retry_after_s`` seconds."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("the demo is busy: try again")
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Walk:
    base: str
    session: aiohttp.ClientSession
    name: str
    token: str = ""
    printed: int = 0
    steps: int = field(default=0)

    async def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> dict[str, Any]:
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        async with self.session.request(
            method, self.base + path, json=body, headers=headers
        ) as response:
            answer = await response.json() if response.status != 204 else {}
            if response.status == 503:
                raise DemoBusy(float(response.headers.get("Retry-After", "1")))
            if response.status >= 400:
                error = answer.get("error", {})
                raise WalkthroughFailed(
                    f"{method} {path}: {response.status} {error.get('message')}"
                )
            return dict(answer)

    async def step(self, text: str) -> None:
        """Prints the step, then the simulated phone's messages since the last step."""
        self.steps += 1
        print(f"{self.steps:2}. {text}")
        delivered = (await self.call("GET", f"/sandbox/messages?openid=o-{self.name}"))["items"]
        for message in delivered[self.printed :]:
            lines = " · ".join(item["value"] for item in message["data"].values())
            print(f"      [微信] {message['template']}: {lines}")
        self.printed = len(delivered)

    async def clock(self, to: datetime) -> None:
        await self.call("POST", "/sandbox/clock", {"now": to.isoformat()})

    async def advance(self, time: timedelta) -> None:
        """Advances the demo's clock. The invented readers leave first, which takes longer than a
        request may: meanwhile the demo is busy, and the request is repeated."""
        body = {"advance_seconds": time.total_seconds()}
        for _ in range(_ASKS):
            try:
                await self.call("POST", "/sandbox/clock", body)
            except DemoBusy as busy:
                await asyncio.sleep(busy.retry_after_s)
            else:
                return
        raise WalkthroughFailed("the invented readers did not leave in time: try again")

    async def scan(self) -> str:
        kiosks = (await self.call("GET", "/sandbox/kiosks"))["items"]
        key = next(k["key"] for k in kiosks if k["id"] == _KIOSK)
        code = await self.call("GET", f"/api/v1/kiosks/{_KIOSK}/code", **{"X-Kiosk-Key": key})
        return str(code["payload"])


async def walk_through(base: str) -> None:
    """Walks through the demo at ``base``: binds a WeChat user, reserves a seat, checks in,
    leaves, returns, extends and finishes. Raises: WalkthroughFailed."""
    jar = aiohttp.CookieJar(unsafe=True)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=timeout) as session:
        walk = _Walk(base, session, f"walk{secrets.token_hex(4)}")
        try:
            await _bind(walk)
            await _use(walk)
        except aiohttp.ClientError as error:
            raise WalkthroughFailed(f"no demo answers at {base}: {error}") from error


async def _bind(walk: _Walk) -> None:
    number = f"2{secrets.randbelow(10**8):08d}"
    await _sign_in(walk, number)
    await walk.step(f"{number} signs in on the web page through CAS")
    code = await walk.call("POST", "/api/v1/activation-codes", {}, Origin=walk.base)
    await walk.step(f"the page shows the activation code {code['code']}")
    walk.session.cookie_jar.clear()
    login = await walk.call("POST", "/api/v1/wx/login", {"code": f"demo-{walk.name}-1"})
    walk.token = login["token"]
    await walk.step(f"the mini-program signs in by wx.login; bound: {login['bound']}")
    bound = await walk.call("POST", "/api/v1/bindings", {"activation_code": code["code"]})
    reader = bound["reader"]
    await walk.step(f"the six digits bind {reader['name']} ({reader['student_no_masked']})")
    for names in (_TEMPLATES[:3], _TEMPLATES[3:6], _TEMPLATES[6:]):
        results = {"results": dict.fromkeys(names, "accept")}
        await walk.call("POST", "/api/v1/subscriptions", results)
    await walk.step("the reader allows WeChat messages")


async def _sign_in(walk: _Walk, number: str) -> None:
    async with walk.session.get(f"{walk.base}/login") as response:
        page, address = await response.text(), response.url
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    form = {name: unescape(value) for name, value in hidden.items()}
    form |= {"username": number, "password": "demo"}
    async with walk.session.post(address, data=form) as response:
        if response.status != 200 or response.url.path != "/":
            raise WalkthroughFailed(
                f"the CAS login failed: it ended at {response.url} with status {response.status}"
            )


async def _use(walk: _Walk) -> None:
    venue = (await walk.call("GET", "/api/v1/venues"))["items"][0]
    day = venue["dates"][1]
    areas = (await walk.call("GET", f"/api/v1/areas?date={day['date']}"))["items"]
    area = next(a for a in areas if a["id"] == _AREA)
    await walk.step(
        f"{day['label']}: {area['name']} has {area['seats_free']} of {area['seats_total']} free"
    )
    query = f"?date={day['date']}&start=14:00&end=16:00"
    plan = await walk.call("GET", f"/api/v1/areas/{_AREA}/map{query}")
    seat = next(s for s in reversed(plan["seats"]) if s["status"] == "free")
    made = await walk.call(
        "POST",
        "/api/v1/reservations",
        {"seat_id": seat["id"], "date": day["date"], "start": "14:00", "end": "16:00"},
    )
    start = datetime.fromisoformat(made["start"])
    path = f"/api/v1/reservations/{made['id']}"
    await walk.advance(timedelta(seconds=5))
    await walk.step(f"the reader reserves {made['seat']['label']} 14:00-16:00, {made['receipt']}")
    await walk.clock(start)
    await walk.step("the clock moves to the start: 14:00")
    await walk.call("POST", f"{path}/check-in", {"qr": await walk.scan()})
    await walk.clock(start + timedelta(minutes=10))
    await walk.step("the reader scans the kiosk's code and is checked in")
    away = await walk.call("POST", f"{path}/leave")
    await walk.clock(start + timedelta(minutes=31))
    await walk.step(f"the reader leaves until {away['return_by'][11:16]}; twenty-one minutes pass")
    await walk.call("POST", f"{path}/return", {"qr": await walk.scan()})
    await walk.step("the reader scans the kiosk's code to return")
    await walk.clock(start + timedelta(minutes=100))
    ends = (await walk.call("GET", f"{path}/extensions"))["ends"]
    extended = await walk.call("POST", f"{path}/extend", {"end": ends[0]["value"]})
    await walk.step(f"the reader extends to {extended['end'][11:16]}")
    await walk.clock(start + timedelta(minutes=130))
    done = await walk.call("POST", f"{path}/finish")
    await walk.clock(start + timedelta(minutes=131))
    await walk.step(f"the reader gives the seat back: {done['state_text']}")
    history = (await walk.call("GET", path))["history"]
    print("    history: " + " → ".join(entry["event"] for entry in history))
