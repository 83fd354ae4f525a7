from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from miniapp_server.keys import RESOURCES
from miniapp_server.sandbox.state_repository import SandboxState
from miniapp_server.seed import read, seed
from models.reservations.presence import PresenceMethod


async def seed_demo(app: web.Application) -> tuple[dict[str, str], dict[str, str]]:
    """Writes the demo library, and stores its devices' keys for clients that play a kiosk or a
    gate. Safe to repeat. Returns new keys by kiosk and by gate. Raises: SeedError."""
    resources = app[RESOURCES]
    now = resources.clock.now()
    kiosks, gates = await seed(resources.repositories, app[REFERENCE], read(), now)
    # Demo kiosks count as always showing their codes.
    for venue_id in app[REFERENCE].catalog.venues:
        await resources.repositories.presence_methods.put(venue_id, PresenceMethod.KIOSK_CODE, now)
    state = SandboxState(resources.db)
    await state.keep_keys("kiosk", kiosks)
    await state.keep_keys("gate", gates)
    return kiosks, gates
