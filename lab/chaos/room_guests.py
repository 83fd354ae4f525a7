"""Readers over HTTP who book study rooms, take part in the bookings of others, come or do not come;
and the desk, which answers requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from lab.chaos.readers import House, Reader, clock
from lab.chaos.rig import ROOM_RULES
from lab.history.records import Operation, Probe, Stored, room_promise_of
from miniapp_server.clock import real_now
from models.library.rooms import RequestAnswer

_PAUSE: Final = 100
"""The longest time between two acts of a reader, in units of ``think_s``."""
_INVITED: Final = 2
_KEPT: Final = 0.05
"""Share of the bookings of tomorrow that are not cancelled."""
_KEPT_REQUESTS: Final = 0.5
"""Share of the requests with an early answer that are not cancelled."""
_HALF_HOURS: Final = range(16, 28)
"""The starts of tomorrow's bookings, in half hours from midnight: few, so that wishes meet."""
_HALF_AN_HOUR: Final = timedelta(minutes=30)
_NOBODY_COMES_S: Final = 75.0
"""Longer than the time for check-in."""
_SCANS: Final = 5
_SCANNED_AGAIN: Final = frozenset(
    {"qr_expired", "qr_used", "request_refused", "too_few_people", "too_late"}
)
"""Refusals of a check-in after which another code is scanned. After a downtime it is too late until
the deadlines have been extended."""
_UNANSWERED: Final = frozenset("048c")
"""The last characters of the ids of requests that are left without an answer."""
_REASON: Final = "当天有讲座"
_TRIES: Final = 10
_ENDED_BY: Final = {"requested": "cancel", "reserved": "cancel", "in_use": "finish"}


@dataclass(frozen=True, slots=True)
class _Invitation:
    booking: str
    word: str


@dataclass(slots=True)
class RoomGuests:
    """The readers of a house as guests of its rooms, and the invitations that they have not
    answered yet."""

    house: House
    _invitations: list[_Invitation] = field(default_factory=list)

    async def live(self, reader: Reader) -> None:
        """Uses rooms until the library closes."""
        chance, longest = self.house.chance, self.house.think_s * _PAUSE
        while not await self.house.closes_within(longest * chance.random()):
            if self._invitations and chance.random() < 0.6:
                await self._join(reader, self._invitations.pop())
            elif chance.random() < 0.5:
                await self._plan(reader)
            else:
                await self._meet(reader)

    async def answer(self, desk: Reader) -> None:
        """Approves and declines requests until the library closes."""
        while not await self.house.closes_within(1 + 5 * self.house.think_s):
            status, body = await desk.ask("GET", "/staff/room-requests")
            for id in (item["id"] for item in (body["items"] if status == 200 else ())):
                if id[-1] in _UNANSWERED:
                    continue
                verb = RequestAnswer.APPROVE if id[-1] in "1234567" else RequestAnswer.DECLINE
                reason = {"reason": _REASON} if verb is RequestAnswer.DECLINE else None
                await self._tap(desk, verb, f"/staff/room-requests/{id}/{verb}", reason, id)

    async def _plan(self, reader: Reader) -> None:
        """Books or requests a room for tomorrow, or for so soon that the request is answered within
        half an hour; invites others, and mostly cancels it some time later."""
        chance, zone = self.house.chance, self.house.zone
        room, now = chance.choice([*ROOM_RULES]), zone.local(real_now())
        start = zone.midnight(zone.day(now) + timedelta(days=1))
        start, kept = start + chance.choice(_HALF_HOURS) * _HALF_AN_HOUR, _KEPT
        if ROOM_RULES[room].unanswered is not None and chance.random() < 0.4:
            start, kept = _half_hour(now) + 3 * _HALF_AN_HOUR, _KEPT_REQUESTS
        end = start + chance.randint(1, 2) * _HALF_AN_HOUR
        made = (await self._book(reader, room, start, end)).promise
        if made is None:
            return
        await self._invite(reader, made.id)
        await self._rest(20)
        if chance.random() > kept:
            await self._tap(reader, "cancel", f"/room-bookings/{made.id}/cancel", None, made.id)

    async def _meet(self, reader: Reader) -> None:
        """Takes a room at once and invites others; then comes, gives it back, or does neither."""
        chance, now = self.house.chance, self.house.zone.local(real_now())
        rooms = ["free-1", "free-2", "for-two", "approved", "buffered"]
        (room,) = chance.choices(rooms, weights=[4, 4, 4, 4, 1])
        end = _half_hour(now) + 2 * _HALF_AN_HOUR
        made = (await self._book(reader, room, None, end)).promise
        if made is None:
            return
        await self._invite(reader, made.id)
        fate = chance.random()
        if fate < 0.2:
            await self.house.closes_within(_NOBODY_COMES_S)
        elif fate < 0.9:
            await self._rest(10)
            if await self._check_in(reader, made.id):
                await self._rest(10)
        await self._give_back(reader, made.id)

    async def _join(self, reader: Reader, invitation: _Invitation) -> None:
        """Confirms, and may withdraw, once more confirm, or check all in."""
        chance, id, word = self.house.chance, invitation.booking, invitation.word
        confirm, withdraw = (f"/room-invitations/{word}/{verb}" for verb in ("confirm", "withdraw"))
        joined = await self._tap(reader, "confirm", confirm, None, id)
        if joined.promise is None:
            return
        await self._rest(5)
        fate = chance.random()
        if fate < 0.4:
            await self._tap(reader, "withdraw", withdraw, None, id)
            if fate < 0.1:
                await self._tap(reader, "confirm", confirm, None, id)
        elif fate < 0.6:
            await self._check_in(reader, id)

    async def _book(
        self, reader: Reader, room: str, start: datetime | None, end: datetime
    ) -> Operation:
        """Books the room. Without ``start`` the stay begins now."""
        zone = self.house.zone
        begin = start or zone.local(real_now())
        wish = {"room_id": room, "date": zone.day(begin).isoformat(), "end": clock(zone, end)}
        wish["start"] = clock(zone, start) if start is not None else "now"
        place = room, begin, end
        return await self._tap(reader, "book", "/room-bookings", wish, requested=place)

    async def _invite(self, reader: Reader, id: str) -> None:
        status, booking = await reader.ask("GET", f"/room-bookings/{id}")
        if status == 200:
            self._invitations += [_Invitation(id, booking["invitation"])] * _INVITED

    async def _check_in(self, reader: Reader, id: str) -> bool:
        """Scans codes until one is accepted."""
        for _ in range(_SCANS):
            code = {"qr": await reader.code()}
            path = f"/room-bookings/{id}/check-in"
            scanned = await self._tap(reader, "check_in", path, code, id)
            if scanned.promise is not None:
                return True
            if scanned.refusal not in _SCANNED_AGAIN:
                return False
            await self._rest(5)
        return False

    async def _give_back(self, reader: Reader, id: str) -> None:
        """Cancels the booking or finishes the stay, whichever is possible."""
        for _ in range(_TRIES):
            status, booking = await reader.ask("GET", f"/room-bookings/{id}")
            if status == 200:
                verb = _ENDED_BY.get(booking["state"])
                if verb is not None:
                    await self._tap(reader, verb, f"/room-bookings/{id}/{verb}", None, id)
                return
            await asyncio.sleep(0.3)

    async def _rest(self, longest: float) -> None:
        """Waits for so long at most, in units of ``think_s``."""
        await asyncio.sleep(self.house.think_s * longest * self.house.chance.random())

    async def _tap(
        self,
        reader: Reader,
        verb: str,
        path: str,
        body: object = None,
        target: str = "",
        requested: tuple[str, datetime, datetime] | None = None,
    ) -> Operation:
        """Sends a request about a room until there is an answer. It has no key."""
        operation = Operation(reader.member.id, verb, "", target, real_now(), requested=requested)
        self.house.history.room_operations.append(operation)
        await reader.send(operation, path, body, lambda answer: room_promise_of(answer, target))
        return operation

    async def probe(self, there: Sequence[Stored]) -> None:
        """Lets readers ask for rooms of tomorrow that were booked before and are free now.
        ``there``: the live reservations of seats."""
        rooms = await self.house.library.rooms()
        day = self.house.zone.day(real_now()) + timedelta(days=1)
        wished = {
            (o.promise.seat, o.promise.start)
            for o in self.house.history.room_operations
            if o.promise is not None and self.house.zone.day(o.promise.start) == day
        }
        readers = self.house.readers
        places = self.house.chance.sample(sorted(wished), min(len(wished), len(readers)))
        for reader, (room, start) in zip(readers, places, strict=False):
            end, id = start + _HALF_AN_HOUR, reader.member.id
            empty_until = end + timedelta(minutes=ROOM_RULES[room].buffer_minutes)
            taken = [(b.start, b.room_until or b.start) for b in rooms if b.room == room]
            own = [(b.start, b.end) for b in rooms if b.live and id in b.people]
            own += [(r.start, r.end) for r in there if r.reader == id]
            if _meets(taken, start, empty_until) or _meets(own, start, end):
                continue
            asked_at = real_now()
            made = await self._book(reader, room, start, end)
            if made.promise is not None:
                await self._give_back(reader, made.promise.id)
            if made.refusal != "weekly_limit":
                refusal = "no answer" if made.unknown else made.refusal
                probe = Probe(id, room, start, refusal, asked_at)
                self.house.history.probes.append(probe)


def _half_hour(now: datetime) -> datetime:
    """The beginning of the present half hour."""
    return now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)


def _meets(spans: Sequence[tuple[datetime, datetime]], start: datetime, end: datetime) -> bool:
    return any(begin < end and start < stop for begin, stop in spans)
