"""A backup while the service runs, a lost database, and the restore."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from uuid import uuid4

from miniapp_server.app import open_application
from miniapp_server.cli.settings import load
from miniapp_server.clock import Clock, real_now
from miniapp_server.keys import RESOURCES
from models.backup.repository import backup
from models.identity.roles import Role
from models.storage.mongo import open_database
from tests.api.browsing import Browser
from tests.api.console import staff
from tests.backup_keys import key_pair
from tests.living import ENCRYPTION_KEYS
from tests.survive.serving import (
    ROOT,
    Remote,
    command,
    ended,
    everything,
    production,
    refused,
    remote,
)
from tests.waiting import until


async def last_good(service: Remote, what: str = "backup") -> float:
    metrics = str((await service.anonymous.get("//metrics")).body)
    match = re.search(rf"^seat_last_{what}_timestamp_seconds ([\d.e+]+)$", metrics, re.M)
    assert match is not None
    return float(match[1])


async def test_a_restore_after_a_lost_database_brings_back_all_bookings(
    mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    file = str(tmp_path / "seats.backup")
    async with remote(mongo_url, redis_url) as service:
        readers = [await service.reader() for _ in range(12)]
        seats = [f"2f-hall-{n:03}" for n in range(1, 13)]
        assert await last_good(service) == 0
        bookings = [
            partial(reader.reserve, seat, "10:00", "12:00")
            for reader, seat in zip(readers, seats, strict=True)
        ]
        await asyncio.gather(*(book() for book in bookings[:8]))
        saving = await command("backup", file, **service.env)
        # The service goes on; what is booked from here may be in the file or not, but whole.
        late = asyncio.gather(*(book() for book in bookings[8:]))
        status, out, err = await ended(saving)
        assert (status, err) == (0, ""), err
        assert "documents" in out
        assert abs(await last_good(service) - real_now().timestamp()) < 60
        await late
        before = [await r.ok("GET", "/reservations") for r in readers[:8]]

        await service.kill()
        await service.db.client.drop_database(service.db.name)
        status, out, err = await ended(await command("restore", file, **service.env))
        assert (status, err) == (0, ""), err
        assert "no double bookings" in out
        await service.start()
        assert [await r.ok("GET", "/reservations") for r in readers[:8]] == before
        # The seats are held again, for whoever comes now.
        wish = {"seat_id": seats[0], "date": service.today, "start": "10:00", "end": "12:00"}
        newcomer = await service.reader()
        await newcomer.refused("409 seat_taken", "POST", "/reservations", wish)
        again = await ended(await command("restore", file, **service.env))
        assert again[0] == 1 and "is not empty" in again[2]
        again = await ended(await command("backup", file, **service.env))
        assert again[0] == 1 and "already exists" in again[2]


async def test_a_killed_restore_is_detected_and_repeated(
    mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    """After SIGKILL in the middle, no service starts on the partial database, and one command
    completes it."""
    file = str(tmp_path / "seats.backup")
    env = production(mongo_url, redis_url)
    target = {**env, "MONGO_DATABASE": f"{env['MONGO_DATABASE']}r"}
    async with (
        open_application(load(env), Clock()) as app,
        open_database(mongo_url, target["MONGO_DATABASE"]) as half,
    ):
        resources = app[RESOURCES]
        await resources.repositories.readers.upsert_from_login(
            "21070001", "张三", "student", real_now()
        )
        # What comes last in the file keeps the restore busy after its first documents.
        await resources.db["waitlist"].insert_many({"_id": n} for n in range(20_000))
        whole = await everything(resources.db)
        await backup(resources.db, tmp_path / "seats.backup", real_now())
        restoring = await command("restore", file, **target)

        async def begun() -> bool:
            return await half["waitlist"].find_one({}) is not None

        await until(begun, "the first documents")
        restoring.kill()
        await restoring.communicate()
        there = await half["waitlist"].count_documents({})
        assert 0 < there < 20_000, "killed in the middle"
        again = f"restore --over {file}"
        await refused(
            half,
            [
                (("serve",), target, again),
                (("restore", file), target, again),
                (("backup", file + ".2"), target, again),
            ],
        )
        status, out, err = await ended(await command("restore", "--over", file, **target))
        assert (status, err) == (0, ""), err
        assert "no double bookings" in out
        assert await everything(half) == whole
        for db in (resources.db, half):
            await db.client.drop_database(db.name)


async def waits(head: Browser) -> str:
    """The lines about backups on the console's first page."""
    page = await head.get("/console")
    assert page.status == 200
    return ", ".join(re.findall(r'/console/handbook/broken#[^"]+">([^<]+)', str(page.body)))


async def test_a_backup_leaves_the_host_and_is_rehearsed(
    mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    """A backup that cannot be restored fails in one line, on the console too; no data changes."""
    far, key, other = tmp_path / "far", tmp_path / "key", tmp_path / "other"
    far.mkdir()
    setting = {"BACKUP_TO": str(far), "BACKUP_RECIPIENTS": key_pair(key), "LOG_LEVEL": "ERROR"}
    key_pair(other)
    async with remote(mongo_url, redis_url, now=real_now(), **setting) as service:
        db = service.db
        reader, head = await service.reader(), await staff(service, Role.ADMINISTRATOR)
        scratch = f"{db.name}_rehearsal"

        async def seats(*words: str, **env: str) -> tuple[int, str, str]:
            return await ended(await command(*words, **{**service.env, **env}))

        async def others() -> dict[str, list[Any]]:
            """All that a rehearsal must leave alone, and that no job of the service's changes."""
            rows = await everything(db)
            return {name: rows[name] for name in ("readers", "bindings", "areas", "installation")}

        async def fails(said: str, *words: str, **env: str) -> None:
            status, _, err = await seats("rehearse-restore", "--identity", *words, **env)
            assert (status, err.count("\n")) == (1, 1) and said in err, err
            assert await waits(head) == "最近一次恢复演练没有成功"
            assert scratch not in await db.client.list_database_names()

        before = await others()
        assert await seats("backup") == (0, ANY, "")
        (file,) = far.iterdir()
        whole = file.read_bytes()
        record = await db["backups"].find_one({"_id": "last"})
        assert record is not None and (record["size"], record["name"], record["place"]) == (
            *(len(whole), file.name, str(far)),
        )
        assert record["sha256"] == hashlib.sha256(whole).hexdigest()
        assert reader.number.encode() not in whole and whole.startswith(b"age-encryption.org/")
        assert await waits(head) == "备份从来没有试着恢复过"
        assert await last_good(service, "rehearsal") == 0

        file.write_bytes(whole[:-20])
        await fails("is damaged: it is not as it was written", str(key))
        file.write_bytes(whole)
        await fails("no identity matched any of the recipients", str(other))
        keys = "1:" + base64.b64encode(b"x" * 32).decode()
        await fails("was encrypted with another data key 1", str(key), ENCRYPTION_KEYS=keys)

        status, out, err = await seats("rehearse-restore", "--identity", str(key))
        assert (status, err) == (0, "") and "no double bookings" in out, (out, err)
        assert scratch not in await db.client.list_database_names()
        assert await waits(head) == "" and await others() == before
        assert abs(await last_good(service, "rehearsal") - real_now().timestamp()) < 120

        # The next night the other machine is away.
        far.rename(tmp_path / "away")
        status, out, err = await seats("backup")
        assert (status, out, err.count("\n")) == (1, "", 1) and "is it mounted" in err
        assert await waits(head) == "最近一次备份没有成功"
        (tmp_path / "away").rename(far)
        status, _, err = await seats("backup")
        assert (status, err) == (0, "") and await waits(head) == ""
        await service.move(timedelta(hours=37))
        service.clock.set(real_now() + timedelta(hours=37))  # this process's, which signs in
        head = await staff(service, Role.ADMINISTRATOR)
        assert await waits(head) == "备份太旧，没有更新的"

        # And when all is lost.
        target = {"MONGO_DATABASE": f"{db.name}r"}
        status, out, err = await seats("restore", str(file), "--identity", str(key), **target)
        assert (status, err) == (0, "") and "no double bookings" in out
        async with open_database(mongo_url, target["MONGO_DATABASE"]) as restored:
            rows = await everything(restored)
            assert all(rows[name] == before[name] for name in ("readers", "bindings", "areas"))
            await db.client.drop_database(restored.name)


async def test_the_documented_cron_line_works(
    mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    """With an empty environment, and a URL that a shell would cut at its &."""
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    match = re.search(r"^30 3 \* \* \* root (.+)$", page, re.M)
    assert match is not None
    line = match[1]
    for place, mine in (("/opt/seats", ROOT), ("/etc/seats", tmp_path)):
        assert place in line
        line = line.replace(place, str(mine))
    (tmp_path / "far").mkdir()
    settings = {
        "MONGO_URL": f"{mongo_url}&appName=seats",
        "REDIS_URL": redis_url,
        "MONGO_DATABASE": f"t{uuid4().hex[:16]}",
        "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "SANDBOX": "1",
        "SITE_CONTACT": "电话 1|邮箱 2",
        "BACKUP_TO": str(tmp_path / "far"),
        "BACKUP_RECIPIENTS": key_pair(tmp_path / "key"),
    }
    text = "\n".join(f"{name}={value}" for name, value in settings.items())
    (tmp_path / "env").write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", line),
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    status, out, err = await ended(process)
    assert (status, err) == (0, ""), (out, err)
    assert [name.partition(".")[2] for name in os.listdir(tmp_path / "far")] == ["backup.age"]
    assert "documents" in out
