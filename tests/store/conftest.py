from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from models.schema.indexes import ensure_indexes
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, open_database


@pytest.fixture
async def db(mongo_url: str) -> AsyncIterator[Database]:
    """An empty database with all indexes; emptied afterwards, since making the indexes takes longer
    than most tests."""
    async with open_database(mongo_url, "store") as opened:
        await ensure_indexes(opened)
        yield opened
        for name in await opened.list_collection_names():
            if not name.startswith("system."):
                await opened[name].delete_many({})


@pytest.fixture
def sealer() -> FieldCipher:
    return FieldCipher({1: b"1" * 32})
