"""Adds an entry for bookings to the official account's menu."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from notify.templates.menu import COMPANIONS, ENTRY


class NoRoomInMenu(Exception):
    """The account's menu has no place left for the booking entry."""


def menu_with_booking_entry(
    menu: Mapping[str, Any], name: str, appid: str, page: str, url: str
) -> dict[str, Any]:
    """Returns the menu with the entry 座位预约 and as many of ``COMPANIONS`` as fit, below the top
    button ``name``; all other entries stay. ``url`` is opened by versions of WeChat that are too
    old for mini-programs. Raises: NoRoomInMenu."""
    new: dict[str, Any] = deepcopy({"button": list(menu["button"])})
    ours = [
        {"type": "miniprogram", "name": ENTRY, "appid": appid, "pagepath": page, "url": url},
        *({"type": "click", "name": label, "key": key} for key, label in COMPANIONS.items()),
    ]
    top = next((b for b in new["button"] if b.get("name") == name), None)
    if top is None:
        if len(new["button"]) >= 3:
            raise NoRoomInMenu(
                f"the menu has three buttons, none of them called {name}: remove or rename one"
            )
        top = {"name": name, "sub_button": []}
        new["button"].append(top)
    theirs = [
        b for b in top.get("sub_button", []) if b.get("name") not in {o["name"] for o in ours}
    ]
    if len(theirs) > 4:
        raise NoRoomInMenu(f"the button {name} has no room for {ENTRY}: remove one of its entries")
    # The entry first; its companions as far as there is room.
    top.clear()
    top |= {"name": name, "sub_button": [ours[0], *theirs, *ours[1 : 5 - len(theirs)]]}
    return new
