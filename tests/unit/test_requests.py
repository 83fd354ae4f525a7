"""What is read from a request's headers and query: the language, the client's address, and where it
leads back to."""

from __future__ import annotations

from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from handlers.http.authentication import client_address
from handlers.http.keys import SITE
from handlers.http.language import Language, language_of
from handlers.http.return_to import is_own_path


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", Language.CHINESE),
        ("en", Language.ENGLISH),
        ("en-US,en;q=0.9", Language.ENGLISH),
        ("zh-CN,zh;q=0.9,en;q=0.8", Language.CHINESE),
        ("en;q=0.5, zh-TW;q=0.4", Language.ENGLISH),
        ("en,zh", Language.CHINESE),
        ("fr-FR", Language.CHINESE),
        ("*", Language.CHINESE),
        ("en; q=0.9, zh; q=0.8", Language.ENGLISH),
        ("en;q=x", Language.CHINESE),
        (",".join(["fr"] * 2000), Language.CHINESE),
    ],
)
def test_the_language_is_the_one_that_the_browser_wants_more(
    header: str, language: Language
) -> None:
    headers = {"Accept-Language": header} if header else {}
    assert language_of(make_mocked_request("GET", "/", headers=headers)) is language


@pytest.mark.parametrize(
    ("trusted", "forwarded", "counted"),
    [
        ("", "203.0.113.9", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.0/8,10.0.0.0/8", "198.51.100.1, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        ("127.0.0.1", "not an address", "127.0.0.1"),
        ("192.0.2.1", "203.0.113.9", "127.0.0.1"),
    ],
)
def test_an_address_is_believed_from_trusted_proxies_only(
    trusted: str, forwarded: str, counted: str
) -> None:
    networks = tuple(ip_network(one) for one in trusted.split(",") if one)
    app = web.Application()
    site: Any = SimpleNamespace(trusted_proxies=networks)
    app[SITE] = site
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": forwarded}, app=app)
    assert client_address(request.clone(remote="127.0.0.1")) == counted


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("/", True),
        ("/areas/2f-hall?seat=2f-hall-065&begin=18:00", True),
        ("", False),
        ("areas", False),
        ("https://evil.example/", False),
        ("//evil.example/areas/2f-hall?", False),
        ("/\\evil.example", False),
        ("/areas\\2f-hall", False),
        ("/areas/2f-hall?x=1\r\nSet-Cookie: a=b", False),
        ("/" + "x" * 300, False),
    ],
)
def test_a_way_back_leads_to_our_own_pages_only(text: str, own: bool) -> None:
    assert is_own_path(text) is own
