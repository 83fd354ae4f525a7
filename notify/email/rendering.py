"""Writes mails, in text and HTML. Mails to readers contain links to stop receiving such mails."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Final
from urllib.parse import quote, urlsplit

from models.messages.entities import Message, Template
from models.profile.entities import LibraryProfile
from models.staff.alert_kinds import AlertKind
from notify.email.unsubscribing import UnsubscribeLinks
from notify.templates.mail import CODE_TEXT, CODE_TITLE, FEWER, OPEN, PLAIN, SETTINGS, WHY
from notify.templates.staff_alert import (
    ALERT_KIND_TEXT,
    ALERT_LINE,
    ALERT_OPEN,
    ALERT_PLAIN,
    ALERT_SETTINGS,
    ALERT_TITLE,
    ALERT_WHY,
)

_POLICY: Final = SMTP.clone(max_line_length=998)
"""Lines may have 998 characters, the limit of RFC 5322. In shorter lines a long link would be
encoded, and mail programs would not recognise it."""
_STYLE: Final = (
    "font:16px/1.6 -apple-system,'PingFang SC','Microsoft YaHei',sans-serif;color:#1b2733"
)


@dataclass(frozen=True, slots=True)
class MailWriter:
    sender: str
    base_url: str
    profile: Callable[[], LibraryProfile]
    links: UnsubscribeLinks

    def message(self, message: Message, address: str, delivery_id: str) -> EmailMessage:
        """The mail with a reader's message. The Message-ID is made from ``delivery_id``, so that
        mail programs recognise repeats as copies."""
        fewer = self.links.of(message.reader_id, message.template)
        mail = self._mail(address, message.title, delivery_id)
        mail["Date"] = format_datetime(self.profile().clock.local(message.at))
        mail["List-Unsubscribe"] = f"<{fewer}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        where = self._where(message)
        settings = f"{self.base_url}/me/email"
        mail.set_content(
            PLAIN.format(text=message.text, where=where, fewer=fewer, settings=settings),
            cte="base64",
        )
        body = "<br>".join(escape(message.text).split("\n"))
        mail.add_alternative(
            self._page(
                message.title,
                f"<p>{body}</p>{_button(where, OPEN)}",
                f"{WHY}<br>{_link(fewer, FEWER)} · {_link(settings, SETTINGS)}",
            ),
            subtype="html",
            cte="base64",
        )
        return mail

    def alert(self, address: str, counts: Mapping[AlertKind, int]) -> EmailMessage:
        """The mail to a staff member about waiting work, counted by kind."""
        mail = self._mail(address, ALERT_TITLE, "")
        where, settings = f"{self.base_url}/console", f"{self.base_url}/console/alerts"
        lines = [
            ALERT_LINE.format(kind=ALERT_KIND_TEXT[kind], count=count)
            for kind, count in counts.items()
        ]
        mail.set_content(
            ALERT_PLAIN.format(
                lines="\n".join(lines),
                open=ALERT_OPEN,
                where=where,
                why=ALERT_WHY,
                change=ALERT_SETTINGS,
                settings=settings,
            ),
            cte="base64",
        )
        page = self._page(
            ALERT_TITLE,
            f"<p>{'<br>'.join(map(escape, lines))}</p>{_button(where, ALERT_OPEN)}",
            f"{ALERT_WHY} {_link(settings, ALERT_SETTINGS)}",
        )
        mail.add_alternative(page, subtype="html", cte="base64")
        return mail

    def code(self, address: str, digits: str) -> EmailMessage:
        text = CODE_TEXT.format(digits=digits)
        mail = self._mail(address, CODE_TITLE, "")
        mail.set_content(f"{text}\n", cte="base64")
        body = (
            f'<p style="font-size:28px;letter-spacing:6px;margin:8px 0"><b>{digits}</b></p>'
            f"<p>{escape(text)}</p>"
        )
        page = self._page(CODE_TITLE, body, "")
        mail.add_alternative(page, subtype="html", cte="base64")
        return mail

    def _mail(self, address: str, title: str, id: str) -> EmailMessage:
        profile = self.profile()
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = Address(display_name=profile.name or profile.title, addr_spec=self.sender)
        mail["To"] = address
        mail["Subject"] = f"{title} · {profile.name or profile.title}"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = "zh-CN"
        if id:
            name = hashlib.sha256(id.encode()).hexdigest()[:32]
            mail["Message-ID"] = f"<{name}@{urlsplit(self.base_url).hostname}>"
        return mail

    def _where(self, message: Message) -> str:
        if message.template is Template.ANSWER or message.reservation_id is None:
            return f"{self.base_url}/me"
        return f"{self.base_url}/reservations/{quote(message.reservation_id)}"

    def _page(self, title: str, body: str, foot: str) -> str:
        name = escape(self.profile().name or self.profile().title)
        return (
            '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><body style="margin:0;'
            f'background:#f3f5f8"><div style="{_STYLE};max-width:520px;margin:0 auto;padding:24px">'
            f'<p style="color:#5a6675;font-size:14px;margin:0 0 12px">{name}</p>'
            '<div style="background:#fff;border-radius:12px;padding:20px 24px">'
            f'<h1 style="font-size:20px;margin:0 0 8px">{escape(title)}</h1>{body}</div>'
            f'<p style="color:#5a6675;font-size:13px">{foot}</p></div></body></html>'
        )


def _button(where: str, text: str) -> str:
    return (
        f'<p><a href="{escape(where)}" style="display:inline-block;padding:10px 18px;'
        f'border-radius:8px;background:#0a5bd3;color:#fff;text-decoration:none">{text}</a></p>'
    )


def _link(where: str, text: str) -> str:
    return f'<a href="{escape(where)}" style="color:#5a6675">{text}</a>'
