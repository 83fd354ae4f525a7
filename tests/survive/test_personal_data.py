"""Export and erasure of a reader by command, beside a running service."""

from __future__ import annotations

import json

from models.readers.entities import FOREVER
from tests.survive.serving import at_a_terminal, command, ended, remote


async def test_export_and_erase_beside_a_running_service(mongo_url: str, redis_url: str) -> None:
    async with remote(mongo_url, redis_url) as service:
        reader, other = await service.reader(), await service.reader()
        await reader.reserve("2f-hall-001", "10:00", "12:00")
        status, out, err = await ended(await command("export-reader", reader.number, **service.env))
        assert (status, err) == (0, "")
        exported = json.loads(out)
        assert exported["reader"][0]["no"] == reader.number
        assert [r["seat"] for r in exported["reservations"]] == ["2f-hall-001"]

        # Nobody is erased unasked: by no answer, another one, or where nobody can answer.
        alone = await ended(await command("erase-reader", reader.number, **service.env))
        assert (
            alone[0] == 1 and alone[1] == "" and "--yes" in alone[2] and alone[2].count("\n") == 1
        )
        for said in ("\n", "no\n", "\x04"):
            status, out, err = await at_a_terminal(
                said, "erase-reader", reader.number, **service.env
            )
            assert (status, out) == (1, "") and "nothing has been erased" in err
            assert "张*" in err and "kept without a name: reservations 1" in err, err
            assert reader.number not in err
        assert (await reader.get("/me")).status == 200
        set_end = service.inside.stored.readers.set_suspended_until
        assert await set_end(reader.reader_id, None, FOREVER)
        barred = await ended(await command("erase-reader", reader.number, "--yes", **service.env))
        assert barred[0] == 1 and "suspended without an end: lift" in barred[2], barred
        assert await set_end(reader.reader_id, FOREVER, None)
        status, out, err = await at_a_terminal(
            "yes\n", "erase-reader", reader.number, **service.env
        )
        assert status == 0, err
        assert "reservations: 1" in out and "backups" in out
        # The service has heard of it: no token is good any more, and the seat is free.
        await reader.refused("401 unauthenticated", "GET", "/me")
        await other.reserve("2f-hall-001", "10:00", "12:00")
        for name in ("export-reader", "erase-reader"):
            words = [name, reader.number, *(["--yes"] if name == "erase-reader" else [])]
            status, out, err = await ended(await command(*words, **service.env))
            assert (status, out) == (1, "") and "no such reader" in err

        # What readers wrote is listed and replied to by commands as well.
        status, out, err = await ended(await command("feedback", "list", **service.env))
        assert (status, out, err) == (0, "no feedback without a reply\n", "")
        reply = await ended(await command("feedback", "reply", "nobody", "谢谢", **service.env))
        assert reply == (1, "", "seats: there is no feedback 'nobody'\n")
