from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from markupsafe import Markup

from handlers.http import qr
from handlers.http.keys import SITE


@dataclass(frozen=True, slots=True)
class InvitationLink:
    """An address to hand to others."""

    address: str

    @property
    def code(self) -> Markup:
        """The address as a QR code, drawn where a page shows it."""
        return Markup(qr.svg(self.address))


def link_of(request: web.Request, path: str) -> InvitationLink:
    """The link to this path of the service."""
    return InvitationLink(request.app[SITE].public_base_url + path)
