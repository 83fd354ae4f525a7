"""Readers, bindings, sessions and codes: unique by index, encrypted, found again after key
rotation."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta

import pytest

from models.identity.activation_code_repository import ActivationCodeRepository
from models.identity.binding_repository import BindingRepository
from models.identity.entities import Session, SessionKind
from models.identity.errors import AlreadyBound, ReaderBoundElsewhere
from models.identity.session_repository import MAX_STORED_LOGOUTS, SessionRepository
from models.kernel.errors import DomainError
from models.kernel.ids import ReaderId
from models.kiosks.repository import KioskRepository
from models.library.entities import Kiosk, KioskId
from models.library.repository import CatalogRepository
from models.readers.entities import VISITOR, SuspensionReason, Visit
from models.readers.errors import NumberOfVisitor
from models.readers.repository import ReaderRepository
from models.storage.encryption import DecryptionError, FieldCipher, token_hash
from models.storage.mongo import Database
from models.violations.entities import Suspension
from models.violations.repository import ViolationRepository
from tests.builders import LI, VENUE, ZHANG, on

SOONER = on("12:00")
NOW, LATER = on("08:00"), on("20:00")
OLD, NEW = b"1" * 32, b"2" * 32


async def test_a_reader_is_admitted_once_and_renewed(db: Database, sealer: FieldCipher) -> None:
    readers = ReaderRepository(db, sealer)
    both = await asyncio.gather(
        *(readers.upsert_from_login("21070001", "张三", "student", NOW) for _ in range(8))
    )
    assert len({reader.id for reader in both}) == 1
    renewed = await readers.upsert_from_login("21070001", "张三丰", "graduate", NOW)
    assert (renewed.id, renewed.name, renewed.category) == (both[0].id, "张三丰", "graduate")
    assert renewed.student_no_masked == "21****01"
    assert await readers.get(renewed.id) == renewed
    assert await readers.get(ReaderId("0" * 24)) is None
    assert (await readers.upsert_from_login("21070002", "李四", "student", NOW)).id != renewed.id


async def test_no_campus_account_becomes_a_visitor(db: Database, sealer: FieldCipher) -> None:
    """Its number could equal one generated for a visitor."""
    readers = ReaderRepository(db, sealer)
    visit = Visit(date(2026, 9, 7), date(2026, 9, 8))
    guest = await readers.admit_visitor(ZHANG, "客人", visit, NOW)
    number = guest.decrypt().student_no
    with pytest.raises(NumberOfVisitor):
        await readers.upsert_from_login(number, "李四", "student", NOW)
    reader = await readers.get(ZHANG)
    assert reader is not None and (reader.name, reader.category) == ("客人", VISITOR)
    # A number of that look that no visitor has is anybody's; so is a kind of that name.
    other = "V00000001" if number != "V00000001" else "V00000002"
    for _ in range(2):
        made = await readers.upsert_from_login(other, "李四", VISITOR, NOW)
        assert (made.name, made.stay) == ("李四", None)


async def test_a_sign_in_does_not_replace_a_chosen_language(
    db: Database, sealer: FieldCipher
) -> None:
    readers = ReaderRepository(db, sealer)
    reader = await readers.upsert_from_login("21070001", "张三", "student", NOW)
    languages = []
    for store, tag in (
        (readers.learn_language, "en"),
        (readers.learn_language, "zh"),
        (readers.choose_language, "en"),
        (readers.learn_language, "zh"),
    ):
        await store(reader.id, tag)
        languages.append((await readers.languages([reader.id]))[reader.id])
    assert languages == ["en", "zh", "en", "en"]


async def test_a_shorter_suspension_does_not_replace_a_longer_one(
    db: Database, sealer: FieldCipher
) -> None:
    readers, violations = ReaderRepository(db, sealer), ViolationRepository(db, sealer)
    reader = await readers.upsert_from_login("21070001", "张三", "student", NOW)
    for days, until in ((1, SOONER), (2, LATER), (3, NOW)):
        used, reason = (f"until {until}",), SuspensionReason(3, days)
        assert await violations.suspend(Suspension(used[0], reader.id, NOW, until, used, reason))
    stored_reader = await readers.get(reader.id)
    assert stored_reader is not None
    assert (stored_reader.suspended_until, stored_reader.suspended_for) == (
        LATER,
        SuspensionReason(3, 2),
    )


async def test_a_binding_is_one_to_one(db: Database, sealer: FieldCipher) -> None:
    bindings = BindingRepository(db, sealer)
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


async def test_web_and_mini_program_sessions_open_and_end(
    db: Database, sealer: FieldCipher
) -> None:
    sessions = SessionRepository(db, sealer)
    assert await sessions.open_web("web-token", ZHANG, "ST-1", NOW, LATER)
    await sessions.open_wx("wx-token", "o-zhang", NOW, LATER, "u-zhang")
    reader = await ReaderRepository(db, sealer).upsert_from_login(
        "21070001", "张三", "student", NOW
    )
    await sessions.open_web("of-reader", reader.id, "ST-9", NOW, LATER)
    of_reader = await sessions.find_principal(token_hash("of-reader"))
    assert of_reader is not None and of_reader.reader == reader
    await sessions.close(token_hash("of-reader"))

    unbound = await sessions.find_principal(token_hash("wx-token"))
    await BindingRepository(db, sealer).bind(reader.id, "o-zhang", None, NOW)
    bound = await sessions.find_principal(token_hash("wx-token"))
    assert unbound is not None and unbound.reader is None
    assert bound is not None and bound.reader == reader, "by the binding of this moment"
    of_nobody = await sessions.find_principal(token_hash("web-token"))
    assert of_nobody is not None and of_nobody.reader is None
    web, wx = of_nobody.session, bound.session
    ticket = token_hash("ST-1")
    assert web == Session(
        web.id, SessionKind.WEB, ZHANG, ticket, LATER, web.opened_at, lambda: None
    )
    assert wx == Session(wx.id, SessionKind.WX, None, None, LATER, wx.opened_at, lambda: None)
    assert (web.id, web.openid) == (token_hash("web-token"), None)
    assert (wx.id, wx.openid) == (token_hash("wx-token"), "o-zhang")
    assert await sessions.unionid_of(wx.id) == "u-zhang"
    assert await sessions.unionid_of(web.id) is None
    await sessions.close(wx.id)
    assert await sessions.find_principal(wx.id) is None
    assert await sessions.prune(LATER - timedelta(seconds=1), NOW) == 0
    assert await sessions.prune(LATER, NOW) == 1
    assert await sessions.find_principal(web.id) is None


async def test_a_single_logout_wins_in_either_order(db: Database, sealer: FieldCipher) -> None:
    sessions = SessionRepository(db, sealer)
    await sessions.open_web("first", ZHANG, "ST-1", NOW, LATER)
    await sessions.open_web("other", ZHANG, "ST-2", NOW, LATER)
    assert await sessions.close_by_ticket("ST-1", NOW) == [token_hash("first")]
    assert await sessions.close_by_ticket("ST-3", NOW) == []
    assert not await sessions.open_web("late", ZHANG, "ST-3", NOW, LATER)
    assert [
        await sessions.find_principal(token_hash(t)) is None for t in ("first", "other", "late")
    ] == [
        True,
        False,
        True,
    ]
    await sessions.prune(NOW, NOW + timedelta(seconds=1))
    assert await sessions.open_web("much later", ZHANG, "ST-3", NOW, LATER), "tombstones are pruned"


async def test_the_number_of_stored_logged_out_tickets_is_bounded(
    db: Database, sealer: FieldCipher
) -> None:
    sessions = SessionRepository(db, sealer)
    junk = [{"_id": str(n), "at": NOW + timedelta(microseconds=1000 * n)} for n in range(10_000)]
    await db["logged_out_tickets"].insert_many(junk)
    await sessions.close_by_ticket("ST-1", NOW + timedelta(minutes=1))
    assert await db["logged_out_tickets"].count_documents({}) == MAX_STORED_LOGOUTS
    assert await db["logged_out_tickets"].find_one({"_id": "0"}) is None, "the oldest has gone"
    assert not await sessions.open_web("late", ZHANG, "ST-1", NOW, LATER)


async def test_an_activation_code_of_the_previous_version_gets_a_secret(
    db: Database, sealer: FieldCipher
) -> None:
    codes = ActivationCodeRepository(db, sealer)
    end = NOW + timedelta(minutes=10)
    assert await codes.issue(ZHANG, "123456", NOW, end)
    await db["activation_codes"].update_one({}, {"$unset": {"secret": ""}})
    live = await codes.active_code(ZHANG, NOW)
    assert live is not None and live.digits == "123456"
    assert await codes.reader_of(live.secret, NOW) == ZHANG
    assert await codes.active_code(ZHANG, NOW) == live
    assert await codes.redeem("123456", NOW) == ZHANG


async def test_an_activation_code_is_unique_and_redeemed_once_in_time(
    db: Database, sealer: FieldCipher
) -> None:
    codes = ActivationCodeRepository(db, sealer)
    end = NOW + timedelta(minutes=10)
    assert await codes.issue(ZHANG, "123456", NOW, end)
    assert not await codes.issue(ZHANG, "654321", NOW, end), "one live code a reader"
    assert not await codes.issue(LI, "123456", NOW, end), "two readers never share digits"
    live = await codes.active_code(ZHANG, NOW)
    assert live is not None and (live.digits, live.expires_at) == ("123456", end)
    assert await codes.active_code(ZHANG, end) is None and await codes.active_code(LI, NOW) is None
    assert await codes.redeem("000000", NOW) is None and await codes.redeem("123456", end) is None
    redeemed = await asyncio.gather(*(codes.redeem("123456", NOW) for _ in range(8)))
    assert sorted(filter(None, redeemed)) == [ZHANG], "exactly one caller gets the reader"
    assert await codes.issue(LI, "123456", NOW, end), "used digits are free again"
    assert await codes.issue(ZHANG, "123456", end, end + timedelta(minutes=10)), "expired ones too"
    await codes.revoke(ZHANG)
    assert await codes.redeem("123456", end) is None
    assert await codes.prune(end) == 0 and await codes.prune(LATER) == 3


# --- at rest, and while keys rotate ---------------------------------------------------------------


async def test_personal_data_is_stored_encrypted(db: Database, sealer: FieldCipher) -> None:
    reader = await ReaderRepository(db, sealer).upsert_from_login(
        "21070001", "张三", "student", NOW
    )
    await BindingRepository(db, sealer).bind(reader.id, "o-zhang", "u-zhang", NOW)
    sessions = SessionRepository(db, sealer)
    await sessions.open_web("web-token", reader.id, "ST-1", NOW, LATER)
    await sessions.open_wx("wx-token", "o-zhang", NOW, LATER, "u-zhang")
    await ActivationCodeRepository(db, sealer).issue(reader.id, "123456", NOW, LATER)
    stored = ""
    for name in await db.list_collection_names():
        rows = await db[name].find().to_list(None)
        stored += json.dumps(rows, default=str, ensure_ascii=False)
    for secret in ("21070001", "张三", "zhang", "token", "ST-1", "123456"):
        assert secret not in stored


async def test_key_rotation_keeps_each_reader_exactly_once(db: Database) -> None:
    old, both, new = FieldCipher({1: OLD}), FieldCipher({1: OLD, 2: NEW}), FieldCipher({2: NEW})

    def stores(
        sealer: FieldCipher,
    ) -> tuple[ReaderRepository, BindingRepository, KioskRepository]:
        return (
            ReaderRepository(db, sealer),
            BindingRepository(db, sealer),
            KioskRepository(db, sealer),
        )

    readers, bindings, kiosks = stores(old)
    kiosk = Kiosk(KioskId("2f-south"), VENUE, "选座机", "seat_kiosk")
    zhang = await readers.upsert_from_login("21070001", "张三", "student", NOW)
    await bindings.bind(zhang.id, "o-zhang", None, NOW)
    await CatalogRepository(db).add_missing([], [], [kiosk])
    await kiosks.issue_kiosk_key(kiosk.id, "key", "SECRET")

    # Both keys live: whoever was known stays the same person, under either key's workers.
    readers, bindings, kiosks = stores(both)
    assert (await readers.upsert_from_login("21070001", "张三", "student", NOW)).id == zhang.id
    with pytest.raises(AlreadyBound):
        await bindings.bind(LI, "o-zhang", None, NOW)
    li = await readers.upsert_from_login("21070002", "李四", "student", NOW)
    await bindings.bind(li.id, "o-li", None, NOW)
    assert await BindingRepository(db, old).reader_of("o-li") == li.id
    with pytest.raises(AlreadyBound):
        await BindingRepository(db, old).bind(ReaderId("c" * 24), "o-li", None, NOW)

    # Sealed anew, in batches, until there is nothing left.
    assert [await readers.reencrypt(5), await readers.reencrypt(5)] == [1, 0]
    assert [await bindings.reencrypt(5), await bindings.reencrypt(5)] == [1, 0]
    assert [await kiosks.reencrypt(), await kiosks.reencrypt()] == [1, 0]

    # The old key is taken out.
    readers, bindings, kiosks = stores(new)
    for reader, number, openid in ((zhang, "21070001", "o-zhang"), (li, "21070002", "o-li")):
        assert (
            await readers.upsert_from_login(number, reader.name, reader.category, NOW)
        ).id == reader.id
        assert await readers.get(reader.id) == reader
        assert await bindings.reader_of(openid) == reader.id
        assert await bindings.openids_of([reader.id]) == {reader.id: openid}
        with pytest.raises(AlreadyBound):
            await bindings.bind(ReaderId("c" * 24), openid, None, NOW)
    assert await kiosks.kiosk_secret(kiosk.id) == "SECRET"
    assert await kiosks.verify_kiosk_key(kiosk.id, "key")
    sealed_anew = await ReaderRepository(db, old).get(zhang.id)
    assert sealed_anew is not None
    with pytest.raises(DecryptionError):
        _ = sealed_anew.name


def test_an_encrypted_value_decrypts_only_with_its_key_and_field() -> None:
    sealer = FieldCipher({1: OLD, 2: NEW})
    sealed = sealer.encrypt("张三", "name")
    assert sealed.startswith("2:") and sealer.decrypt(sealed, "name") == "张三"
    assert sealer.encrypt("张三", "name") != sealed, "never twice alike"
    flipped = sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1]
    for box, purpose, keys in (
        (sealed, "student_no", sealer),
        (flipped, "name", sealer),
        (sealed, "name", FieldCipher({2: OLD})),
        (sealed, "name", FieldCipher({1: NEW})),
    ):
        with pytest.raises(DecryptionError):
            keys.decrypt(box, purpose)
    assert not issubclass(DecryptionError, DomainError), "never an answer to a reader"
    assert sealer.hashes("x", "a") == FieldCipher({2: NEW}).hashes("x", "a") + FieldCipher(
        {1: OLD}
    ).hashes("x", "a")
    assert sealer.hashes("x", "a") != sealer.hashes("x", "b")


@pytest.mark.parametrize("text", ["", "1:", "1:AAAA", "x:AAAA", "1", "1:!" + "A" * 43])
def test_invalid_encryption_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        FieldCipher.parse(text)
