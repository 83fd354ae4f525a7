"""python -m tests.upgrade.make: stores the documents of a release for upgrade tests of later ones.

It runs this version with documents in every collection, and writes beside this file a backup of its
database and the responses to a reader and a program. Each release gets such a pair, once
(docs/releasing.md).
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from miniapp_server.embedded_databases import embedded_databases
from miniapp_server.version import VERSION
from models.backup.entities import Backup
from models.backup.repository import SHORT_LIVED, backup
from models.identity.api_tokens import Scope
from models.identity.roles import Role
from models.reader_groups.entities import GroupId, ReaderGroup
from models.readers.personal_data_repository import (
    ANONYMISED_COLLECTIONS,
    AUDIT_COLLECTIONS,
    NON_PERSONAL_COLLECTIONS,
    PERSONAL_COLLECTIONS,
)
from models.schema.indexes import INDEXES
from models.storage.mongo import new_id
from models.webhooks.endpoint_repository import new_secret
from models.webhooks.entities import WebhookEndpoint, WebhookEventType, WebhookId
from models.wechat.mini_program_code_repository import MiniProgramCodeRepository
from tests.api.api_tokens import program
from tests.api.console import staff
from tests.api.known_reader import reader_with_data
from tests.api.plan_pictures import drawing, file_of, send
from tests.api.reader_pages import suspend
from tests.living import MONDAY_8, Client, Living, living

FOLDER: Final = Path(__file__).parent
EVERY_COLLECTION: Final = (
    {*PERSONAL_COLLECTIONS, *ANONYMISED_COLLECTIONS, *AUDIT_COLLECTIONS, *NON_PERSONAL_COLLECTIONS}
    | {"readers", *INDEXES}
) - SHORT_LIVED
"""What a backup holds of a database in which everything has happened."""
ASKED: Final = {
    "reader": ("/me", "/reservations", "/violations", "/favourites", "/notices"),
    "program": ("/venues", "/areas"),
}
"""The callers and what they ask."""


async def responses_to(caller: Client, who: str) -> dict[str, Any]:
    """The response to the caller, without the address of the service."""
    answers = {path: await caller.ok("GET", path) for path in ASKED[who]}
    text = json.dumps(answers, ensure_ascii=False)
    return dict(json.loads(text.replace(caller.service.base, "")))


async def _everything_happens(service: Living) -> dict[str, Client]:
    """Makes documents in every collection. Returns a reader with many of them, and a program."""
    endpoint_of = WebhookEndpoint(
        WebhookId(new_id()),
        "https://receiver.invalid/seats",
        "校园应用",
        frozenset(WebhookEventType),
    )
    assert await service.inside.stored.webhooks.add(endpoint_of, new_secret()) is not None
    yesterday = await service.reader()
    await yesterday.reserve("2f-hall-050", "09:00", "10:00")
    await service.move("22:00")
    await service.move(timedelta(hours=10))
    await service.settle()
    reader = await reader_with_data(service)
    desk, head = await staff(service), await staff(service, Role.ADMINISTRATOR)
    assert (await send(service, head, file_of(drawing(43, 29)))).status == 200
    assert (await suspend(service, desk, yesterday, forever="1")).status == 303
    stored, now = service.inside.stored, service.clock.now()
    group = ReaderGroup(GroupId("graduates"), "研究生", "研究生读者")
    assert await stored.reader_groups.add(group)
    await stored.canned_answers.add("插座", "已报修，谢谢")
    await stored.announcements.begin("form", "announcement-1")
    await stored.outages.begin("cas", now)
    assert await stored.used_once.use("logout token", now + timedelta(days=1))
    await stored.sessions.close_by_ticket("ST-ended", now)
    await stored.wechat_callbacks.first("wechat-1", now)
    await MiniProgramCodeRepository(service.db).keep("k=2f-south", b"a picture", now)
    await stored.backups.backed_up(Backup(now, "made.backup", "/backups"))
    door = await program(service, Scope.CATALOG_READ, Scope.OCCUPANCY_READ)
    return {"reader": reader, "program": door}


async def make(version: str, mongo_url: str, redis_url: str) -> None:
    """Writes the pair of ``version``. Raises: SystemExit if a collection is empty."""
    async with living(mongo_url, redis_url, now=MONDAY_8 - timedelta(days=1)) as service:
        callers = await _everything_happens(service)
        now = service.clock.now()
        facts = {
            "at": now.isoformat(),
            "number": callers["reader"].number,
            "callers": {
                who: {"token": caller.token, "told": await responses_to(caller, who)}
                for who, caller in callers.items()
            },
        }
        counts = await backup(service.db, FOLDER / f"{version}.backup", now)
    if missing := EVERY_COLLECTION - {name for name, count in counts.items() if count}:
        (FOLDER / f"{version}.backup").unlink()
        raise SystemExit(f"nothing is in {', '.join(sorted(missing))}: let it happen above")
    text = json.dumps(facts, ensure_ascii=False, indent=1)
    (FOLDER / f"{version}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{version}: {counts.total()} documents of {len(counts)} collections")


async def _main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_databases(Path(folder)) as servers:
            await make(VERSION, servers.mongo_url, servers.redis_url)


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
