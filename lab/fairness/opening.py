"""An opening over real HTTP: honest readers and bots want the seats of one day."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from pathlib import Path
from time import monotonic
from typing import Any, Final

import aiohttp

from lab.bench.client import JITTER_S, Answer, ask
from lab.bench.load import REFUSALS, WITHOUT_RETRY_AFTER, BenchFailed, request
from lab.bench.service import (
    MORNING,
    TOMORROW,
    House,
    Member,
    Stage,
    house,
    members,
    seats_of,
    serving,
)
from lab.fairness import model
from miniapp_server import seed as seeding
from miniapp_server.embedded_databases import EmbeddedDatabases
from models.policy.entities import Policy

OPENS_AT: Final = time(10, 1)
START, END = "09:00", "13:00"
_LOOK_EVERY_S: Final = 0.25
_TICK_S: Final = 0.02
_LONGEST_S: Final = 40.0
"""Seconds after the opening; a reader without a seat by then has given up."""
_TRIES: Final = 12
_PLAN_READERS: Final = 4
_BEFORE_S: Final = 2.0
"""Seconds before the opening at which the readers get ready."""


def library_of(seats: int) -> seeding.LibraryData:
    """The demo's library with the first ``seats`` of its seats."""
    data, areas = seeding.read(), []
    left = seats
    for area in data.areas:
        usable = [seat for seat in area.seats if seat.disabled is None][:left]
        left -= len(usable)
        if usable:
            areas.append(replace(area, seats=tuple(usable)))
    return replace(data, areas=tuple(areas))


@dataclass(slots=True)
class Rush:
    """The state that all readers of an opening share: the plan as a reader sees it, and the
    results."""

    stage: Stage
    began: float
    popularity: model.Popularity
    free: set[str]
    answers_s: list[float] = field(default_factory=list)
    gone_s: float = 0.0
    failures: int = 0
    longest_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    late_s: list[float] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """True if no seat is left, or the opening has taken too long."""
        return not self.free or monotonic() > self.began + _LONGEST_S

    async def book(self, member: Member, seat: str, key: str = "") -> Answer:
        """The answer to one request for a seat. A failure is counted."""
        body = {"seat_id": seat, "date": TOMORROW.isoformat(), "start": START, "end": END}
        payload = request("POST", "/api/v1/reservations", member.token, json.dumps(body).encode())
        if key:
            payload = payload.replace(b"\r\n", f"\r\nIdempotency-Key: {key}\r\n".encode(), 1)
        since = monotonic()
        answer = await ask(self.stage.port, payload)
        self.longest_s = max(self.longest_s, monotonic() - since)
        self.statuses[answer.status] += 1
        if answer.status == 201:
            self.gone_s = max(self.gone_s, monotonic() - self.began)
        self.failures += answer.status in (0, 500, WITHOUT_RETRY_AFTER)
        return answer

    async def watch_clock(self) -> None:
        """Records the lateness of this process until cancelled: results of an overloaded machine
        say nothing about the service."""
        while True:
            due = monotonic() + _TICK_S
            await _until(due)
            self.late_s.append(monotonic() - due)

    async def look(self, watchers: Sequence[Member]) -> None:
        """Keeps the plan as current as a reader's screen shows it, until cancelled."""
        areas = self.stage.house.reference.catalog.areas
        query = f"date={TOMORROW.isoformat()}&start={START}&end={END}"
        async with aiohttp.ClientSession() as session:
            turn = 0
            while True:
                free: set[str] = set()
                turn += 1
                headers = {"Authorization": f"Bearer {watchers[turn % len(watchers)].token}"}
                for area in areas:
                    url = f"http://127.0.0.1:{self.stage.port}/api/v1/areas/{area}/map?{query}"
                    async with session.get(url, headers=headers) as answer:
                        if answer.status != 200:
                            break
                        seats = (await answer.json())["seats"]
                        free |= {seat["id"] for seat in seats if seat["status"] == "free"}
                else:
                    self.free = free
                await asyncio.sleep(_LOOK_EVERY_S)


def _proposed(answer: Answer) -> list[str]:
    """The free seats that a refusal names."""
    details = json.loads(answer.body)["error"]["details"]
    return [seat["id"] for seat in details.get("nearest", ())]


def _code(answer: Answer) -> str:
    return str(json.loads(answer.body)["error"]["code"]) if answer.status >= 400 else ""


async def _until(moment: float) -> None:
    await asyncio.sleep(moment - monotonic())


async def honest(rush: Rush, member: Member, rng: random.Random) -> None:
    """Plays a reader who presses and, after a refusal, chooses another seat, until none is left."""
    seat = rush.popularity.choose(rng)
    *early, press = model.presses_s(rng)
    for moment in early:
        await _until(rush.began + moment)
        assert seat is not None
        await rush.book(member, seat, secrets.token_hex(8))
    await _until(rush.began + press)
    for _ in range(_TRIES):
        while seat is not None and seat not in rush.free and not rush.over:
            # The reader's screen shows that the seat is taken.
            await asyncio.sleep(model.choice_s(rng))
            seat = rush.popularity.choose(rng, rush.free)
        if rush.over or seat is None:
            return
        answer = await _decided(rush, member, seat, rng)
        if answer.status != 409 or _code(answer) != "seat_taken":
            return
        await asyncio.sleep(model.choice_s(rng))
        proposed = [one for one in _proposed(answer) if one in rush.free]
        follows = proposed and rng.random() < model.FOLLOWS_PROPOSAL
        seat = proposed[0] if follows else rush.popularity.choose(rng, rush.free)


async def _decided(rush: Rush, member: Member, seat: str, rng: random.Random) -> Answer:
    """The answer to one press. "Come again" is obeyed with the same key."""
    key, since = secrets.token_hex(8), monotonic()
    for _ in range(_TRIES):
        answer = await rush.book(member, seat, key)
        if answer.status not in REFUSALS:
            break
        await asyncio.sleep(answer.retry_after + rng.uniform(0, JITTER_S))
    rush.answers_s.append(monotonic() - since)
    return answer


@dataclass(slots=True)
class Bot:
    """A bot: it sends without waiting for answers, follows the proposals of refusals, and stops
    at a win."""

    rush: Rush
    member: Member
    rng: random.Random
    seat: str
    won: bool = False
    quiet_until: float = 0.0

    async def run(self) -> None:
        await _until(self.rush.began - model.BOT_LEAD_S)
        sent: set[asyncio.Task[None]] = set()
        while not self.won and not self.rush.over:
            if len(sent) < model.BOT_CONNECTIONS and monotonic() >= self.quiet_until:
                task = asyncio.create_task(self._send())
                sent.add(task)
                task.add_done_callback(sent.discard)
            await asyncio.sleep(model.BOT_EVERY_S)
        await asyncio.gather(*sent)

    async def _send(self) -> None:
        answer = await self.rush.book(self.member, self.seat)
        code = _code(answer) if answer.body else ""
        if answer.status == 201 or code == "own_overlap":
            self.won = True
        elif code == "seat_taken":
            others = _proposed(answer)
            self.seat = others[0] if others else self.rush.popularity.choose(self.rng) or self.seat
        elif answer.status == 429:
            self.quiet_until = monotonic() + answer.retry_after


@asynccontextmanager
async def opening_house(
    folder: Path, databases: EmbeddedDatabases, seats: int, policy: Policy
) -> AsyncIterator[House]:
    """A library of ``seats`` seats whose next day opens at ``OPENS_AT``."""
    async with house(folder, databases, library=library_of(seats)) as home:
        await home.stored.policies.add_missing(policy, MORNING)
        await home.reference.refresh()
        yield home


async def opening(home: House, readers: int, bots: int, workers: int, seed: int) -> model.Opening:
    """Lets the day open once. Raises: BenchFailed if confirmed and stored bookings differ."""
    rng = random.Random(seed)
    seats = [str(seat) for seat in seats_of(home)]
    rng.shuffle(seats)
    async with serving(home, workers, throttle_scale=1) as stage:
        everybody = await members(home, readers + _PLAN_READERS)
        watchers = [everybody.pop() for _ in range(_PLAN_READERS)]
        rng.shuffle(everybody)
        bad, good = everybody[:bots], everybody[bots:]
        popularity = model.Popularity(seats)
        rush = Rush(stage, await _wind_clock(stage), popularity, set(seats))
        lives = [honest(rush, one, random.Random(rng.random())) for one in good]
        for one in bad:
            own = random.Random(rng.random())
            lives.append(Bot(rush, one, own, popularity.choose(own) or seats[0]).run())
        beside = [asyncio.create_task(work) for work in (rush.look(watchers), rush.watch_clock())]
        try:
            await asyncio.gather(*lives)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
        rows = await home.db["reservations"].find({"live": True}, {"reader": 1}).to_list(None)
    winners = [row["reader"] for row in rows]
    ids = {one.id for one in bad}
    if len(winners) != len(set(winners)):
        raise BenchFailed("a reader has two seats in one time")
    return model.Opening(
        seats=len(seats),
        honest=len(good),
        bots=len(bad),
        honest_wins=sum(one not in ids for one in winners),
        bot_wins=sum(one in ids for one in winners),
        answers_s=rush.answers_s,
        gone_s=rush.gone_s,
        longest_s=rush.longest_s,
        statuses=dict(rush.statuses),
        late_s=model.percentile(rush.late_s, 0.99),
        doubles=await home.doubles(),
        failures=rush.failures,
    )


async def _wind_clock(stage: Stage) -> float:
    """Sets the service's clock to a moment before the opening. Returns the steady clock's time
    of the opening."""
    opens = datetime.combine(MORNING.date(), OPENS_AT, MORNING.tzinfo)
    url = f"http://127.0.0.1:{stage.port}/sandbox/clock"

    async def clock_of(answer: aiohttp.ClientResponse) -> datetime:
        body: dict[str, Any] = await answer.json()
        return datetime.fromisoformat(body["now"])

    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            ahead = (opens - await clock_of(answer)).total_seconds() - _BEFORE_S
        async with session.post(url, json={"advance_seconds": ahead}) as answer:
            await clock_of(answer)
        asked_at = monotonic()
        async with session.get(url) as answer:
            now = await clock_of(answer)
    at = (asked_at + monotonic()) / 2
    return at + (opens - now).total_seconds()
