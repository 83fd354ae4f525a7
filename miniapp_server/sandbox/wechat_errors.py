"""WeChat's error responses: a code and a text, with status 200."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from aiohttp import web

_ERRMSG: Final[Mapping[int, str]] = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40008: "invalid message type",
    40013: "invalid appid",
    40016: "invalid button size",
    40018: "invalid button name size",
    40029: "invalid code",
    40037: "invalid template_id",
    40097: "invalid args",
    40119: "invalid use button type",
    40125: "invalid appsecret",
    40129: "invalid scene",
    40163: "code been used",
    40164: "invalid ip, not in whitelist",
    40169: "invalid length for scene, or the data is not json string",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43101: "user refuse to accept the msg",
    43107: "template is banned",
    43108: "concurrent sends to the same user",
    44002: "empty post data",
    44004: "empty content",
    45002: "content size out of limit",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    44991: "reach max api frequency limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit",
    45168: "the message has sensitive words",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    48004: "api forbidden for irregularities, view detail on mp.weixin.qq.com",
    50001: "user unauthorized",
    50002: "user limited",
    61010: "code is expired",
    61007: "api is unauthorized to component",
}


class WeChatError(Exception):
    """A call that WeChat refuses. ``more`` is appended to the error code's text."""

    def __init__(self, errcode: int, more: str = "") -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.more = more

    def response(self) -> web.Response:
        text = f"{_ERRMSG.get(self.errcode, 'error')}{self.more} rid: {secrets.token_hex(8)}"
        return web.json_response({"errcode": self.errcode, "errmsg": text})
