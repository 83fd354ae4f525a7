from __future__ import annotations

from miniapp_server.sandbox.wechat_errors import WeChatError


def check_buttons(buttons: object, *, most: int, name_bytes: int) -> None:
    """Checks the buttons of a menu: there are at most ``most``, with names of at most
    ``name_bytes`` bytes, and each has the fields of its type. Raises: WeChatError."""
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= most:
        raise WeChatError(40016)
    for button in buttons:
        if not isinstance(button, dict):
            raise WeChatError(40016)
        if not 1 <= len(str(button.get("name", "")).encode()) <= name_bytes:
            raise WeChatError(40018)
        if "sub_button" in button and most == 3:
            check_buttons(button["sub_button"], most=5, name_bytes=60)
            continue
        needed = {"miniprogram": ("url", "appid", "pagepath"), "view": ("url",), "click": ("key",)}
        fields = needed.get(str(button.get("type")))
        if fields is None or not all(button.get(field) for field in fields):
            raise WeChatError(40119)
