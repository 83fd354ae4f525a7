"""The words that a user can send to the library in WeChat, and the replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

HELP_WORDS: Final = frozenset({"帮助", "help", "?", "？"})
MY_RESERVATIONS_WORDS: Final = frozenset({"我的预约", "我的", "预约"})
FREE_SEATS_WORDS: Final = frozenset({"空位", "空座", "座位", "余座"})

REPLY_TEXT: Final[Mapping[str, str]] = {
    "feedback": (
        "已收到您的留言，图书馆会尽快处理。回复“帮助”看常见问题，回复“空位”看各区域空位。"
    ),
    "mini_feedback": (
        "已收到您的留言，图书馆会在这里答复。"
        "超过 48 小时的答复，请到“首页 → 消息”里看（需要已绑定）。"
    ),
    "mini_greeting": "您好，请把问题写在这里，图书馆会尽快答复。",
    "mini_program": "点这里进入座位预约",
    "welcome": "欢迎关注。{link}\n回复“空位”看各区域空位，回复“帮助”看使用方法。",
    "help": (
        "{link}\n"
        "· 首次使用请在网页 {url}/activation 获取激活码\n"
        "· 开始前 {before} 分钟至开始后 {after} 分钟内扫码签到\n"
        "· 暂时离开请先暂离，提前离开请结束使用\n"
        "回复“空位”“我的预约”可直接查询；其他问题直接留言。"
    ),
    "not_bound": "查看我的预约：{url}/reservations\n{link}",
    "no_reservations": "您现在没有预约。{link}",
    "free_seats": "当前空位（空/总）\n{areas}",
}
"""The replies of the library's WeChat accounts. In a text, ``link`` stands for a link that opens
the mini-program."""
NO_WORDS: Final = "（{kind}）"
"""The text that is stored for a message without text, such as a picture. ``kind``: the kind of
message in words."""
KIND_TEXT: Final[Mapping[str, str]] = {
    "image": "图片",
    "miniprogrampage": "小程序页面",
    "voice": "语音",
    "video": "视频",
    "file": "文件",
    "location": "位置",
    "link": "链接",
}
