"""Binding while others guess: one code binds one user, and the reader's first answer counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Any

import pytest

from models.identity.activation_code_repository import ActivationCodeRepository, BindingRequest
from models.identity.binding_repository import BindingRepository
from models.identity.entities import Principal, Session, SessionKind
from models.kernel.errors import DomainError
from models.kernel.ids import ReaderId
from models.readers.entities import Reader
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter
from models.storage.mongo import Document
from tests.race.stage import EIGHT, Stage, clock, guarded, kinds, put_around

CODE, END = "204816", clock(8, 10)


class LooksFirst(ActivationCodeRepository):
    """The control: reads the current state, then writes by ``_id`` alone."""

    async def _use_up(self, code: Document, now: datetime) -> ReaderId | None:
        row = await self._all.find_one({**code, "live": True})
        if row is None:
            return None
        await self._all.update_one({"_id": row["_id"]}, {"$set": {"live": False}})
        return ReaderId(row["reader"])

    async def answer(
        self, reader_id: ReaderId, request_id: str, confirmed: bool, now: datetime
    ) -> BindingRequest | None:
        row = await self._all.find_one({"reader": reader_id, "live": True})
        if row is None or row["request"]["confirmed"] is not None:
            return None
        change = {"live": False, "request.confirmed": confirmed}
        await self._all.update_one({"_id": row["_id"]}, {"$set": change})
        return self._request(row)

    async def ask(
        self, code: str, openid: str, session_id: str, match_number: str, now: datetime
    ) -> BindingRequest | None:
        row = await self._all.find_one({"digits": self._digits(code), "request": None})
        if row is None:
            return None
        request = {
            "id": openid,
            "match_number": match_number,
            "user": self._sealer.hashes(openid, "openid"),
            "openid": self._sealer.encrypt(openid, "request"),
            "session": session_id,
            "at": now,
            "confirmed": None,
        }
        await self._all.update_one({"_id": row["_id"]}, {"$set": {"request": request}})
        return self._request(row | {"request": request})


class Scene:
    """One reader's code, two WeChat users, and a worker for each of two parties."""

    def __init__(self, stage: Stage, guard: bool) -> None:
        self.stage, barrier = stage, asyncio.Barrier(2)
        self.services = []
        for _ in range(2):
            codes = (ActivationCodeRepository if guard else LooksFirst)(stage.db, stage.cipher)
            if guard:
                put_around(codes, "find_one_and_update", before=barrier.wait)
            else:
                put_around(codes, "find_one", behind=barrier.wait)
            self.services.append(stage.account_binding(codes=codes))

    async def open(self, openid: str = "") -> None:
        self.reader = await self.stage.reader()
        self.users = [await self.stage.wx_user(name) for name in ("o-one", "o-two")]
        codes = ActivationCodeRepository(self.stage.db, self.stage.cipher)
        await codes.issue(self.reader.id, CODE, EIGHT, END)
        if openid:
            user = self.users[0]
            assert await codes.ask(CODE, openid, user.session.id, "47", EIGHT)
        live = await codes.active_code(self.reader.id, EIGHT)
        assert live is not None
        self.secret, self.request = live.secret, live.request.id if live.request else ""

    async def bound(self) -> int:
        return await self.stage.db["bindings"].count_documents({"reader": self.reader.id})


async def both(*parties: Awaitable[object]) -> list[Any]:
    return await asyncio.gather(*parties, return_exceptions=True)


@guarded
async def test_one_scanned_code_binds_one_user(stage: Stage, guard: bool) -> None:
    scene = Scene(stage, guard)
    await scene.open()
    if not guard:
        await stage.drop("bindings", "reader")
    one, two = scene.services
    results = await both(
        one.bind(scene.users[0], scene.secret, EIGHT), two.bind(scene.users[1], scene.secret, EIGHT)
    )
    if guard:
        assert (
            kinds(results) == {"ok": 1, "activation_code_invalid": 1} and await scene.bound() == 1
        )
    else:
        assert kinds(results) == {"ok": 2} and await scene.bound() == 2


@guarded
@pytest.mark.parametrize("other", ["scan", "refuse"])
async def test_a_confirmation_is_consumed_once(stage: Stage, guard: bool, other: str) -> None:
    """The reader confirms 是我 for one user, while another scans the code or the reader answers
    不是我 elsewhere."""
    scene = Scene(stage, guard)
    await scene.open(openid="o-one")
    if not guard:
        await stage.drop("bindings", "reader")
    one, two = scene.services
    results = await both(
        one.confirm(scene.reader.id, scene.request, EIGHT),
        two.bind(scene.users[1], scene.secret, EIGHT)
        if other == "scan"
        else two.refuse(scene.reader.id, scene.request, EIGHT),
    )
    lost = kinds(results)
    if not guard:
        assert lost == {"ok": 2}, "bound twice, or bound though it was refused"
        assert await scene.bound() == (2 if other == "scan" else 1)
        return
    assert lost.pop("ok") == 1 and set(lost) < {"activation_code_invalid", "binding_request_over"}
    confirmed = not isinstance(results[0], Exception)
    assert await scene.bound() == (1 if confirmed or other == "scan" else 0)
    row = await stage.db["activation_codes"].find_one({"reader": scene.reader.id})
    assert row is not None and not row["live"]
    assert row["request"]["confirmed"] is (
        True if confirmed else False if other == "refuse" else None
    )


@guarded
async def test_of_two_users_with_one_code_one_waits_for_confirmation(
    stage: Stage, guard: bool
) -> None:
    """Both give the right digits; the reader is asked about one of them."""
    scene = Scene(stage, guard)
    await scene.open()
    for limit in ("activation:all", "activation:day"):
        await stage.db["attempt_limits"].insert_one({"_id": limit, "n": 2000, "until": clock(9)})
    one, two = scene.services
    results = await both(
        one.bind(scene.users[0], CODE, EIGHT), two.bind(scene.users[1], CODE, EIGHT)
    )
    numbers = {r.match_number for r in results if isinstance(r, BindingRequest)}
    request = await stage.account_binding().request_for(scene.reader.id, EIGHT)
    assert request is not None
    if guard:
        assert kinds(results) == {"ok": 1, "activation_code_invalid": 1}
        assert numbers == {request.match_number}
    else:
        assert kinds(results) == {"ok": 2}, "the one who was told first is not the one asked about"
    assert await scene.bound() == 0


async def test_a_confirmation_interrupted_before_the_binding_is_completed_on_repeat(
    stage: Stage,
) -> None:
    """The worker dies between the answer and the binding; the form is sent again."""
    service, scene = stage.account_binding(), Scene(stage, True)
    await scene.open(openid="o-one")
    codes = ActivationCodeRepository(stage.db, stage.cipher)
    assert await codes.answer(scene.reader.id, scene.request, True, EIGHT)
    state = await service.state(scene.users[0], EIGHT)
    assert state.state == "pending" and await scene.bound() == 0
    for _ in range(2):
        await service.confirm(scene.reader.id, scene.request, EIGHT)
        assert await scene.bound() == 1


class NeverAsks(AttemptLimiter):
    """The control: counts wrong codes and enforces no limit."""

    async def count(self, limit: AttemptLimit, now: datetime) -> bool:
        await super().count(limit, now)
        return False


def _guesser(n: int) -> Principal:
    """A WeChat account that is signed in and not bound."""
    openid = f"o-guesser-{n}"
    return Principal(
        Session(openid, SessionKind.WX, None, None, clock(22), clock(8), lambda: openid), None
    )


@pytest.mark.parametrize(
    ("guesses", "limiter"), [(500, AttemptLimiter), (200, NeverAsks)], ids=["guarded", "control"]
)
@pytest.mark.timeout(600)
async def test_guessed_codes_bind_no_reader(
    stage: Stage, guesses: int, limiter: type[AttemptLimiter], long: bool
) -> None:
    """All digits from 000000 on, five by each account. Some are a reader's live code, the first of
    them after the first hundred: each is guessed, and its reader is asked instead of bound. The
    long form makes 10,000 guesses by 2,000 accounts."""
    guesses = 10_000 if long and limiter is AttemptLimiter else guesses
    service = stage.account_binding(attempts=limiter(stage.db))
    codes = ActivationCodeRepository(stage.db, stage.cipher)
    readers = [await stage.reader() for _ in range(10)]
    step = (guesses - 120) // len(readers)
    for n, reader in enumerate(readers):
        await codes.issue(reader.id, f"{120 + n * step:06d}", EIGHT, END)

    async def account(n: int) -> list[Any]:
        return [
            await _result(service.bind(_guesser(n), f"{guess:06d}", EIGHT))
            for guess in range(5 * n, 5 * n + 5)
        ]

    results: list[Any] = []
    for first in range(0, guesses // 5, 10):
        accounts = await asyncio.gather(*(account(n) for n in range(first, first + 10)))
        results += [result for of_one in accounts for result in of_one]
    hits = {True: BindingRequest, False: Reader}[limiter is AttemptLimiter]
    assert sum(isinstance(result, hits) for result in results) == len(readers)
    bound = await stage.db["bindings"].count_documents({})
    assert bound == (0 if limiter is AttemptLimiter else 10)

    if limiter is AttemptLimiter:  # and a right code binds meanwhile: by digits, and scanned
        for way in ("digits", "secret"):
            reader, user = await stage.reader(), await stage.wx_user(f"o-{way}")
            code = await service.get_or_create_code(reader.id, False, EIGHT)
            found_one = await service.bind(user, getattr(code, way), EIGHT)
            if way == "digits":
                assert isinstance(found_one, BindingRequest)
                assert await stage.db["bindings"].count_documents({}) == 0
                await service.confirm(reader.id, found_one.id, EIGHT)
            assert (
                await BindingRepository(stage.db, stage.cipher).reader_of(f"o-{way}") == reader.id
            )


async def _result(work: Awaitable[object]) -> object:
    try:
        return await work
    except DomainError as error:
        return error
