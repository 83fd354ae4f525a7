"""A browser over HTTP: a cookie, pages and their forms."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from aiohttp import FormData

from tests.living import Answer, Client

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Browser:
    """A browser has a reader's cookie and sends the forms of the pages that it was shown."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.cookie = {"Cookie": f"seat_sid={client.token}"}
        client.token = ""

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.client.get(f"/{path}", **self.cookie, **headers)

    async def token(self, path: str = "/activation") -> str:
        match = re.search(r'name="csrf" value="([^"]+)"', (await self.get(path)).body)
        assert match is not None
        return match[1]

    async def post(self, path: str, form: dict[str, str] | FormData, origin: str) -> Answer:
        headers = self.cookie | ({"Origin": origin} if origin else {})
        if isinstance(form, FormData):
            return await self.client.post(f"/{path}", form, **headers)
        body = urlencode(form, errors="surrogatepass").encode()
        return await self.client.post(f"/{path}", body, **FORM, **headers)
