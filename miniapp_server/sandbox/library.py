"""The demo library in a sandbox's database."""

from __future__ import annotations

from miniapp_server.app import Parts
from miniapp_server.sandbox.state_repository import SandboxState
from miniapp_server.seed import read, seed


async def seed_demo(parts: Parts) -> tuple[dict[str, str], dict[str, str]]:
    """Write the demo library, and keep its machines' keys for whoever plays kiosk or gate.

    Safe to repeat. Returns the new keys, of the kiosks and of the gates. Raises: SeedError.
    """
    kiosks, gates = await seed(parts.desk, read(), parts.clock.now())
    state = SandboxState(parts.db)
    await state.keep_keys("kiosk", kiosks)
    await state.keep_keys("gate", gates)
    return kiosks, gates
