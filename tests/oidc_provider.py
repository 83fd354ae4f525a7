"""A foreign OpenID provider in a process of its own: npm's oidc-provider."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from tests.living import Client, free_port
from tests.tools import npm_folder, program
from tests.waiting import patience, until

SECRET: Final = "s e:cret+%"
"""It is written in two encodings on its way (RFC 6749, section 2.3.1)."""
_FORM: Final = re.compile(r'<form[^>]* action="([^"]+)"', re.DOTALL)
_HIDDEN: Final = re.compile(r'type="hidden" name="(\w+)" value="([^"]+)"')


@dataclass(slots=True)
class RealProvider:
    """A provider whose ``issuer`` is known at once and which listens after ``serve``."""

    issuer: str
    process: asyncio.subprocess.Process
    settings: Mapping[str, str] = field(default_factory=dict)

    def env(self, id: str, **more: str) -> dict[str, str]:
        """The settings of a service with this provider under this name."""
        own = {"ISSUER": self.issuer, "CLIENT_ID": "seats", "CLIENT_SECRET": SECRET}
        own |= {"NUMBER_CLAIM": "preferred_username", "KIND_CLAIM": "kind", **more}
        return {f"OIDC_{id.upper()}_{name}": value for name, value in own.items()}

    async def serve(self, base: str, id: str = "campus") -> None:
        """Starts the provider with the service at that address as its client."""
        client = {
            "client_id": "seats",
            "client_secret": SECRET,
            "redirect_uris": [f"{base}/login/oidc/{id}"],
            "post_logout_redirect_uris": [f"{base}/"],
            "backchannel_logout_uri": f"{base}/login/oidc/{id}/logout",
            "backchannel_logout_session_required": True,
        }
        await self._tell(json.dumps(client), "ready")

    async def rotate(self) -> None:
        """Replaces the provider's signing key."""
        await self._tell("rotate", "rotated")

    async def _tell(self, line: str, answer: str) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()
        said = await asyncio.wait_for(self.process.stdout.readline(), patience(20))
        assert said.decode().strip() == answer, said


@asynccontextmanager
async def real_provider() -> AsyncIterator[RealProvider]:
    """A provider for the length of the block."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(program("node"), "--no-warnings", "provider.mjs", str(port)),
        cwd=npm_folder("tests/oidc"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield RealProvider(f"http://127.0.0.1:{port}", process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def follow(session: aiohttp.ClientSession, url: str, stop: str, account: str = "anna") -> str:
    """Follows the provider's redirects, fills in its forms as ``account``, and returns the first
    address that begins with ``stop``, without opening it."""
    method, form = "GET", dict[str, str]()
    for _ in range(20):
        if url.startswith(stop):
            return url
        async with session.request(
            method, URL(url, encoded=True), data=form or None, allow_redirects=False
        ) as answer:
            body = await answer.text()
            if answer.status in (302, 303):
                url, method, form = urljoin(url, answer.headers["Location"]), "GET", {}
                continue
        match = _FORM.search(body)
        assert answer.status == 200 and match is not None, (url, answer.status, body[:2000])
        url, method, form = match[1], "POST", dict(_HIDDEN.findall(body))
        if form.get("prompt") == "login":
            form |= {"login": account, "password": "any"}
        elif "xsrf" in form:
            form["logout"] = "yes"
    raise AssertionError(f"the provider never led to {stop}")


async def away(client: Client, path: str = "//login") -> str:
    """The address to which the service redirects a browser that signs in. Retried at first, since a
    provider that has just started may be too slow."""
    answer = await client.get(path)

    async def led_away() -> bool:
        nonlocal answer
        answer = await client.get(path)
        return answer.status != 503

    if answer.status == 503:
        await until(led_away, "a provider that answers in time")
    assert answer.status == 302, (answer.status, answer.body)
    return str(answer.headers["Location"])


async def signed_in(client: Client, path: str = "//login", account: str = "anna") -> Any:
    """The service's response to the provider's redirect back."""
    base = client.service.base
    back = await follow(client.session, await away(client, path), f"{base}/", account)
    return await client.get(f"/{back.removeprefix(base)}")
