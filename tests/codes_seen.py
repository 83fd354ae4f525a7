"""Error codes in the responses of API routes, compared with those that OpenAPI lists.

Every tested service has ``recorder`` as its outermost middleware. With ``CODES_SEEN``, the path of
a folder, each process records its codes there, and ``python -m tests.codes_seen FOLDER`` fails for
codes that a route lists and no test has produced.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from handlers.api_routes import PREFIX, ROUTES, document
from handlers.http.cached_response import PrebuiltResponse

_PATHS: Final = document()["paths"]
_seen: Final[set[tuple[str, str]]] = set()


def _body(response: web.StreamResponse) -> bytes:
    if isinstance(response, PrebuiltResponse):
        return response._tail.partition(b"\r\n\r\n")[2]
    assert isinstance(response, web.Response) and isinstance(response.body, bytes)
    return response.body


def recorder(unlisted: set[str]) -> Middleware:
    """A middleware that records the codes, and puts those that OpenAPI lacks into ``unlisted``."""

    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else ""
        if path in _PATHS and response.status >= 400:
            code = json.loads(_body(response))["error"]["code"]
            method = "GET" if request.method == "HEAD" else request.method
            answers = _PATHS[path][method.lower()]["responses"]
            listed = answers.get(str(response.status), {}).get("description", "").split(", ")
            if code not in listed:
                unlisted.add(f"{method} {path}: {response.status} {code}")
            _keep(f"{method} {path} {code}")
        return response

    return record


def _keep(line: str) -> None:
    folder = os.environ.get("CODES_SEEN")
    if folder and (folder, line) not in _seen:
        _seen.add((folder, line))
        with Path(folder, str(os.getpid())).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def never_seen(folder: Path) -> list[str]:
    """The codes that a route lists for itself and no file of the folder names."""
    seen = {line for file in folder.iterdir() for line in file.read_text("utf-8").splitlines()}
    listed = (f"{r.method} {PREFIX}{r.path} {error.code}" for r in ROUTES for error in r.errors)
    return [line for line in listed if line not in seen]


def main() -> int:
    missing = never_seen(Path(sys.argv[1]))
    for line in missing:
        sys.stdout.write(f"listed, and seen in no test: {line}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
