"""Readers over HTTP who sit together: they hold seats for one another, and accept them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from lab.chaos.readers import House, Reader
from lab.history.records import PartyEnd
from miniapp_server.clock import real_now
from models.kernel.ids import ReservationId
from models.reservations.party import party_of_booking

_PAUSE: Final = 50
"""The longest time between two acts of a reader, in units of ``think_s``."""
_HELD: Final = 20
"""The longest time for which a seat is held until its asker gives it back, in units of
``think_s``."""
_KEPT: Final = 0.05
"""Share of the bookings that are not cancelled."""
_TRIES: Final = 30


@dataclass(frozen=True, slots=True)
class _Invitation:
    word: str
    party_id: str
    seats: list[str]
    start: datetime
    end: datetime


@dataclass(slots=True)
class Friends:
    """The readers of a house, and the invitations that they have not answered yet."""

    house: House
    _invitations: list[_Invitation] = field(default_factory=list)

    async def live(self, reader: Reader) -> None:
        """Begins parties and answers invitations until the library closes."""
        chance = self.house.chance
        while not self.house.closing.is_set():
            await asyncio.sleep(self.house.think_s * _PAUSE * chance.random())
            if self._invitations:
                await self._join(reader, self._invitations.pop())
            else:
                await self._sit_together(reader)

    async def _sit_together(self, reader: Reader) -> None:
        """Books a seat of tomorrow with one or two others, invites one friend more than there are
        seats, and soon gives back what is still held."""
        chance, zone = self.house.chance, self.house.zone
        wish: dict[str, Any] = {**reader.wish(zone.local(real_now()) + timedelta(days=1))}
        seats = [seat for seat in reader.seats if seat != wish["seat_id"]]
        wish["friends"] = chance.sample(seats, chance.randint(1, 2))
        made = await reader.tap("reserve", "/parties", wish)
        if made.promise is None:
            return
        id, start, end = made.promise.id, made.promise.start, made.promise.end
        party_id = party_of_booking(ReservationId(id))
        status, party = await reader.ask("GET", f"/reservations/{id}/party")
        if status == 200:
            invitation = _Invitation(party["invitation"], party_id, wish["friends"], start, end)
            self._invitations += [invitation] * (len(invitation.seats) + 1)
        await asyncio.sleep(self.house.think_s * _HELD * chance.random())
        request = self.house.history.party_ends[party_id] = PartyEnd(real_now())
        for _ in range(_TRIES):
            status, _ = await reader.ask("POST", f"/reservations/{id}/party/end")
            if status == 200:
                request.answered_at = real_now()
                break
            await asyncio.sleep(0.3)
        await self._leave(reader, id)

    async def _join(self, reader: Reader, invitation: _Invitation) -> None:
        """Accepts a certain seat or any, if one is still held."""
        seat = self.house.chance.choice([None, *invitation.seats])
        requested = (seat, invitation.start, invitation.end) if seat is not None else None
        path, body = f"/invitations/{invitation.word}/accept", {"seat_id": seat}
        made = await reader.tap("reserve", path, body, invitation.party_id, requested)
        if made.promise is not None:
            await self._leave(reader, made.promise.id)

    async def _leave(self, reader: Reader, id: str) -> None:
        if self.house.chance.random() > _KEPT:
            await reader.tap("cancel", f"/reservations/{id}/cancel", None, id)
