from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from handlers.http.keys import Site
from handlers.texts.wording import DEFAULT_NAMES
from miniapp_server.settings import Settings
from models.profile.entities import LibraryProfile


def default_profile(settings: Settings) -> LibraryProfile:
    """The profile to use until the library has saved one."""
    names: Mapping[str, Any] = {**DEFAULT_NAMES, "title": settings.title}
    return LibraryProfile(**names, contact=settings.contact)


def site_of(settings: Settings) -> Site:
    addresses = [settings.cas.base_url, *(one.issuer for one in settings.oidc)]
    parts = [urlsplit(address) for address in addresses if address]
    return Site(
        public_base_url=settings.public_base_url,
        sign_on_origins=tuple(dict.fromkeys(f"{p.scheme}://{p.netloc}" for p in parts)),
        staff_totp=settings.staff_totp,
        secure_cookies=settings.secure_cookies,
        session_cookie=settings.session_cookie,
        trusted_proxies=settings.trusted_proxies,
        monitors=settings.monitors,
        wall_clock=settings.wall_clock,
        open_to_anybody=bool(settings.lan),
        channels=settings.channels,
        mini_appid=settings.wechat.appid,
        templates=settings.wechat.templates,
        verification=settings.verification,
        keeping=settings.keeping,
    )
