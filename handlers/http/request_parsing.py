from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec
from aiohttp import web

from models.kernel.errors import Malformed


def parse_body(raw: bytes, decoder: msgspec.json.Decoder[Any], *, optional: bool) -> Any:
    """The decoded body. ``optional``: the body may be empty. Raises: Malformed."""
    if not raw.strip() and optional:
        raw = b"{}"
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise malformed(error, "body") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("body", "must be JSON") from error


def parse_query(request: web.Request, shape: type) -> Any:
    """The query parameters as an instance of ``shape``. Raises: Malformed."""
    values: dict[str, str] = {}
    for name, value in request.query.items():
        if name in values:
            raise Malformed(name, "must appear only once")
        values[name] = value
    try:
        return msgspec.convert(values, shape, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "query") from error


def malformed(error: msgspec.ValidationError, whole: str) -> Malformed:
    """The error that names the field in msgspec's message, or ``whole`` if it names no field."""
    text = str(error)
    reason, _, path = text.partition(" - at `")
    field = path.rstrip("`").rpartition("$")[2].removeprefix(".")
    if not field and (unknown := re.search(r"field `([^`]*)`", reason)):
        field = unknown[1]
    return Malformed(field[:100] or whole, reason[:200])


def digest_of(body: msgspec.Struct) -> str:
    """A hash of the decoded body, the same however its JSON was formatted."""
    return hashlib.sha256(msgspec.json.encode(body)).hexdigest()
