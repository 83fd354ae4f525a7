"""Signing in by the sandbox's CAS, at once or step by step."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.api.browsing import FORM
from tests.living import Client, Living


async def sign_in(client: Client) -> None:
    """Signs the client in by the CAS form, as a browser would."""
    base = client.service.base
    async with client.session.get(f"{base}/login") as response:
        page, address = await response.text(), response.url
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    form = {name: unescape(value) for name, value in hidden.items()}
    form |= {"username": client.number, "password": "demo"}
    async with client.session.post(address, data=form) as response:
        assert response.url.path == "/" and "ticket" not in response.url.query
        assert "激活码" in await response.text()


async def begun(browser: Client, query: str = "") -> str:
    """Begins a sign-in. Returns the service URL that is sent to CAS."""
    away = urlsplit((await browser.get(f"//login{query}")).headers["Location"])
    return str(parse_qs(away.query)["service"][0])


async def granted(service: Living, browser: Client, target: str) -> str:
    """Signs in at the sandbox's CAS. Returns the URL to which CAS redirects."""
    form = urlencode({"username": browser.number, "password": "demo", "service": target})
    answer = await browser.call("POST", "//sandbox/cas/login", form.encode(), **FORM)
    return str(answer.headers["Location"]).removeprefix(service.base)
