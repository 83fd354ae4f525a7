"""``seats school directory``: which schools there are and where, for other programs and nginx."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.settings import load
from miniapp_server.fault_lines import fault_line
from miniapp_server.schools import School, own_port, read_schools
from miniapp_server.settings import Settings
from models.kernel.errors import DomainError
from models.profile.repository import ProfileRepository
from models.storage.connectivity import require_mongo
from models.storage.installation import DatabaseRefused, check
from models.storage.mongo import SharedClients

_INDENT: Final = " "


async def school_directory(env: Env, folder: Path) -> None:
    """Print the directory: names and address of each school, by title. A school whose file or
    database has a fault is left out, with a line on stderr. Raises: SettingsError."""
    async with SharedClients() as clients:
        entries = await asyncio.gather(
            *(_entry(clients, school) for school in read_schools(folder, env, load))
        )
    listed = sorted((one for one in entries if one), key=lambda one: (one["title"], one["url"]))
    print(json.dumps({"schools": listed}, ensure_ascii=False, indent=_INDENT))


async def nginx_ports(env: Env, folder: Path) -> None:
    """Print nginx's map from the host of each school that has another PORT to that port. Raises:
    SettingsError."""
    schools = read_schools(folder, env, load)
    default = own_port(env)
    print(f"map $host $seats_port {{\n    default {default};")
    for school in schools:
        if school.fault:
            _left_out(school, school.fault)
        elif school.port != default:
            print(f"    {school.host} {school.port};")
    print("}")


async def _entry(clients: SharedClients, school: School) -> dict[str, Any] | None:
    """The school in the directory; None if its file or database has a fault, which is printed."""
    try:
        if school.settings is None or school.fault:
            raise CommandError(school.fault)
        return await _described(clients, school.settings, suspended=school.suspended)
    except DomainError as error:
        _left_out(school, fault_line(error))
    except (CommandError, DatabaseRefused) as error:
        _left_out(school, str(error))
    return None


async def _described(
    clients: SharedClients, settings: Settings, *, suspended: bool
) -> dict[str, Any]:
    async with clients.open_database(settings.mongo_url, settings.database) as db:
        await require_mongo(db, settings.mongo_url)
        await check(db, settings.mode, settings.sealer)
        profile = await ProfileRepository(db).load()
    if profile is None:
        raise CommandError("has no library yet: start the service once")
    entry = {
        "name": profile.name,
        "title": profile.title,
        "names": {profile.language: profile.name},
        "url": settings.public_base_url,
    }
    return {**entry, "suspended": True} if suspended else entry


def _left_out(school: School, fault: str) -> None:
    print(f"seats: {school.name} is left out: {fault}", file=sys.stderr)
