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

from languages.text import Language
from models.messages.entities import Message, Template
from models.profile.entities import LibraryProfile
from models.staff.alert_kinds import AlertKind
from notify.email.unsubscribing import UnsubscribeLinks
from notify.templates.mail import CODE_TEXT, CODE_TITLE, FEWER, OPEN, PLAIN, SETTINGS, WHY
from notify.templates.season_news import PAGE_TITLE, season_page
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

    def message(
        self, message: Message, address: str, delivery_id: str, language: Language
    ) -> EmailMessage:
        """The mail with a reader's message. The Message-ID is made from ``delivery_id``, so that
        mail programs recognise repeats as copies."""
        fewer, say = self.links.of(message.reader_id, message.template), language.say
        where, settings = self._where(message), f"{self.base_url}/me/email"
        button = PAGE_TITLE if season_page(message) else OPEN
        plain = PLAIN.format(
            text=message.text,
            open=button,
            where=where,
            why=WHY,
            fewer=FEWER,
            fewer_url=fewer,
            settings=SETTINGS,
            settings_url=settings,
        )
        body = "<br>".join(escape(say(message.text)).split("\n"))
        foot = f"{say(WHY)}<br>{_link(fewer, say(FEWER))} · {_link(settings, say(SETTINGS))}"
        page = f"<p>{body}</p>{_button(where, say(button))}", foot
        mail = self._mail(address, message.title, plain, page, language)
        name = hashlib.sha256(delivery_id.encode()).hexdigest()[:32]
        mail["Message-ID"] = f"<{name}@{urlsplit(self.base_url).hostname}>"
        mail["Date"] = format_datetime(self.profile().clock.local(message.at))
        mail["List-Unsubscribe"] = f"<{fewer}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return mail

    def alert(
        self, address: str, counts: Mapping[AlertKind, int], language: Language
    ) -> EmailMessage:
        """The mail to a staff member about waiting work, counted by kind."""
        where, say = f"{self.base_url}/console", language.say
        settings = f"{where}/alerts"
        lines = [
            say(ALERT_LINE.format(kind=ALERT_KIND_TEXT[kind], count=count))
            for kind, count in counts.items()
        ]
        plain = ALERT_PLAIN.format(
            lines="\n".join(lines),
            open=ALERT_OPEN,
            where=where,
            why=ALERT_WHY,
            change=ALERT_SETTINGS,
            settings=settings,
        )
        body = f"<p>{'<br>'.join(map(escape, lines))}</p>{_button(where, say(ALERT_OPEN))}"
        foot = f"{say(ALERT_WHY)} {_link(settings, say(ALERT_SETTINGS))}"
        return self._mail(address, ALERT_TITLE, plain, (body, foot), language)

    def code(self, address: str, digits: str, language: Language) -> EmailMessage:
        text = CODE_TEXT.format(digits=digits)
        body = (
            f'<p style="font-size:28px;letter-spacing:6px;margin:8px 0"><b>{digits}</b></p>'
            f"<p>{escape(language.say(text))}</p>"
        )
        return self._mail(address, CODE_TITLE, text, (body, ""), language)

    def _mail(
        self, address: str, title: str, plain: str, page: tuple[str, str], language: Language
    ) -> EmailMessage:
        """The mail in the language. ``page``: the body and the foot of its HTML."""
        profile, title = self.profile(), language.say(title)
        mail = EmailMessage(policy=_POLICY)
        mail.set_content(language.say(plain).rstrip("\n") + "\n", cte="base64")
        html = self._page(title, *page, language)
        mail.add_alternative(html, subtype="html", cte="base64")
        mail["From"] = Address(display_name=profile.name or profile.title, addr_spec=self.sender)
        mail["To"] = address
        mail["Subject"] = f"{title} · {profile.name or profile.title}"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = language.html
        return mail

    def _where(self, message: Message) -> str:
        if page := season_page(message):
            return f"{self.base_url}{page}"
        if message.template is Template.ANSWER or message.reservation_id is None:
            return f"{self.base_url}/notices"
        return f"{self.base_url}/reservations/{quote(message.reservation_id)}"

    def _page(self, title: str, body: str, foot: str, language: Language) -> str:
        name = escape(self.profile().name or self.profile().title)
        return (
            f'<!doctype html><html lang="{language.html}"><meta charset="utf-8">'
            '<body style="margin:0;background:#f3f5f8">'
            f'<div style="{_STYLE};max-width:520px;margin:0 auto;padding:24px">'
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
