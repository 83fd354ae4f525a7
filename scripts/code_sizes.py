"""The largest files and functions, what takes, is given and imports the most, and docstrings that
open with a fragment.

``python -m scripts.code_sizes`` prints a line for each, which ``scripts/check`` shows. A number
that grows asks whether one thing has become two; it fails nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = ("bind", "handlers", "miniapp_server", "models", "notify")
_CODE: Final = (
    *((folder, ".py") for folder in (*PACKAGES, "lab", "scripts", "tests")),
    ("handlers/static", ".js"),
    ("miniprogram", ".ts"),
)
_GENERATED: Final = "// Made from "
_PRINTED: Final = 4
_FRAGMENT: Final = re.compile(r"\s*(Another|As|Nobody|Of|So|The same|Those|What|Who|Whom|Whose)\b")
"""How a docstring opens that withholds its subject."""


def sources() -> Iterator[tuple[Path, ast.Module, str]]:
    """Each module of the five packages: its path, its tree and its text."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            yield path.relative_to(ROOT), ast.parse(text), text


def code() -> Iterator[tuple[str, str]]:
    """Each file that is written by hand, and its text; scripts, tests and clients too."""
    for folder, ending in _CODE:
        for path in (ROOT / folder).rglob(f"*{ending}"):
            if "node_modules" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            if not text.startswith(_GENERATED):
                yield str(path.relative_to(ROOT)), text


def module_of(path: Path) -> str:
    """The dotted name under which the file is imported."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported_in(tree: ast.AST) -> set[str]:
    """A module imports these dotted names, wherever in it; relative ones have no package before."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return names


def import_graph(trees: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """The modules of ``trees`` that each of them imports, wherever in it."""
    graph = {}
    for module, tree in trees.items():
        wanted = imported_in(tree)
        wanted |= {name.rpartition(".")[0] for name in wanted if name not in trees}
        graph[module] = (wanted & trees.keys()) - {module}
    return graph


def functions_in(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstrings_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and text of each docstring, and of each note below an attribute or a constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for part in node.body:
                match part:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        yield part.lineno, text


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The number of a function's parameters, without ``self`` or ``cls``."""
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def _rows() -> dict[str, dict[str, int]]:
    """For each thing that is counted: the number for each file or name."""
    files = {path: text.count("\n") for path, text in code()}
    trees = {module_of(path): tree for path, tree, _ in sources()}
    functions, parameters, collaborators = dict[str, int](), dict[str, int](), dict[str, int]()
    for module, tree in trees.items():
        for function in functions_in(tree):
            name = f"{module}.{function.name}"
            functions[name] = (function.end_lineno or 0) - function.lineno + 1
            if function.name != "__init__":
                parameters[name] = parameters_of(function)
        for made in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            for method in made.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    collaborators[made.name] = parameters_of(method)
    imports = {module: len(imported) for module, imported in import_graph(trees).items()}
    return {
        "lines of a file": files,
        "lines of a function": functions,
        "parameters": parameters,
        "collaborators": collaborators,
        "imports": imports,
    }


def fragments() -> list[str]:
    """The file and line of each docstring of the code that opens with a fragment."""
    return [
        f"{path}:{line}"
        for path, text in sorted(code())
        if path.endswith(".py") and not path.startswith("tests/")
        for line, docstring in docstrings_in(ast.parse(text))
        if _FRAGMENT.match(docstring)
    ]


def main() -> None:
    """Print the largest of each, and how many docstrings open with a fragment."""
    for what, counts in _rows().items():
        largest = sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:_PRINTED]
        print(f"{what}: {', '.join(f'{name} {count}' for name, count in largest)}")
    places = fragments()
    print(f"docstrings that open with a fragment: {len(places)} {', '.join(places[:_PRINTED])}")


if __name__ == "__main__":
    main()
