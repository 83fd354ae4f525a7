"""Unreadable bodies and queries, for the shape of each operation."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request

from handlers.api_routes import ROUTES
from handlers.http.request_parsing import parse_body, parse_query
from models.kernel.errors import Malformed
from tests.request_bodies import BODIES, OPTIONAL, UNREADABLE, WRONG

# A machine's body is signed, and looked at after that (tests/api/test_gates).
SHAPES = {
    route.path: route for route in ROUTES if route.body and route.verify_before_parsing is None
}


def refused_field(path: str, raw: bytes) -> Any:
    """The field named by the refusal."""
    route = SHAPES[path]
    with pytest.raises(Malformed) as refusal:
        parse_body(raw, msgspec.json.Decoder(route.body), optional=route.body_optional)
    assert refusal.value.details["reason"], (path, raw[:80])
    return refusal.value.details["field"]


def test_every_operation_with_a_body_is_tried() -> None:
    assert SHAPES.keys() == BODIES.keys()


@pytest.mark.parametrize("path", BODIES)
def test_an_unreadable_body_is_refused_with_its_field(path: str) -> None:
    valid = BODIES[path]
    for raw in UNREADABLE + ([] if SHAPES[path].body_optional else [b"", b" \n"]):
        refused_field(path, raw)
    for name in valid.keys() - OPTIONAL.get(path, set()):
        body = {key: value for key, value in valid.items() if key != name}
        assert refused_field(path, json.dumps(body).encode()) == name
    assert refused_field(path, json.dumps({**valid, "more": 1}).encode()) == "more"
    for name in valid:
        for value in WRONG[name]:
            if path == "/seats/{id}/faults" and value in ("", " \n"):
                continue  # a blank text is none there (tests/api/test_fault_reports)
            if "/change" in path and value is None and name not in ("all", "following"):
                continue  # what is null stays as it is
            field = refused_field(path, json.dumps({**valid, name: value}).encode())
            assert field.startswith(name), (value, field)


QUERIES = {
    "/areas": ["date=2026-02-30", "date=", "date=0000-01-01", "start=9:00&end=10:00",
               "venue=", "page=1", "date=2026-09-07&date=2026-09-07", "venue=a&venue=b",
               "date=%ff", "date=%00", "date=2026-09-07T00:00:00%2B08:00"],
    "/areas/{id}/map": ["date=x", "venue=library", "date=x&date=y"],
    "/seats/{id}": ["date=2026-02-30", "start=14:00"],
    "/seats/{id}/times": ["start=24:00", "start=%FF", "date=1", "end=15:00"],
    "/reservations": ["page=0", "page=-1", "page=10001", "page=1.5", "page=x", "page=",
                      "page_size=0", "page_size=101", "page_size=99999999999999999999999",
                      "state=", "state=nowhere", "state=reserved&state=away", "date=2026-09-07"],
    "/violations": ["page=0", "state=reserved", "page=1&page=2"],
    "/messages": ["unread=2", "unread=yes", "unread=", "page=0", "page_size=101"],
}  # fmt: skip


@pytest.mark.parametrize("path", QUERIES)
def test_an_unreadable_query_is_refused(path: str) -> None:
    (shape,) = (route.query for route in ROUTES if (route.method, route.path) == ("GET", path))
    assert shape is not None
    parse_query(make_mocked_request("GET", "/"), shape)
    for query in QUERIES[path]:
        with pytest.raises(Malformed):
            parse_query(make_mocked_request("GET", f"/?{query}"), shape)
