"""A kiosk with its key and screen, and cards touched to it."""

from __future__ import annotations

from handlers.kiosks.api import SCREEN
from tests.living import Client, Living

CARD = "0012345678"


async def key_of(service: Living, kiosk: str) -> str:
    keys = (await service.anonymous.ok("GET", "//sandbox/kiosks"))["items"]
    return str(next(item["key"] for item in keys if item["id"] == kiosk))


async def kiosk(service: Living, id: str = "2f-south") -> dict[str, str]:
    return {"X-Kiosk-Key": await key_of(service, id)}


async def touched(
    service: Living, client: Client, id: str = "2f-south", key: str | None = None
) -> Client:
    headers = {"X-Kiosk-Key": key} if key else await kiosk(service, id)
    here = await service.anonymous.ok("POST", f"/kiosks/{id}/touch", {"card": CARD}, **headers)
    client.token = here["token"]
    return client


async def show(service: Living, kiosk: str = "2f-south") -> None:
    """Requests the kiosk's code, as its screen does."""
    headers = {"X-Kiosk-Key": await key_of(service, kiosk), SCREEN: "1"}
    await service.anonymous.ok("GET", f"/kiosks/{kiosk}/code", **headers)


async def carded(service: Living) -> Client:
    reader = await service.web_reader()
    await service.inside.stored.cards.put(CARD, reader.reader_id)
    return reader
