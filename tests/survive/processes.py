"""Calls to a service in another process, and starting and ending servers."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import psutil

from tests.waiting import until


async def call(base: str, method: str, path: str, body: object = None, token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, base + path, json=body, headers=headers) as response,
    ):
        assert response.status < 300, (method, path, response.status, await response.text())
        return await response.json()


def servers_of(process: asyncio.subprocess.Process) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


async def gone(processes: list[psutil.Process]) -> None:
    async def all_gone() -> bool:
        return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)

    await until(all_gone, "the end of its servers", 10)
