"""Texts that surround a message in a mail to a reader, and the texts of other mails."""

from __future__ import annotations

from typing import Final

from languages.text import _, _p

OPEN: Final = _("查看预约")
WHY: Final = _("您收到这封邮件，是因为这个邮箱登记在图书馆的座位预约服务中。")
FEWER: Final = _("不再收这一类邮件")
SETTINGS: Final = _p("mail", "邮件通知设置")
PLAIN: Final = _(
    "{text}\n\n{open}：{where}\n\n-- \n{why}\n{fewer}：{fewer_url}\n{settings}：{settings_url}\n"
)
CODE_TITLE: Final = _("邮箱验证码")
CODE_TEXT: Final = _(
    "您的邮箱验证码是 {digits}，10 分钟内有效。请在座位预约网页的“邮件通知”中填写。"
    "如果不是您本人操作，请忽略这封邮件。"
)
