"""The documents: valid links, pages linked from README.md, and equal commands in both READMEs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
PAGES: Final = (
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    *sorted((ROOT / "handlers" / "handbook").rglob("*.md")),
)
LARGEST_PICTURE: Final = 150_000
_LINK: Final = re.compile(r"\]\(([^()\s]+)\)")
_FENCED: Final = re.compile(r"^```.*?^```", re.M | re.S)
_INLINE: Final = re.compile(r"`[^`\n]+`")
_BLOCK: Final = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
_COMMENT: Final = re.compile(r"\s+#.*")


def links(text: str) -> list[str]:
    """The targets of all links and pictures in the order of the page."""
    return _LINK.findall(_INLINE.sub("", _FENCED.sub("", text)))


def commands(text: str) -> list[str]:
    """The lines of all shell blocks, without comments."""
    lines = "".join(_BLOCK.findall(text)).splitlines()
    return [_COMMENT.sub("", line) for line in lines]


def literals(text: str) -> list[str]:
    """The addresses and literal input in the order of the page."""
    return re.findall(r"<http://[^>]+>|`[^`\n]+`", _FENCED.sub("", text))


def anchors(text: str) -> Iterator[str]:
    """The fragments of a page: headings as GitHub names them, and explicit anchors."""
    seen: Counter[str] = Counter()
    for title in re.findall(r"^#{1,6} (.+)$", _FENCED.sub("", text), re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        yield anchor if not seen[anchor] else f"{anchor}-{seen[anchor]}"
        seen[anchor] += 1
    yield from re.findall(r'<a id="([^"]+)">', text)


def target(page: Path, link: str) -> Path:
    """The file that a page's relative link refers to."""
    path = link.partition("#")[0]
    return (page.parent / path).resolve() if path else page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_sections(page: Path) -> None:
    for link in links(page.read_text("utf-8")):
        if re.match(r"(https?|mailto):", link):
            continue
        file, fragment = target(page, link), link.partition("#")[2]
        assert file.exists(), link
        if fragment:
            assert fragment in set(anchors(file.read_text("utf-8"))), link


def test_each_page_is_linked_from_the_readme() -> None:
    reached, waiting = {ENGLISH}, [ENGLISH]
    while waiting:
        page = waiting.pop()
        for link in links(page.read_text("utf-8")):
            file = target(page, link)
            if file.suffix == ".md" and file not in reached and file.exists():
                reached.add(file)
                waiting.append(file)
    assert [str(page) for page in PAGES if page not in reached] == []


def test_both_readmes_have_the_same_commands_and_links() -> None:
    english, chinese = ENGLISH.read_text("utf-8"), CHINESE.read_text("utf-8")
    assert commands(english) == commands(chinese)
    assert literals(english) == literals(chinese)
    other = {CHINESE.name: ENGLISH.name}
    assert [other.get(link, link) for link in links(english)] == links(chinese)
    assert CHINESE.name in links(english) and "scripts/run" in commands(english)


def test_pictures_of_the_documents_are_small() -> None:
    pictures = {
        target(page, link)
        for page in PAGES
        for link in links(page.read_text("utf-8"))
        if link.endswith(".png")
    }
    assert [f.name for f in pictures if f.stat().st_size > LARGEST_PICTURE] == []
    assert set((ROOT / "docs" / "images").iterdir()) <= pictures


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](b.md) ![c](d.png)", ["b.md", "d.png"]),
        ("[![c](d.png)](b.md)", ["d.png", "b.md"]),
        ("`[a](b.md)`", []),
        ("```sh\n[a](b.md)\n```\n[e](#f)", ["#f"]),
    ],
)
def test_links_in_code_spans_and_blocks_are_ignored(text: str, expected: list[str]) -> None:
    assert links(text) == expected
