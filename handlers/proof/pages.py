from __future__ import annotations

from aiohttp import web

from handlers.http.keys import service_key
from handlers.http.rendering import render_page
from models.proof.entities import ProofStanding
from models.readers.entities import Reader


async def proof(request: web.Request, reader: Reader | None) -> web.Response:
    """The page 可靠性验证: this release's proof results, and whether they fit the running code."""
    return render_page(
        request, "proof/proof.html", reader=reader, standing=request.app[service_key(ProofStanding)]
    )
