"""The control of the check of listed error codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from handlers.api_routes import PREFIX, ROUTES
from handlers.http.errors import envelope
from tests.codes_seen import never_seen, recorder


async def test_unlisted_and_unseen_codes_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODES_SEEN", str(tmp_path))
    path = f"{PREFIX}/notices/{{id}}"
    listed = {f"{r.method} {PREFIX}{r.path} {e.code}" for r in ROUTES for e in r.errors}
    answers = iter(((404, "not_found"), (422, "not_found"), (422, "closed")))

    async def answer(_: web.Request) -> web.Response:
        status, code = next(answers)
        return envelope(status, code, {})

    unlisted: set[str] = set()
    app = web.Application(middlewares=[recorder(unlisted)])
    app.router.add_get(path, answer)
    async with TestClient(TestServer(app)) as client:
        assert set(never_seen(tmp_path)) == listed
        await client.get(f"{PREFIX}/notices/1")
        await client.get("/nothing")
        assert not unlisted
        assert set(never_seen(tmp_path)) == listed - {f"GET {path} not_found"}
        for _ in range(2):
            await client.get(f"{PREFIX}/notices/1")
    assert unlisted == {f"GET {path}: 422 not_found", f"GET {path}: 422 closed"}
