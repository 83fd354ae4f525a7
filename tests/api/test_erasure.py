"""Personal data is exported and erased completely."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

import pytest

from models.erasure.past_repository import PastRepository
from models.readers.entities import Reader
from models.readers.personal_data_repository import (
    ANONYMISED_COLLECTIONS,
    AUDIT_COLLECTIONS,
    ERASED_READER,
    NON_PERSONAL_COLLECTIONS,
    PERSONAL_COLLECTIONS,
    export,
    revoke_access,
)
from models.reservations.errors import Suspended
from models.schema.indexes import INDEXES
from models.storage.mongo import new_id
from tests.api.console import librarian
from tests.api.known_reader import ASKED, CARD, reader_with_data
from tests.api.violations import WHY
from tests.builders import ZONE
from tests.living import Client, Living

DECLARED: Final = {
    *PERSONAL_COLLECTIONS,
    *ANONYMISED_COLLECTIONS,
    *AUDIT_COLLECTIONS,
    *NON_PERSONAL_COLLECTIONS,
    "readers",
    "attempt_limits",
}


async def everything(service: Living) -> dict[str, list[dict[str, Any]]]:
    """All documents of the service, without those of the stand-ins for WeChat and CAS."""
    db = service.db
    names = [
        n for n in await db.list_collection_names() if not n.startswith(("system.", "sandbox"))
    ]
    return {name: await db[name].find().sort("_id").to_list(None) for name in sorted(names)}


async def person(service: Living, reader: Client) -> Reader:
    stored_reader = await service.inside.stored.readers.get(reader.reader_id)
    assert stored_reader is not None
    return stored_reader


def traces(service: Living, reader: Client, everything: dict[str, Any]) -> dict[str, list[str]]:
    """The reader's names and words that occur in each collection, in any form."""
    sealer = service.settings.sealer
    words = [
        *(reader.reader_id, reader.number, reader.openid, CARD, WHY, ASKED, "张三丰"),
        *sealer.hashes(reader.number, "student_no"),
        *sealer.hashes(reader.openid, "openid"),
        *sealer.hashes(CARD, "card"),
    ]
    traced = {}
    for name, rows in everything.items():
        text = json.dumps(rows, ensure_ascii=False, default=str)
        if hits := [word for word in words if word in text]:
            traced[name] = hits
    return traced


async def test_an_export_holds_all_personal_data_and_no_document_after_the_erasure(
    service: Living,
) -> None:
    reader, neighbour = await reader_with_data(service), await service.reader()
    exported = await export(service.db, service.settings.sealer, reader.reader_id)
    text = json.dumps(exported, ensure_ascii=False, default=str)
    for word in (reader.number, reader.openid, "张三", WHY, ASKED, "2f-hall-003"):
        assert word in text, word
    assert neighbour.reader_id not in text
    empty = {name for name, rows in exported.items() if not rows}
    assert empty <= {
        *("deliveries", "kiosk_scans", "outbox_events", "suspensions", "webhook_deliveries")
    }
    assert not [name for row in exported["reservations"] for name in row if name == "claims"]
    await neighbour.reserve("2f-hall-004", "18:00", "20:00")
    await service.settle()
    before = await everything(service)
    assert set(before) | set(INDEXES) <= DECLARED, "every collection is somebody's or nobody's"
    # The control: the search finds them where they are.
    assert len(traces(service, reader, before)) >= 11
    counts = await service.inside.erasure.erase(await person(service, reader), service.clock.now())
    await service.settle()
    after = await everything(service)
    assert traces(service, reader, after) == {}

    # For the statistics everything is there still, with what ended now.
    def bookings(rows: list[dict[str, Any]]) -> list[Any]:
        return [(r["_id"], r["seat"], r["start"], r["created_at"]) for r in rows]

    assert bookings(after["reservations"]) == bookings(before["reservations"])
    states = [r["state"] for r in after["reservations"] if r["reader"] == ERASED_READER]
    assert sorted(states) == ["cancelled", "finished", "finished", "no_show"]
    assert counts["reservations"] == 4 and counts["violations"] == 1
    (violation,) = after["violations"]
    assert violation["appeal"]["text"] == violation["appeal"]["answer"] == "", "sealed words too"
    assert violation["counted_on"] == f"{ERASED_READER}:{violation['_id']}"
    # Others are as they were, their seats are theirs, and those that were given back are free.
    for name in ("readers", "reservations", "bindings", "sessions"):
        others = [r for r in before[name] if neighbour.reader_id in str(r)]
        assert [r for r in after[name] if neighbour.reader_id in str(r)] == others, name
    await neighbour.reserve("2f-hall-002", "now", "13:00")
    # Who they were may not act, and comes back as somebody new.
    await reader.refused("401 unauthenticated", "GET", "/me")
    again = await service.inside.stored.readers.upsert_from_login(
        reader.number, "张三", "student", service.clock.now()
    )
    assert again.id != reader.reader_id


@pytest.mark.whole
async def test_old_reservations_are_anonymised_in_batches(service: Living) -> None:
    """Stops at the first reservation that is too recent or not over; a second run changes
    nothing."""
    reader, neighbour = await reader_with_data(service), await service.reader()
    young = await neighbour.reserve("2f-hall-004", "18:00", "20:00")
    await service.move("17:00")
    await service.settle()
    past, now = PastRepository(service.db), service.clock.now()
    (ticket,) = await service.db["opening_tickets"].find().to_list(None)
    await service.db["opening_tickets"].insert_one({**ticket, "_id": "old", "day": "2026-09-06"})
    before = await everything(service)
    assert await past.forget(ZONE, now - timedelta(days=1), 100) == 0, "all too young"
    assert await everything(service) == before
    done = 0
    while count := await past.forget(ZONE, now, 2):
        assert count <= 2
        done += count
    after = await everything(service)
    gone = [r for r in after["reservations"] if r["reader"] == ERASED_READER]
    assert done == len(gone) == 2, "up to somebody's booking of 18:00"
    left = traces(service, reader, after)
    assert "violations" not in left, "with the words of the appeal"
    assert after["opening_tickets"] == [ticket], "that of a day to come"
    assert left.keys() >= {"readers", "feedback", "reservations"}, "the reader stays"
    earlier = {r["_id"]: r for r in before["reservations"]}
    for r in after["reservations"]:
        was = earlier[r["_id"]]
        assert (r["seat"], r["start"], r["state"]) == (was["seat"], was["start"], was["state"])
        if r["live"] or r["_id"] == young["id"]:
            assert r == was
    # As after a crash before the mark was written.
    await service.db["versions"].delete_one({"_id": "forgotten_reservations"})
    assert await past.forget(ZONE, now, 100) == 0
    assert await everything(service) == after


@pytest.mark.whole
async def test_old_audit_entries_and_answered_feedback_are_deleted(service: Living) -> None:
    """The job uses the operator's retention times; unanswered feedback stays."""
    reader = await reader_with_data(service)
    stored, now = service.inside.stored, service.clock.now()
    (question,) = await stored.feedback.waiting(9)
    await stored.feedback.answer(question.id, "已报修", now)
    await stored.feedback.add(reader.reader_id, "later", ASKED, now)
    prune = service.scheduler.job("prune")
    assert prune is not None

    async def count_of(collection: str) -> int:
        return await service.db[collection].count_documents({})

    entry = await service.db["audit"].find_one({})
    assert entry is not None
    await service.db["audit"].insert_many([{**entry, "_id": new_id()} for _ in range(2)])
    entries = await count_of("audit")
    assert await stored.audit_log.prune(now + timedelta(days=1), 1) == 1, "a batch"
    for days, feedback, audit in ((364, 2, entries - 1), (366, 1, entries - 1), (1096, 1, 0)):
        await prune.run(now + timedelta(days=days))
        assert (await count_of("feedback"), await count_of("audit")) == (feedback, audit), days
    over = [r["reader"] for r in (await everything(service))["reservations"] if not r["live"]]
    assert ERASED_READER in over, "the job takes the readers out, too"


@pytest.mark.whole
async def test_an_interrupted_erasure_is_completed_by_the_next_run(service: Living) -> None:
    reader = await reader_with_data(service)
    who = await person(service, reader)
    db, now = service.db, service.clock.now()
    await revoke_access(db, reader.reader_id)
    assert traces(service, reader, await everything(service))
    for _ in range(2):
        counts = await service.inside.erasure.erase(who, now)
        assert traces(service, reader, await everything(service)) == {}
    assert not any(counts.values())


async def test_a_suspended_reader_cannot_be_erased(service: Living) -> None:
    reader = await service.reader()
    until = service.clock.now().replace(hour=23)
    await service.inside.stored.readers.set_suspended_until(reader.reader_id, None, until)
    before = await everything(service)
    with pytest.raises(Suspended):
        await service.inside.erasure.erase(await person(service, reader), service.clock.now())
    assert await everything(service) == before


@pytest.mark.whole
async def test_no_document_names_an_erased_librarian(service: Living) -> None:
    desk, reader = await librarian(service), await service.reader()
    made = await reader.reserve("2f-hall-005", "09:00", "11:00")
    await service.move("09:31")
    (missed,) = (await reader.ok("GET", "/violations"))["items"]
    await desk.ok("POST", f"/staff/violations/{missed['id']}/waive", {"reason": "闸机故障"})
    await service.inside.erasure.erase(await person(service, desk), service.clock.now())
    assert desk.reader_id not in json.dumps(await everything(service), default=str)
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "no_show"
    assert (await reader.ok("GET", "/violations"))["items"][0]["waived"]
