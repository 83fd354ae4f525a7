"""A webhook receiver that verifies each request with Standard Webhooks' own library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook


@dataclass(slots=True)
class Receiver:
    """Answers 204 unless ``answer`` decides otherwise. ``got`` lists ids and bodies in order of
    arrival, ``signatures`` and ``headers`` are those of the last request."""

    url: str = ""
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    raw: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], web.Response] = lambda _: web.Response(status=204)
    hangs: asyncio.Event | None = None
    """Nothing is answered before it is set."""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.raw.append((dict(request.headers), body))
        payload = json.loads(body)
        if self.hangs is not None:
            await self.hangs.wait()
        answer = self.answer(payload)
        if answer.status < 300:
            self.got.append((request.headers["webhook-id"], payload))
        return answer

    @property
    def types(self) -> list[str]:
        """The types of the accepted events."""
        return [payload["type"] for _, payload in self.got]

    def verified(self, secret: str) -> list[Any]:
        """The bodies of all requests, verified by the standard's library. Raises:
        WebhookVerificationError."""
        verifier = Webhook(secret)
        return [verifier.verify(body, headers) for headers, body in self.raw]


NewReceiver = Callable[[], Awaitable[Receiver]]
"""The fixture ``receiver``: each call starts another one, until the test ends."""
