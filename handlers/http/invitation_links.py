from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from markupsafe import Markup

from handlers.http import qr
from handlers.http.keys import SITE


@dataclass(frozen=True, slots=True)
class InvitationLink:
    """An address to hand to others, and the same as a QR code."""

    address: str
    code: Markup


def link_of(request: web.Request, path: str) -> InvitationLink:
    """The link to this path of the service."""
    address = request.app[SITE].public_base_url + path
    return InvitationLink(address, Markup(qr.svg(address)))
