"""What the library's own words look like."""

from __future__ import annotations

from handlers.http.schemas import Response


class LibraryOut(Response):
    """``audience`` says for whom the service is; it may be empty."""

    name: str
    title: str
    audience: str
    contact: list[str]
