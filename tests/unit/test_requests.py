"""Facts read from a request: language, client address, origin, and the path to return to."""

from __future__ import annotations

from contextlib import nullcontext
from ipaddress import ip_network
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from handlers.http.authentication import client_address, require_own_origin
from handlers.http.keys import SITE, Site
from handlers.http.language import language_of
from handlers.http.return_to import is_own_path
from models.kernel.errors import BadOrigin


def request_with(headers: dict[str, str], **of_site: object) -> web.Request:
    """A request to a service with these settings."""
    app, site = web.Application(), cast(Site, SimpleNamespace(**of_site))
    app[SITE] = site
    return make_mocked_request("GET", "/", headers=headers, app=app)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.5, zh-TW;q=0.4", "en"),
        ("en,zh", "zh"),
        ("fr-FR", "zh"),
        ("*", "zh"),
        ("en; q=0.9, zh; q=0.8", "en"),
        ("en;q=x", "zh"),
        (",".join(["fr"] * 2000), "zh"),
    ],
)
def test_the_language_is_the_one_the_browser_prefers(header: str, language: str) -> None:
    headers = {"Accept-Language": header} if header else {}
    assert language_of(request_with(headers)).tag == language


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
def test_a_forwarded_address_is_accepted_from_trusted_proxies_only(
    trusted: str, forwarded: str, counted: str
) -> None:
    networks = tuple(ip_network(one) for one in trusted.split(",") if one)
    request = request_with({"X-Forwarded-For": forwarded}, trusted_proxies=networks)
    assert client_address(request.clone(remote="127.0.0.1")) == counted


OURS = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"Origin": OURS}, True),
        ({"Referer": f"{OURS}/some/page?x=1"}, True),
        ({}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://127.0.0.1:8080"}, False),
        ({"Origin": "http://127.0.0.1"}, False),
        ({"Origin": f"{OURS}.evil.example"}, False),
        ({"Origin": "http://evil.example@127.0.0.1:8080"}, False),
        ({"Origin": "https://evil.example", "Referer": f"{OURS}/"}, False),
        ({"Referer": f"https://evil.example/{OURS}"}, False),
        ({"Referer": "//["}, False),
    ],
)
def test_a_request_origin_must_match_our_scheme_host_and_port(
    headers: dict[str, str], ours: bool
) -> None:
    with nullcontext() if ours else pytest.raises(BadOrigin):
        require_own_origin(request_with(headers, public_base_url=OURS))


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
def test_only_own_paths_are_accepted_to_return_to(text: str, own: bool) -> None:
    assert is_own_path(text) is own
