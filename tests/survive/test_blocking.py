"""A reader's day with every blocking call of the event loop made an error."""

from __future__ import annotations

import asyncio

import pytest
from blockbuster import BlockingError, blockbuster_ctx

from tests.living import living
from tests.waiting import until

ALLOWED = {
    # redis-py looks up its own version for each new connection; the pool opens few.
    ("redis/utils.py", "get_lib_version"): ("os.stat", "os.listdir", "io.TextIOWrapper.read"),
    # Jinja asks whether a template's file is newer; the page itself is kept.
    ("jinja2/loaders.py", "up_to_date"): ("os.stat",),
}
PAGES = ("//", "//login", "//docs", "//static/pages.css", "//sandbox/", "//metrics")


async def test_a_readers_day_makes_no_blocking_call(mongo_url: str, redis_url: str) -> None:
    async with living(mongo_url, redis_url, jobs=True) as service:
        for path in PAGES:  # templates are read when they are first wanted
            assert (await service.stranger().get(path)).status < 400
        with blockbuster_ctx() as guard:
            for (file, function), calls in ALLOWED.items():
                for call in calls:
                    guard.functions[call].can_block_in(file, function)
            with pytest.raises(BlockingError):
                __import__("time").sleep(0.001)
            reader = await service.reader()
            await reader.accept("RESERVED", "CHECKED_IN", "ENDED")
            for path in ("/venues", "/areas", "/areas/2f-hall/map", "/seats/2f-hall-065/times"):
                await reader.ok("GET", path)
            made = await reader.reserve(start="now", end="10:00")
            path = f"/reservations/{made['id']}"
            scan = {"qr": await service.qr()}
            await reader.ok("POST", f"{path}/check-in", scan)
            await reader.ok("POST", f"{path}/leave")
            await reader.ok("POST", f"{path}/return", {"qr": await service.qr("3f-north")})
            await reader.ok("POST", f"{path}/finish")
            login = {"code": f"demo-{reader.name}-1"}
            await reader.ok("POST", "/wx/login", login)
            page = await service.web_reader(reader)
            await page.ok("POST", "/activation-codes", {})
            for path in PAGES:
                assert (await service.stranger().get(path)).status < 400
            await asyncio.gather(*(reader.get("/me") for _ in range(20)))

            async def all_delivered() -> bool:
                return len(await reader.messages()) == 3

            await until(all_delivered, "all three messages")
            assert (await reader.ok("GET", "//readyz"))["status"] == "ready"
