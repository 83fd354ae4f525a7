"""The desk: what every use case works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from models.allowance import NONE, Allowance
from models.booking.board import Board
from models.booking.line import Line
from models.claims import idempotency_claim
from models.errors import (
    Busy,
    Conflict,
    IdempotencyKeyReused,
    InProgress,
    NotFound,
    RuleViolation,
)
from models.gate import told_until
from models.library import GONE, Area, AreaId, Library, Seat, SeatId
from models.policy import OpenDay, Policy
from models.reader import Reader
from models.reservation import Actor, ReaderId, Replay, Reservation, with_replay
from models.store.allowances import Allowances
from models.store.cards import Cards
from models.store.catalogue import Catalogue, Policies
from models.store.changes import Changes
from models.store.client import Database
from models.store.days import Days
from models.store.gates import Gates, Passages
from models.store.identity import Readers
from models.store.leases import Heartbeat
from models.store.notices import Notices
from models.store.outages import Outages
from models.store.reservations import ClaimLost, Reservations, StaleRevision
from models.store.scans import Scans
from models.store.sealing import Sealer
from models.store.violations import Violations
from models.store.waits import Waits

REPLAY_FOR: Final = timedelta(hours=24)
_KEPT: Final = 1000
"""Of what is worked out for an area and a day."""


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key with the digest of the request that carried it."""

    value: str
    digest: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks, how, and when."""

    reader: Reader
    actor: Actor
    now: datetime
    key: Key | None = None


async def _nobody_cares(_: ReaderId) -> None:
    return None


class Desk:
    """Repositories, the library and its rules in memory, and the board."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self.reservations = Reservations(db)
        self.readers = Readers(db, sealer)
        self.violations = Violations(db)
        self.catalogue = Catalogue(db, sealer)
        self.policies = Policies(db)
        self.allowances = Allowances(db, sealer)
        self.notices = Notices(db)
        self.heartbeat = Heartbeat(db)
        self.scans, self.cards = Scans(db), Cards(db, sealer)
        self.outages, self.waits = Outages(db), Waits(db)
        self.days = Days(db)
        self.line = Line(self)
        self.gates, self.passages = Gates(db, sealer), Passages(db, sealer)
        self.board = Board(self.reservations, Changes(db, self.reservations.writer))
        self.library = Library("", {}, {}, {})
        self._loaded: tuple[int, int | None] | None = None
        self._granted: tuple[int, dict[ReaderId, Allowance]] = (0, {})
        self.policy = Policy()
        self._versions: dict[tuple[int, AreaId, date | None], Policy] = {}
        self._stored: dict[int, Policy] = {}
        """Older versions: they never change."""
        self._open_days: dict[tuple[int, date, AreaId], OpenDay] = {}
        self.reader_changed: Callable[[ReaderId], Awaitable[None]] = _nobody_cares
        """Told when a reader's suspension begins or ends: sessions remember who they are of."""
        self._under_way: set[tuple[ReaderId, str]] = set()

    async def refresh(self) -> None:
        """Load the library, the current policy and the allowances, where they changed."""
        granted = await self.allowances.number()
        if granted != self._granted[0]:
            self._granted = granted, await self.allowances.all()
        found = (await self.catalogue.number(), await self.policies.newest())
        if found == self._loaded:
            return
        self.library = await self.catalogue.load()
        if found[1] is not None:
            self.policy = await self.policies.get(found[1]) or self.policy
        self._loaded = found

    def forget(self) -> None:
        """Nothing that was loaded is true any more (the sandbox starts anew)."""
        self._loaded, self._granted = None, (0, {})
        self._versions.clear()
        self._stored.clear()
        self._open_days.clear()
        self.board.forget()

    # --- the library --------------------------------------------------------------------------

    def seat(self, seat_id: str) -> Seat:
        """Raises: NotFound."""
        seat = self.library.seats.get(SeatId(seat_id))
        if seat is None:
            raise NotFound()
        return seat

    def known_seat(self, seat_id: str) -> Seat:
        """The seat, also where it has left the plan: out of service then. Raises: NotFound."""
        seat = self.library.seats.get(SeatId(seat_id))
        if seat is not None:
            return seat
        gone = self.library.all_seats.get(SeatId(seat_id))
        if gone is None:
            raise NotFound()
        return replace(gone, disabled=GONE, disabled_from=None, disabled_until=None)

    def area(self, area_id: str) -> Area:
        """Raises: NotFound."""
        area = self.library.areas.get(AreaId(area_id))
        if area is None:
            raise NotFound()
        return area

    def policy_for(self, area_id: AreaId, day: date, reader_id: ReaderId | None = None) -> Policy:
        """The current policy with the numbers of that area and day, and what the reader is
        granted."""
        return self._under(self._resolved(self.policy, area_id, day), day, reader_id)

    def granted(self, reader_id: ReaderId) -> Allowance:
        """What the reader is granted, whether its time is over or not."""
        return self._granted[1].get(reader_id, NONE)

    def allowance(self, reader_id: ReaderId | None, day: date) -> Allowance:
        """What the reader is granted on that day."""
        granted = self.granted(reader_id) if reader_id is not None else NONE
        return granted if granted.stands(day) else NONE

    def _under(self, policy: Policy, day: date, reader_id: ReaderId | None) -> Policy:
        granted = self.allowance(reader_id, day)
        return policy if granted is NONE else granted.under(policy)

    def open_to(self, seat: Seat, reader_id: ReaderId | None, day: date) -> bool:
        """May the reader have the seat at all: is it not kept for others?"""
        kept = seat.accessible and self.policy.accessible_kept
        return not kept or self.allowance(reader_id, day).accessible

    async def policy_of(self, r: Reservation) -> Policy:
        """The policy that the reservation was made under, with the numbers of its area and day, and
        what its reader is granted."""
        return self._under(await self._made_under(r), r.date, r.reader_id)

    async def _made_under(self, r: Reservation) -> Policy:
        if r.policy_version == self.policy.version:
            return self._resolved(self.policy, r.area_id, r.date)
        stored = self._stored.get(r.policy_version)
        if stored is None:
            found = await self.policies.get(r.policy_version)
            if found is None:
                return self._resolved(self.policy, r.area_id, r.date)
            stored = self._stored[r.policy_version] = found
        return self._resolved(stored, r.area_id, r.date)

    def _resolved(self, policy: Policy, area_id: AreaId, day: date) -> Policy:
        key = (policy.version, area_id, day if policy.rule_sets else None)
        known = self._versions.get(key)
        if known is None:
            if len(self._versions) > _KEPT:
                self._versions.clear()
            known = self._versions[key] = policy.for_area(area_id, day)
        return known

    def open_day(self, policy: Policy, day: date, area_id: AreaId) -> OpenDay:
        key = (policy.version, day, area_id)
        known = self._open_days.get(key)
        if known is None:
            if len(self._open_days) > _KEPT:
                self._open_days.clear()
            known = policy.open_day(day, self.library.areas[area_id].venue_id, area_id)
            self._open_days[key] = known
        return known

    async def told_until(self, now: datetime) -> datetime:
        """Until when it is certain who went through the gates: deadlines up to then can be settled.
        ``now`` where no gate tells."""
        return told_until(await self.gates.all(), now)

    # --- one reader's reservation ---------------------------------------------------------------

    async def own(self, id: str, reader_id: ReaderId) -> Reservation:
        """Raises: NotFound, for another reader's as well."""
        found = await self.reservations.get_own(id, reader_id)
        if found is None:
            raise NotFound()
        return found

    async def alter(
        self, ask: Ask, id: str, decide: Callable[[Reservation, Policy], Awaitable[Reservation]]
    ) -> Reservation:
        """Let ``decide`` make the next reservation of the present one, and write it over that.

        Where somebody else was faster the decision is made anew on what stands then.

        Raises: what ``decide`` raises; NotFound; ClaimLost; IdempotencyKeyReused.
        """
        for _ in range(8):
            old = await self.own(id, ask.reader.id)
            if (known := _replayed(old, ask)) is not None:
                return known
            new = await decide(old, await self.policy_of(old))
            if new is old:
                return old
            if ask.key is not None:
                replay = Replay(ask.key.value, ask.key.digest, ask.now)
                new = with_replay(new, replay, idempotency_claim(ask.reader.id, ask.key.value))
            try:
                return await self.line.write(old, new, ask.now)
            except StaleRevision:
                continue
            except ClaimLost as lost:
                if lost.kind != "i":
                    raise
                await self.let_spent_key_go(ask, lost.claim)
        raise Busy()

    # --- idempotency ----------------------------------------------------------------------------

    async def once(self, ask: Ask, work: Callable[[], Awaitable[Reservation]]) -> Reservation:
        """Do ``work``; if it is refused and the reader's key has succeeded before, give that again.

        The key itself is kept by the claim index in the same write as the work, so two requests
        with one key can never both succeed. Refusals are not pinned.

        Raises: what ``work`` raises; InProgress; IdempotencyKeyReused.
        """
        if ask.key is None:
            return await work()
        with self._only_one(ask.reader.id, ask.key.value):
            try:
                return await work()
            except (Conflict, RuleViolation, NotFound):
                if (known := await self.replay(ask)) is not None:
                    return known
                raise

    async def replay(self, ask: Ask) -> Reservation | None:
        """What the reader's key has succeeded with, if it has. Raises: IdempotencyKeyReused."""
        if ask.key is None:
            return None
        claim = idempotency_claim(ask.reader.id, ask.key.value)
        holder = await self.reservations.holder(claim)
        return _replayed(holder, ask) if holder else None

    async def let_spent_key_go(self, ask: Ask, claim: str) -> None:
        """After the index refused the key: a day-old one may be used anew, so release it.

        Raises: InProgress, which ``once`` turns into the first success where that is this request.
        """
        holder = await self.reservations.holder(claim)
        if holder is None:
            return
        if not any(
            ask.key is not None
            and replay.key == ask.key.value
            and ask.now - replay.at >= REPLAY_FOR
            for replay in holder.replays
        ):
            raise InProgress()
        await self.reservations.release_claim(holder.id, claim)

    @contextmanager
    def _only_one(self, reader_id: ReaderId, key: str) -> Iterator[None]:
        """A courtesy within this worker: tell a client that its first request still runs."""
        entry = (reader_id, key)
        if entry in self._under_way:
            raise InProgress()
        self._under_way.add(entry)
        try:
            yield
        finally:
            self._under_way.discard(entry)


def _replayed(r: Reservation, ask: Ask) -> Reservation | None:
    """The reservation, if this very request made it what it is; None if its key is new here."""
    if ask.key is None:
        return None
    for replay in r.replays:
        if replay.key == ask.key.value and ask.now - replay.at < REPLAY_FOR:
            if replay.digest != ask.key.digest:
                raise IdempotencyKeyReused()
            return r
    return None
