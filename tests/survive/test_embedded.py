"""The embedded servers through restarts, kills and mistakes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from miniapp_server.embedded_databases import EmbeddedDatabases, EmbeddedError, embedded_databases
from models.storage.mongo import open_database

# A service that writes one document, says who its servers are, and waits to be killed.
_SERVICE = """
import asyncio, sys
from pathlib import Path
from miniapp_server.embedded_databases import embedded_databases
from models.storage.mongo import open_database

async def main():
    async with embedded_databases(Path(sys.argv[1])) as servers:
        async with open_database(servers.mongo_url, "kept") as db:
            await db["things"].insert_one({"_id": "acknowledged"})
        print(servers.mongod_pid, servers.redis_pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def _started(folder: Path) -> tuple[asyncio.subprocess.Process, list[psutil.Process]]:
    service = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _SERVICE,
        str(folder),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert service.stdout is not None
    pids = (await service.stdout.readline()).split()
    return service, [psutil.Process(int(pid)) for pid in pids]


async def _stored_ids(servers: EmbeddedDatabases) -> list[str]:
    async with open_database(servers.mongo_url, "kept") as db:
        return [str(row["_id"]) async for row in db["things"].find()]


async def test_a_killed_service_leaves_no_server_and_loses_nothing(tmp_path: Path) -> None:
    service, servers = await _started(tmp_path)
    assert [server.name() for server in servers] == ["mongod", "redis-server"]

    service.kill()
    await service.wait()
    # At once, while the old mongod still closes its files: the next start waits for it.
    async with embedded_databases(tmp_path) as again:
        assert await _stored_ids(again) == ["acknowledged"]
    gone, alive = psutil.wait_procs(servers, timeout=5)
    assert (len(gone), alive) == (2, [])


@pytest.mark.parametrize("pulled", [signal.SIGTERM, signal.SIGKILL])
async def test_mongod_comes_back_on_its_port_with_its_data(
    tmp_path: Path, pulled: signal.Signals
) -> None:
    async with embedded_databases(tmp_path) as servers:
        url, pid = servers.mongo_url, servers.mongod_pid
        async with open_database(url, "kept") as db:
            await db["things"].insert_one({"_id": "before"})
        await servers.restart_mongod(kill=pulled is signal.SIGKILL)
        assert servers.mongo_url == url
        assert servers.mongod_pid not in (None, pid)
        assert await _stored_ids(servers) == ["before"]


async def test_a_restart_uses_another_port_and_a_stop_leaves_no_process(
    tmp_path: Path,
) -> None:
    async with embedded_databases(tmp_path) as servers:
        first_url = servers.mongo_url
    async with embedded_databases(tmp_path) as servers:
        # On another port, so the replica set was told anew.
        assert servers.mongo_url != first_url
        pids = [servers.mongod_pid, servers.redis_pid]
    assert None not in pids
    assert not any(psutil.pid_exists(pid) for pid in pids if pid is not None)
    assert (servers.mongod_pid, servers.redis_pid) == (None, None)


async def test_redis_stops_and_starts_on_its_port(tmp_path: Path) -> None:
    async with embedded_databases(tmp_path) as servers:
        url = servers.redis_url
        await servers.stop_redis()
        assert servers.redis_pid is None
        await servers.start_redis()
        assert servers.redis_url == url
        assert servers.redis_pid is not None


async def test_a_second_service_on_the_data_folder_is_refused(tmp_path: Path) -> None:
    async with embedded_databases(tmp_path) as first:
        with pytest.raises(EmbeddedError, match="another service runs on") as refused:
            async with embedded_databases(tmp_path):
                pass
        assert "\n" not in str(refused.value)
        assert first.mongod_pid is not None
    async with embedded_databases(tmp_path):
        pass


async def test_a_start_on_a_broken_data_folder_names_the_log(tmp_path: Path) -> None:
    (tmp_path / "mongod").mkdir()
    (tmp_path / "mongod" / "WiredTiger.wt").write_bytes(b"not a database")
    (tmp_path / "mongod" / "WiredTiger.turtle").write_bytes(b"not a database")
    (tmp_path / "mongod" / "storage.bson").write_bytes(b"not a database")
    with pytest.raises(EmbeddedError, match=r"mongod ended right after its start.*mongod\.log"):
        async with embedded_databases(tmp_path):
            pass


async def test_the_servers_are_started_from_the_main_thread_only(tmp_path: Path) -> None:
    def elsewhere() -> None:
        asyncio.run(EmbeddedDatabases(tmp_path).start())

    with pytest.raises(RuntimeError, match="main thread"):
        await asyncio.to_thread(elsewhere)


async def test_the_embedded_mongod_offers_no_zlib_compression(mongo_url: str) -> None:
    """In an unpatched release zlib can be used to read its memory."""
    offered = ["zlib", "snappy", "zstd"]
    async with open_database(mongo_url, "kept") as db:
        hello = await db.command({"hello": 1, "compression": offered})
    assert hello["compression"] == offered[1:]
