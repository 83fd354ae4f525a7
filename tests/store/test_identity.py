"""Readers, bindings, sessions and codes: unique by index, sealed, found again after rotation."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from models.errors import AlreadyBound, ReaderBoundElsewhere, ServiceError
from models.library import Kiosk, KioskId
from models.reader import Session, SessionKind
from models.reservation import ReaderId
from models.store.activation_codes import ActivationCodes
from models.store.catalogue import Catalogue
from models.store.client import Database
from models.store.identity import MAX_TOMBSTONES, Bindings, Readers, Sessions
from models.store.sealing import SealBroken, Sealer, fingerprint
from models.store.violations import Violations
from models.violation import Suspension
from tests.builders import LI, VENUE, ZHANG, on

NOW, LATER = on("08:00"), on("20:00")
OLD, NEW = b"1" * 32, b"2" * 32


async def test_a_reader_is_admitted_once_and_renewed(db: Database, sealer: Sealer) -> None:
    readers = Readers(db, sealer)
    both = await asyncio.gather(
        *(readers.admit("21070001", "张三", "student", NOW) for _ in range(8))
    )
    assert len({reader.id for reader in both}) == 1
    renewed = await readers.admit("21070001", "张三丰", "graduate", NOW)
    assert (renewed.id, renewed.name, renewed.kind) == (both[0].id, "张三丰", "graduate")
    assert renewed.student_no_masked == "21****01"
    assert await readers.get(renewed.id) == renewed
    assert await readers.get(ReaderId("0" * 24)) is None
    assert (await readers.admit("21070002", "李四", "student", NOW)).id != renewed.id


async def test_a_longer_suspension_stands(db: Database, sealer: Sealer) -> None:
    readers, violations = Readers(db, sealer), Violations(db)
    reader = await readers.admit("21070001", "张三", "student", NOW)
    for until in (LATER, NOW):
        used = (f"until {until}",)
        assert await violations.suspend(Suspension(used[0], reader.id, NOW, until, used))
    found = await readers.get(reader.id)
    assert found is not None and found.suspended_until == LATER


async def test_a_binding_is_one_to_one(db: Database, sealer: Sealer) -> None:
    bindings = Bindings(db, sealer)
    await bindings.bind(ZHANG, "o-zhang", "u-zhang", NOW)
    with pytest.raises(ReaderBoundElsewhere):
        await bindings.bind(ZHANG, "o-other", None, NOW)
    with pytest.raises(AlreadyBound):
        await bindings.bind(LI, "o-zhang", None, NOW)
    assert await bindings.reader_of("o-zhang") == ZHANG
    assert await bindings.openids_of([ZHANG, LI]) == {ZHANG: "o-zhang"}
    assert await bindings.reader_of("o-other") is None
    assert await bindings.unbind(ZHANG) and not await bindings.unbind(ZHANG)
    await bindings.bind(LI, "o-zhang", None, NOW)
    assert await bindings.reader_of("o-zhang") == LI


async def test_sessions_of_both_kinds(db: Database, sealer: Sealer) -> None:
    sessions = Sessions(db, sealer)
    assert await sessions.open_web("web-token", ZHANG, "ST-1", NOW, LATER)
    await sessions.open_wx("wx-token", "o-zhang", NOW, LATER, "u-zhang")
    reader = await Readers(db, sealer).admit("21070001", "张三", "student", NOW)
    await sessions.open_web("of-reader", reader.id, "ST-9", NOW, LATER)
    of_reader = await sessions.who(fingerprint("of-reader"))
    assert of_reader is not None and of_reader.reader == reader
    await sessions.close(fingerprint("of-reader"))

    unbound = await sessions.who(fingerprint("wx-token"))
    await Bindings(db, sealer).bind(reader.id, "o-zhang", None, NOW)
    bound = await sessions.who(fingerprint("wx-token"))
    assert unbound is not None and unbound.reader is None
    assert bound is not None and bound.reader == reader, "by the binding of this moment"
    of_nobody = await sessions.who(fingerprint("web-token"))
    assert of_nobody is not None and of_nobody.reader is None
    web, wx = of_nobody.session, bound.session
    ticket = fingerprint("ST-1")
    assert web == Session(web.id, SessionKind.WEB, ZHANG, ticket, LATER, lambda: None)
    assert wx == Session(wx.id, SessionKind.WX, None, None, LATER, lambda: None)
    assert (web.id, web.openid) == (fingerprint("web-token"), None)
    assert (wx.id, wx.openid) == (fingerprint("wx-token"), "o-zhang")
    assert await sessions.unionid_of(wx.id) == "u-zhang"
    assert await sessions.unionid_of(web.id) is None
    await sessions.close(wx.id)
    assert await sessions.who(wx.id) is None
    assert await sessions.prune(LATER - timedelta(seconds=1), NOW) == 0
    assert await sessions.prune(LATER, NOW) == 1
    assert await sessions.who(web.id) is None


async def test_a_single_logout_wins_in_either_order(db: Database, sealer: Sealer) -> None:
    sessions = Sessions(db, sealer)
    await sessions.open_web("first", ZHANG, "ST-1", NOW, LATER)
    await sessions.open_web("other", ZHANG, "ST-2", NOW, LATER)
    assert await sessions.close_ticket("ST-1", NOW) == [fingerprint("first")]
    assert await sessions.close_ticket("ST-3", NOW) == []
    assert not await sessions.open_web("late", ZHANG, "ST-3", NOW, LATER)
    assert [await sessions.who(fingerprint(t)) is None for t in ("first", "other", "late")] == [
        True,
        False,
        True,
    ]
    await sessions.prune(NOW, NOW + timedelta(seconds=1))
    assert await sessions.open_web("much later", ZHANG, "ST-3", NOW, LATER), "tombstones are pruned"


async def test_tombstones_of_tickets_are_few(db: Database, sealer: Sealer) -> None:
    sessions = Sessions(db, sealer)
    junk = [{"_id": str(n), "at": NOW + timedelta(microseconds=1000 * n)} for n in range(10_000)]
    await db["ended_tickets"].insert_many(junk)
    await sessions.close_ticket("ST-1", NOW + timedelta(minutes=1))
    assert await db["ended_tickets"].count_documents({}) == MAX_TOMBSTONES
    assert await db["ended_tickets"].find_one({"_id": "0"}) is None, "the oldest has gone"
    assert not await sessions.open_web("late", ZHANG, "ST-1", NOW, LATER)


async def test_a_code_of_the_version_before_gets_a_secret(db: Database, sealer: Sealer) -> None:
    codes = ActivationCodes(db, sealer)
    end = NOW + timedelta(minutes=10)
    assert await codes.issue(ZHANG, "123456", NOW, end)
    await db["activation_codes"].update_one({}, {"$unset": {"secret": ""}})
    live = await codes.live_of(ZHANG, NOW)
    assert live is not None and live.digits == "123456"
    assert await codes.reader_of(live.secret, NOW) == ZHANG
    assert await codes.live_of(ZHANG, NOW) == live
    assert await codes.redeem("123456", NOW) == ZHANG


async def test_activation_codes(db: Database, sealer: Sealer) -> None:
    codes = ActivationCodes(db, sealer)
    end = NOW + timedelta(minutes=10)
    assert await codes.issue(ZHANG, "123456", NOW, end)
    assert not await codes.issue(ZHANG, "654321", NOW, end), "one live code a reader"
    assert not await codes.issue(LI, "123456", NOW, end), "two readers never share digits"
    live = await codes.live_of(ZHANG, NOW)
    assert live is not None and (live.digits, live.expires_at) == ("123456", end)
    assert await codes.live_of(ZHANG, end) is None and await codes.live_of(LI, NOW) is None
    assert await codes.redeem("000000", NOW) is None and await codes.redeem("123456", end) is None
    redeemed = await asyncio.gather(*(codes.redeem("123456", NOW) for _ in range(8)))
    assert sorted(filter(None, redeemed)) == [ZHANG], "exactly one caller gets the reader"
    assert await codes.issue(LI, "123456", NOW, end), "used digits are free again"
    assert await codes.issue(ZHANG, "123456", end, end + timedelta(minutes=10)), "expired ones too"
    await codes.revoke(ZHANG)
    assert await codes.redeem("123456", end) is None
    assert await codes.prune(end) == 0 and await codes.prune(LATER) == 3


# --- at rest, and while keys rotate ---------------------------------------------------------------


async def test_nothing_personal_is_stored_in_clear(db: Database, sealer: Sealer) -> None:
    reader = await Readers(db, sealer).admit("21070001", "张三", "student", NOW)
    await Bindings(db, sealer).bind(reader.id, "o-zhang", "u-zhang", NOW)
    sessions = Sessions(db, sealer)
    await sessions.open_web("web-token", reader.id, "ST-1", NOW, LATER)
    await sessions.open_wx("wx-token", "o-zhang", NOW, LATER, "u-zhang")
    await ActivationCodes(db, sealer).issue(reader.id, "123456", NOW, LATER)
    stored = ""
    for name in await db.list_collection_names():
        rows = await db[name].find().to_list(None)
        stored += json.dumps(rows, default=str, ensure_ascii=False)
    for secret in ("21070001", "张三", "zhang", "token", "ST-1", "123456"):
        assert secret not in stored


async def test_keys_rotate_without_losing_or_doubling_anybody(db: Database) -> None:
    old, both, new = Sealer({1: OLD}), Sealer({1: OLD, 2: NEW}), Sealer({2: NEW})

    def stores(sealer: Sealer) -> tuple[Readers, Bindings, Catalogue]:
        return Readers(db, sealer), Bindings(db, sealer), Catalogue(db, sealer)

    readers, bindings, catalogue = stores(old)
    kiosk = Kiosk(KioskId("2f-south"), VENUE, "选座机", "seat_kiosk")
    zhang = await readers.admit("21070001", "张三", "student", NOW)
    await bindings.bind(zhang.id, "o-zhang", None, NOW)
    await catalogue.put([], [], [kiosk])
    await catalogue.issue_kiosk_key(kiosk.id, "key", "SECRET")

    # Both keys live: whoever was known stays the same person, under either key's workers.
    readers, bindings, catalogue = stores(both)
    assert (await readers.admit("21070001", "张三", "student", NOW)).id == zhang.id
    with pytest.raises(AlreadyBound):
        await bindings.bind(LI, "o-zhang", None, NOW)
    li = await readers.admit("21070002", "李四", "student", NOW)
    await bindings.bind(li.id, "o-li", None, NOW)
    assert await Bindings(db, old).reader_of("o-li") == li.id
    with pytest.raises(AlreadyBound):
        await Bindings(db, old).bind(ReaderId("c" * 24), "o-li", None, NOW)

    # Sealed anew, in batches, until there is nothing left.
    assert [await readers.reseal(5), await readers.reseal(5)] == [1, 0]
    assert [await bindings.reseal(5), await bindings.reseal(5)] == [1, 0]
    assert [await catalogue.reseal(), await catalogue.reseal()] == [1, 0]

    # The old key is taken out.
    readers, bindings, catalogue = stores(new)
    for reader, number, openid in ((zhang, "21070001", "o-zhang"), (li, "21070002", "o-li")):
        assert (await readers.admit(number, reader.name, reader.kind, NOW)).id == reader.id
        assert await readers.get(reader.id) == reader
        assert await bindings.reader_of(openid) == reader.id
        assert await bindings.openids_of([reader.id]) == {reader.id: openid}
        with pytest.raises(AlreadyBound):
            await bindings.bind(ReaderId("c" * 24), openid, None, NOW)
    assert await catalogue.kiosk_secret(kiosk.id) == "SECRET"
    assert await catalogue.kiosk_key_fits(kiosk.id, "key")
    sealed_anew = await Readers(db, old).get(zhang.id)
    assert sealed_anew is not None
    with pytest.raises(SealBroken):
        _ = sealed_anew.name


def test_a_seal_opens_with_its_key_and_in_its_field_only() -> None:
    sealer = Sealer({1: OLD, 2: NEW})
    sealed = sealer.seal("张三", "name")
    assert sealed.startswith("2:") and sealer.open(sealed, "name") == "张三"
    assert sealer.seal("张三", "name") != sealed, "never twice alike"
    flipped = sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1]
    for box, purpose, keys in (
        (sealed, "student_no", sealer),
        (flipped, "name", sealer),
        (sealed, "name", Sealer({2: OLD})),
        (sealed, "name", Sealer({1: NEW})),
    ):
        with pytest.raises(SealBroken):
            keys.open(box, purpose)
    assert not issubclass(SealBroken, ServiceError), "never an answer to a reader"
    assert sealer.hashes("x", "a") == Sealer({2: NEW}).hashes("x", "a") + Sealer({1: OLD}).hashes(
        "x", "a"
    )
    assert sealer.hashes("x", "a") != sealer.hashes("x", "b")


@pytest.mark.parametrize("text", ["", "1:", "1:AAAA", "x:AAAA", "1", "1:!" + "A" * 43])
def test_keys_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        Sealer.parse(text)
