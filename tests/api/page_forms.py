"""The forms of pages, sent as a browser without scripts sends them."""

from __future__ import annotations

import html
import re

from tests.api.browsing import Browser
from tests.living import Answer, Living


def form_of(page: str, action: str) -> tuple[str, dict[str, str]]:
    """The address and the fields of the form that is sent there."""
    form = re.search(rf'<form[^>]* method="post" action="({action}[^"]*)">(.*?)</form>', page, re.S)
    assert form is not None, page
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[2])
    chosen = re.findall(r'name="(seat_id)" value="([^"]*)" required checked', form[2])
    return html.unescape(form[1]), dict(fields + chosen)


async def send(service: Living, who: Browser, page: str, action: str, **other: str) -> Answer:
    address, fields = form_of(page, action)
    return await who.post(address, fields | other, service.base)
