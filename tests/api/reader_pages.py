"""The console's pages of readers."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlencode

from tests.api.browsing import Browser
from tests.api.console import post
from tests.living import Client, Living


async def find(desk: Browser, sought: str) -> Any:
    return await desk.get(f"/console/readers?{urlencode({'q': sought})}")


WORDS: Final = "多次转让座位，请到服务台面谈"


async def suspend(service: Living, desk: Browser, reader: Client, **form: str) -> Any:
    """Sends the suspension form of the reader's page, with the state that it showed."""
    here = f"/console/readers/{reader.reader_id}"
    match = re.search(r'name="was" value="([^"]*)"', (await desk.get(here)).body)
    assert match is not None
    return await post(service, desk, f"{here}/suspend", **{"was": match[1], "reason": WORDS} | form)
