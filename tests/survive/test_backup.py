"""The operator's way: a backup while the service runs, a lost database, and the way back."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from tests.survive.serving import command, ended, remote


async def test_backup_wipe_restore_and_everybody_is_where_they_were(
    mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    file = str(tmp_path / "seats.backup")
    async with remote(mongo_url, redis_url) as service:
        readers = [await service.reader() for _ in range(12)]
        seats = [f"2f-hall-{n:03}" for n in range(1, 13)]
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
        await late
        before = [await r.ok("GET", "/reservations") for r in readers[:8]]

        await service.kill()
        await service.parts.db.client.drop_database(service.parts.db.name)
        status, out, err = await ended(await command("restore", file, **service.env))
        assert (status, err) == (0, ""), err
        assert "no doubles" in out
        await service.start()
        assert [await r.ok("GET", "/reservations") for r in readers[:8]] == before
        # The seats are held again, for whoever comes now.
        wish = {"seat_id": seats[0], "date": service.today, "start": "10:00", "end": "12:00"}
        newcomer = await service.reader()
        await newcomer.refused("409 seat_taken", "POST", "/reservations", wish)
        again = await ended(await command("restore", file, **service.env))
        assert again[0] == 1 and "is not empty" in again[2]
        again = await ended(await command("backup", file, **service.env))
        assert again[0] == 1 and "is there already" in again[2]
