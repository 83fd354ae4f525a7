"""Pairing: a screen becomes one kiosk, and a kiosk's key goes to one of two screens."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from models.kernel.errors import Busy
from models.kiosks.entities import PairingRequest
from models.kiosks.errors import KioskKeyChanged, PairingOver
from models.kiosks.pairing_repository import OF_A_NETWORK, PairingRepository
from models.library.entities import KioskId
from models.storage.mongo import Document
from tests.race.stage import KIOSK, Stage, clock, guarded, kinds

OTHER = KioskId("2f-north")


class UsedTwice(PairingRepository):
    """The control: uses a request that is already used."""

    async def _use_up(
        self, request: PairingRequest, kiosk_id: KioskId, now: datetime, session: Any
    ) -> Document | None:
        row: Document | None = await self._all.find_one_and_update(
            {"request": request.id}, {"$set": {"kiosk": kiosk_id}}, session=session
        )
        return row


class Overwriting(PairingRepository):
    """The control: overwrites a key that was given meanwhile."""

    async def _give_key(self, kiosk_id: KioskId, rev: int, key: Document, session: Any) -> bool:
        await self._db["kiosks"].update_one({"_id": kiosk_id}, key, session=session)
        return True


async def screen(pairings: PairingRepository, secret: str) -> PairingRequest:
    return await pairings.add(secret, "Chrome · Linux", "10.0.0.1", "10.0.0.1", clock(8))


async def confirmed(
    pairings: PairingRepository, *pairs: tuple[PairingRequest, KioskId]
) -> dict[str, int]:
    """Confirms all the requests at once. Returns the number of each outcome."""
    return kinds(
        await asyncio.gather(
            *(pairings.pair(request, kiosk, 1, clock(8, 1)) for request, kiosk in pairs),
            return_exceptions=True,
        )
    )


@guarded
async def test_a_screen_is_paired_with_one_of_two_kiosks(stage: Stage, guard: bool) -> None:
    pairings = (PairingRepository if guard else UsedTwice)(stage.db, stage.cipher)
    request = await screen(pairings, "secret")
    done = await confirmed(pairings, (request, KIOSK), (request, OTHER))
    opened = [k for k in (KIOSK, OTHER) if await stage.stored.kiosks.verify_kiosk_key(k, "secret")]
    if guard:
        assert done == {"ok": 1, PairingOver.code: 1} and len(opened) == 1
        pairing = await pairings.by_secret("secret", clock(8, 2))
        assert pairing is not None and [pairing.kiosk_id] == opened
    else:
        assert len(opened) == 2, "its secret is the key of both"


@guarded
async def test_a_kiosk_s_key_goes_to_one_of_two_screens(stage: Stage, guard: bool) -> None:
    pairings = (PairingRepository if guard else Overwriting)(stage.db, stage.cipher)
    screens = [await screen(pairings, f"secret{n}") for n in range(2)]
    done = await confirmed(pairings, *((request, KIOSK) for request in screens))
    kiosks = stage.stored.kiosks
    opened = [n for n in range(2) if await kiosks.verify_kiosk_key(KIOSK, f"secret{n}")]
    assert len(opened) == 1
    waiting = [
        n for n, request in enumerate(screens) if await pairings.by_id(request.id, clock(8, 2))
    ]
    if guard:
        assert done == {"ok": 1, KioskKeyChanged.code: 1}
        assert waiting == [1 - opened[0]], "the other screen can still be paired"
    else:
        assert done == {"ok": 2} and waiting == [], "one thinks that it is the kiosk's"


class Unbounded(PairingRepository):
    """The control: neither a limit for a network nor in total."""

    async def _place_of(self, network: str, browser: str, now: datetime) -> Document:
        return {"_id": f"{network}:{await self._all.count_documents({})}"}

    async def _make_room(self) -> None:
        pass


@guarded
async def test_a_flood_from_one_network_leaves_other_networks_requests(
    stage: Stage, guard: bool
) -> None:
    pairings = (PairingRepository if guard else Unbounded)(stage.db, stage.cipher, at_once=25)
    rows = stage.db["kiosk_pairings"]
    await pairings.add("mine", "", "10.0.0.1", "10.0.0.1", clock(8))
    refused = 0
    for number in range(45):
        address = f"10.0.0.{2 + number // 15}"
        try:
            await pairings.add(f"a{number}", "", address, address, clock(8, 1, number))
        except Busy:
            refused += 1
        if guard:
            most = min(1 + OF_A_NETWORK * (1 + number // 15), 25)
            assert await rows.count_documents({}) <= most
    assert await pairings.by_secret("mine", clock(8, 3)) is not None
    assert await rows.count_documents({}) == (25 if guard else 46)
    assert (refused >= 10) is guard, "five of an address: its ten places are new"


async def test_a_flood_of_pairing_requests_displaces_its_own_kind_only(stage: Stage) -> None:
    """A campus shares one address. Requests of a stranger there displace only each other; a screen
    that comes late waits until a place is two minutes old, and then keeps its own."""
    pairings, here = PairingRepository(stage.db, stage.cipher), ("10.0.0.1", "10.0.0.1")
    await pairings.add("screen", "Chrome · Linux", *here, clock(8))
    for number in range(OF_A_NETWORK - 1):
        await pairings.add(f"s{number}", "", *here, clock(8, 1, number))
    before = await stage.db["kiosk_pairings"].find().sort("_id").to_list(None)
    with pytest.raises(Busy) as late:
        await pairings.add("late", "Firefox · Linux", *here, clock(8, 1, 30))
    assert late.value.retry_after == 30, "the first one is two minutes old then"
    assert await stage.db["kiosk_pairings"].find().sort("_id").to_list(None) == before
    for number in range(5):
        await pairings.add(f"t{number}", "", *here, clock(8, 3, 10 + number))
    assert await pairings.by_secret("screen", clock(8, 4)) is not None
    await pairings.add("late", "Firefox · Linux", *here, clock(8, 5))
    for secret in ("s0", "screen"):
        assert await pairings.by_secret(secret, clock(8, 5)) is None, "the oldest of all others"
    assert await pairings.by_secret("late", clock(8, 5)) is not None


class Unlucky(PairingRepository):
    """Draws each of its first codes twice."""

    drawn = 0

    def _document(self, *facts: Any) -> Document:
        Unlucky.drawn += 1
        return {**super()._document(*facts), "code": f"{Unlucky.drawn // 2:06}"}


@guarded
async def test_two_screens_never_get_the_same_pairing_code(stage: Stage, guard: bool) -> None:
    if not guard:
        await stage.drop("kiosk_pairings", "code")
    Unlucky.drawn = 1
    pairings = Unlucky(stage.db, stage.cipher)
    codes = [(await screen(pairings, f"secret{n}")).code for n in range(3)]
    assert len(set(codes)) == (3 if guard else 2)
