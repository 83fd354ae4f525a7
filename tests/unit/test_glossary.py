"""The names in docs/glossary.md exist, and its retired words are not used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
GLOSSARY: Final = ROOT / "docs" / "glossary.md"
TERMS, RETIRED = GLOSSARY.read_text(encoding="utf-8").split("## Retired words")
FOLDERS: Final = (
    *("bind", "deploy", "docs", "handlers", "miniapp_server", "miniprogram", "models", "notify"),
    *("lab", "scripts", "tests"),
)
SUFFIXES: Final = frozenset(
    {".css", ".html", ".js", ".json", ".md", ".mjs", ".py", ".ts", ".txt", ".wxml", ".wxss", ""}
)
NOT_OURS: Final = frozenset({"node_modules", "miniprogram_npm", "__pycache__"})


def files() -> Iterator[Path]:
    """Code, documents, templates and the mini-program, without the glossary itself."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("*.cfg"), *ROOT.glob("*.toml")]
    for folder in FOLDERS:
        paths += (ROOT / folder).rglob("*")
    for path in paths:
        ours = not NOT_OURS.intersection(path.relative_to(ROOT).parts)
        if ours and path.suffix in SUFFIXES and path.is_file() and path != GLOSSARY:
            yield path


def words_in(text: str) -> list[str]:
    """The words between backticks."""
    return re.findall(r"`([^`]+)`", text)


def whole(word: str) -> str:
    """A pattern for the word that does not match inside a longer one."""
    before = r"(?<!\w)" if word[0].isalnum() else ""
    behind = r"(?!\w)" if word[-1].isalnum() else ""
    return before + re.escape(word) + behind


def places_of(words: list[str]) -> list[str]:
    """``file:line: word`` of each line with one of the words."""
    # Looking for all words at each place of every file takes long: most files have no part of any.
    parts = {word: set(re.findall(r"\w+", word)) for word in words}
    matches = []
    for path in files():
        text = path.read_text(encoding="utf-8")
        there = set(re.findall(r"\w+", text))
        possible = [word for word in words if parts[word] <= there]
        if not possible:
            continue
        pattern = re.compile("|".join(map(whole, possible)))
        for number, line in enumerate(text.splitlines(), start=1):
            if match := pattern.search(line):
                matches.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    return sorted(matches)


def test_no_file_uses_a_retired_word() -> None:
    retired = words_in(RETIRED)
    assert len(retired) > 50, "the page has its list"
    matches = places_of(retired)
    assert not matches, "retired by docs/glossary.md:\n" + "\n".join(matches)


def test_the_names_of_the_glossary_exist() -> None:
    rows = [line.split("|") for line in TERMS.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 40, "the page has its table"
    code = "\n".join(path.read_text(encoding="utf-8") for path in files() if path.suffix == ".py")
    there = set(re.findall(r"\w+", code))

    def exists(name: str) -> bool:
        if "/" in name:
            return (ROOT / name).exists()
        return name in there or re.search(whole(name), code) is not None

    missing = [name for row in rows for name in words_in(row[3]) if not exists(name)]
    assert not missing, missing


@pytest.mark.parametrize(
    ("word", "line", "found"),
    [
        ("Robin", "robin = Robin(db)", True),
        ("Robin", "RobinNest(db)", False),
        ("fly_away", "def fly_away(self)", True),
        ("fly_away", "has_fly_away", False),
        ("/robins", 'post("/robins/{id}")', True),
        ("/robins", "/robinsong", False),
        ("/nest/", "/api/v1/nest/eggs", True),
        ("birds/robin", "`birds/robin/`", True),
        ("birds/robin", "birds/robinia/tree.py", False),
    ],
)
def test_retired_words_match_whole_words_only(word: str, line: str, found: bool) -> None:
    assert bool(re.search(whole(word), line)) is found
