from __future__ import annotations

import difflib
import json
from datetime import datetime

from aiohttp import web

from handlers.http.keys import REFERENCE
from miniapp_server.cli.application import application
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.keys import RESOURCES
from notify.wechat.menu import NoRoomInMenu, menu_with_booking_entry
from notify.wechat.official_account import HOME


async def wechat_menu(env: Env, what: str) -> None:
    """Print the official account's menu (``what`` is "show") or the changes that "put" would
    make ("diff"); "put" also stores them at WeChat. Raises: CommandError."""
    async with application(env) as app:
        print(await menu_of(app, what))


async def menu_of(app: web.Application, what: str) -> str:
    """The official account's menu, or a diff of what ``put`` would change. ``put`` also stores
    the changed menu at WeChat. Raises: CommandError."""
    official, settings = app[RESOURCES].official_account, app[RESOURCES].settings
    if official is None:
        raise CommandError("there is no official account: set WECHAT_MP_APPID and WECHAT_MP_SECRET")
    current = await official.menu()
    try:
        target = menu_with_booking_entry(
            current,
            app[REFERENCE].profile.menu,
            settings.wechat.appid,
            HOME,
            settings.public_base_url + "/",
        )
    except NoRoomInMenu as error:
        raise CommandError(str(error)) from error
    if what == "put" and target != current:
        await official.put_menu(target)
    before, after = (
        json.dumps(menu, ensure_ascii=False, indent=2).splitlines() for menu in (current, target)
    )
    if what == "show":
        return "\n".join(before)
    changed = difflib.unified_diff(before, after, "current", "wanted", lineterm="")
    return "\n".join(changed) or "nothing to change"


async def wechat_links(env: Env, page: str, query: str, days: int) -> None:
    """Print a link to a page of the mini-program. Raises: CommandError, WeChatUnavailable."""
    async with application(env) as app:
        now = app[RESOURCES].clock.real_now()
        print(await link_to(app, page, query, days, now))


async def link_to(app: web.Application, page: str, query: str, days: int, now: datetime) -> str:
    """A link to a page of the mini-program, and on a second line the end of the link's validity
    in the library's time zone. Raises: CommandError, WeChatUnavailable."""
    resources = app[RESOURCES]
    wechat = resources.settings.wechat
    if not wechat.used:
        raise CommandError(
            "there is no mini-program: set WECHAT_APPID, WECHAT_SECRET and WECHAT_TEMPLATES"
        )
    made = await resources.mini_program.link(page, query, days, wechat.state, now)
    until = app[REFERENCE].zone.local(made.until)
    return f"{made.url}\nvalid until {until:%Y-%m-%d %H:%M} ({until.tzname()})"
