"""Races: a library on a fresh database, and forced interleavings.

``Around`` adds a step before or after one call of a repository's collection: another party acts
there, or the call waits until all parties have arrived. A control removes the guard and nothing
else, and must then fail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from itertools import count
from typing import Any, Final

import pytest
from pymongo import UpdateMany

from bind.account_binding import AccountBindingService
from bind.redeemable_codes import RedeemableCodes
from bind.session_service import SessionService
from lab.history.records import History
from miniapp_server.repositories import Repositories
from models.check_in.arrival import KioskCodeScan
from models.identity.activation_code_repository import ActivationCodeRepository
from models.identity.binding_repository import BindingRepository
from models.identity.entities import Principal
from models.identity.review_code_repository import ReviewCodeRepository
from models.identity.session_repository import SessionRepository
from models.kernel.ids import Actor
from models.library.entities import KioskId
from models.messages.consent_repository import ConsentRepository
from models.policy.entities import OpeningRule
from models.readers.context import IdempotencyKey, RequestContext
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.staff.audit_log import AuditLog
from models.staff.review_access import ReviewAccess
from models.storage.attempt_limiter import AttemptLimiter
from models.storage.encryption import FieldCipher, token_hash
from models.storage.mongo import Collection, Database
from tests.builders import ZONE
from tests.inside import Inside, features
from tests.race.recording import record

MONDAY: Final = datetime(2026, 9, 7, tzinfo=ZONE.slot_clock)
EIGHT: Final = MONDAY.replace(hour=8)
SEATS: Final = tuple(f"2f-hall-{number:03d}" for number in range(1, 31))
SEAT, OTHER_SEAT = SEATS[0], SEATS[1]
KIOSK: Final = KioskId("2f-south")

guarded: Final = pytest.mark.parametrize("guard", [True, False], ids=["guarded", "control"])
"""A race is run with its guard, and once more without, when it must go wrong."""
both_sides: Final = pytest.mark.parametrize("stage", ["day", "night"], indirect=True)
"""A race is run by day, and once more where what is booked goes over midnight."""
both_sides_whole: Final = pytest.mark.parametrize(
    "stage", ["day", pytest.param("night", marks=pytest.mark.whole)], indirect=True
)
"""The same, by night in the whole run only: for claims that are no other there."""

Step = Callable[[], Awaitable[object]]


LATER: Final = timedelta(hours=13, minutes=30)
"""How much later everything happens in a race over midnight: what is booked from ten to eleven is
from 23:30 to 00:30 then."""
NIGHT: Final = OpeningRule(time(14), time(12))
_later = timedelta()


def clock(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """An instant of the Monday of all races, or of the night after it."""
    return MONDAY.replace(hour=hour, minute=minute, second=second) + _later


@contextmanager
def over_midnight() -> Iterator[None]:
    """Shifts everything by ``LATER`` within the block."""
    global _later
    _later = LATER
    try:
        yield
    finally:
        _later = timedelta()


class Around:
    """A collection with a step before or after the first call of one method."""

    def __init__(
        self,
        collection: Collection,
        method: str,
        *,
        before: Step | None = None,
        behind: Step | None = None,
    ) -> None:
        self._collection, self._method = collection, method
        self._before, self._behind = before, behind

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._collection, name)
        return self._staged(call) if name == self._method else call

    def _staged(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def staged(*args: Any, **options: Any) -> Any:
            before, self._before = self._before, None
            if before is not None:
                await before()
            result = await call(*args, **options)
            behind, self._behind = self._behind, None
            if behind is not None:
                await behind()
            return result

        return staged


class ById:
    """The control: guarded updates are filtered by ``_id`` alone."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def find_one_and_update(self, filter: Any, update: Any, **options: Any) -> Any:
        return await self._collection.find_one_and_update({"_id": filter["_id"]}, update, **options)

    async def update_one(self, filter: Any, update: Any, **options: Any) -> Any:
        return await self._collection.update_one({"_id": filter["_id"]}, update, **options)

    async def update_many(self, filter: Any, update: Any, **options: Any) -> Any:
        return await self._collection.update_many({"_id": filter["_id"]}, update, **options)

    async def bulk_write(self, updates: Any, **options: Any) -> Any:
        bare = [UpdateMany({"_id": u._filter["_id"]}, u._doc) for u in updates]
        return await self._collection.bulk_write(bare, **options)


def put_around(
    repository: Any, method: str, *, before: Step | None = None, behind: Step | None = None
) -> None:
    """Gives this repository instance an ``Around``; other instances are unaffected."""
    repository._all = Around(repository._all, method, before=before, behind=behind)


def unguard(repository: Any) -> None:
    """Lets this repository instance write by ``_id`` alone."""
    repository._all = ById(repository._all)


async def nobody_to_tell(_: object) -> None:
    """Replaces the notification of the other workers' caches."""


@dataclass(slots=True)
class Stage:
    """A database with the real library and any number of workers."""

    db: Database
    cipher: FieldCipher
    inside: Inside
    history: History = field(default_factory=lambda: History(ZONE))
    """What all workers were asked and have answered."""
    dropped: set[str] = field(default_factory=set)
    """Collections that lack an index until the next race."""
    _numbers: count[int] = field(default_factory=lambda: count(21070001))

    def __post_init__(self) -> None:
        record(self.inside, self.history)

    @property
    def stored(self) -> Repositories:
        """The repositories of the stage's own worker."""
        return self.inside.stored

    async def worker(self, **repositories: object) -> Inside:
        """A further worker on the same database; ``repositories`` replace its own."""
        stored = Repositories(self.db, self.cipher)
        for name, repository in repositories.items():
            assert hasattr(stored, name), name
            setattr(stored, name, repository)
        worker = features(self.db, self.cipher, stored=stored)
        await worker.reference.refresh()
        record(worker, self.history)
        return worker

    async def reader(self) -> Reader:
        number = str(next(self._numbers))
        return await self.stored.readers.upsert_from_login(number, "张三", "student", EIGHT)

    async def reserved(
        self, reader: Reader, seat: str = SEAT, start: int = 10, end: int = 11
    ) -> Reservation:
        """A reservation made at 08:00 for whole hours of the Monday."""
        return await self.inside.reservations.create(ctx(reader), seat, selection(start, end))

    async def in_use(self, reader: Reader, seat: str = SEAT) -> Reservation:
        """A reservation of 10:00–11:00, checked in at 10:00."""
        made = await self.reserved(reader, seat)
        return await self.inside.check_in.check_in(ctx(reader, clock(10)), made.id, scan(1))

    async def missed(self, reader: Reader, created_at: datetime) -> Reservation:
        """A missed booking of 10:00 on that day; its no-show waits in the outbox."""
        when = replace(selection(10, 11), day=ZONE.day(created_at))
        made = await self.inside.reservations.create(ctx(reader, created_at), SEAT, when)
        assert await self.inside.deadlines.no_show(made.check_in_until) == 1
        return await self.reload(made)

    async def reload(self, r: Reservation) -> Reservation:
        """The reservation as stored now."""
        reservation = await self.stored.reservations.get(r.id)
        assert reservation is not None
        return reservation

    async def live_claims(self) -> list[str]:
        """All live seat claims, in order."""
        rows = await self.db["reservations"].distinct("claims")
        return sorted(claim for claim in rows if claim.startswith("s:"))

    async def drop(self, collection: str, index: str) -> None:
        """Drops an index, the guard."""
        self.dropped.add(collection)
        await self.db[collection].drop_index(index)

    def account_binding(
        self,
        *,
        codes: ActivationCodeRepository | None = None,
        bindings: BindingRepository | None = None,
        attempts: AttemptLimiter | None = None,
        review: ReviewCodeRepository | None = None,
    ) -> AccountBindingService:
        codes = codes or ActivationCodeRepository(self.db, self.cipher)
        bindings = bindings or BindingRepository(self.db, self.cipher)
        review_codes = review or ReviewCodeRepository(self.db)
        review_access = ReviewAccess(AuditLog(self.stored.audit_log), review_codes)
        sessions = SessionRepository(self.db, self.cipher)
        return AccountBindingService(
            codes,
            RedeemableCodes(codes, review_access, attempts or AttemptLimiter(self.db)),
            bindings,
            self.stored.readers,
            SessionService(sessions, self.stored.api_tokens, self.cipher, nobody_to_tell),
            ConsentRepository(self.db),
        )

    async def wx_user(self, openid: str) -> Principal:
        """A WeChat user who has signed in and is not bound."""
        sessions = SessionRepository(self.db, self.cipher)
        await sessions.open_wx(f"token-{openid}", openid, EIGHT, clock(22), None)
        who = await sessions.find_principal(token_hash(f"token-{openid}"))
        assert who is not None
        return who


def ctx(reader: Reader, now: datetime = EIGHT, key: IdempotencyKey | None = None) -> RequestContext:
    return RequestContext(reader, Actor("reader", "api"), now, key)


def selection(start: int, end: int) -> TimeSelection:
    begin = clock(start)
    return TimeSelection(begin.date(), begin.time(), clock(end).time())


def other_hours() -> range:
    """Whole hours for bookings on the day of 10:00 to 11:00 that do not touch it."""
    return range(1, 9) if _later else range(12, 22)


def scan(step: int) -> KioskCodeScan:
    return KioskCodeScan(KIOSK, step, is_current=True)


def events(r: Reservation) -> list[str]:
    return [entry.event for entry in r.history]


def kinds(results: list[Any]) -> dict[str, int]:
    """The number of results of each error code; successes count as ``ok``."""
    counts: dict[str, int] = {}
    for result in results:
        code = getattr(result, "code", "") if isinstance(result, Exception) else "ok"
        if not code:
            raise result
        counts[code] = counts.get(code, 0) + 1
    return counts
