"""The chapters of the handbook: Markdown files in Chinese, and in each language with a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

from languages.catalogue import CHINESE, LANGUAGES
from languages.text import SOURCE, Language

FOLDER: Final = Path(__file__).parents[1] / "handbook"
FOLDERS: Final[Mapping[str, Path]] = {
    SOURCE: FOLDER,
    **{tag: FOLDER / tag for tag in LANGUAGES if (FOLDER / tag).is_dir()},
}
"""The folders of the languages that have a handbook, by the language's tag."""
FIRST: Final = "README"
"""The name of the chapter that lists the other chapters."""
_MARKDOWN: Final = MarkdownIt("js-default")
_CHAPTER_LINK: Final = re.compile(r'href="([a-z-]+|README)\.md')
_PICTURE_LINK: Final = re.compile(r'src="(?:\.\./)?images/')


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter of the handbook. ``sections``: its headings."""

    title: str
    html: str
    sections: tuple[str, ...]


def handbook_language(language: Language) -> Language:
    """The language of the handbook that these readers get: Chinese if theirs has none."""
    return language if language.tag in FOLDERS else CHINESE


@cache
def chapters(tag: str) -> Mapping[str, Chapter]:
    """All chapters in a language of ``FOLDERS`` by name, read once per worker."""
    files = sorted(FOLDERS[tag].glob("*.md"))
    return {file.stem: _chapter(file.read_text("utf-8")) for file in files}


def anchor(section: str) -> str:
    """The anchor of a section, made from its heading in the way that GitHub does."""
    return re.sub(r"[^\w\- ]", "", section.lower()).replace(" ", "-")


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
            token.attrSet("id", anchor(inside.content))
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    html = _CHAPTER_LINK.sub(r'href="/console/handbook/\1', html)
    html = _PICTURE_LINK.sub('src="/console/handbook/images/', html)
    return Chapter(title, html, tuple(sections))
