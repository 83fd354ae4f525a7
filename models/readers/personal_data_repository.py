"""What the database holds about a person, in one table: to hand it out, and to forget it.

Every collection is in one of the sets below; a test holds them against the database's own list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from models.kernel.ids import ReaderId
from models.readers.accommodation_repository import allowances_changed
from models.storage.encryption import DecryptionError, FieldCipher
from models.storage.free_text import FREE_TEXTS, FreeTexts
from models.storage.mongo import Collection, Database, Document
from models.storage.mongo_errors import translate_errors

PERSONAL_COLLECTIONS: Final = (
    "activation_codes",
    "accommodations",
    "bindings",
    "calendar_feeds",
    "cards",
    "deliveries",
    "email_addresses",
    "message_choices",
    "message_consents",
    "messages",
    "fault_reports",
    "favourites",
    "feedback",
    "gate_events",
    "kiosk_scans",
    "opening_tickets",
    "outbox_events",
    "review_codes",
    "second_factors",
    "sessions",
    "staff_alerts",
    "suspensions",
    "waitlist",
)
"""Belongs to a reader, by ``reader``, and goes with them."""
_DISPATCHED: Final = ("messages", "violations", "kiosk_scans")
"""What the outbox dispatcher writes of a reader."""
ANONYMISED_COLLECTIONS: Final = ("reservations", "violations", "webhook_deliveries")
"""Stays, as somebody's: for the statistics, and what other programs have still to be told."""
NON_PERSONAL_COLLECTIONS: Final = frozenset(
    {
        "announcements",
        "api_tokens",
        "areas",
        "backups",
        "canned_answers",
        "versions",
        "daily_statistics",
        "logged_out_tickets",
        "used_once",
        "mini_program_codes",
        "gates",
        "heartbeat",
        "kiosk_pairings",
        "kiosks",
        "leases",
        "notices",
        "outages",
        "plan_pictures",
        "profile",
        "policies",
        "presence_methods",
        "reader_groups",
        "webhooks",
        "wechat_callbacks",
        "installation",
        "venues",
    }
)
"""Says nothing about a reader: the library's own, or hashes of what has been used once."""
AUDIT_COLLECTIONS: Final = ("audit",)
"""What people who work for the library have done: it stays, and nobody is in it any more."""
ERASED_READER: Final = ReaderId("erased")
_SEALED: Final = {"openid": "openid", "no": "student_no", "name": "name", "allowance": "allowance"}
_TECHNICAL_FIELDS: Final = frozenset(
    {
        *(
            "changes",
            "claims",
            "digits",
            "open_key",
            "slot",
            "note_rev",
            "held_by",
            "key",
            "last_kiosk_code",
            "lease_until",
        ),
        *(
            "name_hashes",
            "no_hashes",
            "openid_hashes",
            "unionid_hashes",
            "hashes",
            "outbox",
            "idempotency_results",
            "rev",
        ),
        *("sealed", "ticket", "who", "writer", "reader", "counted_on", "takes"),
        *("secret", "request", "email_code", "code_tries", "code_until", "last_step"),
    }
)
"""Fields that keep the service going and say nothing more about the reader."""


async def export(db: Database, sealer: FieldCipher, id: ReaderId) -> dict[str, list[Document]]:
    """All of the reader, opened: collection → documents, the reader's own entry under ``reader``.

    Raises: Unavailable.
    """
    found: dict[str, list[Document]] = {}
    with translate_errors():
        own = await db["readers"].find({"_id": id}).to_list(None)
        # WeChat's sessions know the phone, not the reader.
        phones = [h for row in await _of(db["bindings"], id) for h in row["openid_hashes"]]
        for name in (*ANONYMISED_COLLECTIONS, *PERSONAL_COLLECTIONS):
            found[name] = await _of(db[name], id)
        done = {"$or": [{"actor_id": id}, {"reader": id}]}
        found["audit"] = await db["audit"].find(done).sort("_id").to_list(None)
        found["sessions"] += await db["sessions"].find({"openid_hashes": {"$in": phones}}).to_list()
        hashes = own[0]["no_hashes"] if own else []
        found["gate_events"] += await db["gate_events"].find({"who": {"$in": hashes}}).to_list(None)
    return {
        "reader": [_readable("readers", row, sealer) for row in own],
        **{name: [_readable(name, row, sealer) for row in rows] for name, rows in found.items()},
    }


async def _of(collection: Collection, id: ReaderId) -> list[Document]:
    return await collection.find({"reader": id}).sort("_id").to_list(None)


def _readable(collection: str, row: Document, sealer: FieldCipher) -> Document:
    if collection in FREE_TEXTS:
        row = FreeTexts(collection, sealer).open_all(row)
    shown = {name: value for name, value in row.items() if name not in _TECHNICAL_FIELDS}
    for name, purpose in _SEALED.items():
        if name in shown and isinstance(shown[name], str):
            try:
                shown[name] = sealer.decrypt(shown[name], purpose)
            except (DecryptionError, ValueError):
                # A session's openid is sealed for that session alone; the binding's says the same.
                del shown[name]
    return shown


async def revoke_access(db: Database, id: ReaderId) -> None:
    """Nobody acts for the reader any more, or reads what they have: no session, binding, code or
    calendar feed. Raises: Unavailable."""
    with translate_errors():
        phones = [h for row in await _of(db["bindings"], id) for h in row["openid_hashes"]]
        await db["sessions"].delete_many(
            {"$or": [{"reader": id}, {"openid_hashes": {"$in": phones}}]}
        )
        await db["bindings"].delete_many({"reader": id})
        await db["activation_codes"].delete_many({"reader": id})
        await db["calendar_feeds"].delete_many({"reader": id})
        await db["review_codes"].delete_many({"reader": id})


async def erase_documents(db: Database, id: ReaderId) -> dict[str, int]:
    """Take the person out of everything that ``revoke_access`` left. Collection → how many
    documents.

    The reader's own entry goes last: what is cut off can be done again.

    Reservations and violations stay as somebody's, without words that were written about them. None
    of them may be live.

    Raises: Unavailable.
    """
    counts: dict[str, int] = {}
    with translate_errors():
        own = await db["readers"].find_one({"_id": id}, {"no_hashes": 1})
        hashes = own["no_hashes"] if own else []
        counts["gate_events"] = (
            await db["gate_events"].delete_many({"who": {"$in": hashes}})
        ).deleted_count
        # What was written about them goes; that something was done stays.
        about: Document = {"reader": ERASED_READER, "reason": ""}
        await db["audit"].update_many({"reader": id}, {"$set": about})
        await db["audit"].update_many(
            {"target": f"reader:{id}"}, {"$set": {"target": f"reader:{ERASED_READER}"}}
        )
        await allowances_changed(db)
        # Before the messages: a dispatcher that still writes one about them finds out afterwards.
        counts["reservations"] = await anonymise_reservations(db, {"reader": id})
        for name in PERSONAL_COLLECTIONS:
            gone = await db[name].delete_many({"reader": id})
            counts[name] = counts.get(name, 0) + gone.deleted_count
        counts["violations"] = await anonymise_violations(db, {"reader": id})
        counts["webhook_deliveries"] = await anonymise_webhooks(db, {"reader": id})
        await _forget_actions(db, id)
        await db["attempt_limits"].delete_many({"_id": {"$regex": id}})
        await db["readers"].delete_one({"_id": id})
        # A dispatcher may have written one that saw the reader still. From now on it sees nobody,
        # and does this itself.
        counts["webhook_deliveries"] += await anonymise_webhooks(db, {"reader": id})
    return counts


async def anonymise_reservations(db: Database, which: Document) -> int:
    """Ended reservations are nobody's from now on. How many. Their outboxes stay until they are
    dispatched: programs hear of the end."""
    nobody: Document = {
        "reader": ERASED_READER,
        "claims": [],
        "last_kiosk_code": None,
    }
    kept = await db["reservations"].update_many(which, {"$set": nobody})
    return kept.modified_count


async def anonymise_webhooks(db: Database, which: Document) -> int:
    """Deliveries of webhooks are nobody's from now on. How many."""
    kept = await db["webhook_deliveries"].update_many(which, {"$set": {"reader": ERASED_READER}})
    return kept.modified_count


async def anonymise_violations(db: Database, which: Document) -> int:
    """Violations are nobody's from now on, without the words of appeals and waivers. How many."""
    rows = await db["violations"].find(which).sort("_id").to_list(None)
    for row in rows:
        change: Document = {"reader": ERASED_READER}
        if "counted_on" in row:  # unique: it counted, once
            change["counted_on"] = f"{ERASED_READER}:{row['_id']}"
        if row.get("appeal"):
            change |= {"appeal.text": "", "appeal.answer": "", "appeal.open": False}
            change |= {"appeal.check": None}
        if row.get("waiver"):
            change["waiver.reason"] = ""
        await db["violations"].update_one({"_id": row["_id"]}, {"$set": change})
    return len(rows)


async def _forget_actions(db: Database, id: ReaderId) -> None:
    """What a librarian has done to others' reservations and violations is nobody's from now on."""
    await db["reservations"].update_many(
        {"history.via": id},
        {"$set": {"history.$[deed].via": ERASED_READER}},
        array_filters=[{"deed.via": id}],
    )
    await db["audit"].update_many({"actor_id": id}, {"$set": {"actor_id": ERASED_READER}})
    for field in ("memberships", "staff_grants"):
        await db["readers"].update_many(
            {f"{field}.by": id},
            {"$set": {f"{field}.$[entered].by": ERASED_READER}},
            array_filters=[{"entered.by": id}],
        )
    made = {"$set": {"created_by": ERASED_READER}}
    await db["api_tokens"].update_many({"created_by": id}, made)
    await db["violations"].update_many({"waiver.by": id}, {"$set": {"waiver.by": ERASED_READER}})


async def remaining(db: Database, id: ReaderId) -> list[str]:
    """Collections that still know the reader. Raises: Unavailable."""
    with translate_errors():
        names = (*ANONYMISED_COLLECTIONS, *PERSONAL_COLLECTIONS)
        return [n for n in names if await db[n].find_one({"reader": id}, {"_id": 1}) is not None]


async def erase_late_writes(db: Database, reservation_ids: Sequence[str]) -> None:
    """Erase once more the readers whom messages, violations and scans of these reservations name,
    and who are not there any more: a dispatcher had read about them before their erasure.

    The reservations are nobody's. A reader who is just being erased is left to the erasure, which
    looks for remains when the reader's entry is gone.

    Raises: Unavailable.
    """
    if not reservation_ids:
        return
    named: set[ReaderId] = set()
    # What is written of a reservation has its id, or one that begins with that and a colon.
    of_them = [{"_id": {"$gte": id, "$lt": f"{id};"}} for id in reservation_ids]
    with translate_errors():
        for name in _DISPATCHED:
            rows = db[name].find({"$or": of_them}, {"reader": 1})
            named |= {ReaderId(row["reader"]) async for row in rows}
        known = db["readers"].find({"_id": {"$in": sorted(named)}}, {"_id": 1})
        named -= {ERASED_READER, *[ReaderId(row["_id"]) async for row in known]}
    for id in sorted(named):
        await erase_documents(db, id)
