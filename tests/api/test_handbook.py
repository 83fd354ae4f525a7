"""The handbook: each console page links to its section, in the reader's language."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from babel.messages.pofile import read_po

from handlers.staff.handbook_chapters import FOLDER, FOLDERS, anchor, chapters, handbook_language
from handlers.staff.help_topics import help_for
from handlers.staff.routes import console_routes
from handlers.texts.handbook import TOPICS
from languages.catalogue import CHINESE, LANGUAGES
from languages.text import SOURCE, Language
from models.identity.roles import Role
from tests.api.browsing import Browser
from tests.api.console import staff
from tests.living import Living

PICTURE: Final = re.compile(r"(?:\.\./)?images/([a-zA-Z0-9/-]+)\.png")
LINK: Final = re.compile(r"\]\(([a-zA-Z-]+)\.md(?:#([^)]+))?\)")
LINK_TO: Final = re.compile(r'href="/console/handbook/([a-zA-Z-]+)')
QUOTED: Final = re.compile("“([^”]+)”")
HAN: Final = re.compile("[\u3001-\u303f\u3400-\u9fff\uff00-\uffef]")
TRANSLATED: Final = sorted(FOLDERS.keys() - {SOURCE})
HANDBOOKS: Final = [LANGUAGES[tag] for tag in FOLDERS]


def own_pages() -> set[str]:
    """The console pages whose address has no parameter."""
    pages = {r.path for r in console_routes() if r.method == "GET" and "{" not in r.path}
    return {path.rstrip("/") for path in pages if not path.endswith((".csv", ".xlsx"))}


def texts(tag: str) -> Iterator[tuple[str, str]]:
    """The name and text of each chapter's file."""
    for file in FOLDERS[tag].glob("*.md"):
        yield file.name, file.read_text("utf-8")


def said(tag: str) -> set[str]:
    """All translations of the language, with the spaces of one line."""
    with files("languages").joinpath(f"po/{tag}.po").open("rb") as file:
        messages = [message.string for message in read_po(file)]
    forms = chain.from_iterable(
        [text or ""] if isinstance(text, str | None) else text for text in messages
    )
    return {" ".join(text.split()) for text in forms}


def pictures(folder: Path) -> set[str]:
    return {str(file.relative_to(FOLDER / "images"))[:-4] for file in folder.glob("*.png")}


@pytest.mark.parametrize("language", HANDBOOKS, ids=lambda language: language.tag)
def test_each_page_has_a_section_of_its_own(language: Language) -> None:
    pages = own_pages() - {"/console"}
    front = help_for("/console", language)
    assert [p for p in pages if help_for(p, language) == front] == []
    for path, (chapter, section) in TOPICS.items():
        assert language.say(section) in chapters(language.tag)[chapter].sections, path


@pytest.mark.parametrize("language", HANDBOOKS, ids=lambda language: language.tag)
def test_chapters_link_to_existing_sections_and_to_pictures_of_their_language(
    language: Language,
) -> None:
    named, book = set(), chapters(language.tag)
    for file, text in texts(language.tag):
        named |= set(PICTURE.findall(text))
        for chapter, section in LINK.findall(text):
            anchors = [anchor(heading) for heading in book[chapter].sections]
            assert not section or section in anchors, (file, section)
    own = FOLDER / "images" / ("" if language is CHINESE else language.tag)
    assert named == pictures(own)


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_translation_has_the_same_sections_links_and_pictures(tag: str) -> None:
    original, translation = chapters(SOURCE), chapters(tag)
    assert original.keys() == translation.keys()
    for name in original:
        both = original[name], translation[name]
        assert len({len(chapter.sections) for chapter in both}) == 1, name
        assert len({tuple(LINK_TO.findall(chapter.html)) for chapter in both}) == 1, name
        for chapter in both:
            anchors = [anchor(section) for section in chapter.sections]
            assert len(set(anchors)) == len(anchors), name


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_translation_names_what_the_console_in_its_language_shows(tag: str) -> None:
    words = said(tag)
    for file, text in texts(tag):
        assert HAN.findall(text) == [], file
        labels = [" ".join(quoted.split()) for quoted in QUOTED.findall(text)]
        assert [label for label in labels if label not in words] == [], file


def test_languages_without_a_handbook_have_the_chinese_one() -> None:
    other = Language("xx", "xx", "Xx", CHINESE.locale, LANGUAGES["en"].translations)
    assert handbook_language(other) is CHINESE
    assert help_for("/console/rules", other) == help_for("/console/rules", CHINESE)
    assert help_for("/console/rules/1", LANGUAGES["en"]) == (
        "/console/handbook/rules#numbers-and-switches"
    )


@pytest.mark.parametrize("language", HANDBOOKS, ids=lambda language: language.tag)
async def test_staff_can_read_the_handbook_and_readers_cannot(
    service: Living, language: Language
) -> None:
    viewer, reader = await staff(service, Role.VIEWER), await service.web_reader()
    head, accepted = await staff(service, Role.ADMINISTRATOR), {"Accept-Language": language.tag}
    for path in own_pages():
        page = (await head.get(path, **accepted)).body
        assert f'href="{help_for(path, language)}"' in page, path
    front = (await viewer.get("/console/handbook", **accepted)).body
    assert chapters(language.tag)["README"].title in front and 'role="note"' not in front
    for name, chapter in chapters(language.tag).items():
        page = html.unescape((await viewer.get(f"/console/handbook/{name}", **accepted)).body)
        assert f"<title>{chapter.title} " in page and f'lang="{language.html}"' in page, name
        assert all(f'id="{anchor(s)}"' in page for s in chapter.sections), name
        for source in re.findall(r'<img src="([^"]+)"', page):
            async with (
                aiohttp.ClientSession() as session,
                session.get(service.base + source, headers=viewer.cookie) as response,
            ):
                file = FOLDER / source.removeprefix("/console/handbook/")
                assert await response.read() == file.read_bytes(), source
    for path, status in (
        ("/console/handbook/images/none.png", 404),
        ("/console/handbook/images/none/today.png", 404),
        ("/console/handbook/images//etc/none.png", 404),
        ("/console/handbook/none", 404),
        ("/console/handbook/..%2f..%2fREADME", 404),
    ):
        assert (await viewer.get(path)).status == status, path
    assert (await Browser(reader).get("/console/handbook")).status == 403
