"""Prints the largest files and functions, the most parameters, collaborators and imports, and the
docstrings that open with a fragment.

``scripts/check`` shows the lines of ``python -m scripts.code_sizes``. A number that grows asks
whether one thing has become two; none fails the check.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = ("bind", "handlers", "languages", "miniapp_server", "models", "notify")
_CODE: Final = (
    *((folder, ".py") for folder in (*PACKAGES, "lab", "scripts", "tests")),
    ("handlers/static", ".js"),
    ("miniprogram", ".ts"),
)
_GENERATED: Final = "// Made from "
_PRINTED: Final = 4
_FRAGMENT: Final = re.compile(r"\s*(Another|As|Nobody|Of|So|The same|Those|What|Who|Whom|Whose)\b")
"""Openings of docstrings that withhold their subject."""


def sources() -> Iterator[tuple[Path, ast.Module, str]]:
    """Each module of the five packages: its path, its tree and its text."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            yield path.relative_to(ROOT), ast.parse(text), text


def code() -> Iterator[tuple[str, str]]:
    """Each handwritten file and its text, of the product, the lab, scripts, tests and clients."""
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
    """The dotted names that a module imports, also inside functions. Relative ones lack their
    package."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return names


def import_graph(trees: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """The modules of ``trees`` that each of them imports, also inside functions."""
    graph = {}
    for module, tree in trees.items():
        imported = imported_in(tree)
        imported |= {name.rpartition(".")[0] for name in imported if name not in trees}
        graph[module] = (imported & trees.keys()) - {module}
    return graph


def functions_in(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
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
    arguments = function.args
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def _rows() -> dict[str, dict[str, int]]:
    """Name and count for each kind of number."""
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
    """The file and line of each docstring that opens with a fragment."""
    return [
        f"{path}:{line}"
        for path, text in sorted(code())
        if path.endswith(".py") and not path.startswith("tests/")
        for line, docstring in docstrings_in(ast.parse(text))
        if _FRAGMENT.match(docstring)
    ]


def main() -> None:
    """Prints the largest of each kind, and the number of fragments."""
    for what, counts in _rows().items():
        largest = sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:_PRINTED]
        print(f"{what}: {', '.join(f'{name} {count}' for name, count in largest)}")
    places = fragments()
    print(f"docstrings that open with a fragment: {len(places)} {', '.join(places[:_PRINTED])}")


if __name__ == "__main__":
    main()
