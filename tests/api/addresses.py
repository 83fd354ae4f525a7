"""Values and tokens with which a test can call every address of the service."""

from __future__ import annotations

from typing import Final

from tests.living import Client

NAMES: Final = {
    "{chapter}": "rules",
    "{channel}": "wechat",
    "{picture}": "today",
    "{digest}": "0123456789abcdef",
    "{grant}": "x",
    "{id}": "x",
    "{verb}": "cancel",
    "{place}": "x",
    "{language}": "zh",
    "{kind}": "kiosks",
    "{name}": "x",
}


async def csrf_of(client: Client) -> str:
    """The CSRF token of the caller's session; empty if none is shown."""
    headers = {"Cookie": f"seat_sid={client.token}"}
    async with client.session.get(f"{client.service.base}/contact", headers=headers) as page:
        return csrf_in(await page.text())


def csrf_in(page: str) -> str:
    """The CSRF token in the page's first form; empty without a form."""
    return page.partition('name="csrf" value="')[2].partition('"')[0]
