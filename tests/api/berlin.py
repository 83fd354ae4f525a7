"""A library in Berlin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, time
from typing import Any, Final
from uuid import uuid4

from handlers.texts.wording import DEFAULT_NAMES
from models.policy.entities import OpeningRule
from models.profile.entities import LibraryProfile
from models.profile.repository import ProfileRepository
from models.storage.installation import ABOUT, MODE, Mode
from models.storage.mongo import open_database
from tests.living import ENCRYPTION_KEYS, Living, living

NAMES: Final[Any] = {**DEFAULT_NAMES, "contact": ("Theke",)}
BERLIN: Final = LibraryProfile(**NAMES, zone="Europe/Berlin", zone_minutes=60)


@asynccontextmanager
async def in_berlin(
    mongo_url: str,
    redis_url: str,
    now: str,
    profile: LibraryProfile = BERLIN,
    keys: str = ENCRYPTION_KEYS,
    jobs: bool = False,
) -> AsyncIterator[Living]:
    """The demo library in Berlin, which never closes."""
    name = f"t{uuid4().hex[:16]}"
    async with open_database(mongo_url, name) as db:
        await db[ABOUT].insert_one({"_id": MODE, "mode": Mode.SANDBOX.value})
        await ProfileRepository(db).add_missing(profile)
    begins = datetime.fromisoformat(now)
    async with living(
        mongo_url, redis_url, now=begins, jobs=jobs, database=name, ENCRYPTION_KEYS=keys
    ) as service:
        reference, stored = service.inside.reference, service.inside.stored
        always = replace(
            reference.policy,
            version=2,
            opening=(OpeningRule(time(0), time(0)),),
            step_minutes=30,
            max_minutes=600,
            areas={},
        )
        await stored.policies.add_missing(always, begins)
        await reference.refresh()
        yield service
