"""Concurrent guesses of an e-mail code and decisions about an address."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from models.email_addresses.entities import AddressSource
from models.email_addresses.repository import MAX_TRIES, EmailAddressRepository
from models.kernel.ids import ReaderId
from tests.race.stage import Stage, clock, guarded, put_around, unguard

READER = ReaderId("5" * 24)
ANNA, OTHER = "anna@example.edu", "bo@example.edu"


class LooksFirst(EmailAddressRepository):
    """The control: checks for remaining guesses, compares, and counts afterwards."""

    looked: asyncio.Barrier

    async def confirm(self, reader_id: ReaderId, code_hash: str, now: datetime) -> str | None:
        row = await self._all.find_one({"_id": reader_id})
        await self.looked.wait()
        if row is None or row["code_tries"] >= MAX_TRIES:
            return None
        await self._all.update_one({"_id": reader_id}, {"$inc": {"code_tries": 1}})
        return ANNA if row["email_code"] == code_hash else None


@guarded
async def test_concurrent_guesses_get_five_attempts_at_an_email_code(
    stage: Stage, guard: bool
) -> None:
    """A hundred concurrent guesses with the right code among the last."""
    kind = EmailAddressRepository if guard else LooksFirst
    workers = [kind(stage.db, stage.cipher) for _ in range(100)]
    LooksFirst.looked = asyncio.Barrier(len(workers))
    await workers[0].request(READER, ANNA, "right", clock(9) + timedelta(minutes=10))
    for wrong in range(MAX_TRIES - 1):
        if guard:
            assert await workers[0].confirm(READER, f"wrong{wrong}", clock(9)) is None
    guesses = [f"w{n}" for n in range(99)] + ["right"]
    results = await asyncio.gather(
        *(w.confirm(READER, guess, clock(9)) for w, guess in zip(workers, guesses, strict=True))
    )
    row = await stage.db["email_addresses"].find_one({"_id": READER})
    assert row is not None
    if guard:
        assert row.get("code_tries", MAX_TRIES) == MAX_TRIES, "one guess was left"
    else:
        assert row["code_tries"] == 100 and ANNA in results, "all hundred were judged"


@guarded
async def test_a_code_confirms_only_the_address_it_was_sent_to(stage: Stage, guard: bool) -> None:
    """The right digits arrive while the reader requests another address in a second window."""
    slow, fast = (EmailAddressRepository(stage.db, stage.cipher) for _ in range(2))
    until = clock(9) + timedelta(minutes=10)
    await fast.request(READER, ANNA, "first", until)

    async def another() -> None:
        await fast.request(READER, OTHER, "second", until)

    if not guard:
        unguard(slow)
    put_around(slow, "update_one", before=another)
    assert await slow.confirm(READER, "first", clock(9)) == (None if guard else ANNA)
    assert (await fast.of(READER)).address == ("" if guard else ANNA)
    # The address that the reader asked for last can be confirmed, and in the control no more.
    assert await fast.confirm(READER, "second", clock(9)) == (OTHER if guard else None)


@guarded
async def test_the_readers_choice_of_address_overrides_the_campus(
    stage: Stage, guard: bool
) -> None:
    """The campus reports an address at the moment the reader switches mail off."""
    slow, fast = (EmailAddressRepository(stage.db, stage.cipher) for _ in range(2))
    await fast.follow_campus(READER, ANNA)

    async def decides() -> None:
        await fast.remove(READER)

    put_around(slow, "find_one", behind=decides)
    if guard:
        await slow.follow_campus(READER, OTHER)
    else:
        row = await slow._all.find_one({"_id": READER})
        assert row is not None and row["source"] == AddressSource.CAMPUS
        sealed = {"address": slow._texts.seal("address", OTHER), "source": "campus"}
        await slow._all.update_one({"_id": READER}, {"$set": sealed})
    assert bool((await fast.of(READER)).address) is not guard
