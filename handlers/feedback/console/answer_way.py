from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handlers.texts import conversations as words
from models.feedback.entities import CONVERSATION, AnswerPush, Feedback
from models.kernel.zone import Zone
from notify.templates.rendering import day_clock


@dataclass(frozen=True, slots=True)
class AnswerWay:
    """How an answer to a feedback entry reaches its writer, in words. ``writer``: a name for a
    writer who is no known reader. ``goes``: the way an answer would take, or why there is no way
    (then ``reaches`` is False). ``went``: the way the answer took; empty before an answer.
    ``again``: whether an answer that was not sent to WeChat still can be sent."""

    writer: str
    goes: str
    reaches: bool
    went: str
    again: bool


def answer_way(zone: Zone, f: Feedback, is_open: bool, now: datetime) -> AnswerWay:
    """How an answer to ``f`` reaches its writer. ``is_open``: WeChat still lets staff answer."""
    again = bool(f.answer) and f.push is None and is_open
    writer = "" if f.reader_id else words.WRITER_TEXT.get(f.channel, "")
    reaches = f.reader_id is not None or is_open
    return AnswerWay(writer, _goes(zone, f, is_open), reaches, _went(f, again), again)


def _goes(zone: Zone, f: Feedback, is_open: bool) -> str:
    place = words.PLACE_TEXT.get(f.channel, "")
    if f.reader_id is not None:
        return words.IN_BOTH.format(place=place) if is_open else words.IN_THE_APP
    if is_open:
        return words.IN_WECHAT.format(place=place, until=day_clock(zone.local(f.at + CONVERSATION)))
    if f.openid:
        return words.NOWHERE
    return words.ONLY_THERE if f.channel == "mp" else words.NO_ADDRESS


def _went(f: Feedback, again: bool) -> str:
    if f.answered_at is None:
        return ""
    if not f.answer:
        return words.CLOSED_WITHOUT
    place, code = words.PLACE_TEXT.get(f.channel, ""), f.push_code
    there = {
        AnswerPush.SENT: words.SENT_TEXT,
        AnswerPush.CLOSED: words.CLOSED_TEXT,
        AnswerPush.REFUSED: words.REFUSED_TEXT,
        AnswerPush.SENDING: words.UNKNOWN_TEXT,
        None: words.WAITING_TEXT if again else "",
    }[f.push].format(place=place, code=code)
    if f.reader_id is None and not there:
        there = words.NOT_SENT_TEXT.format(place=place)
    in_app = words.APP_TEXT if f.reader_id is not None else ""
    return words.AND.join(part for part in (there, in_app) if part)
