"""A day of a library that is too small, over real HTTP with the sandbox's moved clock.

In steps of five minutes readers book, wait, check in, leave and finish; some never come. The use of
the seats is read from the database at the end (``hours``).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

import aiohttp

from lab.bench.load import BenchFailed
from lab.bench.service import MORNING, UNPACED, House, Member, Stage, members, serving
from lab.fairness.hours import Day, Held, Waited
from miniapp_server.seed import LibraryData
from models.kiosks.keys import new_key, new_secret
from models.reservations.presence import PresenceMethod

STEP: Final = timedelta(minutes=5)
OPENS_H: Final = 7
LAST_START_H: Final = 20
CLOSES: Final = "22:30"
STAYS_H: Final = (1, 2, 2, 3, 3, 4)
"""Lengths of a reader's stay in hours, each equally likely."""
GHOST_SHARE: Final = 0.1
"""Share of bookings that are never used and not given back."""
CANCEL_SHARE: Final = 0.05
EARLY_FINISH_SHARE: Final = 0.3
LEAVE_SHARE: Final = 0.2
LEAVE_STEPS: Final = 4
ACCEPT_SHARE: Final = 0.9
AHEAD_SHARE: Final = 0.4
"""Share of readers who have booked in the morning for later; the others come and look for a
seat."""
LATE_STEPS: Final = range(-1, 5)
"""Steps after the start at which readers check in."""


@dataclass(slots=True)
class Library:
    """The state that the readers of a day share."""

    stage: Stage
    session: aiohttp.ClientSession
    rng: random.Random
    areas: tuple[str, ...]
    kiosk: str
    kiosk_key: str
    now: datetime = MORNING
    code: str = ""
    answers_s: list[float] = field(default_factory=list)

    async def ask(
        self, member: Member | None, method: str, path: str, body: object = None
    ) -> tuple[int, Any]:
        """The answer to a request: (status, body)."""
        headers = {"Authorization": f"Bearer {member.token}"} if member else {}
        if path.startswith("/kiosks/"):
            headers = {"X-Kiosk-Key": self.kiosk_key}
        base = f"http://127.0.0.1:{self.stage.port}"
        url = base + (path if path.startswith("/sandbox/") else f"/api/v1{path}")
        since = monotonic()
        async with self.session.request(method, url, json=body, headers=headers) as response:
            parsed = await response.json() if response.content_type.endswith("json") else None
            if member is not None and method == "POST":
                self.answers_s.append(monotonic() - since)
            if response.status >= 500:
                raise BenchFailed(f"{method} {path}: {response.status} {parsed}")
            return response.status, parsed

    async def move(self, now: datetime) -> None:
        """Moves the service's clock to ``now``, and fetches the kiosk's new code."""
        await self.ask(None, "POST", "/sandbox/clock", {"now": now.isoformat()})
        _, answer = await self.ask(None, "GET", f"/kiosks/{self.kiosk}/code")
        self.now, self.code = now, answer["payload"]

    async def free_seats(self, member: Member, start: str, end: str) -> list[tuple[str, str]]:
        """(area, seat) of the seats that the plans show as free for that time."""
        free = []
        for area in self.areas:
            begin = f"{self.now:%H:%M}" if start == "now" else start
            query = f"date={self.now.date().isoformat()}&start={begin}&end={end}"
            status, plan = await self.ask(member, "GET", f"/areas/{area}/map?{query}")
            if status != 200:
                raise BenchFailed(f"the plan of {area} from {begin} to {end}: {status} {plan}")
            free += [(area, seat["id"]) for seat in plan["seats"] if seat["status"] == "free"]
        return free


@dataclass(slots=True)
class Visitor:
    """A reader and their wish for the day: a seat from ``start`` on for ``hours``."""

    library: Library
    member: Member
    start: datetime
    hours: int
    ahead: bool
    bot: bool
    reservation: str = ""
    wait: str = ""
    arrives: datetime | None = None
    """The moment of the check-in; None if the reader never comes."""
    leaves: datetime | None = None
    """The moment at which the reader leaves for a while."""
    finishes: datetime | None = None
    done: bool = False

    async def step(self) -> None:
        """Acts as the library's present time demands."""
        if self.done:
            return
        if self.reservation:
            await self._use()
        elif self.wait:
            await self._look_at_offer()
        elif self.ahead or self.library.now >= self.start:
            await self._find_seat()

    async def _find_seat(self) -> None:
        library = self.library
        begun = library.now >= self.start
        start = "now" if begun else f"{self.start:%H:%M}"
        end = self._end()
        if end is None:
            self.done = True
            return
        for _ in range(3):
            free = await library.free_seats(self.member, start, end)
            if not free:
                break
            _, seat = library.rng.choice(free)
            wish = {"seat_id": seat, "date": library.now.date().isoformat()}
            wish |= {"start": start, "end": end}
            status, made = await library.ask(self.member, "POST", "/reservations", wish)
            if status == 201:
                self._have(made)
                return
        if self.bot or not begun:
            return  # a bot tries again in each step, and a later reader when their time comes
        wish = {"area_id": library.rng.choice(library.areas), "start": start, "end": end}
        wish["date"] = library.now.date().isoformat()
        status, entry = await library.ask(self.member, "POST", "/waitlist", wish)
        if status == 201:
            self.wait = entry["id"]

    def _end(self) -> str | None:
        """The full hour at which the reader would go; None if it is past."""
        end = self.start + timedelta(hours=self.hours)
        if self.library.now + timedelta(minutes=30) > end:
            return None
        return f"{end:%H:%M}"

    def _have(self, made: Any) -> None:
        rng, library = self.library.rng, self.library
        self.reservation, self.wait = made["id"], ""
        start, end = (datetime.fromisoformat(made[name]) for name in ("start", "end"))
        self.arrives = self.leaves = None
        self.finishes = end
        if rng.random() < GHOST_SHARE:
            return
        self.arrives = max(library.now, start + rng.choice(LATE_STEPS) * STEP)
        third = (end - self.arrives) / 3
        if rng.random() < EARLY_FINISH_SHARE:
            self.finishes = self.arrives + 2 * third
        if rng.random() < LEAVE_SHARE:
            self.leaves = self.arrives + third

    async def _use(self) -> None:
        library, path = self.library, f"/reservations/{self.reservation}"
        now = library.now
        if self.finishes is not None and now >= self.finishes:
            if self.arrives is not None:
                await library.ask(self.member, "POST", f"{path}/finish")
            self.done = True
        elif self.arrives is not None and self.arrives <= now:
            status, _ = await library.ask(
                self.member, "POST", f"{path}/check-in", {"qr": library.code}
            )
            if status == 200:
                self.arrives = datetime.max.replace(tzinfo=now.tzinfo)
        elif self.leaves is not None and self.leaves <= now:
            if now < self.leaves + LEAVE_STEPS * STEP:
                await library.ask(self.member, "POST", f"{path}/leave")
            else:
                await library.ask(self.member, "POST", f"{path}/return", {"qr": library.code})
                self.leaves = None
        elif (
            self.arrives is not None
            and self.arrives > now + timedelta(hours=1)
            and self.arrives.year < 9999
            and library.rng.random() < CANCEL_SHARE / 12
        ):
            await library.ask(self.member, "POST", f"{path}/cancel")
            self.done = True

    async def _look_at_offer(self) -> None:
        library = self.library
        _, waitlist = await library.ask(self.member, "GET", "/waitlist")
        entry = next((one for one in waitlist["items"] if one["id"] == self.wait), None)
        if entry is None or entry["state"] not in ("waiting", "offered"):
            self.done = True
        elif entry["state"] == "offered":
            if library.rng.random() > ACCEPT_SHARE:
                self.done = True  # the reader does not answer
                return
            path = f"/reservations/{entry['offer']['id']}/accept"
            status, made = await library.ask(self.member, "POST", path)
            if status == 200:
                self._have(made)


async def whole_day(home: House, library: LibraryData, readers: int, bots: int, seed: int) -> Day:
    """Plays the day. Raises: BenchFailed if a request fails that should succeed."""
    rng = random.Random(seed)
    kiosk, key = library.kiosks[0].id, new_key()
    await home.stored.kiosks.issue_kiosk_key(kiosk, key, new_secret())
    # As if the kiosks had been used: only then does a missed booking become a no-show.
    await home.stored.presence_methods.put(
        library.venue.id, PresenceMethod.KIOSK_CODE, MORNING - timedelta(days=1)
    )
    day = (MORNING + timedelta(days=1)).replace(hour=0)
    async with serving(home, throttle_scale=UNPACED) as stage, aiohttp.ClientSession() as session:
        areas = tuple(area.id for area in library.areas)
        shared = Library(stage, session, rng, areas, kiosk, key)
        people = []
        for number, member in enumerate(await members(home, readers, timedelta(days=3))):
            start = day.replace(hour=rng.randrange(OPENS_H + 1, LAST_START_H))
            ahead = rng.random() < AHEAD_SHARE
            bot = number < bots
            people.append(Visitor(shared, member, start, rng.choice(STAYS_H), ahead or bot, bot))
        now = day.replace(hour=OPENS_H)
        until = day.replace(hour=22, minute=30)
        while now <= until:
            await shared.move(now)
            # In each step bots act first.
            honest = [one for one in people if not one.bot]
            rng.shuffle(honest)
            for one in people[:bots] + honest:
                await one.step()
            now += STEP
    return await _what_became(home, shared, people, day)


async def _what_became(home: House, shared: Library, people: list[Visitor], day: datetime) -> Day:
    rows = await home.db["reservations"].find({"day": day.date().isoformat()}).to_list(None)
    waits = await home.db["waitlist"].find().to_list(None)
    offered: dict[str, datetime] = {}
    for row in sorted(rows, key=lambda row: row["created_at"]):
        if row["wait"] is not None:
            offered.setdefault(row["wait"], row["created_at"])
    held = [
        Held(
            row["seat"],
            row["reader"],
            row["created_at"],
            row["start"],
            min(row["end"], row["ended_at"] or row["end"]),
            row["state"],
        )
        for row in rows
    ]
    waited = [
        Waited(
            w["area"],
            w["created_at"],
            offered[w["_id"]] if w["_id"] in offered else w["end"],
            w["start"],
            w["end"],
        )
        for w in waits
    ]
    seats = {str(seat.id): str(seat.area_id) for seat in home.reference.catalog.seats.values()}
    bots = frozenset(str(one.member.id) for one in people if one.bot)
    opens, closes = day.replace(hour=OPENS_H), day.replace(hour=22, minute=30)
    doubles = await home.doubles()
    return Day(seats, len(people), bots, opens, closes, held, waited, shared.answers_s, doubles)
