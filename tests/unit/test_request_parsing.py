"""Bodies that cannot be read, at the shape of every operation that takes one."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from handlers.api_routes import ROUTES
from handlers.http.request_parsing import parse_body
from models.kernel.errors import InvalidRequest
from tests.request_bodies import BODIES, OPTIONAL, UNREADABLE, WRONG

# A machine's body is signed, and looked at after that (tests/api/test_gates).
SHAPES = {
    route.path: route for route in ROUTES if route.body and route.verify_before_parsing is None
}


def refused_field(path: str, raw: bytes) -> Any:
    """The field that the refusal names."""
    route = SHAPES[path]
    with pytest.raises(InvalidRequest) as refusal:
        parse_body(raw, msgspec.json.Decoder(route.body), optional=route.body_optional)
    assert refusal.value.details["reason"], (path, raw[:80])
    return refusal.value.details["field"]


def test_every_operation_with_a_body_is_tried() -> None:
    assert SHAPES.keys() == BODIES.keys()


@pytest.mark.parametrize("path", BODIES)
def test_what_cannot_be_read_is_refused_and_its_field_is_named(path: str) -> None:
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
            field = refused_field(path, json.dumps({**valid, name: value}).encode())
            assert field.startswith(name), (value, field)
