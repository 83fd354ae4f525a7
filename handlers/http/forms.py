from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict, MultiDictProxy

from handlers.http.keys import LOAD_SHEDDER
from handlers.http.request_body import MAX_BODY_BYTES, read_body
from models.kernel.errors import Malformed, RequestTimeout, TooLarge, UnsupportedMediaType

Form = MultiDictProxy[str | bytes]
"""A form's fields by name: text, or an uploaded file's bytes."""
_URLENCODED: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"
_MAX_FIELDS: Final = 1000
_MAX_PARTS: Final = 250
"""At most this many parts of a multipart form are read: each takes 0.1 ms, after which the event
loop serves others."""


async def form_of(
    request: web.Request, max_bytes: int = MAX_BODY_BYTES, *, multipart: bool = False
) -> Form:
    """The fields of the form, of at most ``max_bytes``. ``multipart``: the form may contain files.

    Raises:
        UnsupportedMediaType: a content type that is no form, or an encoding other than UTF-8.
        Malformed: the body does not match its content type.
        TooLarge, RequestTimeout: see ``read_body``.
    """
    if multipart and request.content_type == _MULTIPART:
        return await _parts(request, max_bytes)
    body = await read_body(request, max_bytes)
    if not body:
        return MultiDictProxy(MultiDict())
    _require_type(request)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise Malformed("body", "must be a form in UTF-8") from error
    return MultiDictProxy(MultiDict(pairs))


def _require_type(request: web.Request) -> None:
    """Raises: UnsupportedMediaType if the body is no form, or not in UTF-8."""
    if request.content_type != _URLENCODED:
        raise UnsupportedMediaType("Content-Type", f"must be {_URLENCODED}")
    if (request.charset or "utf-8").lower() != "utf-8":
        raise UnsupportedMediaType("Content-Type", "its charset must be UTF-8")


async def _parts(request: web.Request, max_bytes: int) -> Form:
    """The fields of a multipart form. The request must announce its Content-Length, as all
    browsers do. Raises: Malformed, TooLarge, RequestTimeout."""
    if request.content_length is None:
        raise Malformed("Content-Length", "is required")
    if request.content_length > max_bytes:
        raise TooLarge()
    fields: MultiDict[str | bytes] = MultiDict()
    try:
        async with asyncio.timeout(request.app[LOAD_SHEDDER].body_deadline_s):
            async for part in await request.clone(client_max_size=max_bytes).multipart():
                if not isinstance(part, BodyPartReader) or not part.name:
                    raise Malformed("body", "must be a multipart form in UTF-8")
                if len(fields) == _MAX_PARTS:
                    raise Malformed("body", f"must have at most {_MAX_PARTS} parts")
                value = bytes(await part.read())
                fields.add(part.name, value if part.filename else value.decode("utf-8"))
                await asyncio.sleep(0)
    except TimeoutError:
        raise RequestTimeout() from None
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge() from None
    # Wrong boundaries or bytes; wrong headers of a part; an unknown charset.
    except (ValueError, HttpProcessingError, RuntimeError) as error:
        raise Malformed("body", "must be a multipart form in UTF-8") from error
    return MultiDictProxy(fields)
