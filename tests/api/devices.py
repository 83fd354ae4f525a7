"""The keys of kiosks and gates, in the console and in the database."""

from __future__ import annotations

import re
from typing import Any

from tests.living import Living


def key_in(body: str) -> str:
    match = re.search(r"(?:#key=|GATE_KEY=)([\w-]{40,})<", body)
    assert match is not None
    return match[1]


async def keys(service: Living) -> list[Any]:
    db = service.db
    return [await db[name].find().to_list(None) for name in ("kiosks", "gates")]
