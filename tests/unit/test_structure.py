"""Rules of the code that no import contract can express: drivers, names, imports, parameters,
texts."""

from __future__ import annotations

import ast
import builtins
import re
from collections import defaultdict
from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Final

import pytest

from scripts.code_sizes import (
    code,
    docstrings_in,
    functions_in,
    import_graph,
    imported_in,
    module_of,
    parameters_of,
    sources,
)

MOST_PARAMETERS: Final = 8
LOADED_LATE: Final[Mapping[str, str]] = {
    "PIL": "3 MB",
    "joserfc": "many classes, used where a campus signs in by OpenID",
    "miniapp_server.sandbox.sandbox": "2 MB",
    "models.calendar_feed.calendar": "icalendar, 3 MB",
    "models.library.picture_reading": "Pillow",
    "openpyxl": "7 MB",
    "xlsxwriter": "2 MB",
}
"""What a function may import, and why no worker has it from its start."""
STATE: Final[Mapping[str, str]] = {
    "handlers/http/request_ids.py _numbers": "ids are unique in the whole process",
    "miniapp_server/load_data/generate.py _worker": "a process of its own, with one library",
}
"""Module state that is allowed, with the reason."""
COMMANDS: Final = "miniapp_server/cli/commands/"
"""Each command loads its own code: a help text and the completion of a shell need none."""
DRIVERS: Final = frozenset({"bson", "gridfs", "pymongo", "redis"})
SPEAKS_TO_A_DRIVER: Final = re.compile(r"(repository|queries|indexes)$")
TEST_MODULE: Final = re.compile(r"((lab\.)?tests\.(\w+\.)*|\.?)test_")
CHINESE: Final = re.compile(r"[\u3001-\u303f\u3400-\u9fff\uf900-\ufaff\uff01-\uffee]")
"""Han characters, and the punctuation and full-width forms that go with them."""
PLACES_OF_TEXTS: Final[Mapping[str, str]] = {
    "handlers/texts/": "the catalogue",
    "languages/": "the name of Chinese, and the form of its dates",
    "notify/templates/": "the catalogue of messages",
    "models/library/names.py": "the library's own names for its places: 二层中厅065号",
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
IN_BACKTICKS: Final = re.compile(r"``([A-Za-z_][\w.]*\w)(?:\(\))?``")
OTHERS_NAMES: Final = frozenset(
    {
        "MMMEd",
        "TCP_USER_TIMEOUT",
        "delay_ms",
        "fail_timeout",
        "find_one_and_update",
        "insert_one",
        "layoutByDate",
        "net.ipv4.tcp_migrate_req",
        "none",
        "realm_access",
        "realm_access.roles",
        "risky",
        "userid",
        "valid_window",
    }
)
"""Names of a protocol, a driver or another program that docstrings mention and no code does."""


SOURCES: Final = list(sources())


def drivers_in(tree: ast.Module) -> set[str]:
    """The drivers imported anywhere in a module."""
    imports = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports.add(node.module.partition(".")[0])
    return imports & DRIVERS


def texts_in(tree: ast.Module) -> list[tuple[int, str]]:
    """The strings of a module that contain Chinese, with their lines; docstrings are excluded."""
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node not in docstrings
        and CHINESE.search(node.value)
    ]


def test_database_drivers_are_used_in_repositories_only() -> None:
    wrong = {
        str(path): drivers
        for path, tree, _ in SOURCES
        if (drivers := drivers_in(tree))
        and not str(path).startswith("models/storage/")
        and not SPEAKS_TO_A_DRIVER.search(path.stem)
    }
    assert wrong == {}


def test_no_import_is_made_for_type_checking_only() -> None:
    assert [str(path) for path, _, text in SOURCES if "TYPE_CHECKING" in text] == []


def test_modules_hold_no_state() -> None:
    """A process may have several applications. What changes is not written in capitals."""
    state = [
        f"{path} {target.id}"
        for path, tree, _ in SOURCES
        if not path.as_posix().startswith(COMMANDS)
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in getattr(statement, "targets", [getattr(statement, "target", None)])
        if isinstance(target, ast.Name) and target.id.lstrip("_")[0].islower()
        if target.id not in {"log", "_log", "routes", "__all__"}
    ]
    assert state == list(STATE)


def test_imports_are_free_of_cycles() -> None:
    """The error names the modules of a cycle. Imports inside functions count as well."""
    graph = import_graph({module_of(path): tree for path, tree, _ in SOURCES})
    assert "miniapp_server.app" in graph["miniapp_server.server"]
    assert "models.library.picture_reading" in graph["models.library.picture_upload"]
    TopologicalSorter(graph).prepare()


def test_an_import_inside_a_function_has_a_listed_reason() -> None:
    inside = {
        (str(path), name)
        for path, tree, _ in SOURCES
        if not path.as_posix().startswith(COMMANDS)
        for function in functions_in(tree)
        for name in imported_in(function)
    }
    reasons = {
        (path, name): next((one for one in LOADED_LATE if f"{name}.".startswith(f"{one}.")), "")
        for path, name in inside
    }
    assert [where for where, reason in reasons.items() if not reason] == []
    assert set(reasons.values()) == LOADED_LATE.keys(), "nothing is listed for nobody"


def test_no_function_has_many_parameters() -> None:
    counts = [
        (function.name, parameters_of(function))
        for _, tree, _ in SOURCES
        for function in functions_in(tree)
    ]
    assert len(counts) > 3000
    assert [row for row in counts if row[1] > MOST_PARAMETERS] == []


def spread_calls(tree: ast.Module) -> set[str]:
    """The functions and methods called with a tuple of arguments spread on the spot."""
    return {
        ast.unparse(node.func).rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for given in node.args
        if isinstance(given, ast.Starred) and isinstance(given.value, ast.Tuple)
    }


def test_no_tuple_is_spread_into_positional_arguments() -> None:
    assert spread_calls(ast.parse("a.f(*(1, 2), b=3); g(*h, i)")) == {"f"}
    assert set().union(*(spread_calls(tree) for _, tree, _ in SOURCES)) == set()


@pytest.mark.parametrize(
    ("source", "parameters"),
    [
        ("def f(a, /, b, *c, d, **e): ...", 3),
        ("def f(self, a): ...", 1),
        ("async def f(cls): ...", 0),
    ],
)
def test_parameters_are_counted_without_self(source: str, parameters: int) -> None:
    [function] = functions_in(ast.parse(source))
    assert parameters_of(function) == parameters


def test_private_names_are_not_imported() -> None:
    imports = {
        f"{path}: {alias.name}"
        for path, tree, _ in SOURCES
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_")
        and not alias.name.startswith("__")
        # The names under which gettext's tools and people know the functions of a message.
        and node.module != "languages.text"
    }
    assert imports == set()


def test_a_page_is_waited_for_with_a_function() -> None:
    """Playwright reads an expression anew at each look, which our pages' policy forbids from the
    second look on; a function is kept."""
    waits = [
        argument
        for path, text in code()
        if path.startswith("tests/browser/") and path.endswith(".py")
        for argument in re.findall(r"wait_for_function\(\s*(f?[\"'A-Z].*)", text)
    ]
    assert len(waits) > 10
    assert [one for one in waits if "=>" not in one and not one[0].isupper()] == []


def test_test_modules_are_not_imported() -> None:
    """Shared test code belongs in modules of its own."""
    ways = (
        "import tests.api.test_a, lab.tests.test_b; from tests.api import test_c; "
        "from .test_d import e"
    )
    assert (
        all(map(TEST_MODULE.match, imports := imported_in(ast.parse(ways)))) and len(imports) == 4
    )
    assert not any(map(TEST_MODULE.match, imported_in(ast.parse("import aiohttp.test_utils"))))
    files = dict(code())
    assert "tests/living.py" in files and {path.rpartition(".")[2] for path in files} >= {
        "js",
        "ts",
    }
    wrong = {
        f"{path}: {name}"
        for path, text in files.items()
        if path.endswith(".py")
        for name in imported_in(ast.parse(text))
        if TEST_MODULE.match(name)
    }
    assert wrong == set()


def names_in(tree: ast.Module) -> set[str]:
    """The identifiers of a module, and the words of its strings; docstrings are left out."""
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                names.add(name)
            case ast.alias(name=name):
                names |= {*name.split("."), node.asname or name}
            case ast.Constant(value=str(text)) if node not in docstrings:
                names |= set(re.findall(r"\w+", text))
            case ast.Constant(value=None | bool() as value):
                names.add(str(value))
    return names | defined_in(tree)


def defined_in(tree: ast.Module) -> set[str]:
    """The functions, classes, fields, constants and keywords that a module defines or gives."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name) | ast.keyword(arg=str(name)):
                names.add(name)
        if isinstance(node, ast.ClassDef | ast.Module):
            for part in node.body:
                targets = part.targets if isinstance(part, ast.Assign) else []
                targets = [part.target] if isinstance(part, ast.AnnAssign) else targets
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def test_a_name_in_backticks_exists() -> None:
    """In its own module or anywhere in the project, so that docstrings follow renamings."""
    everywhere = set(dir(builtins)).union(
        *(defined_in(tree) | {*path.with_suffix("").parts, path.name} for path, tree, _ in SOURCES)
    )
    missing: dict[str, str] = {}
    for path, tree, _ in SOURCES:
        there = everywhere | names_in(tree)
        for line, docstring in docstrings_in(tree):
            for match in IN_BACKTICKS.finditer(docstring):
                if not set(match[1].removesuffix(".py").split(".")) <= there:
                    missing[match[1]] = f"{path}:{line}"
    assert [one for one in missing.items() if one[0] not in OTHERS_NAMES] == []
    assert missing.keys() >= OTHERS_NAMES, "nothing is listed for nobody"


def test_a_value_has_the_noun_of_what_it_holds() -> None:
    riddles = {"asked", "found", "kept", "known", "shown", "told", "wanted"}
    wrong = []
    for path, tree, _ in SOURCES:
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                    wrong += [f"{path}:{node.lineno}: {name}"] if name.strip("_") in riddles else []
    assert wrong == []


def test_an_error_class_is_named_after_its_code() -> None:
    """``off_grid`` is ``OffGrid``, and WeChat is one word."""
    codes = {}
    for _, tree, _ in SOURCES:
        for made in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            for part in made.body:
                match part:
                    case ast.Assign([ast.Name(id="code")], ast.Constant(value=str(code))):
                        codes[made.name] = code
    assert len(codes) > 100
    words = {name: "_".join(re.findall("WeChat|[A-Z][a-z]*", name)).lower() for name in codes}
    assert words == codes


def test_class_names_are_unique() -> None:
    """Private names are unique within their module only."""
    where: dict[str, set[str]] = defaultdict(set)
    for path, tree, _ in SOURCES:
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].add(str(path))
    assert {name: sorted(paths) for name, paths in where.items() if len(paths) > 1} == {}


def test_chinese_texts_are_in_the_catalogue_only() -> None:
    """A second language then needs no further move of texts. Every listed exception contains
    Chinese."""
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
def test_texts_in_finds_planted_texts(source: str, texts: list[str]) -> None:
    assert [text for _, text in texts_in(ast.parse(source))] == texts


@pytest.mark.parametrize(
    ("source", "drivers"),
    [
        ("import pymongo", {"pymongo"}),
        ("def f():\n    from bson.objectid import ObjectId", {"bson"}),
        ("from models.storage.mongo import Database", set()),
    ],
)
def test_drivers_in_finds_planted_drivers(source: str, drivers: set[str]) -> None:
    assert drivers_in(ast.parse(source)) == drivers
