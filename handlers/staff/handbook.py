"""The handbook for librarians, opened by the "?" of each page of the console."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from aiohttp import web
from markdown_it import MarkdownIt

from handlers.http.pages import PageRequest
from handlers.staff.layout import render

FOLDER: Final = Path(__file__).parents[1] / "handbook"
FIRST: Final = "README"
"""The name of the chapter that lists the other chapters."""
_MARKDOWN: Final = MarkdownIt("js-default")
_CHAPTER_LINK: Final = re.compile(r'href="([a-z-]+|README)\.md')
_PICTURE_KEPT: Final = "private, max-age=3600"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter of the handbook. ``sections``: its headings, which are also names of anchors."""

    title: str
    html: str
    sections: tuple[str, ...]


@cache
def chapters() -> Mapping[str, Chapter]:
    """All chapters by name, read once per worker."""
    return {file.stem: _chapter(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.md"))}


def _chapter(text: str) -> Chapter:
    tokens = _MARKDOWN.parse(text)
    title, sections = "", []
    for token, inside in pairwise(tokens):
        if token.type != "heading_open":
            continue
        if token.tag == "h1":
            title = inside.content
        else:
            sections.append(inside.content)
            token.attrSet("id", inside.content)
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Chapter(title, _CHAPTER_LINK.sub(r'href="/console/handbook/\1', html), tuple(sections))


async def handbook(visit: PageRequest) -> web.StreamResponse:
    """Shows the chapter that the URL names; without a name, the table of contents."""
    name = visit.request.match_info.get("chapter", FIRST)
    chapter = chapters().get(name)
    if chapter is None:
        raise web.HTTPNotFound
    return render(visit, "handbook", chapter=chapter, first=name == FIRST)


async def handbook_picture(visit: PageRequest) -> web.StreamResponse:
    file = FOLDER / "images" / f"{visit.request.match_info['picture']}.png"
    if not file.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(file, headers={"Cache-Control": _PICTURE_KEPT})
