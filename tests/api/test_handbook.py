"""The handbook: each console page links to its section."""

from __future__ import annotations

import re

import aiohttp

from handlers.staff.handbook import FOLDER, chapters
from handlers.staff.help_topics import help_for
from handlers.staff.routes import console_routes
from handlers.texts.handbook import TOPICS
from models.identity.roles import Role
from tests.api.browsing import Browser
from tests.api.console import staff
from tests.living import Living

PICTURE = re.compile(r"images/([a-z0-9-]+)\.png")
LINK = re.compile(r"\]\(([a-zA-Z-]+)\.md(?:#([^)]+))?\)")


def own_pages() -> set[str]:
    """The console pages whose address has no parameter."""
    pages = {r.path for r in console_routes() if r.method == "GET" and "{" not in r.path}
    return {path.rstrip("/") for path in pages if not path.endswith((".csv", ".xlsx"))}


def test_each_page_has_a_section_of_its_own() -> None:
    pages = own_pages() - {"/console"}
    assert [p for p in pages if help_for(p) == help_for("/console")] == []
    for path, (chapter, section) in TOPICS.items():
        assert section in chapters()[chapter].sections, path


def test_chapters_link_to_existing_sections_and_images() -> None:
    named = set()
    for file in FOLDER.glob("*.md"):
        text = file.read_text("utf-8")
        named |= set(PICTURE.findall(text))
        for chapter, section in LINK.findall(text):
            assert not section or section in chapters()[chapter].sections, (file.name, section)
    assert named == {file.stem for file in (FOLDER / "images").glob("*.png")}


async def test_staff_can_read_the_handbook_and_readers_cannot(service: Living) -> None:
    viewer, reader = await staff(service, Role.VIEWER), await service.web_reader()
    front = (await viewer.get("/console/statistics")).body
    assert f'href="{help_for("/console/statistics")}"' in front
    head = await staff(service, Role.ADMINISTRATOR)
    for path in own_pages():
        assert f'href="{help_for(path)}"' in (await head.get(path)).body, path
    assert "馆员手册" in (await viewer.get("/console/handbook")).body
    for name, chapter in chapters().items():
        page = (await viewer.get(f"/console/handbook/{name}")).body
        assert chapter.title in page and all(f'id="{s}"' in page for s in chapter.sections), name
    picture = f"{service.base}/console/handbook/images/today.png"
    async with (
        aiohttp.ClientSession() as session,
        session.get(picture, headers=viewer.cookie) as response,
    ):
        assert await response.read() == (FOLDER / "images" / "today.png").read_bytes()
    for path, status in (
        ("/console/handbook/images/none.png", 404),
        ("/console/handbook/none", 404),
        ("/console/handbook/..%2f..%2fREADME", 404),
    ):
        assert (await viewer.get(path)).status == status, path
    assert (await Browser(reader).get("/console/handbook")).status == 403
