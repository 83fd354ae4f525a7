"""A mark that a database stores about itself."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from models.policy.entities import OpeningRule, Policy, PolicyOverride
from models.policy.repository import PolicyRepository
from models.storage.encryption import FieldCipher
from models.storage.installation import (
    DatabaseRefused,
    Mode,
    admit_database,
    forget_old_keys,
    look,
    note_address,
)
from models.storage.mongo import Database, Document
from tests.builders import on

OLD, NEW, OTHER = ({1: b"a" * 32}, {2: b"b" * 32}, {1: b"x" * 32})
ONE, BOTH, TWO = FieldCipher(OLD), FieldCipher(OLD | NEW), FieldCipher(NEW)
FOREIGN = FieldCipher(OTHER)


async def everything(db: Database) -> dict[str, list[Document]]:
    return {
        name: await db[name].find().sort("_id").to_list(None)
        for name in sorted(await db.list_collection_names())
        if not name.startswith("system.")
    }


def reader(sealer: FieldCipher, number: str = "21070001") -> Document:
    return {"_id": number, "no": sealer.encrypt(number, "student_no"), "no_hashes": [number]}


def about(id: str, **facts: object) -> dict[str, list[Document]]:
    """One of the marks that a database keeps about itself."""
    return {"installation": [{"_id": id, **facts}]}


HALF = {"_id": "restoring", "file": "/b/seats.backup", "began_at": on("12:00"), "token": "t"}
REFUSED: list[tuple[str, dict[str, list[Document]], Mode, FieldCipher, str]] = [
    # name, what is there, mode of the service, keys, what the line says
    (
        "marked",
        {"installation": [{"_id": "mode", "mode": "production"}]},
        Mode.SANDBOX,
        ONE,
        "is a production",
    ),
    (
        "marked",
        {"installation": [{"_id": "mode", "mode": "sandbox"}]},
        Mode.PRODUCTION,
        ONE,
        "belongs to a sandbox",
    ),
    ("from before", {"readers": [reader(ONE)]}, Mode.SANDBOX, ONE, "is a production"),
    ("from before", {"areas": [{"_id": "a"}]}, Mode.SANDBOX, ONE, "is a production"),
    (
        "from before",
        {"sandbox_clock": [{"_id": "o"}]},
        Mode.PRODUCTION,
        ONE,
        "drop its sandbox_* coll",
    ),
    (
        "of before the release",
        {"schema": [{"_id": "mode"}]},
        Mode.PRODUCTION,
        ONE,
        "before the first release",
    ),
    ("newer", about("schema", version=99), Mode.PRODUCTION, ONE, "its schema is 99"),
    ("half", {"installation": [HALF]}, Mode.PRODUCTION, ONE, "restore --over /b/seats.backup"),
    ("sealed", {"readers": [reader(FOREIGN)]}, Mode.PRODUCTION, ONE, "with another data key 1"),
    ("sealed", {"readers": [reader(ONE)]}, Mode.PRODUCTION, TWO, "with another data key 1"),
    (
        "one of many",
        {"readers": [reader(BOTH, "1"), reader(BOTH, "2"), reader(ONE, "3")]},
        Mode.PRODUCTION,
        TWO,
        "with another data key 1",
    ),
    (
        "only kiosks",
        {"kiosks": [{"_id": "k", "secret": FOREIGN.encrypt("s", "kiosk")}]},
        Mode.PRODUCTION,
        ONE,
        "with another data key 1",
    ),
]


async def test_mongodbs_system_collections_do_not_count_as_data(db: Database) -> None:
    """A user with read and write rights only must not even query them."""
    await db.create_collection("nothing", viewOn="readers", pipeline=[])
    try:
        assert "system.views" in await db.list_collection_names()
        await admit_database(db, Mode.SANDBOX, ONE)
    finally:
        await db.drop_collection("nothing")
    marks = await db["installation"].find({"_id": "mode"}).to_list(None)
    assert marks == [{"_id": "mode", "mode": "sandbox"}]


@pytest.mark.parametrize(
    ("there", "mode", "sealer", "said"),
    [row[1:] for row in REFUSED],
    ids=[f"{row[0]}: {row[4]}" for row in REFUSED],
)
async def test_a_refused_database_is_left_unchanged(
    db: Database, there: dict[str, list[Document]], mode: Mode, sealer: FieldCipher, said: str
) -> None:
    for name, rows in there.items():
        await db[name].insert_many(rows)
    before = await everything(db)
    for _ in range(2):  # a refusal settles nothing either
        with pytest.raises(DatabaseRefused) as refusal:
            await admit_database(db, mode, sealer)
        line = str(refusal.value)
        assert said in line and "\n" not in line
        assert line.startswith("MongoDB 127.0.0.1:") and f"database {db.name} " in line
    assert await everything(db) == before


@pytest.mark.parametrize(
    ("there", "mode"),
    [
        ({}, Mode.SANDBOX),
        ({}, Mode.PRODUCTION),
        (about("schema", version=3), Mode.PRODUCTION),
        ({"readers": [reader(ONE)]}, Mode.PRODUCTION),
        ({"readers": [reader(ONE)], "sandbox_clock": [{"_id": "offset"}]}, Mode.SANDBOX),
        # A kiosk that has no secret yet.
        ({"kiosks": [{"_id": "k", "name": "south"}]}, Mode.PRODUCTION),
    ],
)
async def test_the_first_start_marks_the_database_permanently(
    db: Database, there: dict[str, list[Document]], mode: Mode
) -> None:
    for name, rows in there.items():
        await db[name].insert_many(rows)
    await admit_database(db, mode, ONE)
    marked = await everything(db)
    [other] = set(Mode) - {mode}
    assert {"_id": "mode", "mode": mode.value} in marked["installation"]
    assert ONE.encrypt("x", "y") not in str(marked)
    await admit_database(db, mode, ONE)
    with pytest.raises(DatabaseRefused):
        await admit_database(db, other, ONE)
    with pytest.raises(DatabaseRefused):
        await admit_database(db, mode, FOREIGN)
    assert await everything(db) == marked


async def test_a_start_under_another_address_is_reported(db: Database) -> None:
    """The service has moved, or two installations share a database: each start reports it."""
    await admit_database(db, Mode.PRODUCTION, ONE)
    one, other = "https://seats.one.example", "https://seats.other.example"
    assert [await note_address(db, at) for at in (one, one, other, one)] == ["", "", one, other]
    assert (await look(db)).pages_at == one
    await admit_database(db, Mode.PRODUCTION, ONE)


async def test_of_concurrent_first_starts_one_mode_and_key_wins(db: Database) -> None:
    """Twelve concurrent first starts, of both modes and with two different keys."""
    kinds = [(mode, sealer) for mode in Mode for sealer in (ONE, FOREIGN)] * 3
    ended = await asyncio.gather(
        *(admit_database(db, mode, sealer) for mode, sealer in kinds), return_exceptions=True
    )
    assert all(end is None or isinstance(end, DatabaseRefused) for end in ended), ended
    entered = Counter(kind for kind, end in zip(kinds, ended, strict=True) if end is None)
    assert len(entered) == 1 and set(entered.values()) == {3}, entered


async def test_a_database_admits_its_keys_through_a_rotation(db: Database) -> None:
    steps: list[tuple[FieldCipher, str]] = [
        (ONE, ""),
        (BOTH, ""),  # seals with 2 from here on
        (ONE, "with data key 2, which ENCRYPTION_KEYS lacks"),
        (FieldCipher(OLD | {2: b"y" * 32}), "with another data key 2"),
        (TWO, "with data key 1, which ENCRYPTION_KEYS lacks"),  # not resealed yet
        (BOTH, ""),
    ]
    await try_keys(db, steps)
    await forget_old_keys(db, BOTH)
    await try_keys(db, [(TWO, ""), (BOTH, ""), (ONE, "key 2"), (FOREIGN, "key 2")])


async def try_keys(db: Database, steps: list[tuple[FieldCipher, str]]) -> None:
    for sealer, said in steps:
        if not said:
            await admit_database(db, Mode.PRODUCTION, sealer)
            continue
        with pytest.raises(DatabaseRefused, match=said):
            await admit_database(db, Mode.PRODUCTION, sealer)


@pytest.mark.parametrize("place", ["fields", "fields.rule_sets.0", "fields.opening.0"])
async def test_a_policy_of_a_newer_version_is_refused(db: Database, place: str) -> None:
    day = on("12:00").date()
    policy = Policy(
        opening=(OpeningRule(None, None),), rule_sets=(PolicyOverride("exams", day, day, {}),)
    )
    policies = PolicyRepository(db)
    await policies.add_missing(policy, on("12:00"))
    assert await policies.get(1) == policy
    await db["policies"].update_one({"_id": 1}, {"$set": {f"{place}.tea_minutes": 5}})
    with pytest.raises(DatabaseRefused, match="version 1 of the rules has the field tea_minutes"):
        await policies.get(1)
