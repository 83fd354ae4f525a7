"""What must not start does not, in one line, and the database is as it was."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from miniapp_server.app import Parts, open_parts
from miniapp_server.clock import Clock, real_now
from miniapp_server.settings import SANDBOX_TEMPLATES, load
from models.store.client import Database
from tests.living import DATA_KEYS, free_port
from tests.survive.serving import command, ended

OTHER_KEYS = "1:" + "b3RoZXIga2V5cyBvdGhlciBrZXlzIG90aGVyIGtleXM="
NUMBER = "21070001"


def production(mongo_url: str, redis_url: str) -> dict[str, str]:
    """The environment of a real installation, on a database of its own."""
    return {
        "PORT": str(free_port()),
        "MONGO_URL": mongo_url,
        "REDIS_URL": redis_url,
        "MONGO_DATABASE": f"t{uuid4().hex[:16]}",
        "DATA_KEYS": DATA_KEYS,
        "CAS_BASE_URL": "http://127.0.0.1:9/cas",
        "WECHAT_APPID": "wx1",
        "WECHAT_SECRET": "none",
        "WECHAT_BASE_URL": "http://127.0.0.1:9",
        "WECHAT_TEMPLATES": json.dumps(SANDBOX_TEMPLATES),
        "LOG_LEVEL": "ERROR",
    }


def without_credentials(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.startswith(("CAS_", "WECHAT_"))}


async def everything(db: Database) -> dict[str, list[Any]]:
    return {
        name: await db[name].find().sort("_id").to_list(None)
        for name in sorted(await db.list_collection_names())
        if not name.startswith("system.")
    }


@pytest.fixture
async def real(mongo_url: str, redis_url: str) -> AsyncIterator[tuple[Parts, dict[str, str]]]:
    """A production database with a reader, and its environment."""
    env = production(mongo_url, redis_url)
    async with open_parts(load(env), Clock()) as parts:
        await parts.readers.admit(NUMBER, "张三", "student", real_now())
        yield parts, env
        await parts.db.client.drop_database(parts.db.name)


async def refused(db: Database, cases: list[tuple[tuple[str, ...], dict[str, str], str]]) -> None:
    """Each command ends with status 1 and one line that holds the words; nothing is changed."""
    before = await everything(db)
    running = [await command(*words, **env | {"PORT": str(free_port())}) for words, env, _ in cases]
    for (words, _, said), process in zip(cases, running, strict=True):
        status, out, err = await ended(process)
        assert (status, out, err.count("\n")) == (1, "", 1) and said in err, (words, out, err)
        assert DATA_KEYS not in err and OTHER_KEYS not in err
    assert await everything(db) == before


async def test_a_production_database_stays_closed(
    real: tuple[Parts, dict[str, str]], tmp_path: Path
) -> None:
    parts, env = real
    lost = without_credentials(env)
    other = {**env, "DATA_KEYS": OTHER_KEYS}
    newer = f"{DATA_KEYS},2:{OTHER_KEYS[2:]}"
    place = f"database {parts.db.name} "
    wrong_key = place + "was sealed with another data key 1"
    await refused(
        parts.db,
        [
            (("serve", "--workers", "2"), {**lost, "SANDBOX": "1"}, "is a production database"),
            (("demo",), {**lost, "DATA_DIR": str(tmp_path)}, place + "is a production database"),
            (("serve",), other, wrong_key),
            (("export-reader", NUMBER), other, wrong_key),
        ],
    )
    rotated = await ended(await command("rotate-keys", **{**env, "DATA_KEYS": newer}))
    assert rotated[0] == 0, rotated
    newest = {**env, "DATA_KEYS": "2:" + OTHER_KEYS[2:]}
    exported = await ended(await command("export-reader", NUMBER, **newest))
    assert exported[0] == 0 and "张三" in exported[1]
    await refused(parts.db, [(("serve",), env, "data key 2, which DATA_KEYS lacks")])


async def test_what_a_newer_version_has_written(real: tuple[Parts, dict[str, str]]) -> None:
    parts, env = real
    place = f"database {parts.db.name} was written by a newer version"
    rules: dict[str, Any] = {"_id": 1, "at": real_now(), "fields": {"tea_minutes": 5}}
    rules["fields"] |= {"opening": [], "meals": [], "opens_at": None}
    await parts.db["policies"].insert_one(rules)
    await refused(parts.db, [(("serve",), env, f"{place} (version 1 of the rules has the field")])
    version = {"$set": {"version": 99}}
    await parts.db["schema"].update_one({"_id": "schema"}, version, upsert=True)
    await refused(parts.db, [(("serve",), env, f"{place} (its schema is 99")])
