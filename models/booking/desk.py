"""The desk: what every use case works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from models.code_sharing.scan_repository import KioskScanRepository
from models.gates.entities import complete_until
from models.gates.event_repository import GateEventRepository
from models.gates.repository import GateRepository
from models.kernel.errors import Conflict, NotFound, Overloaded, RuleViolation
from models.kernel.ids import ReaderId
from models.library.entities import REMOVED_FROM_PLAN, Area, AreaId, Catalog, Seat, SeatId
from models.library.repository import CatalogRepository
from models.notices.repository import NoticeRepository
from models.outages.heartbeat_repository import HeartbeatRepository
from models.outages.repository import OutageRepository
from models.policy.entities import DayHours, Policy
from models.policy.repository import PolicyRepository
from models.readers.accommodation_repository import AccommodationRepository
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from models.readers.card_repository import CardRepository
from models.readers.context import RequestContext
from models.readers.repository import ReaderRepository
from models.reservations.change_stream_repository import ReservationChangeStream
from models.reservations.claims import idempotency_claim
from models.reservations.entities import IdempotentResult, Reservation
from models.reservations.errors import (
    ClaimConflict,
    IdempotencyKeyReused,
    RequestInProgress,
    RevisionConflict,
)
from models.reservations.live_occupancy import LiveOccupancy
from models.reservations.repository import ReservationRepository
from models.reservations.transitions import with_idempotency
from models.statistics.repository import DailyStatisticsRepository
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database
from models.violations.repository import ViolationRepository
from models.waitlist.repository import WaitlistRepository
from models.waitlist.service import WaitlistMatcher

REPLAY_FOR: Final = timedelta(hours=24)
_KEPT: Final = 1000
"""Of what is worked out for an area and a day."""


async def _no_listener(_: ReaderId) -> None:
    return None


class Desk:
    """Repositories, the library and its rules in memory, and the board."""

    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self.reservations = ReservationRepository(db)
        self.readers = ReaderRepository(db, sealer)
        self.violations = ViolationRepository(db)
        self.catalogue = CatalogRepository(db, sealer)
        self.policies = PolicyRepository(db)
        self.allowances = AccommodationRepository(db, sealer)
        self.notices = NoticeRepository(db)
        self.heartbeat = HeartbeatRepository(db)
        self.scans, self.cards = KioskScanRepository(db), CardRepository(db, sealer)
        self.outages, self.waits = OutageRepository(db), WaitlistRepository(db)
        self.days = DailyStatisticsRepository(db)
        self.line = WaitlistMatcher(self)
        self.gates, self.passages = GateRepository(db, sealer), GateEventRepository(db, sealer)
        self.board = LiveOccupancy(
            self.reservations, ReservationChangeStream(db, self.reservations.writer)
        )
        self.library = Catalog("", {}, {}, {})
        self._loaded: tuple[int, int | None] | None = None
        self._granted: tuple[int, dict[ReaderId, Accommodation]] = (0, {})
        self.policy = Policy()
        self._versions: dict[tuple[int, AreaId, date | None], Policy] = {}
        self._stored: dict[int, Policy] = {}
        """Older versions: they never change."""
        self._open_days: dict[tuple[int, date, AreaId], DayHours] = {}
        self.reader_changed: Callable[[ReaderId], Awaitable[None]] = _no_listener
        """Told when a reader's suspension begins or ends: sessions remember who they are of."""
        self._under_way: set[tuple[ReaderId, str]] = set()

    async def refresh(self) -> None:
        """Load the library, the current policy and the allowances, where they changed."""
        granted = await self.allowances.number()
        if granted != self._granted[0]:
            self._granted = granted, await self.allowances.all()
        found = (await self.catalogue.version(), await self.policies.newest())
        if found == self._loaded:
            return
        self.library = await self.catalogue.load()
        if found[1] is not None:
            self.policy = await self.policies.get(found[1]) or self.policy
        self._loaded = found

    def invalidate(self) -> None:
        """Nothing that was loaded is true any more (the sandbox starts anew)."""
        self._loaded, self._granted = None, (0, {})
        self._versions.clear()
        self._stored.clear()
        self._open_days.clear()
        self.board.invalidate()

    # --- the library --------------------------------------------------------------------------

    def seat(self, seat_id: str) -> Seat:
        """Raises: NotFound."""
        seat = self.library.seats.get(SeatId(seat_id))
        if seat is None:
            raise NotFound()
        return seat

    def seat_even_if_removed(self, seat_id: str) -> Seat:
        """The seat, also where it has left the plan: out of service then. Raises: NotFound."""
        seat = self.library.seats.get(SeatId(seat_id))
        if seat is not None:
            return seat
        gone = self.library.all_seats.get(SeatId(seat_id))
        if gone is None:
            raise NotFound()
        return replace(gone, disabled=REMOVED_FROM_PLAN, disabled_from=None, disabled_until=None)

    def area(self, area_id: str) -> Area:
        """Raises: NotFound."""
        area = self.library.areas.get(AreaId(area_id))
        if area is None:
            raise NotFound()
        return area

    def policy_for(self, area_id: AreaId, day: date, reader_id: ReaderId | None = None) -> Policy:
        """The current policy with the numbers of that area and day, and what the reader is
        granted."""
        return self._with_accommodation(self._resolve(self.policy, area_id, day), day, reader_id)

    def accommodation_of(self, reader_id: ReaderId) -> Accommodation:
        """What the reader is granted, whether its time is over or not."""
        return self._granted[1].get(reader_id, NO_ACCOMMODATION)

    def active_accommodation(self, reader_id: ReaderId | None, day: date) -> Accommodation:
        """What the reader is granted on that day."""
        granted = self.accommodation_of(reader_id) if reader_id is not None else NO_ACCOMMODATION
        return granted if granted.is_active_on(day) else NO_ACCOMMODATION

    def _with_accommodation(self, policy: Policy, day: date, reader_id: ReaderId | None) -> Policy:
        granted = self.active_accommodation(reader_id, day)
        return policy if granted is NO_ACCOMMODATION else granted.apply_to(policy)

    def may_use_seat(self, seat: Seat, reader_id: ReaderId | None, day: date) -> bool:
        """May the reader have the seat at all: is it not kept for others?"""
        kept = seat.accessible and self.policy.accessible_only
        return not kept or self.active_accommodation(reader_id, day).accessible

    async def policy_at_booking(self, r: Reservation) -> Policy:
        """The policy that the reservation was made under, with the numbers of its area and day, and
        what its reader is granted."""
        return self._with_accommodation(await self._policy_at_booking(r), r.date, r.reader_id)

    async def _policy_at_booking(self, r: Reservation) -> Policy:
        if r.policy_version == self.policy.version:
            return self._resolve(self.policy, r.area_id, r.date)
        stored = self._stored.get(r.policy_version)
        if stored is None:
            found = await self.policies.get(r.policy_version)
            if found is None:
                return self._resolve(self.policy, r.area_id, r.date)
            stored = self._stored[r.policy_version] = found
        return self._resolve(stored, r.area_id, r.date)

    def _resolve(self, policy: Policy, area_id: AreaId, day: date) -> Policy:
        key = (policy.version, area_id, day if policy.rule_sets else None)
        known = self._versions.get(key)
        if known is None:
            if len(self._versions) > _KEPT:
                self._versions.clear()
            known = self._versions[key] = policy.resolve(area_id, day)
        return known

    def opening_hours(self, policy: Policy, day: date, area_id: AreaId) -> DayHours:
        key = (policy.version, day, area_id)
        known = self._open_days.get(key)
        if known is None:
            if len(self._open_days) > _KEPT:
                self._open_days.clear()
            known = policy.day_hours(day, self.library.areas[area_id].venue_id, area_id)
            self._open_days[key] = known
        return known

    async def gate_events_complete_until(self, now: datetime) -> datetime:
        """Until when it is certain who went through the gates: deadlines up to then can be settled.
        ``now`` where no gate tells."""
        return complete_until(await self.gates.all(), now)

    # --- one reader's reservation ---------------------------------------------------------------

    async def get_own(self, id: str, reader_id: ReaderId) -> Reservation:
        """Raises: NotFound, for another reader's as well."""
        found = await self.reservations.get_own(id, reader_id)
        if found is None:
            raise NotFound()
        return found

    async def update(
        self,
        ask: RequestContext,
        id: str,
        decide: Callable[[Reservation, Policy], Awaitable[Reservation]],
    ) -> Reservation:
        """Let ``decide`` make the next reservation of the present one, and write it over that.

        Where somebody else was faster the decision is made anew on what stands then.

        Raises: what ``decide`` raises; NotFound; ClaimConflict; IdempotencyKeyReused.
        """
        for _ in range(8):
            old = await self.get_own(id, ask.reader.id)
            if (known := _previous_result(old, ask)) is not None:
                return known
            new = await decide(old, await self.policy_at_booking(old))
            if new is old:
                return old
            if ask.key is not None:
                replay = IdempotentResult(ask.key.value, ask.key.digest, ask.now)
                new = with_idempotency(new, replay, idempotency_claim(ask.reader.id, ask.key.value))
            try:
                return await self.line.save(old, new, ask.now)
            except RevisionConflict:
                continue
            except ClaimConflict as lost:
                if lost.kind != "i":
                    raise
                await self.release_expired_key(ask, lost.claim)
        raise Overloaded()

    # --- idempotency ----------------------------------------------------------------------------

    async def run_once(
        self, ask: RequestContext, work: Callable[[], Awaitable[Reservation]]
    ) -> Reservation:
        """Do ``work``; if it is refused and the reader's key has succeeded before, give that again.

        The key itself is kept by the claim index in the same write as the work, so two requests
        with one key can never both succeed. Refusals are not pinned.

        Raises: what ``work`` raises; RequestInProgress; IdempotencyKeyReused.
        """
        if ask.key is None:
            return await work()
        with self._single_flight(ask.reader.id, ask.key.value):
            try:
                return await work()
            except (Conflict, RuleViolation, NotFound):
                if (known := await self.replay(ask)) is not None:
                    return known
                raise

    async def replay(self, ask: RequestContext) -> Reservation | None:
        """What the reader's key has succeeded with, if it has. Raises: IdempotencyKeyReused."""
        if ask.key is None:
            return None
        claim = idempotency_claim(ask.reader.id, ask.key.value)
        holder = await self.reservations.find_by_claim(claim)
        return _previous_result(holder, ask) if holder else None

    async def release_expired_key(self, ask: RequestContext, claim: str) -> None:
        """After the index refused the key: a day-old one may be used anew, so release it.

        Raises: RequestInProgress, which ``once`` turns into the first success where that is this request.
        """
        holder = await self.reservations.find_by_claim(claim)
        if holder is None:
            return
        if not any(
            ask.key is not None
            and replay.key == ask.key.value
            and ask.now - replay.at >= REPLAY_FOR
            for replay in holder.idempotency_results
        ):
            raise RequestInProgress()
        await self.reservations.release_claim(holder.id, claim)

    @contextmanager
    def _single_flight(self, reader_id: ReaderId, key: str) -> Iterator[None]:
        """A courtesy within this worker: tell a client that its first request still runs."""
        entry = (reader_id, key)
        if entry in self._under_way:
            raise RequestInProgress()
        self._under_way.add(entry)
        try:
            yield
        finally:
            self._under_way.discard(entry)


def _previous_result(r: Reservation, ask: RequestContext) -> Reservation | None:
    """The reservation, if this very request made it what it is; None if its key is new here."""
    if ask.key is None:
        return None
    for replay in r.idempotency_results:
        if replay.key == ask.key.value and ask.now - replay.at < REPLAY_FOR:
            if replay.digest != ask.key.digest:
                raise IdempotencyKeyReused()
            return r
    return None
