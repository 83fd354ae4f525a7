"""The OpenAPI document, its page and the code agree."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest

from handlers.api_routes import PREFIX, ROUTES, document
from handlers.http.errors import status_of
from handlers.texts.errors import TEXTS
from models.kernel import errors as kernel_errors
from models.kernel.errors import DomainError
from models.reservations.errors import ClaimLost, StaleRevision
from tests.living import Living
from tests.tools import npm_folder

LINTERS: Final = Path(__file__).resolve().parents[1] / "linters"
RULES: Final = LINTERS / "spectral.yaml"

ERRORS = [
    importlib.import_module(name)
    for name in (
        "models.kernel.errors",
        "notify.wechat.errors",
        *(f"models.{p.parent.name}.errors" for p in Path("models").glob("*/errors.py")),
    )
]
UNSEEN: Final = {
    # Opened by a family's name only where no leaf fits.
    kernel_errors.Conflict,
    kernel_errors.RuleViolation,
    # The services turn these into others.
    ClaimLost,
    StaleRevision,
}


async def test_the_document_describes_exactly_the_served_routes(service: Living) -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in service.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith(PREFIX)
        if route.method != "HEAD"
    }
    paths = (await service.anonymous.ok("GET", "//openapi.json"))["paths"]
    described = {(method.upper(), path) for path, way in paths.items() for method in way}
    assert served == described
    names = [way["operationId"] for methods in paths.values() for way in methods.values()]
    assert len(set(names)) == len(names)


def test_every_refusal_has_a_text_and_a_status() -> None:
    declared = {error for route in ROUTES for error in route.errors}
    known_codes = {
        value
        for module in ERRORS
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, DomainError)
    }
    assert declared <= known_codes
    for error in known_codes - UNSEEN:
        assert error.code in TEXTS, error
        if error is not DomainError:
            assert status_of(error) < 500 or issubclass(error, kernel_errors.Unavailable), error
    # A leaf of a leaf has its parent's code: it only says where it comes from.
    codes = [error.code for error in known_codes if "code" in vars(error)]
    shared = {code for code in codes if codes.count(code) > 1}
    assert shared <= {"wechat_unavailable"}, shared


def test_the_document_lists_each_refusal_under_its_status() -> None:
    paths = document()["paths"]
    for route in ROUTES:
        answers = paths[PREFIX + route.path][route.method.lower()]["responses"]
        assert str(route.status) in answers
        for error in route.errors:
            assert error.code in answers[str(status_of(error))]["description"].split(", "), route


def test_every_operation_has_a_summary_and_a_described_tag() -> None:
    whole = document()
    tags = {tag["name"]: tag["description"] for tag in whole["tags"]}
    assert whole["info"]["title"].isascii() and whole["servers"]
    used = set()
    for methods in (*whole["paths"].values(), *whole["webhooks"].values()):
        for operation in methods.values():
            (tag,) = operation["tags"]
            used.add(tag)
            assert tags[tag] and operation["description"], operation
            assert 3 < len(operation["summary"]) < 90 and "\n" not in operation["summary"]
    assert used == set(tags)


@pytest.mark.whole
async def test_openapi_linters_find_no_problem(tmp_path: Path) -> None:
    """Redocly's and Spectral's recommended rules; a spoilt copy is the control."""
    good, spoilt = document(), document()
    del (
        spoilt["servers"],
        spoilt["components"]["schemas"]["GateEvents"]["properties"]["events"]["items"],
    )
    for name, whole in (("good", good), ("spoilt", spoilt)):
        (tmp_path / f"{name}.json").write_text(json.dumps(whole), encoding="utf-8")
    files = [str(tmp_path / "good.json"), str(tmp_path / "spoilt.json")]
    redocly, spectral = await asyncio.gather(
        _linted("redocly", "lint", "--format=json", "--extends=recommended", *files),
        _linted("spectral", "lint", "--format=json", "--quiet", f"--ruleset={RULES}", *files),
    )
    problems = {
        (Path(problem["location"][0]["source"]["ref"]).stem, problem["ruleId"])
        for report in redocly
        for problem in report["problems"]
    }
    assert problems == {("spoilt", "no-empty-servers"), ("spoilt", "no-unused-components")}
    problems = {(Path(problem["source"]).stem, problem["code"]) for problem in spectral[0]}
    assert problems == {
        ("spoilt", "array-items"),
        ("spoilt", "oas3-api-servers"),
        ("spoilt", "oas3-unused-component"),
    }


async def _linted(name: str, *arguments: str) -> list[Any]:
    """The linter's reports: one, or one for each file."""
    process = await asyncio.create_subprocess_exec(
        npm_folder("tests/linters") / "node_modules" / ".bin" / name,
        *arguments,
        env=os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    text, reports = said.decode().strip(), []
    assert text, complained.decode()
    while text:
        report, end = json.JSONDecoder().raw_decode(text)
        reports.append(report)
        text = text[end:].strip()
    return reports


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "action")]


async def test_the_page_is_compressed_and_cached_and_loads_nothing_from_other_hosts(
    service: Living,
) -> None:
    for path in ("//docs", "//openapi.json"):
        whole = await service.anonymous.get(path, **{"Accept-Encoding": "identity"})
        packed = await service.anonymous.get(path, **{"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip" and packed.body == whole.body, path
        sizes = [int(answer.headers["Content-Length"]) for answer in (packed, whole)]
        assert sizes[0] < sizes[1] / 5, path
        again = await service.anonymous.get(path, **{"If-None-Match": packed.headers["ETag"]})
        assert again.status == 304, path
    page = await service.anonymous.get("//docs")
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    links = _Links()
    links.feed(page.body)
    assert links.scripts == 0 and len(links.loads) > 50
    for link in set(links.loads):
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page.body, link
        else:
            assert link.startswith("/") and not link.startswith("//"), link
            assert (await service.anonymous.get("/" + link)).status == 200, link
    style = await service.anonymous.get("//static/pages.css")
    assert not re.search(r"url\(|@import|https?:", style.body)
    for route in ROUTES:
        assert PREFIX + route.path in page.body


def test_the_page_for_developers_lists_every_error() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", text, re.M)
    listed = {code: int(status) for status, code in rows}
    leaves = {
        value.code: status_of(value)
        for module in ERRORS
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, DomainError) and value not in UNSEEN
    }
    assert listed == leaves | {"method_not_allowed": 405}
