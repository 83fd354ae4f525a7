"""Reading a posted form, whose sender decides about encoding and boundaries."""

from __future__ import annotations

from aiohttp import web
from multidict import MultiDictProxy

from models.errors import Malformed


async def form_of(
    request: web.Request, body_bytes: int | None = None
) -> MultiDictProxy[str | bytes | bytearray | web.FileField]:
    """The form's fields. ``body_bytes``: how large it may be, where that is more than usual.

    Raises: Malformed for what is no form, or in no encoding.
    """
    if body_bytes is not None:
        request = request.clone(client_max_size=body_bytes)
    try:
        return await request.post()
    except (ValueError, LookupError) as error:  # boundaries, bytes; names of encodings
        raise Malformed("body", "not a form") from error
