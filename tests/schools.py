"""Several schools in this process, on a real port, with real databases and the sandbox."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from handlers.http.keys import SITE
from miniapp_server.app import WorkerIdentity
from miniapp_server.cli.application import application_with
from miniapp_server.cli.settings import load, plug_of
from miniapp_server.connections import connections
from miniapp_server.hosting import SchoolHosts
from miniapp_server.keys import RESOURCES
from miniapp_server.listener import Listener
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.schools import read_schools
from tests.living import MONDAY_8, Living


def school_file(
    folder: Path, name: str, number: int, port: int, mongo_url: str, redis_url: str, **other: str
) -> dict[str, str]:
    """Writes a sandbox's file into the folder; returns its settings. Its host is 127.0.0.NUMBER."""
    env = {
        "SANDBOX": "1",
        "HOST": f"127.0.0.{number}",
        "PORT": str(port),
        "PUBLIC_BASE_URL": f"http://127.0.0.{number}:{port}",
        "MONGO_URL": mongo_url,
        "MONGO_DATABASE": f"t{uuid4().hex[:16]}",
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEYS": "1:" + base64.b64encode(bytes([number]) * 32).decode(),
        "RATE_LIMIT_SCALE": "1000",
        **other,
    }
    (folder / f"{name}.env").write_text("".join(f"{key}={value}\n" for key, value in env.items()))
    return env


async def seeded(env: Mapping[str, str]) -> None:
    """Gives the school the demo library."""
    async with application_with(load(env)) as app:
        await seed_demo(app)


@asynccontextmanager
async def hosted(folder: Path, port: int, again_s: float = 30) -> AsyncIterator[dict[str, Living]]:
    """The open schools of the folder, by name, their clocks at Monday 08:00."""
    schools = read_schools(folder, {"PORT": str(port)}, load)
    hosts = SchoolHosts(schools, WorkerIdentity("test", folder), plug_of, again_s)
    async with hosts.opened() as server:
        made = connections(server, str)
        listener = Listener(made, "0.0.0.0", port, shared=False, line_of=hosts.line_of)
        by_url = {app[SITE].public_base_url: app for app in hosts.applications}
        living: dict[str, Living] = {}
        try:
            for school in schools:
                if school.settings is None or school.fault:
                    continue
                if app := by_url.get(school.settings.public_base_url):
                    service = Living(school.settings.public_base_url, app, app[RESOURCES].clock)
                    service.anonymous = service.stranger()
                    await service.anonymous.ok(
                        "POST", "//sandbox/clock", {"now": MONDAY_8.isoformat()}
                    )
                    living[school.name] = service
            yield living
        finally:
            for service in living.values():
                await service.close()
            listener.close()
