"""Free text is stored encrypted only and shown to those for whom it is meant."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any, Final

import pytest

from languages.catalogue import LANGUAGES
from miniapp_server.repositories import Repositories
from models.readers.entities import Reader
from models.readers.personal_data_repository import export
from models.staff.audit import AuditQuery
from models.storage.encryption import FieldCipher
from models.storage.free_text import FREE_TEXTS, reencrypt_free_texts
from tests.api.browsing import Browser
from tests.api.console import librarian, post, staff
from tests.api.known_reader import apply_for_season
from tests.api.violations import missed
from tests.living import MONDAY_8, Client, Living

QUESTION: Final = "请回电 13800138000，我是李小明"
REPLY: Final = "已致电李小明，插座修好了"
APPEAL: Final = "我发烧去了校医院，学号 21079999"
ANSWER: Final = "看过病历，情况属实"
WAIVED: Final = "王老师来电说明，座位旁漏水"
UNBOUND: Final = "李小明手机丢失，身份证尾号 432198765432"
SUSPENDED: Final = "把座位转给了赵同学"
NOTE: Final = "李小明来过服务台两次"
BROKEN: Final = "李小明坐过的椅子断了"
MENDED: Final = "请李小明换一个座位"
PURPOSE: Final = "李小明的毕业答辩"
REFUSED: Final = "赵同学的导师要用这间"
MAIL, WAITING = "zhang@example.edu", "another@example.edu"
AUTHENTICATOR = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TYPED: Final = (
    *(NOTE, BROKEN, MENDED, QUESTION, REPLY, APPEAL, ANSWER, WAIVED, UNBOUND, SUSPENDED),
    *(PURPOSE, REFUSED, MAIL, WAITING),
)


async def everything_typed(service: Living) -> Client:
    """A reader about whom each of the texts was typed."""
    reader = await missed(service, 2)
    desk, now = await staff(service), service.clock.now()
    await service.inside.stored.feedback.add(reader.reader_id, "k", QUESTION, now)
    (question,) = await service.inside.stored.feedback.waiting(1)
    first, second = (await reader.ok("GET", "/violations"))["items"]
    await reader.ok("POST", f"/violations/{first['id']}/appeal", {"text": APPEAL})
    seat = "/seats/2f-hall-001/faults"
    broken = await reader.ok("POST", seat, {"kind": "chair", "text": BROKEN})
    room = {"room_id": "r401", "date": service.tomorrow, "start": "14:00", "end": "15:00"}
    asked = await reader.ok("POST", "/room-bookings", room | {"purpose": PURPOSE})
    decline = f"/staff/room-requests/{asked['id']}/decline"
    await (await librarian(service)).ok("POST", decline, {"reason": REFUSED})
    here = f"/console/readers/{reader.reader_id}"
    until = (now + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    for path, form in (
        (f"/console/questions/{question.id}", {"text": REPLY}),
        (f"/console/questions/{question.id}/note", {"rev": "0", "note": NOTE}),
        (f"/console/faults/{broken['id']}/close", {"outcome": "repaired", "reason": MENDED}),
        (f"/console/appeals/{first['id']}", {"granted": "yes", "text": ANSWER}),
        (f"/console/violations/{second['id']}/waive", {"reason": WAIVED}),
        (f"{here}/unbind", {"reason": UNBOUND}),
        (f"{here}/suspend", {"was": "", "until": until, "reason": SUSPENDED}),
    ):
        answer = await post(service, desk, path, **form)
        assert answer.status == 303, (path, answer.body[:2000])
    addresses, ends = service.inside.stored.email_addresses, now + timedelta(minutes=10)
    await addresses.follow_campus(reader.reader_id, MAIL)
    await addresses.request(reader.reader_id, WAITING, "hash", ends)
    factors = service.inside.stored.second_factors
    assert await factors.put(reader.reader_id, AUTHENTICATOR, ["A" * 16], 1, now)
    await service.inside.stored.opening_draws.commit(ends, now)
    await apply_for_season(service, reader)
    return reader


async def read_by(stored: Repositories, reader: Client) -> dict[str, list[str]]:
    """The decrypted texts of each collection, as the repositories read them."""
    id = reader.reader_id
    questions, _ = await stored.feedback.page_of(id, 0, 10)
    closed, _ = await stored.fault_reports.page_of(None, 0, 10)
    faults = [f for f in closed if f.reader_id == id]
    violations, _ = await stored.violations.page_of(id, 0, 10)
    inbox, _ = await stored.messages.page_of(id, False, 0, 50)
    entries, _ = await stored.audit_log.page_of(AuditQuery(reader=id), 0, 50)
    mail = await stored.email_addresses.of(id)
    factor = await stored.second_factors.of(id)
    last, own = await stored.violations.last_suspension(id), await stored.readers.get(id)
    return {
        "feedback": [text for f in questions for text in (f.text, f.answer, f.note)],
        "fault_reports": [text for f in faults for text in (f.text, f.answer)],
        "reservations": [
            text
            for b in await stored.room_bookings.of(id, MONDAY_8)
            for text in (b.purpose, b.reason)
        ],
        "violations": [
            *(text for v in violations if v.appeal for text in (v.appeal.text, v.appeal.answer)),
            *(v.waiver.reason for v in violations if v.waiver),
        ],
        "suspensions": [last.reason.words] if last is not None and last.reason else [],
        "readers": [own.suspended_for.words] if own is not None and own.suspended_for else [],
        "messages": [
            said for m in inbox if m.typed for said in (m.text, LANGUAGES["en"].say(m.text))
        ],
        "audit": [e.reason for e in entries],
        "opening_draws": [draw.secret for draw in await stored.opening_draws.latest(1)],
        "season_applications": [one.salt for one in await stored.seasons.applications_of(id)],
        "seasons": [season.secret for season in await stored.seasons.latest(1)],
        "second_factors": [factor.secret if factor is not None else ""],
        "email_addresses": [mail.address, mail.pending.address if mail.pending else ""],
    }


def in_it(typed: str, texts: list[str]) -> bool:
    return any(typed in text for text in texts)


async def test_free_text_is_stored_encrypted_and_readable_with_any_live_key(
    service: Living,
) -> None:
    reader = await everything_typed(service)
    dumped = await service.all_documents()
    assert [typed for typed in (*TYPED, AUTHENTICATOR) if typed in dumped] == []
    for typed in ("13800138000", "李小明", "21079999", "432198765432", "赵同学"):
        assert typed not in dumped, typed

    texts = await read_by(service.inside.stored, reader)
    assert texts.keys() == FREE_TEXTS.keys()
    for name, expected in (
        ("feedback", (QUESTION, REPLY, NOTE)),
        ("fault_reports", (BROKEN, MENDED)),
        ("reservations", (PURPOSE, REFUSED)),
        ("violations", (APPEAL, ANSWER, WAIVED)),
        ("suspensions", (SUSPENDED,)),
        ("readers", (SUSPENDED,)),
        ("messages", (QUESTION, REPLY, ANSWER, WAIVED, SUSPENDED)),
        ("audit", (REPLY, ANSWER, WAIVED, UNBOUND, SUSPENDED, REFUSED)),
        ("email_addresses", (MAIL, WAITING)),
        ("second_factors", (AUTHENTICATOR,)),
    ):
        assert all(in_it(typed, texts[name]) for typed in expected), (name, texts[name])
    for name, digits in (("opening_draws", 64), ("seasons", 64), ("season_applications", 32)):
        (secret,) = texts[name]
        assert len(secret) == digits and secret not in dumped, name
    # The people for whom it is meant read it: the reader, the desk.
    page = Browser(await service.web_reader(reader))
    page_texts = (await page.get("/contact")).body + (await page.get("/notices")).body
    assert QUESTION in page_texts and REPLY in page_texts and SUSPENDED in page_texts
    elsewhere = await service.web_reader(reader)
    english = await elsewhere.ok("GET", "/messages", **{"Accept-Language": "en"})
    own = re.compile("|".join((*TYPED, "图书馆|二层中厅", "[二三四]层[南北]\\w*机")))
    for message in english["items"]:
        written = own.sub("", f"{message['title']} {message['text']}")
        assert not re.search("[\u4e00-\u9fff]", written), message
    assert UNBOUND in (await (await staff(service)).get("/console/audit")).body
    # After keys were rotated, too.
    both = FieldCipher({1: b"k" * 32, 2: b"n" * 32})
    before = await read_by(service.inside.stored, reader)
    done = await reencrypt_free_texts(service.db, both)
    assert done > len(TYPED) and await reencrypt_free_texts(service.db, both) == 0
    assert await read_by(Repositories(service.db, FieldCipher({2: b"n" * 32})), reader) == before


@pytest.mark.whole
async def test_free_text_is_exported_in_clear_and_erased(service: Living) -> None:
    reader = await everything_typed(service)
    other = await service.reader()
    await service.inside.stored.feedback.add(other.reader_id, "k", "几点关门", service.clock.now())
    exported = await export(service.db, service.settings.sealer, reader.reader_id)
    text = json.dumps(exported, ensure_ascii=False, default=str)
    (own,), (suspended,) = exported["reader"], exported["suspensions"]
    assert own["suspended_for"]["words"] == suspended["reason"]["words"] == SUSPENDED
    assert [typed for typed in TYPED if typed not in text] == []
    assert AUTHENTICATOR not in text, "who has the file would have their second factor"
    assert "几点关门" not in text

    await service.inside.stored.readers.set_suspended_until(
        reader.reader_id, (await person(service, reader)).suspended_until, None
    )
    await service.inside.erasure.erase(await person(service, reader), service.clock.now())
    for name, fields in FREE_TEXTS.items():
        for row in await service.db[name].find({"reader": "erased"}).to_list(None):
            assert not any(value_of(row, field) for field in fields), (name, row)
    assert not await service.db["feedback"].find_one({"reader": reader.reader_id})


def value_of(row: Any, field: str) -> Any:
    for name in field.split("."):
        row = (row or {}).get(name)
    return row


async def person(service: Living, reader: Client) -> Reader:
    stored_reader = await service.inside.stored.readers.get(reader.reader_id)
    assert stored_reader is not None
    return stored_reader


@pytest.mark.whole
async def test_a_document_without_the_field_reads_as_empty_text(service: Living) -> None:
    reader = await everything_typed(service)
    for name, fields in FREE_TEXTS.items():
        gone = {"$unset": dict.fromkeys(fields, "")}
        await service.db[name].update_many({}, gone)
    remaining_texts = await read_by(service.inside.stored, reader)
    assert {text for texts in remaining_texts.values() for text in texts} == {""}
    await export(service.db, service.settings.sealer, reader.reader_id)
    assert await reencrypt_free_texts(service.db, FieldCipher({2: b"n" * 32})) == 0
