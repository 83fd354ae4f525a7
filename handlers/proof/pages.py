"""可靠性验证: what was shown of the code that runs."""

from __future__ import annotations

from aiohttp import web

from handlers.http.pages import PageRequest, render_page
from handlers.keys import PROOF
from models.readers.entities import Reader


async def proof(visit: PageRequest) -> web.StreamResponse:
    """The packaged result, with its failures, and whether it is of this code."""
    return _page(visit.request, visit.reader)


def proof_signed_out(request: web.Request) -> web.Response:
    """The same for who is not signed in."""
    return _page(request, None)


def _page(request: web.Request, reader: Reader | None) -> web.Response:
    return render_page(request, "proof/proof.html", reader=reader, standing=request.app[PROOF])
