"""Readers over HTTP. Each tap has a key; a reader without an answer repeats it at another host."""

from __future__ import annotations

import asyncio
import json
import random
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from time import monotonic
from typing import Any, Final

import aiohttp

from lab.chaos.rig import Library, Member
from lab.history.records import History, Operation, Probe, Promise, promise_of
from miniapp_server.clock import real_now
from models.kernel.zone import Zone

_LONGEST_S: Final = 120.0
"""Seconds for one tap with all of its repetitions; after that its outcome stays unknown."""
_HOURS: Final = range(6, 22)
_KEPT: Final = 3
_KIOSK_S: Final = 4.0
_LAST_MOMENT: Final = timedelta(seconds=6)
_NOT_YET: Final = frozenset({"in_progress", "throttled", "too_many_attempts"})
"""Refusals after which the tap is repeated under the same key."""
_PAGE: Final = 100
_ID: Final = re.compile(r"\b[0-9a-f]{24}\b")


@dataclass(slots=True)
class House:
    """The state that readers share: the hosts, the kiosks' codes, and the record of all taps.

    ``patience_s``: seconds without an answer after which a tap is repeated at another host.
    """

    library: Library
    history: History
    chance: random.Random
    patience_s: float
    think_s: float
    session: aiohttp.ClientSession
    codes: dict[str, str] = field(default_factory=dict)
    """The code that each kiosk shows."""
    codes_fetched: asyncio.Event = field(default_factory=asyncio.Event)
    """Set for a moment when all kiosks have fetched their codes."""
    deadlines: dict[str, datetime] = field(default_factory=dict)
    """Check-in deadlines of the readers who come late, by reader."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    readers: list[Reader] = field(default_factory=list)
    """Readers who do not come late."""
    lives: list[asyncio.Task[None]] = field(default_factory=list)
    """The lives of all readers, which end after the closing."""

    @property
    def zone(self) -> Zone:
        return self.library.zone

    async def ask(
        self, host: int, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, Any]:
        """Sends a request. Returns (status, body); status 0 if there is no answer in time."""
        base = self.library.hosts[host % len(self.library.hosts)].base
        try:
            async with self.session.request(
                method,
                f"{base}/api/v1{path}",
                json=body,
                headers={**self.library.headers, **headers},
            ) as response:
                text = await response.text()
                for id in _ID.findall(text):
                    self.history.answered_ids.setdefault(id, real_now())
                return response.status, json.loads(text)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0, None

    async def closes_within(self, seconds: float) -> bool:
        """Waits for so long; True at once when the library closes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.closing.wait()
        return self.closing.is_set()

    async def close(self) -> None:
        """Returns once all readers have done what they had begun."""
        self.closing.set()
        await all_of(self.lives)

    async def show_codes(self) -> None:
        """Fetches the code of each kiosk every few seconds, as the kiosks' screens do."""
        while True:
            for kiosk, key in self.library.kiosk_keys.items():
                host = self.chance.randrange(2)
                status, body = await self.ask(
                    host, "GET", f"/kiosks/{kiosk}/code", **{"X-Kiosk-Key": key}
                )
                if status == 200:
                    self.codes[kiosk] = body["payload"]
            self.codes_fetched.set()
            self.codes_fetched.clear()
            await asyncio.sleep(_KIOSK_S)


@asynccontextmanager
async def house(
    library: Library, history: History, seed: int, patience_s: float, think_s: float
) -> AsyncIterator[House]:
    # Each attempt is a connection of its own, so that any worker may get it.
    connector = aiohttp.TCPConnector(force_close=True, limit=0, ssl=library.tls)
    timeout = aiohttp.ClientTimeout(total=patience_s)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        shared = House(library, history, random.Random(seed), patience_s, think_s, session)
        screens = asyncio.create_task(shared.show_codes())
        try:
            yield shared
        finally:
            screens.cancel()
            with suppress(asyncio.CancelledError):
                await screens


@dataclass(slots=True)
class Reader:
    """A reader, who does one thing after the other."""

    house: House
    member: Member
    seats: Sequence[str]
    """The seats among which all readers choose."""
    _bookings: list[str] = field(default_factory=list)
    _scanned: set[str] = field(default_factory=set)

    async def live(self) -> None:
        """Uses the library until it closes."""
        while not self.house.closing.is_set():
            await (self._tomorrow() if self.house.chance.random() < 0.6 else self._today())
            if self.house.chance.random() < 0.2:
                await self._answer_offers()

    async def live_late(self) -> None:
        """Books again and again, and comes in the last moments of each check-in time."""
        while not self.house.closing.is_set():
            made = await self._sit_down()
            if made is None:
                return
            if made.promise is None:
                continue
            id, until = made.promise.id, made.promise.check_in_until
            self.house.deadlines[self.member.id] = until
            wait = until - _LAST_MOMENT - real_now()
            await self.house.closes_within(max(0.0, wait.total_seconds()))
            await self.check_in(id)
            del self.house.deadlines[self.member.id]
            await self.go(id)

    async def tap(
        self,
        verb: str,
        path: str,
        body: object = None,
        target: str = "",
        requested: tuple[str, datetime, datetime] | None = None,
    ) -> Operation:
        """Sends the request under one key until there is an answer. ``requested`` is the seat and
        time that it asks for."""
        key = secrets.token_hex(8)
        operation = Operation(self.member.id, verb, key, target, real_now(), requested=requested)
        self.house.history.operations.append(operation)
        # A party is answered together with its asker's booking.
        await self.send(operation, path, body, lambda a: promise_of(a.get("reservation", a)))
        return operation

    async def send(
        self,
        operation: Operation,
        path: str,
        body: object,
        promised: Callable[[Mapping[str, Any]], Promise],
    ) -> None:
        """Sends the request of the recorded operation until there is an answer, each time to
        another host. ``promised`` reads a successful answer."""
        house = self.house
        host, until = house.chance.randrange(2), monotonic() + _LONGEST_S
        headers = dict(self._signed)
        if operation.key:
            headers["Idempotency-Key"] = operation.key
        while monotonic() < until:
            operation.attempts += 1
            if operation.key and operation.attempts > 1:
                headers["Idempotency-Repeat"] = "1"
            status, answer = await house.ask(host, "POST", path, body, **headers)
            code = answer["error"]["code"] if status >= 400 else ""
            if status in (200, 201):
                operation.promise = promised(answer)
            elif 400 <= status < 500 and code not in _NOT_YET:
                operation.refusal = code
            else:
                host += 1
                await asyncio.sleep(0.1 + 0.3 * house.chance.random())
                continue
            operation.answered_at = real_now()
            break
        await asyncio.sleep(house.think_s * 2 * house.chance.random())

    @property
    def _signed(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.member.token}"}

    async def ask(self, method: str, path: str) -> tuple[int, Any]:
        """Sends a request without a key, as ``House.ask`` does, to any host."""
        host = self.house.chance.randrange(2)
        return await self.house.ask(host, method, path, **self._signed)

    def wish(self, day: datetime) -> dict[str, str]:
        """A random seat and hour of the day."""
        hour = self.house.chance.choice(_HOURS)
        return {
            "seat_id": self.house.chance.choice(self.seats),
            "date": day.date().isoformat(),
            "start": f"{hour:02}:00",
            "end": f"{hour + 1:02}:00",
        }

    async def _tomorrow(self) -> None:
        """Books, pauses, and then cancels or keeps the booking."""
        zone = self.house.zone
        day = zone.local(real_now()) + timedelta(days=1)
        wish = self.wish(day)
        requested = _requested(zone, wish, day)
        made = await self.tap("reserve", "/reservations", wish, requested=requested)
        if made.promise is None:
            if made.refusal == "seat_taken" and self.house.chance.random() < 0.3:
                await self._wait_for(wish)
            return
        id = made.promise.id
        place = made.promise.seat, clock(zone, made.promise.start)
        for _ in range(self.house.chance.randrange(3)):
            wish = self.wish(day)
            del wish["date"]
            if place == (wish["seat_id"], wish["start"]):
                continue  # the booking is there already
            path, requested = f"/reservations/{id}/change", _requested(zone, wish, day)
            changed = await self.tap("change", path, wish, id, requested)
            if changed.promise is not None:
                place = changed.promise.seat, clock(zone, changed.promise.start)
        self._bookings.append(id)
        while len(self._bookings) > self.house.chance.randrange(_KEPT):
            id = self._bookings.pop(0)
            await self.tap("cancel", f"/reservations/{id}/cancel", None, id)

    async def _wait_for(self, wish: Mapping[str, str]) -> None:
        """Joins the waitlist for exactly that seat and time."""
        body: dict[str, object] = {name: wish[name] for name in ("date", "start", "end")}
        body |= {"area_id": self.house.library.area_id, "seats": [wish["seat_id"]]}
        await self.house.ask(
            self.house.chance.randrange(2), "POST", "/waitlist", body, **self._signed
        )

    async def _answer_offers(self) -> None:
        """Accepts or declines each offered seat."""
        host = self.house.chance.randrange(2)
        status, body = await self.house.ask(host, "GET", "/waitlist", **self._signed)
        for entry in body["items"] if status == 200 else ():
            if (offer := entry["offer"]) is None:
                continue
            promise, id = promise_of(offer), offer["id"]
            if self.house.chance.random() < 0.7:
                place = promise.seat, promise.start, promise.end
                await self.tap("accept", f"/reservations/{id}/accept", None, id, place)
                self._bookings.append(id)
            else:
                await self.house.ask(host, "POST", f"/reservations/{id}/decline", **self._signed)

    async def leave_lines(self) -> None:
        """Leaves each place in the waitlist, and declines each offer. Unanswered requests are left
        to the next call."""
        host, page, pages = self.house.chance.randrange(2), 1, 1
        while page <= pages:  # after an hour there is more than one page
            path = f"/waitlist?page_size={_PAGE}&page={page}"
            status, body = await self.house.ask(host, "GET", path, **self._signed)
            if status != 200:
                return
            for entry in body["items"]:
                if entry["state"] in ("waiting", "offered"):
                    await self.house.ask(host, "DELETE", f"/waitlist/{entry['id']}", **self._signed)
            page, pages = page + 1, -(-body["total"] // _PAGE)

    async def _today(self) -> None:
        """Checks in, leaves, returns, renews and finishes; some steps only now and then."""
        made = await self._sit_down()
        if made is None or made.promise is None:
            return
        id, chance = made.promise.id, self.house.chance
        if await self.check_in(id):
            if chance.random() < 0.6:
                left = await self.tap("leave", f"/reservations/{id}/leave", None, id)
                if left.promise is not None:
                    await self._scan("return", id)
            if chance.random() < 0.4:
                later = {"end": clock(self.house.zone, made.promise.end + timedelta(minutes=30))}
                await self.tap("extend", f"/reservations/{id}/extend", later, id)
            # Faults can delay the booking so much that less than half an hour is left.
            elif (sooner := made.promise.end - timedelta(minutes=30)) > made.promise.start and (
                chance.random() < 0.3
            ):
                requested = (made.promise.seat, made.promise.start, sooner)
                body = {"end": clock(self.house.zone, sooner)}
                await self.tap(
                    "shorten", f"/reservations/{id}/shorten", body, id, requested=requested
                )
        await self.go(id)

    async def _sit_down(self) -> Operation | None:
        now = self.house.zone.local(real_now())
        half = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
        end = half + timedelta(minutes=60)
        if end.date() != now.date():
            if now.time() > now.replace(hour=23, minute=45).time():
                return None  # a stay ends before midnight
            end = now.replace(hour=23, minute=59)
        wish = {"seat_id": self.house.chance.choice(self.seats), "date": now.date().isoformat()}
        wish |= {"start": "now", "end": clock(self.house.zone, end)}
        requested = _requested(self.house.zone, {**wish, "start": clock(self.house.zone, now)}, now)
        return await self.tap("reserve", "/reservations", wish, requested=requested)

    async def check_in(self, id: str) -> bool:
        """Scans codes until one is accepted: an old code is refused, then the next one is
        scanned. So it is if the answer to a refused attempt was lost."""
        for _ in range(3):
            scanned = await self._scan("check_in", id)
            if scanned.promise is not None:
                return True
            if scanned.refusal not in ("qr_expired", "qr_used", "request_refused"):
                return False
        return False

    async def _scan(self, verb: str, id: str) -> Operation:
        path = f"/reservations/{id}/{verb.replace('_', '-')}"
        return await self.tap(verb, path, {"qr": await self.code()}, id)

    async def code(self) -> str:
        """A code that some kiosk shows, and that the reader has not scanned before."""
        codes = self.house.codes
        while not (fresh := set(codes.values()) - self._scanned):
            await self.house.codes_fetched.wait()
        code = self.house.chance.choice(sorted(fresh))
        self._scanned.add(code)
        return code

    async def go(self, id: str) -> None:
        """Gives the seat back, whatever state the booking is in."""
        for host in range(10):
            status, body = await self.house.ask(host, "GET", f"/reservations/{id}", **self._signed)
            if status == 200:
                verb = {"reserved": "cancel", "in_use": "finish", "away": "finish"}
                if (last := verb.get(body["state"])) is not None:
                    await self.tap(last, f"/reservations/{id}/{last}", None, id)
                return
            await asyncio.sleep(0.3)

    async def probe(self, seat: str, start: datetime) -> Probe:
        """Books a seat of tomorrow that is stored as free, and gives it back."""
        zone = self.house.zone
        wish = {"seat_id": seat, "date": zone.local(start).date().isoformat()}
        wish |= {"start": clock(zone, start), "end": clock(zone, start + timedelta(hours=1))}
        asked_at, requested = real_now(), _requested(zone, wish, start)
        made = await self.tap("reserve", "/reservations", wish, requested=requested)
        if made.promise is not None:
            id = made.promise.id
            await self.tap("cancel", f"/reservations/{id}/cancel", None, id)
        refusal = "" if made.promise is not None else made.refusal or "no answer"
        return Probe(self.member.id, seat, start, refusal, asked_at)


def _requested(
    zone: Zone, wish: Mapping[str, str], day: datetime
) -> tuple[str, datetime, datetime]:
    """The seat and time of a wish for that day."""
    date = zone.local(day).date()
    start, end = (zone.instant(date, time.fromisoformat(wish[n])) for n in ("start", "end"))
    return wish["seat_id"], start, end


def clock(zone: Zone, instant: datetime) -> str:
    """The time as requests say it."""
    return f"{zone.local(instant):%H:%M}"


async def all_of(work: Sequence[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*work))
