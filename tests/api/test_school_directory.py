"""``seats school directory``: the schools of a folder for programs that look for one, and nginx."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from miniapp_server.cli.school_directory import nginx_ports, school_directory
from models.profile.repository import ProfileRepository
from models.storage.installation import ABOUT
from models.storage.mongo import open_database
from tests.api.berlin import BERLIN
from tests.living import free_port
from tests.schools import school_file, seeded

TITLE = 'Plätze "in" Mitte <b>'
MITTE = replace(BERLIN, name="Universität Mitte", title=TITLE, language="en")


@pytest.mark.whole
async def test_the_directory_has_the_schools_that_can_be_read(
    tmp_path: Path, mongo_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    port, own = free_port(), free_port()

    def add(name: str, number: int, at: int = port, **other: str) -> dict[str, str]:
        return school_file(tmp_path, name, number, at, mongo_url, redis_url, **other)

    beijing, mitte, new = add("beijing", 2), add("zz-mitte", 3, own), add("new", 4)
    add("misspelt", 5, ENCRYPTION_KEYS="1:short")
    add("same-database", 6, MONGO_DATABASE=beijing["MONGO_DATABASE"])
    add("no-primary", 7, MONGO_URL="mongodb://127.0.0.1:9/?replicaSet=none")
    add("twin", 8, PUBLIC_BASE_URL=beijing["PUBLIC_BASE_URL"])
    async with open_database(mongo_url, mitte["MONGO_DATABASE"]) as db:
        await db[ABOUT].insert_one({"_id": "mode", "mode": "sandbox"})
        await ProfileRepository(db).add_missing(MITTE)
    await asyncio.gather(seeded(beijing), seeded(mitte))
    (tmp_path / "zz-mitte.env").rename(tmp_path / "zz-mitte.suspended")
    capsys.readouterr()

    env = {"PORT": str(port)}
    await school_directory(env, tmp_path)
    out, err = capsys.readouterr()
    first, second = json.loads(out)["schools"]
    assert first == {
        "name": "Universität Mitte",
        "title": TITLE,
        "names": {"en": "Universität Mitte"},
        "url": mitte["PUBLIC_BASE_URL"],
        "suspended": True,
    }
    assert (second["url"], [*second["names"]]) == (beijing["PUBLIC_BASE_URL"], ["zh"])
    assert "suspended" not in second and second["title"] > first["title"]
    lines = dict(line.split(" is left out: ") for line in err.splitlines())
    expected = {"misspelt", "same-database", "no-primary", "twin", "new"}
    assert {name.removeprefix("seats: ") for name in lines} == expected
    assert "ENCRYPTION_KEYS" in lines["seats: misspelt"]
    assert "start the service once" in lines["seats: new"]
    assert "connection refused" in lines["seats: no-primary"]
    async with open_database(mongo_url, new["MONGO_DATABASE"]) as db:
        assert await db.list_collection_names() == [], "it only reads"

    await nginx_ports(env, tmp_path)
    out, err = capsys.readouterr()
    assert out == f"map $host $seats_port {{\n    default {port};\n    127.0.0.3 {own};\n}}\n"
    assert "misspelt" in err
