"""The gate's agent, killed at random and disconnected from the service: every passage has one
effect."""

from __future__ import annotations

import asyncio
import csv
import json
import random
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

from miniapp_server.gate_agent import BATCH, Spool
from tests.api.gate import gate_of
from tests.living import MONDAY_8, Client, Living, living
from tests.waiting import patience

ROOT: Final = Path(__file__).resolve().parents[2]
READERS: Final = 40
KILLS: Final = 8
# The gate's machine shows the test's time.
PROGRAM: Final = """
import sys
from datetime import datetime, timedelta, timezone
from miniapp_server import gate_agent
ahead = timedelta(seconds=float(sys.argv.pop(1)))
sys.exit(gate_agent.main(sys.argv[1:], lambda: datetime.now(timezone.utc) + ahead))
"""


async def start(
    service: Living, file: Path, key: str, *more: str, url: str = ""
) -> asyncio.subprocess.Process:
    ahead = service.clock.offset.total_seconds()
    arguments = ["--url", url or service.base, "--gate", "main", "--file", str(file), *more]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        str(ahead),
        *arguments,
        cwd=ROOT,
        env={"GATE_KEY": key, "PATH": "/usr/bin:/bin"},
        stderr=asyncio.subprocess.DEVNULL,
    )


def line(reader: Client, n: int, way: str, minutes: float) -> list[str]:
    at = (MONDAY_8 + timedelta(minutes=minutes)).isoformat()
    return [f"e{n}", reader.number, way, "card", at]


def test_the_agent_skips_bad_lines_and_sends_the_others(tmp_path: Path) -> None:
    def written(n: int, number: str) -> str:
        return f"{n},{number},in,card,2026-09-07T08:00:00+08:00\n"

    file, odd = tmp_path / "passages.csv", {2: '"2107', 5: "2" * 200}
    file.write_text("".join(written(n, odd.get(n, "21070001")) for n in range(1, 20)))
    spool = Spool(tmp_path / "spool")
    spool.take_in(file)
    batch, whole = spool.first()
    assert whole and [e["id"] for _, e in batch] == [str(n) for n in range(1, 20) if n not in odd]
    # A batch is no larger than the service takes, whatever its ids look like.
    with file.open("a") as more:
        more.writelines(written(n, "2" * 32).replace(",", "x" * 60 + ",", 1) for n in range(900))
    spool.take_in(file)
    sent_count = 0
    while batch:
        sent = json.dumps({"events": [e for _, e in batch], "complete_until": "2" * 40})
        assert len(batch) <= BATCH and len(sent) < 65_536
        sent_count += len(batch)
        spool.taken(batch[-1][0])
        batch, whole = spool.first()
    assert whole and sent_count == 17 + 900
    spool.close()


async def test_every_passage_has_one_effect_despite_kills_and_cut_connections(
    mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    chance, file = random.Random(7), tmp_path / "passages.csv"
    async with living(mongo_url, redis_url) as service:
        gate = await gate_of(service)
        readers = [await service.reader() for _ in range(READERS)]
        for n, reader in enumerate(readers):
            await reader.reserve(f"3f-east-{n + 1:03}", "09:00", "12:00")
        await service.move("09:08")
        rows = [line(reader, n, "in", 61 + n / 10) for n, reader in enumerate(readers)]
        rows += [line(reader, n + 100, "out", 66 + n / 40) for n, reader in enumerate(readers[::2])]
        with file.open("w", newline="") as written:
            csv.writer(written).writerow(["id", "student_no", "direction", "method", "at"])
        # Nobody listens there: everything waits in the spool.
        offline = await start(service, file, gate.key, url="http://127.0.0.1:9")
        for k in range(KILLS):
            with file.open("a", newline="") as written:
                csv.writer(written).writerows(rows[k::KILLS])
            agent = offline if k == 0 else await start(service, file, gate.key)
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            agent.kill()
            await agent.wait()
        last = await start(service, file, gate.key, "--once")
        assert await asyncio.wait_for(last.wait(), patience(60)) == 0

        passages = service.db["gate_events"]
        assert await passages.count_documents({}) == len(rows)
        assert await passages.count_documents({"open": True}) == 0
        for n, reader in enumerate(readers):
            (reservation,) = (await reader.ok("GET", "/reservations"))["items"]
            assert reservation["state"] == ("away" if n % 2 == 0 else "in_use")
            detail = await reader.ok("GET", f"/reservations/{reservation['id']}")
            acts = [e["event"] for e in detail["history"]]
            assert acts == ["reserve", "check_in", *(["leave"] if n % 2 == 0 else [])]
        (gate_now,) = [g for g in await service.inside.stored.gates.all() if g.id == "main"]
        assert (
            gate_now.complete_until is not None
            and gate_now.complete_until > MONDAY_8 + timedelta(minutes=60)
        )
        # Nothing is told anew by another start, and what is no passage holds up nothing.
        with file.open("a") as more:
            more.write("nonsense\n,,,,\ne900,99999999,in,card,2026-09-07T09:00:00+08:00\ncut off")
        again = await start(service, file, gate.key, "--once")
        assert await asyncio.wait_for(again.wait(), patience(60)) == 0
        assert await passages.count_documents({}) == len(rows) + 1
