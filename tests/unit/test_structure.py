"""The house's rules that no import contract can say: sizes, drivers, names, imports, texts."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("bind", "handlers", "miniapp_server", "models", "notify")
CODE: Final = (
    *((folder, ".py") for folder in (*PACKAGES, "lab", "scripts", "tests")),
    ("handlers/static", ".js"),
    ("miniprogram", ".ts"),
)
GENERATED: Final = "// Made from "
LONGEST_FILE: Final = 400
LONGEST_FUNCTION: Final = 60
MOST_COLLABORATORS: Final = 6
DRIVERS: Final = frozenset({"bson", "gridfs", "motor", "pymongo", "redis"})
SPEAKS_TO_A_DRIVER: Final = re.compile(r"(repository|queries|indexes)$")
TEST_MODULE: Final = re.compile(r"((lab\.)?tests\.(\w+\.)*|\.?)test_")
CHINESE: Final = re.compile(r"[\u3001-\u303f\u3400-\u9fff\uf900-\ufaff\uff01-\uffee]")
"""Han characters, and the punctuation and full-width forms that go with them."""
PLACES_OF_TEXTS: Final[Mapping[str, str]] = {
    "handlers/texts/": "the catalogue",
    "notify/templates/": "the catalogue of messages",
    "models/library/entities.py": "the library's own names for its places: 二层中厅065号",
    "notify/wechat/template_fields.py": "WeChat prescribes how a field of a template is written",
    "miniapp_server/load_data/readers.py": "the names of invented readers",
    "miniapp_server/sandbox/": "the demo's stand-ins for other people's pages",
    "miniapp_server/walkthrough.py": "shows what the demo's WeChat has received",
}
"""The files and folders whose strings may be Chinese, and why."""
TERMS: Final[Mapping[str, tuple[str, ...]]] = {
    "handlers/accounts/api.py": ("不是我", "是我"),
    "handlers/http/schemas.py": ("现在",),
}
"""What English descriptions for developers and operators quote: a button."""


def sources() -> Iterator[tuple[Path, ast.Module, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            yield path.relative_to(ROOT), ast.parse(text), text


SOURCES: Final = list(sources())


def drivers_in(tree: ast.Module) -> set[str]:
    """The drivers that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found & DRIVERS


def texts_in(tree: ast.Module) -> list[tuple[int, str]]:
    """The strings of a module that have Chinese in them, with their lines; docstrings are none."""
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node not in docstrings
        and CHINESE.search(node.value)
    ]


def long_functions(tree: ast.Module) -> list[str]:
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]


def code() -> Iterator[tuple[str, str]]:
    """Each file that is written by hand, and its text."""
    for folder, ending in CODE:
        for path in (ROOT / folder).rglob(f"*{ending}"):
            if "node_modules" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            if not text.startswith(GENERATED):
                yield str(path.relative_to(ROOT)), text


def test_no_file_is_long_and_no_function() -> None:
    """The length of a file holds for all that is ours, in browsers and in the mini-program too."""
    lengths = {path: text.count("\n") for path, text in code()}
    assert len(lengths) > 500 and {Path(path).suffix for path in lengths} == {".py", ".js", ".ts"}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}
    assert {str(path): names for path, tree, _ in SOURCES if (names := long_functions(tree))} == {}


def collaborators_of(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Each class that is constructed by hand, and how many things its instances are given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for made in node.body:
                if isinstance(made, ast.FunctionDef) and made.name == "__init__":
                    yield node.name, len(made.args.args) + len(made.args.kwonlyargs) - 1


def test_nothing_has_many_collaborators() -> None:
    """Numbers and switches count as well: a long list of any kind says that two things are one."""
    counts = {name: count for _, tree, _ in SOURCES for name, count in collaborators_of(tree)}
    assert "ReservationService" in counts
    assert {name: n for name, n in counts.items() if n > MOST_COLLABORATORS} == {}


def test_drivers_are_spoken_to_in_repositories_only() -> None:
    wrong = {
        str(path): drivers
        for path, tree, _ in SOURCES
        if (drivers := drivers_in(tree))
        and not str(path).startswith("models/storage/")
        and not SPEAKS_TO_A_DRIVER.search(path.stem)
    }
    assert wrong == {}


def test_no_import_hides_from_the_contracts() -> None:
    assert [str(path) for path, _, text in SOURCES if "TYPE_CHECKING" in text] == []


def test_what_is_private_is_imported_by_nobody() -> None:
    found = {
        f"{path}: {alias.name}"
        for path, tree, _ in SOURCES
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    }
    assert found == set()


def imported_in(tree: ast.Module) -> set[str]:
    """A module imports these dotted names, wherever in it; relative ones have no package before."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return found


def test_a_test_module_is_imported_by_nobody() -> None:
    """What tests share stands in modules of its own."""
    ways = (
        "import tests.api.test_a, lab.tests.test_b; from tests.api import test_c; "
        "from .test_d import e"
    )
    assert all(map(TEST_MODULE.match, found := imported_in(ast.parse(ways)))) and len(found) == 4
    assert not any(map(TEST_MODULE.match, imported_in(ast.parse("import aiohttp.test_utils"))))
    wrong = {
        f"{path}: {name}"
        for path, text in code()
        if path.endswith(".py")
        for name in imported_in(ast.parse(text))
        if TEST_MODULE.match(name)
    }
    assert wrong == set()


def test_no_class_name_stands_for_two_things() -> None:
    """Private ones are of their module alone."""
    where: dict[str, set[str]] = defaultdict(set)
    for path, tree, _ in SOURCES:
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].add(str(path))
    assert {name: sorted(paths) for name, paths in where.items() if len(paths) > 1} == {}


def test_texts_stand_in_the_catalogue() -> None:
    """A second language needs no second move. No place is listed that has no Chinese."""
    places: set[str] = set()
    terms: set[tuple[str, str]] = set()
    wrong = []
    for path, tree, _ in SOURCES:
        file = path.as_posix()
        for line, text in texts_in(tree):
            place = next((place for place in PLACES_OF_TEXTS if file.startswith(place)), "")
            term = next((term for term in TERMS.get(file, ()) if term in text), "")
            places.add(place)
            terms.add((file, term))
            if not place and CHINESE.search(text.replace(term, "")):
                wrong.append(f"{file}:{line}: {text}")
    assert wrong == []
    assert PLACES_OF_TEXTS.keys() <= places
    assert {(file, term) for file, names in TERMS.items() for term in names} <= terms


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("x = '请选择场馆'", ["请选择场馆"]),
        ("x = f'{n} 座'", [" 座"]),
        ("x = '；'.join(y)", ["；"]),
        ("'请'\ndef f():\n    '请'\nx = 1\n'请'  # 请", []),
        ("x = '\u3000–“”…'", []),
    ],
)
def test_the_search_for_texts_finds_them(source: str, texts: list[str]) -> None:
    assert [text for _, text in texts_in(ast.parse(source))] == texts


@pytest.mark.parametrize(
    ("source", "drivers"),
    [
        ("import pymongo", {"pymongo"}),
        ("def f():\n    from bson.objectid import ObjectId", {"bson"}),
        ("from models.storage.mongo import Database", set()),
    ],
)
def test_the_search_for_drivers_finds_them(source: str, drivers: set[str]) -> None:
    assert drivers_in(ast.parse(source)) == drivers
