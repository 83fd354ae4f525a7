"""Data of each release is read by this version, with the same responses.

Each release has a pair of files here, made by make.py: a backup with documents in every collection,
and the responses to a reader and a program at that time.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from miniapp_server.app import open_application
from miniapp_server.cli.settings import load
from miniapp_server.clock import Clock
from miniapp_server.sandbox.state_repository import SandboxState
from models.migrations.repository import schema_version
from models.schema.indexes import INDEXES
from models.storage.installation import SCHEMA
from models.storage.mongo import Database, open_database
from tests.living import ENCRYPTION_KEYS, Client, free_port
from tests.survive.serving import ROOT, Remote, command, ended, ready
from tests.upgrade.make import FOLDER, responses_to
from tests.waiting import until

RELEASES: Final = sorted(file.stem for file in FOLDER.glob("*.backup"))


def differences(then: Any, now: Any, place: str = "") -> list[str]:
    """Where ``now`` lacks or contradicts a value of ``then``; additional values are allowed."""
    if isinstance(then, dict) and isinstance(now, dict):
        parts = [(f".{key}", value, now.get(key, "nothing")) for key, value in then.items()]
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        parts = [(f"[{n}]", *both) for n, both in enumerate(zip(then, now, strict=True))]
    else:
        return [] if then == now else [f"{place}: {then!r} is {now!r}"]
    return [d for part, old, new in parts for d in differences(old, new, place + part)]


def test_every_release_has_an_upgrade_fixture() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## (\d+\.\d+\.\d+) \(", changelog, re.M)
    assert sorted(released) == RELEASES, "python -m tests.upgrade.make (docs/releasing.md)"


@pytest.mark.parametrize("release", RELEASES)
async def test_a_backup_of_each_release_is_upgraded_and_served(
    release: str, mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    facts = json.loads((FOLDER / f"{release}.json").read_text("utf-8"))
    env = {
        "SANDBOX": "1",
        "PORT": str(free_port()),
        "MONGO_URL": mongo_url,
        "REDIS_URL": redis_url,
        "MONGO_DATABASE": f"t{uuid4().hex[:16]}",
        "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "LOG_LEVEL": "ERROR",
    }
    restored = await ended(await command("restore", str(FOLDER / f"{release}.backup"), **env))
    assert (restored[0], restored[2]) == (0, ""), restored
    assert "no double bookings" in restored[1]
    async with open_database(mongo_url, env["MONGO_DATABASE"]) as db:
        try:
            await _served(db, env, facts)
            for words in (
                ("library", "export", str(tmp_path / "library.json")),
                ("export-reader", facts["number"]),
            ):
                status, out, err = await ended(await command(*words, **env))
                assert (status, err) == (0, "") and out, words
        finally:
            await db.client.drop_database(env["MONGO_DATABASE"])


async def _served(db: Database, env: dict[str, str], facts: dict[str, Any]) -> None:
    """``serve`` starts on the restored database, and the reader goes on."""
    settings, clock = load(env), Clock()
    await SandboxState(db).set_offset(clock.set(datetime.fromisoformat(facts["at"])))
    process = await command("serve", **env)
    try:
        await ready(settings.public_base_url, process)

        async def migrated() -> bool:
            return await schema_version(db) == SCHEMA

        await until(migrated, "the migrations")
        for collection, models in INDEXES.items():
            there = set(await db[collection].index_information())
            assert there == {"_id_", *(model.document["name"] for model in models)}, collection
        async with open_application(settings, clock) as app:
            service = Remote(settings.public_base_url, app, clock, env=env)
            callers = {who: service.stranger() for who in facts["callers"]}
            try:
                for who, then in facts["callers"].items():
                    callers[who].token = then["token"]
                    assert differences(then["told"], await responses_to(callers[who], who)) == []
                await _goes_on(service, callers["reader"])
            finally:
                await service.close()
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


async def _goes_on(service: Remote, reader: Client) -> None:
    """Held seats stay held, and the others can be booked."""
    held = (await reader.ok("GET", "/reservations"))["items"]
    later = next(r for r in held if r["date"] == service.tomorrow)
    # Not the first number of a run: those are in the backup already.
    person = service.stranger()
    person.number = "29990001"
    other = await service.web_reader(person)
    wish = {"date": later["date"], "start": "09:00", "end": "11:00"}
    await other.refused(
        "409 seat_taken", "POST", "/reservations", wish | {"seat_id": later["seat"]["id"]}
    )
    await other.ok("POST", "/reservations", wish | {"seat_id": "2f-hall-060"})
    await reader.ok("POST", f"/reservations/{later['id']}/cancel")
    await other.ok(
        "POST",
        "/reservations",
        wish | {"seat_id": later["seat"]["id"], "start": "13:00", "end": "14:00"},
    )
