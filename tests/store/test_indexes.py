"""Frequent queries use the indexes made for them, as MongoDB's profiler reports.

The profiler records every real command with its plan, so the filters cannot drift from the code.
"""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, Document
from tests.builders import MONDAY
from tests.busy_day import READERS, Store, a_busy_day
from tests.hot_verbs import HOT, RARE, profiled

A_READERS_OWN: Final = 8
"""No verb reads more than it returns, but for the few other reservations of the same reader."""


@pytest.fixture
async def store(db: Database, sealer: FieldCipher) -> Store:
    return await a_busy_day(db, sealer)


def indexes_of(row: Document, names: dict[str, dict[str, str]]) -> set[str]:
    """The names of the indexes in a plan summary like ``IXSCAN { state: 1, end: 1 }``."""
    collection = row["ns"].split(".", 1)[1]
    summary: str = row["planSummary"]
    if summary == "IDHACK":
        return {"_id_"}
    scans = re.findall(r"SCAN (\{.*?\})", summary)
    return {names[collection][scan] for scan in scans}


async def test_every_frequent_query_uses_its_index(store: Store) -> None:
    names: dict[str, dict[str, str]] = {}
    for collection in await store.db.list_collection_names():
        if not collection.startswith("system."):
            info: Any = await store.db[collection].index_information()
            names[collection] = {
                "{ " + ", ".join(f"{key}: {way}" for key, way in index["key"]) + " }": name
                for name, index in info.items()
            }
    wrong: list[str] = []
    for verb_name, verb, index_name in HOT:
        rows = await profiled(store, verb)
        used: set[str] = set()
        for row in rows:
            if row["planSummary"] == "RECORD_STORE_FAST_COUNT":
                continue  # the collection's own count of its documents: none is looked at
            if "SCAN {" not in row["planSummary"] and row["planSummary"] != "IDHACK":
                wrong.append(f"{verb_name}: {row['planSummary']} on {row['ns']}")
                continue
            used |= indexes_of(row, names)
            got = max(row.get(key, 0) for key in ("nreturned", "nModified", "ndeleted"))
            if row.get("docsExamined", 0) > got + A_READERS_OWN and verb_name not in RARE:
                wrong.append(f"{verb_name}: {row['docsExamined']} documents for {got}")
        if used != index_name:
            wrong.append(f"{verb_name}: {sorted(used)} instead of {sorted(index_name)}")
    assert wrong == [], "\n" + "\n".join(wrong)


async def test_the_hall_board_is_read_by_a_covered_query(store: Store) -> None:
    rows = await profiled(store, lambda s: s.stored.reservations.occupancy_rows(MONDAY))
    returned = sum(row["nreturned"] for row in rows)
    assert returned > READERS and sum(row["docsExamined"] for row in rows) == 0
    assert sum(row["keysExamined"] for row in rows) <= returned + 3, "one gap for each state"
