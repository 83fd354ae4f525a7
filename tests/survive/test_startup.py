"""A start that must not happen is refused in one line, and the database is unchanged."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from miniapp_server.app import open_application
from miniapp_server.cli.settings import load
from miniapp_server.clock import Clock, real_now
from miniapp_server.keys import RESOURCES
from models.feedback.repository import FeedbackRepository
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database
from tests.living import ENCRYPTION_KEYS
from tests.survive.serving import (
    ROOT,
    at_a_terminal,
    command,
    ended,
    environment,
    production,
    ready,
    refused,
    without_credentials,
)

OTHER_KEYS = "1:" + "b3RoZXIga2V5cyBvdGhlciBrZXlzIG90aGVyIGtleXM="
NUMBER = "21070001"


@pytest.fixture
async def real(mongo_url: str, redis_url: str) -> AsyncIterator[tuple[Database, dict[str, str]]]:
    """A production database with a reader, and its environment."""
    env = production(mongo_url, redis_url)
    async with open_application(load(env), Clock()) as app:
        await app[RESOURCES].repositories.readers.upsert_from_login(
            NUMBER, "张三", "student", real_now()
        )
        yield app[RESOURCES].db, env
        db = app[RESOURCES].db
        await db.client.drop_database(db.name)


async def test_a_production_database_is_refused_with_wrong_settings_or_keys(
    real: tuple[Database, dict[str, str]], tmp_path: Path
) -> None:
    db, env = real
    lost = without_credentials(env)
    other = {**env, "ENCRYPTION_KEYS": OTHER_KEYS}
    newer = f"{ENCRYPTION_KEYS},2:{OTHER_KEYS[2:]}"
    place = f"database {db.name} "
    wrong_key = place + "was encrypted with another data key 1"
    await refused(
        db,
        [
            (("serve", "--workers", "2"), {**lost, "SANDBOX": "1"}, "is a production database"),
            (("demo",), {**lost, "DATA_DIR": str(tmp_path)}, place + "is a production database"),
            (("serve",), other, wrong_key),
        ],
    )
    written = FeedbackRepository(db, FieldCipher.parse(ENCRYPTION_KEYS))
    await written.add(None, "k", "插座不通电", real_now())
    rotated = await ended(await command("rotate-keys", **{**env, "ENCRYPTION_KEYS": newer}))
    assert rotated[0] == 0, rotated
    newest = {**env, "ENCRYPTION_KEYS": "2:" + OTHER_KEYS[2:]}
    exported = await ended(await command("export-reader", NUMBER, **newest))
    assert exported[0] == 0 and "张三" in exported[1]
    listed = await ended(await command("feedback", "list", **newest))
    assert listed[0] == 0 and "插座不通电" in listed[1]


async def test_a_library_without_a_mini_program_is_served(
    real: tuple[Database, dict[str, str]],
) -> None:
    db, env = real
    plain = {name: value for name, value in env.items() if not name.startswith("WECHAT_")}
    process = await command("serve", **{**plain, "LOG_LEVEL": "WARNING"})
    base = load(env).public_base_url
    await ready(base, process)
    async with aiohttp.ClientSession() as session:
        for path, status in (("/", 200), ("/api/v1/wx/login", 404), ("/sandbox/", 404)):
            method = "POST" if "wx" in path else "GET"
            async with session.request(method, base + path, json={}) as answer:
                assert answer.status == status, path
    process.send_signal(signal.SIGTERM)
    assert await ended(process) == (0, "", ""), "no complaint, no alarm"
    # What serves is what was there: no library came of itself.
    assert await db["areas"].count_documents({}) == 0


async def test_long_commands_show_their_progress_on_a_terminal(
    real: tuple[Database, dict[str, str]], tmp_path: Path
) -> None:
    db, env = real
    await db["waitlist"].insert_many({"_id": n} for n in range(3000))
    status, out, terminal = await at_a_terminal("", "backup", str(tmp_path / "shown"), **env)
    assert status == 0 and "documents" in out
    assert "backup:" in terminal and "100%" in terminal, terminal
    silent = await ended(await command("backup", str(tmp_path / "silent"), **env))
    assert (silent[0], silent[2]) == (0, "")


def test_help_of_the_run_script_installs_nothing(tmp_path: Path) -> None:
    script = tmp_path / "scripts" / "run"
    script.parent.mkdir()
    shutil.copy(ROOT / "scripts" / "run", script)
    for words in (["--help"], ["--workers", "2", "-h"]):
        done = subprocess.run(
            [str(script), *words], env=environment(), capture_output=True, text=True, check=True
        )
        assert done.stderr == "" and "--lan ADDRESS" in done.stdout and "DATA_DIR" in done.stdout
    assert sorted(tmp_path.rglob("*")) == [script.parent, script]


async def test_a_database_of_before_the_first_release_is_refused(
    real: tuple[Database, dict[str, str]], tmp_path: Path
) -> None:
    """Every command gives the same reason, also for a sandbox's database."""
    db, env = real
    await db["installation"].drop()
    for name in ("schema", "sandbox_clock"):
        await db[name].insert_one({"_id": "mode"})
    file = tmp_path / "backup"
    words = ("serve",), ("backup", str(file))
    await refused(db, [(words, env, "was written before the first release") for words in words])
    assert not file.exists()


async def test_a_database_of_a_newer_version_is_refused(
    real: tuple[Database, dict[str, str]],
) -> None:
    db, env = real
    place = f"database {db.name} was written by a newer version"
    rules: dict[str, Any] = {"_id": 1, "at": real_now(), "fields": {"tea_minutes": 5}}
    rules["fields"] |= {"opening": [], "rule_sets": [], "meal_times": []}
    rules["fields"]["booking_opens_at"] = None
    await db["policies"].insert_one(rules)
    await refused(db, [(("serve",), env, f"{place} (version 1 of the rules has the field")])
    version = {"$set": {"version": 99}}
    await db["installation"].update_one({"_id": "schema"}, version, upsert=True)
    await refused(db, [(("serve",), env, f"{place} (its schema is 99")])
