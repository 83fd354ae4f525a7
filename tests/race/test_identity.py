"""Activation codes, bindings, attempt counters, and single logout."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.identity.activation_code_repository import ActivationCodeRepository
from models.identity.binding_repository import BindingRepository
from models.identity.entities import Session, SignOnSession, StaffRole
from models.identity.roles import Role
from models.identity.session_repository import SessionRepository
from models.kernel.errors import TooManyAttempts
from models.kernel.ids import ReaderId
from models.readers.entities import PersonalData, Reader
from models.readers.repository import ReaderRepository
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter
from models.storage.encryption import token_hash
from models.storage.mongo import new_id
from tests.race.stage import EIGHT, Around, Stage, Step, clock, guarded, kinds, put_around

CODE = "204816"
LIBRARIAN = StaffRole(Role.LIBRARIAN, EIGHT, EIGHT)


class LooksFirst(ActivationCodeRepository):
    """The control: reads the code, then marks it as used."""

    async def redeem(self, code: str, now: datetime) -> ReaderId | None:
        row = await self._all.find_one({"digits": self._digits(code), "live": True})
        if row is None:
            return None
        await self._all.update_one({"_id": row["_id"]}, {"$set": {"live": False}})
        return ReaderId(row["reader"])


@guarded
async def test_an_activation_code_binds_one_user(stage: Stage, guard: bool) -> None:
    """The binding's own index would stop the second user as well, so the control drops it."""
    if not guard:
        await stage.drop("bindings", "reader")
    reader, barrier = await stage.reader(), asyncio.Barrier(2)
    await ActivationCodeRepository(stage.db, stage.cipher).issue(
        reader.id, CODE, EIGHT, clock(8, 10)
    )
    services = []
    for _ in range(2):
        codes = (ActivationCodeRepository if guard else LooksFirst)(stage.db, stage.cipher)
        if guard:
            put_around(codes, "find_one_and_update", before=barrier.wait)
        else:
            put_around(codes, "find_one", behind=barrier.wait)
        services.append(stage.account_binding(codes=codes))
    users = [await stage.wx_user("o-one"), await stage.wx_user("o-two")]
    results = await asyncio.gather(
        *(service.bind(user, CODE, EIGHT) for service, user in zip(services, users, strict=True)),
        return_exceptions=True,
    )
    bound = await stage.db["bindings"].count_documents({"reader": reader.id})
    if guard:
        assert kinds(results) == {"ok": 1, "activation_code_invalid": 1} and bound == 1
    else:
        assert kinds(results) == {"ok": 2} and bound == 2


@guarded
@pytest.mark.parametrize("shared", ["reader", "openid_hashes"])
async def test_reader_and_user_are_bound_one_to_one(stage: Stage, guard: bool, shared: str) -> None:
    """Two codes with either one reader or one WeChat user in common; neither party has seen a
    binding."""
    if not guard:
        await stage.drop("bindings", shared)
    one, two = await stage.reader(), await stage.reader()
    barrier, pairs = asyncio.Barrier(2), [(one.id, "o-one"), (two.id, "o-one")]
    if shared == "reader":
        pairs = [(one.id, "o-one"), (one.id, "o-two")]

    async def bind(reader_id: ReaderId, openid: str) -> None:
        bindings = BindingRepository(stage.db, stage.cipher)
        put_around(bindings, "insert_many", before=barrier.wait)
        assert await bindings.reader_of(openid) is None
        await bindings.bind(reader_id, openid, None, EIGHT)

    results = await asyncio.gather(*(bind(*pair) for pair in pairs), return_exceptions=True)
    refusal = "reader_bound_elsewhere" if shared == "reader" else "already_bound"
    assert kinds(results) == ({"ok": 1, refusal: 1} if guard else {"ok": 2})
    assert await stage.db["bindings"].count_documents({}) == (1 if guard else 2)


@guarded
@pytest.mark.parametrize("index", ["live_digits", "live_reader"])
async def test_digits_and_readers_have_one_live_activation_code(
    stage: Stage, guard: bool, index: str
) -> None:
    if not guard:
        await stage.drop("activation_codes", index)
    one, two, barrier = await stage.reader(), await stage.reader(), asyncio.Barrier(2)
    pairs = [(one.id, CODE), (two.id, CODE)]
    if index == "live_reader":
        pairs = [(one.id, CODE), (one.id, "617283")]

    async def issue(reader_id: ReaderId, code: str) -> bool:
        codes = ActivationCodeRepository(stage.db, stage.cipher)
        put_around(codes, "insert_many", before=barrier.wait)
        return await codes.issue(reader_id, code, EIGHT, clock(8, 10))

    issued = await asyncio.gather(*(issue(*pair) for pair in pairs))
    assert sorted(issued) == ([False, True] if guard else [True, True])
    assert await stage.db["activation_codes"].count_documents({"live": True}) == sum(issued)


class CountsAfterwards(AttemptLimiter):
    """The control: checks for a free attempt and counts it afterwards."""

    looked: Step

    async def register(self, limits: list[AttemptLimit], now: datetime) -> None:
        for limit in limits:
            row = await self._all.find_one({"_id": limit.key})
            if row is not None and row["n"] >= limit.failures:
                raise TooManyAttempts(60)
        await self.looked()
        for limit in limits:
            await self._all.update_one({"_id": limit.key}, {"$inc": {"n": 1}}, upsert=True)


@guarded
async def test_a_hundred_guesses_at_once_do_not_pass_the_limit(stage: Stage, guard: bool) -> None:
    limiter = AttemptLimiter(stage.db)
    if not guard:
        limiter = careless = CountsAfterwards(stage.db)
        careless.looked = asyncio.Barrier(100).wait
    service = stage.account_binding(attempts=limiter)
    user = await stage.wx_user("o-one")

    async def guess(n: int) -> None:
        await service.bind(user, f"{n:06d}", EIGHT)

    results = await asyncio.gather(*(guess(n) for n in range(100)), return_exceptions=True)
    if guard:
        assert kinds(results) == {"activation_code_invalid": 5, "too_many_attempts": 95}
        counter = {"_id": f"activation:openid:{token_hash('o-one')}"}
        counted = await stage.db["attempt_limits"].find_one(counter)
        assert counted is not None and counted["n"] == 5
        later = EIGHT + timedelta(minutes=10)
        await limiter.register([AttemptLimit(str(counter["_id"]), 5, timedelta(minutes=10))], later)
    else:
        assert kinds(results) == {"activation_code_invalid": 100}


class AdmitsAfterALook(ReaderRepository):
    """The control: looks for the number, then inserts the reader."""

    async def upsert_from_login(
        self, student_no: str, name: str, kind: str, now: datetime
    ) -> Reader:
        hashes = self._sealer.hashes(student_no, "student_no")
        row = await self._all.find_one({"no_hashes": {"$in": hashes}})
        if row is None:
            row = {"_id": new_id(), "no_hashes": hashes, "kind": kind}
            row["no"] = self._sealer.encrypt(student_no, "student_no")
            row["name"] = self._sealer.encrypt(name, "name")
            await self._all.insert_one(row)
        return Reader(row["_id"], kind, None, lambda: PersonalData(student_no, name))


@guarded
async def test_two_first_logins_make_one_reader(stage: Stage, guard: bool) -> None:
    if not guard:
        await stage.drop("readers", "no_hashes")
    barrier = asyncio.Barrier(2)

    async def admit() -> Reader:
        readers = (ReaderRepository if guard else AdmitsAfterALook)(stage.db, stage.cipher)
        if guard:
            put_around(readers, "find_one_and_update", before=barrier.wait)
        else:
            put_around(readers, "find_one", behind=barrier.wait)
        return await readers.upsert_from_login("21079999", "张三", "student", EIGHT)

    one, two = await asyncio.gather(admit(), admit())
    assert (one == two) is guard
    assert await stage.db["readers"].count_documents({}) == (1 if guard else 2)


# --- single logout --------------------------------------------------------------------------------


class LooksBeforeItOpens(SessionRepository):
    """The control: checks for the tombstone before the session exists, and not again."""

    async def open_web(
        self,
        token: str,
        reader_id: ReaderId,
        ticket: str,
        now: datetime,
        expires_at: datetime,
        role: StaffRole | None = None,
        device: str = "",
        sign_on: SignOnSession | None = None,
    ) -> bool:
        ticket_hash = token_hash(ticket)
        if await self._ended.find_one({"_id": ticket_hash}) is not None:
            return False
        document: Any = {"_id": token_hash(token), "kind": "web", "reader": reader_id}
        document |= {"ticket": ticket_hash, "created_at": now, "expires_at": expires_at}
        await self._all.insert_one(document)
        return True


@pytest.mark.parametrize(
    ("collection", "method", "where"),
    [
        ("sessions", "insert_one", "before"),
        ("sessions", "insert_one", "behind"),
        ("logged_out_tickets", "find_one", "before"),
    ],
    ids=["before the session", "behind the session", "before the look"],
)
async def test_a_logout_at_any_point_during_a_login_ends_the_session(
    stage: Stage, collection: str, method: str, where: str
) -> None:
    reader, sessions = await stage.reader(), SessionRepository(stage.db, stage.cipher)
    _during(sessions, collection, method, where, stage)
    assert not await sessions.open_web("token", reader.id, "ST-1", EIGHT, clock(20))
    assert await sessions.find_principal(token_hash("token")) is None


@pytest.mark.parametrize(
    ("collection", "method", "opened"),
    [("logged_out_tickets", "update_one", True), ("sessions", "find", False)],
    ids=["before the tombstone", "behind the tombstone"],
)
async def test_a_session_opened_during_a_logout_is_ended_by_it(
    stage: Stage, collection: str, method: str, opened: bool
) -> None:
    reader = await stage.reader()
    here, there = (
        SessionRepository(stage.db, stage.cipher),
        SessionRepository(stage.db, stage.cipher),
    )
    answers: list[bool] = []

    async def login() -> None:
        answers.append(await there.open_web("token", reader.id, "ST-1", EIGHT, clock(20)))

    if method == "find":  # no awaitable of its own: the step goes behind the call before it
        put_around_ended(here, "update_one", behind=login)
    else:
        put_around_ended(here, method, before=login)
    await here.close_by_ticket("ST-1", EIGHT)
    assert answers == [opened]
    assert await here.find_principal(token_hash("token")) is None


async def test_without_the_second_check_a_session_survives_its_logout(stage: Stage) -> None:
    """The control of logouts during logins and of logins during logouts."""
    reader, sessions = await stage.reader(), LooksBeforeItOpens(stage.db, stage.cipher)
    _during(sessions, "sessions", "insert_one", "before", stage)
    assert await sessions.open_web("token", reader.id, "ST-1", EIGHT, clock(20))
    assert await sessions.find_principal(token_hash("token")) is not None


class RenewsWithoutALook(SessionRepository):
    """The control: writes the new ticket without checking for a tombstone."""

    async def renew_role(
        self,
        session: Session,
        ticket: str,
        role: StaffRole | None,
        expires_at: datetime,
        sign_on: SignOnSession | None = None,
    ) -> datetime | None:
        ticket_hash = token_hash(ticket)
        await self._all.find_one_and_update({"_id": session.id}, {"$set": {"ticket": ticket_hash}})
        return expires_at


@pytest.mark.parametrize(
    ("collection", "method", "where", "guard"),
    [
        ("sessions", "find_one_and_update", "before", True),
        ("sessions", "find_one_and_update", "behind", True),
        ("logged_out_tickets", "find_one", "behind", True),
        ("sessions", "find_one_and_update", "before", False),
    ],
    ids=["before the ticket", "behind the ticket", "behind the look", "control"],
)
async def test_a_logout_at_any_point_during_a_renewal_ends_the_session(
    stage: Stage, collection: str, method: str, where: str, guard: bool
) -> None:
    """The reader types the password again, and the campus logs out that very ticket."""
    reader = await stage.reader()
    sessions = (SessionRepository if guard else RenewsWithoutALook)(stage.db, stage.cipher)
    assert await sessions.open_web("token", reader.id, "ST-0", EIGHT, clock(20), LIBRARIAN)
    before = await sessions.find_principal(token_hash("token"))
    assert before is not None
    _during(sessions, collection, method, where, stage)
    renewed = await sessions.renew_role(before.session, "ST-1", LIBRARIAN, clock(21))
    over = collection != "sessions"  # what was renewed is ended a moment later
    assert renewed == (clock(21) if over or not guard else None)
    assert (await sessions.find_principal(token_hash("token")) is None) is guard


async def test_a_session_renewed_during_a_logout_is_ended_by_it(stage: Stage) -> None:
    """The renewal falls between the tombstone and the deletion of sessions."""
    reader = await stage.reader()
    here, there = (
        SessionRepository(stage.db, stage.cipher),
        SessionRepository(stage.db, stage.cipher),
    )
    assert await there.open_web("token", reader.id, "ST-0", EIGHT, clock(20), LIBRARIAN)
    before = await there.find_principal(token_hash("token"))
    assert before is not None
    answers: list[datetime | None] = []

    async def renew() -> None:
        answers.append(await there.renew_role(before.session, "ST-1", LIBRARIAN, clock(21)))

    put_around_ended(here, "update_one", behind=renew)
    await here.close_by_ticket("ST-1", clock(9))
    assert answers == [None]
    assert await here.find_principal(token_hash("token")) is None


def _during(
    sessions: SessionRepository, collection: str, method: str, where: str, stage: Stage
) -> None:
    async def logout() -> None:
        await SessionRepository(stage.db, stage.cipher).close_by_ticket("ST-1", EIGHT)

    put = put_around if collection == "sessions" else put_around_ended
    put(sessions, method, **{where: logout})


def put_around_ended(sessions: Any, method: str, **steps: Step) -> None:
    """``put_around`` for the collection of logged-out tickets."""
    sessions._ended = Around(sessions._ended, method, **steps)
