"""Texts that surround a message in a mail to a reader, and the texts of other mails."""

from __future__ import annotations

from typing import Final

OPEN: Final = "查看预约"
WHY: Final = "您收到这封邮件，是因为这个邮箱登记在图书馆的座位预约服务中。"
FEWER: Final = "不再收这一类邮件"
SETTINGS: Final = "邮件通知设置"
PLAIN: Final = (
    f"{{text}}\n\n{OPEN}：{{where}}\n\n-- \n{WHY}\n{FEWER}：{{fewer}}\n{SETTINGS}：{{settings}}\n"
)
CODE_TITLE: Final = "邮箱验证码"
CODE_TEXT: Final = (
    "您的邮箱验证码是 {digits}，10 分钟内有效。请在座位预约网页的“邮件通知”中填写。"
    "如果不是您本人操作，请忽略这封邮件。"
)
