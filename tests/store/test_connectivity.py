"""An unusable MongoDB is refused with one line: host, cause and remedy."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from miniapp_server.cli.check_config import connection_rows
from miniapp_server.cli.settings import load
from miniapp_server.cli.verdicts import Verdict
from miniapp_server.embedded_databases import free_ports
from models.storage.connectivity import MongoUnusable, _said, about_mongo, require_mongo
from models.storage.mongo import open_database
from tests.guarded_mongod import Client, cell, started_mongod
from tests.living import ENCRYPTION_KEYS

SET = "guarded"


@dataclass(frozen=True, slots=True)
class Servers:
    """Ports of further mongods: a standalone one, one with users, one never initiated."""

    lone: int
    guarded: int
    fresh: int


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    lone, fresh = free_ports(2)
    running = [
        started_mongod(tmp_path / "lone", lone),
        started_mongod(tmp_path / "fresh", fresh, "--replSet", "fresh"),
    ]
    try:
        async with cell(tmp_path / SET, SET) as guarded:
            for port in (lone, fresh):
                client: Client
                async with AsyncMongoClient("127.0.0.1", port, directConnection=True) as client:
                    await client.admin.command("hello")
            place = {"db": "reached", "collection": ""}
            rights = [{"resource": place, "actions": ["find", "insert", "update", "remove"]}]
            await guarded.root.admin.command("createRole", "no_names", privileges=rights, roles=[])
            await guarded.add_user("reads", {"role": "read", "db": "reached"})
            await guarded.add_user("lists_nothing", {"role": "no_names", "db": "admin"})
            yield Servers(lone, guarded.port, fresh)
    finally:
        for process in running:
            process.kill()
            process.wait()


async def refusal(url: str) -> str:
    async with open_database(url, "reached") as db:
        with pytest.raises(MongoUnusable) as refused:
            await require_mongo(db, url)
    return refused.value.line


# The driver leaves sockets of connections that it gives up to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_each_connection_mistake_has_its_own_message(
    servers: Servers, mongo_url: str, redis_url: str
) -> None:
    usual = mongo_url.partition("//")[2].partition("/")[0]
    lone, guarded = f"127.0.0.1:{servers.lone}", f"127.0.0.1:{servers.guarded}"
    fresh = f"127.0.0.1:{servers.fresh}"
    cases = [
        (f"mongodb://{usual}/?replicaSet=other", (usual, "'rs0'", "write replicaSet=rs0")),
        (f"mongodb://{lone}/", (lone, "not a replica set", "rs.initiate()")),
        (f"mongodb://{lone}/?replicaSet=rs0", (lone, "not a replica set", "--replSet")),
        (f"mongodb://{fresh}/?replicaSet=fresh", (fresh, "never initiated", "rs.initiate()")),
        ("mongodb://127.0.0.1:9/?replicaSet=rs0", ("127.0.0.1:9", "connection refused", "bindIp")),
        ("mongodb://no.invalid/?replicaSet=rs0", ("no.invalid:27017", "no such host name")),
        (f"mongodb://admin:wrong-pw@{guarded}/?replicaSet={SET}", (guarded, "'admin'", "password")),
        (f"mongodb://{guarded}/?replicaSet={SET}", (guarded, "USER:PASSWORD@")),
    ]
    lines = await asyncio.gather(*(refusal(url) for url, _ in cases))
    gc.collect()
    for (url, expected), line in zip(cases, lines, strict=True):
        assert all(part in line for part in expected), (url, line)
        assert "\n" not in line and "wrong-pw" not in line, line

    url = f"mongodb://admin:pw@{guarded}/?replicaSet={SET}"
    async with open_database(url, "reached") as db:
        version, where = await about_mongo(db, url)
    assert len(version) == 3 and where == f"set {SET}, primary {guarded}"

    # Users who may not do all that the service does: check-config says so.
    env = {"SANDBOX": "1", "REDIS_URL": redis_url, "ENCRYPTION_KEYS": ENCRYPTION_KEYS}
    env["MONGO_DATABASE"] = "reached"
    for user in ("reads", "lists_nothing"):
        env["MONGO_URL"] = f"mongodb://{user}:pw@{guarded}/?replicaSet={SET}"
        rows = await connection_rows(load(env), date(2026, 9, 7))
        assert [row.verdict for row in rows[1:]] == [Verdict.OK] * 2, rows
        assert rows[0].verdict is Verdict.PROBLEM and user in rows[0].note, rows[0]
        assert "readWrite" in rows[0].note and "\n" not in rows[0].note

    env |= {"MONGO_URL": url, "SANDBOX": "", "PUBLIC_BASE_URL": "http://127.0.0.1:8080"}
    env |= {"CAS_BASE_URL": "http://127.0.0.1:9/cas"}
    rows = await connection_rows(load(env), date(2026, 9, 7))
    (row,) = [row for row in rows if row.name == "MONGO_URL"]
    assert (row.value, row.verdict) == ("root", Verdict.WARNING)
    assert row.note.startswith("this user needs only readWrite on reached")


def test_a_refusal_by_mongodb_is_reported_in_mongodbs_words() -> None:
    answer = {"errmsg": "too\nmany", "code": 9, "$clusterTime": {"signature": b"s"}}
    for details, said in ((answer, "too many"), ({}, "error 9"), (None, "error 9")):
        assert _said(OperationFailure("no", 9, details)) == said
