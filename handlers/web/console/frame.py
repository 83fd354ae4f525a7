"""What all pages of the console share: who may see and do what, and what stands around it."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any, Final

from aiohttp import web

from handlers import deeds
from handlers.messages import STATE_TEXT, text_of
from handlers.request_body import MAX_BODY_BYTES
from handlers.web.pages import (
    Form,
    Handler,
    PageRequest,
    Posted,
    Shown,
    count_error,
    form_text,
    reader_form,
    reader_page,
    render_page,
)
from models.identity.entities import SessionKind
from models.identity.roles import LIBRARIAN, VIEWER, has_role
from models.kernel.errors import DomainError, InvalidRequest, NotAllowed
from models.kernel.time_range import local_instant
from models.library.entities import AreaId, SeatId
from models.readers.entities import Reader

PAGE: Final = 20
SHOWN: Final = 100

VERBS: Final = {
    "check_in": "到馆签到",
    "leave": "暂离",
    "finish": "结束",
    "cancel": "取消",
    "move": "换座",
    "resolve": "已清理",
    "waive": "免除违约",
    "waive_all": "批量免除",
    "settle_appeal": "答复申诉",
    "unbind": "解除绑定",
    "book": "代为预约",
    "notice": "公告",
    "device": "新增设备",
    "rotate": "更换密钥",
    "retry": "重发消息",
    "suspend": "暂停预约",
    "release": "解除暂停",
    "allow": "更改特别关照",
    "visitor": "登记访客",
    "stay": "更改访客日期",
    "code": "显示激活码",
    "bind": "确认绑定",
    "refuse_binding": "拒绝绑定",
    "answer": "答复留言",
    "rules": "更改规则",
    "plan": "更改平面图",
    "area": "新增区域",
    "misfits": "处理受影响的预约",
}
FACTS: Final = {
    "state": "状态",
    "seat": "座位",
    "start": "开始",
    "end": "结束",
    "waived": "免除",
    "appeal_waits": "申诉待处理",
    "bound": "已绑定",
    "suspended_until": "暂停至",
    "granted": "有特别关照",
    "card": "登记了卡",
    "first": "从",
    "last": "到",
    "reservation": "预约",
    "title": "标题",
    "body": "正文",
    "published_at": "发布",
    "until": "撤下",
    "pinned": "置顶",
    "name": "名称",
    "queued": "重新排队",
    "answered": "已答复",
    "version": "规则版本",
    "change": "内容",
    "cancelled": "取消的预约",
    "offered": "保留了另一座位",
    "left": "未能取消",
    "rev": "平面图版本",
    "area": "区域",
    "floor": "楼层",
}
STATES: Final = {state.value: text for state, text in STATE_TEXT.items()}
ROLE_TEXT: Final = {"viewer": "只读", "librarian": "馆员", "administrator": "管理员"}


def staff_page(shown: Shown, role: str = VIEWER) -> Handler:
    """A page for who has that role at least."""

    async def for_staff(visit: PageRequest) -> web.StreamResponse:
        _allow(visit, role)
        return await shown(visit)

    return reader_page(for_staff, patient=True)


def staff_form(
    posted: Posted,
    role: str = LIBRARIAN,
    max_bytes: int = MAX_BODY_BYTES,
    *,
    multipart: bool = False,
) -> Handler:
    """A form for who has that role at least."""

    async def for_staff(visit: PageRequest, form: Form) -> web.StreamResponse:
        _allow(visit, role)
        return await posted(visit, form)

    return reader_form(for_staff, max_bytes=max_bytes, multipart=multipart, patient=True)


def _allow(visit: PageRequest, role: str) -> None:
    """Who has that role, signed in by the campus: a phone stays signed in for a month. Raises:
    NotAllowed."""
    web_session = visit.principal.session.kind is SessionKind.WEB
    if not web_session or not has_role(visit.reader.category, role):
        raise NotAllowed()


def render(visit: PageRequest, template: str, *, status: int = 200, **facts: Any) -> web.Response:
    return render_page(
        visit.request,
        f"console/{template}.html",
        status=status,
        reader=visit.reader,
        role=ROLE_TEXT[visit.reader.category],
        decides=has_role(visit.reader.category, LIBRARIAN),
        verbs=VERBS,
        **facts,
    )


def staff_context(visit: PageRequest) -> deeds.StaffContext:
    return deeds.StaffContext(visit.services, visit.reader, visit.now)


def page_number(visit: PageRequest) -> int:
    text = visit.request.query.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 100_000 else 1


def pages_of(total: int) -> int:
    return max(1, -(-total // PAGE))


def reader_label(reader: Reader | None) -> str:
    return f"{reader.name} {reader.student_no_masked}" if reader is not None else ""


def error_text(visit: PageRequest, error: DomainError) -> str:
    count_error(visit.request, error)
    return text_of(error.code, error.details)


def instant_in(form: Form, name: str) -> datetime:
    """A browser's date and time, on the library's clock. Raises: InvalidRequest."""
    try:
        typed = datetime.strptime(form_text(form, name), "%Y-%m-%dT%H:%M")  # noqa: DTZ007
    except ValueError as error:
        raise InvalidRequest(name, "a date and a time") from error
    if not 2000 <= typed.year < 2100:
        raise InvalidRequest(name, "a date in our time")
    return local_instant(typed.date(), typed.time())


def seat_in(visit: PageRequest, form: Form) -> SeatId:
    """The seat that is typed by its area and number. Raises: InvalidRequest."""
    area = visit.services.desk.library.areas.get(AreaId(form_text(form, "area")))
    no = form_text(form, "no")
    seat = next((s for s in area.seats if s.number == no), None) if area is not None else None
    if seat is None:
        raise InvalidRequest("no", "没有这个座位")
    return seat.id


ID: Final = re.compile(r"[0-9a-z][0-9a-z-]{1,29}")
ID_WORDS: Final = "编号为 2–30 个小写字母、数字或连字符"


def day_of(text: str, name: str) -> date:
    """Raises: InvalidRequest."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(name, "请填写日期") from error


def clock_of(text: str, name: str) -> time:
    """Raises: InvalidRequest."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise InvalidRequest(name, f"“{text}”不是时间，例如 07:00" if text else "请填写时间")
    return time.fromisoformat(text)
