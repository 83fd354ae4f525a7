"""A person's data from the command line, beside a service that runs."""

from __future__ import annotations

import json

from tests.survive.serving import command, ended, remote


async def test_export_and_erase_beside_a_running_service(mongo_url: str, redis_url: str) -> None:
    async with remote(mongo_url, redis_url) as service:
        reader, other = await service.reader(), await service.reader()
        await reader.reserve("2f-hall-001", "10:00", "12:00")
        status, out, err = await ended(await command("export-reader", reader.number, **service.env))
        assert (status, err) == (0, "")
        found = json.loads(out)
        assert found["reader"][0]["no"] == reader.number
        assert [r["seat"] for r in found["reservations"]] == ["2f-hall-001"]

        status, out, err = await ended(await command("erase-reader", reader.number, **service.env))
        assert (status, err) == (0, "")
        assert "reservations: 1" in out and "backups" in out
        # The service has heard of it: no token is good any more, and the seat is free.
        await reader.refused("401 unauthenticated", "GET", "/me")
        await other.reserve("2f-hall-001", "10:00", "12:00")
        for name in ("export-reader", "erase-reader"):
            status, out, err = await ended(await command(name, reader.number, **service.env))
            assert (status, out) == (1, "") and "no such reader" in err
